"""The published layouts of the corpora, built small: three tracks each, no note or label of the real ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from scipy.io import savemat


def write_sound(path: Path, seconds: float, rate: int = 22050) -> None:
    """Write a faint tone whose pitch follows from the file's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pitch = 200 + 100 * (sum(map(ord, path.stem)) % 17)
    times = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, (0.2 * np.sin(2 * np.pi * pitch * times)).astype(np.float32), rate)


def songs1000(root: Path, sound: bool = True) -> Path:
    """1000songs: songs 2, 7 and 1000; arousal over time falls by 0.01 each half second, valence rises."""
    tables = root / "annotations"
    tables.mkdir(parents=True)
    (tables / "songs_info.csv").write_text(
        '"song_id","file_name","Artist","Song title","start of the segment (min.sec)",'
        '"end of the segment (min.sec)","Genre","Mediaeval 2013 set"\n'
        '2,"\t2.mp3","The Larks\t","\tOne, two\t","\t0.48\t","\t1.33\t","\tBlues\t","development"\n'
        '7,"\t7.mp3","The Larks\t","\tThree\t","\t0.2\t","\t1.05\t","\tJazz\t","evaluation"\n'
        '1000,"\t1000.mp3","Iron Weather\t","\tStorm\t","\t1.1\t","\t1.55\t","\tRock\t","development"\n'
    )
    (tables / "static_annotations.csv").write_text(
        "song_id,mean_arousal,std_arousal,mean_valence,std_valence\n"
        "2,7.0,1.0,3.0,1.0\n7,6.0,1.0,4.0,1.0\n1000,1.0,0.5,9.0,0.5\n"
    )
    header = "song_id," + ",".join(f"sample_{15000 + 500 * k}ms" for k in range(61))
    for name, first, step in (("arousal", 0.6, -0.01), ("valence", -0.6, 0.01)):
        rows = [header]
        for song, sign in (("2", 1), ("7", 1), ("1000", -1)):
            rows.append(song + "," + ",".join(f"{sign * (first + step * k):.6f}" for k in range(61)))
        (tables / f"{name}_cont_average.csv").write_text("\n".join(rows) + "\n")
    if sound:
        for song in ("2", "7", "1000"):
            write_sound(root / "clips_45seconds" / f"{song}.mp3", 45.2)
    return root


def deam(root: Path, sound: bool = True) -> Path:
    """DEAM: excerpts 2 and 3, and song 2001 of 50 s (a blink without `sound`); headers with spaces."""
    averaged = root / "annotations" / "annotations averaged per song"
    static, dynamic = averaged / "song_level", averaged / "dynamic (per second annotations)"
    static.mkdir(parents=True)
    dynamic.mkdir()
    (static / "static_annotations_averaged_songs_1_2000.csv").write_text(
        "song_id, valence_mean, valence_std, arousal_mean, arousal_std\n2,3.0,0.9,7,0.6\n3,6.5,1.7,3.0,1.6\n"
    )
    (static / "static_annotations_averaged_songs_2000_2058.csv").write_text(
        "song_id, valence_mean, valence_std, valence_ max_mean, valence_max_std, arousal_mean, arousal_std\n"
        "2001,5.0,0.98,9.0,1.4,9.0,0.8\n"
    )
    for name, level in (("arousal", 0.4), ("valence", -0.4)):
        rows = ["song_id, " + ", ".join(f"sample_{15000 + 500 * k}ms" for k in range(71))]
        rows += [f"{song}," + ",".join([str(level)] * 61) + "," * 10 for song in (2, 3)]
        rows.append("2001," + ",".join([str(-level)] * 71))
        (dynamic / f"{name}.csv").write_text("\n".join(rows) + "\n")
    (root / "metadata").mkdir()
    (root / "metadata" / "metadata_2013.csv").write_text(
        'song_id,file_name,Artist,Song title\n2,"\t2.mp3","The Larks\t",One\n3,"\t3.mp3","The Larks\t",Two\n'
    )
    (root / "metadata" / "metadata_2015.csv").write_text("id,title,Artist\n2001,Long,Iron Weather\n")
    for song, seconds in (("2", 45.1), ("3", 45.1), ("2001", 50.0)):
        write_sound(root / "MEMD_audio" / f"{song}.mp3", seconds if sound else 0.1)
    return root


def pmemo(root: Path, sound: bool = True) -> Path:
    """PMEmo: 1 lasts 17.1 s (4 frames), 4 lasts 32.1 s (34), 1000 lasts 80 s (130); or a blink."""
    (root / "annotations").mkdir(parents=True)
    (root / "annotations" / "static_annotations.csv").write_text(
        "musicId,Arousal(mean),Valence(mean)\n1,0.75,0.25\n4,0.5,0.6\n1000,0.1,1.0\n"
    )
    rows = ["musicId,frameTime,Arousal(mean),Valence(mean)"]
    for song, count, arousal, valence in (("1", 4, 0.8, 0.3), ("4", 34, 0.5, 0.7), ("1000", 130, 0.2, 0.9)):
        rows += [f"{song},{15.5 + 0.5 * k},{arousal},{valence}" for k in range(count)]
    (root / "annotations" / "dynamic_annotations.csv").write_text("\n".join(rows) + "\n")
    (root / "metadata.csv").write_text(
        "musicId,fileName,title,artist,album,duration,chorus_start_time,chorus_end_time\n"
        '1,1.mp3,Good,The Larks,"Two, three",17.1,02:35,02:52\n4,4.mp3,Other,The Larks,One,32.1,03:00,03:32\n'
        "9,9.mp3,Short,Nobody,One,11.1,00:10,00:21\n1000,1000.mp3,Last,Iron Weather,Two,80.0,00:41,02:01\n"
    )
    for song, seconds in (("1", 17.1), ("4", 32.1), ("9", 11.1), ("1000", 80.0)):
        write_sound(root / "chorus" / f"{song}.mp3", seconds if sound else 0.1)
    return root


def amg1608(root: Path, sound: Sequence[str] = ("30001", "5", "777")) -> Path:
    """AMG1608: three songs of two artists, 645 people of whom the last two were on campus."""
    root.mkdir(parents=True, exist_ok=True)
    labels = np.full((3, 645, 2), np.nan)
    labels[0, :2] = [(-0.5, 0.5), (-0.7, 0.9)]
    labels[1, 5] = (0.25, -0.75)
    labels[1, 644] = (0.75, -0.25)
    labels[2, 10:14] = (1.0, -1.0)
    info = np.array([["The Larks", "One"], ["The Larks", "Two"], ["Iron Weather", "Storm"]], dtype=object)
    savemat(root / "AMG1608.mat", {"song_label": labels, "song_info": info, "feat_cell": np.zeros((3, 1))})
    savemat(root / "1608_song_id.mat", {"mat_id2song_id": np.array([[30001], [5], [777]])})
    for song in sound:
        write_sound(root / "audio" / f"{song}.wav", 4.0)
    return root


TROMPA_HEADER = (
    "\tselection\tcdr_title_num\tcdr_track_num\tcomposer_name\tartist_name\ttrack_id\tnorm_energy\tnorm_valence\t"
    "quadrant\tnum_users\t1\t2\t3\t4\ttenderness\ttxt_free"
)


def trompa_row(track: str, counts: Sequence[float], title: str = "", recording: str = "") -> str:
    """A row whose streaming quadrant (1: both high) has nothing to do with the listeners' counts."""
    cells = [
        "0",
        "spanish",
        title or track.split("-")[0],
        track,
        "A Band",
        "not found",
        recording or f"s{track}",
    ]
    cells += ["0.4", "0.3", "1", str(float(sum(counts))), *map(str, counts), "1.0", 'a "quoted" word, sad']
    return "\t".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if '"' in cell else cell for cell in cells)


def trompa(root: Path) -> Path:
    """TROMPA-MER: five rows; one of two listeners, one stands there twice, one tied in arousal."""
    (root / "data").mkdir(parents=True)
    rows = [
        TROMPA_HEADER,
        trompa_row("HEX1-0001", (0.0, 1.0, 3.0, 0.0)),
        trompa_row("HEX1-0002", (1.0, 0.0, 0.0, 1.0)),
        trompa_row("JK2-0001", (2.0, 0.0, 0.0, 2.0)),
        trompa_row("JK2-0001", (2.0, 0.0, 0.0, 2.0)),
        trompa_row("KX3-0007", (4.0, 0.0, 0.0, 1.0), recording="sJK2-0001"),
    ]
    (root / "data" / "summary_anno.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    write_sound(root / "audio" / "HEX1-0001.mp3", 30.0)
    return root


def memo2496(root: Path) -> Path:
    """Memo2496 as sound: tracks of 90, 40 and 33 s."""
    (root / "annotations").mkdir(parents=True)
    (root / "annotations" / "annotations.csv").write_text(
        "track_id,arousal,valence,artist\n1,0.5,-0.5,The Larks\n2,-0.25,1.0,The Larks\n3,0.1,0.2,Iron "
        "Weather\n"
    )
    rows = ["track_id,time,arousal,valence"]
    for song, seconds in (("1", 90), ("2", 40), ("3", 33)):
        rows += [f"{song},{second},0.3,-0.3" for second in range(1, seconds + 1)]
        write_sound(root / "audio" / f"{song}.wav", seconds)
    (root / "annotations" / "dynamic_annotations.csv").write_text("\n".join(rows) + "\n")
    return root


def arrays(root: Path, rows: int, frames: int, tracks: int | None = None, low: float = -1.0) -> Path:
    """Ready-made arrays whose rows are alike within a track; arousal is what the level says."""
    root.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(3)
    each = rows // (tracks or rows)
    level = np.repeat(np.where(np.arange(rows // each) % 2, 0.75, 0.25), each)
    base = np.repeat(generator.standard_normal((rows // each, 1, 1)), each, axis=0) + 8 * level[:, None, None]
    for name, bands in (("mel_spec", 128), ("cochlegram", 84)):
        values = base + 0.3 * generator.standard_normal((rows, bands, frames), dtype=np.float32)
        np.save(root / f"{name}.npy", values.astype(np.float32))
    np.save(root / "label_a.npy", low + (1 - low) * level)
    np.save(root / "label_v.npy", low + (1 - low) * generator.uniform(size=rows))
    return root

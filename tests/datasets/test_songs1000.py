import json
from pathlib import Path

import numpy as np
import pytest
from corpus_layouts import songs1000, write_sound

from damer.cli import main
from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.base import read_table
from damer.datasets.songs1000 import AROUSAL_ABOVE, VALENCE_ABOVE, Songs1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return songs1000(tmp_path / "songs", sound=False)


def by_song(root: Path) -> dict[str, Track]:
    return {track.id: track for track in Songs1000().read(root).tracks}


def test_arousal_stands_first_in_the_table(root: Path) -> None:
    tracks = by_song(root)
    assert set(tracks) == {"1000songs:2", "1000songs:7", "1000songs:1000"}
    two, last = tracks["1000songs:2"], tracks["1000songs:1000"]
    assert (two.arousal, two.valence) == (0.5, -0.5)  # 7 and 3 of 1 to 9
    assert (last.arousal, last.valence) == (-1.0, 1.0)


def test_tabs_go_and_artists_are_groups(root: Path) -> None:
    assert [track.group for track in by_song(root).values()] == ["The Larks", "The Larks", "Iron Weather"]


def test_sixty_half_seconds_after_the_first_15(root: Path) -> None:
    track = by_song(root)["1000songs:2"]
    assert len(track.dynamic) == 60
    assert track.dynamic[0][0] == 15.5
    assert track.dynamic[-1][0] == 45.0
    # Columns 0.60, 0.59, 0.58, …: the first half second is (0.60 + 0.59) / 2.
    assert track.dynamic[0][2] == pytest.approx(0.595)
    assert track.dynamic[-1][2] == pytest.approx((0.01 + 0.0) / 2)
    assert track.dynamic[0][1] == pytest.approx(-0.595)
    assert track.label_at("arousal", 15.0) == pytest.approx((0.595 + 0.585) / 2)
    assert track.label_at("arousal", 44.0) == pytest.approx((0.015 + 0.005) / 2)


def test_a_whole_corpus_has_nothing_to_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = songs1000(tmp_path / "songs")
    assert Songs1000().check(root) == []
    out = tmp_path / "store"
    assert main(["dataset", "check", "1000songs", str(root)]) == 0
    assert capsys.readouterr().out == "1000songs: 3 tracks in 2 groups can be used, nothing is missing\n"
    call = ["dataset", "prepare", "1000songs", str(root), "--out", str(out), "--workers", "1", "--limit", "1"]
    assert main(call) == 0
    record = json.loads((out / "tracks.jsonl").read_text())
    assert (record["id"], record["clip_start"], record["clip_end"]) == ("1000songs:2", 15.0, 45.0)


def test_missing_sound_and_tables_are_told(root: Path) -> None:
    write_sound(root / "clips_45seconds" / "2.mp3", 1)
    write_sound(root / "clips_45seconds" / "44.mp3", 1)
    reading = Songs1000().read(root)
    assert "2 of 3 sound files are missing: 7, 1000;" in reading.notes[0]
    assert reading.remarks == ["1 sound files have no labels and are not used: 44.mp3"]
    assert [track.audio is None for track in reading.tracks] == [False, True, True]
    for name in ("songs_info.csv", "arousal_cont_average.csv"):
        (root / "annotations" / name).unlink()
    notes = "\n".join(Songs1000().check(root))
    assert "the table of arousal over time is missing" in notes
    assert "without artists each song stands alone" in notes
    tracks = Songs1000().tracks(root)
    assert {track.group for track in tracks} == {"song 2", "song 7", "song 1000"}
    assert not any(track.dynamic for track in tracks)
    (root / "annotations" / "static_annotations.csv").unlink()
    with pytest.raises(
        DamerError, match="the table of static labels is missing; looked for annotations/static"
    ):
        Songs1000().tracks(root)


def test_labels_without_any_sound_cannot_be_prepared(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "prepare", "1000songs", str(root), "--out", str(root / "store")]) == 1
    error = capsys.readouterr().err
    assert "3 tracks have labels and none has sound" in error
    assert error.count("\n") == 1


def test_whole_songs_are_cut_by_min_sec(root: Path) -> None:
    for song in ("2", "7"):
        write_sound(root / "full_songs" / f"{song}.mp3", 2)
    tracks = by_song(root)
    seven = tracks["1000songs:7"]  # its clip is 0.2 to 1.05: 20 s to 65 s
    assert (seven.clip_start, seven.clip_end) == (35.0, 65.0)
    assert seven.dynamic[0][0] == 35.5
    assert seven.label_at("arousal", 35.0) == pytest.approx(0.59)
    assert tracks["1000songs:2"].clip_start == 48 + 15


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2,7.0,", "2,9.5,", r"line 2: labels \[3\.0, 9\.5\] are not on the scale 1 to 9"),
        ("2,7.0,", "2,,", "line 2: arousal '' is not a number"),
        ("\n7,6.0", "\n2,6.0", "line 3: song 2 is there twice"),
        ("mean_arousal", "mean_energy", "column mean_arousal is missing"),
    ],
)
def test_errors_are_exact(root: Path, old: str, new: str, message: str) -> None:
    table = root / "annotations" / "static_annotations.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DamerError, match=message):
        Songs1000().tracks(root)


def test_labels_over_time_out_of_range(root: Path) -> None:
    table = root / "annotations" / "valence_cont_average.csv"
    table.write_text(table.read_text().replace("-0.600000", "-1.6", 1))
    with pytest.raises(
        DamerError, match=r"valence_cont_average.csv: line 2: '-1.6' is not a label in \[-1, 1\]"
    ):
        Songs1000().tracks(root)


def test_crossed_static_columns_are_put_right(root: Path) -> None:
    """As in a copy that is passed on: the static labels of each dimension stand under the other's name."""
    table = root / "annotations" / "static_annotations.csv"
    rows = ["song_id,valence_mean,valence_std,arousal_mean,arousal_std"]
    for song, arousal, valence in (("2", 6.2, 3.8), ("7", 6.2, 3.8), ("1000", 3.8, 6.2)):
        rows.append(f"{song},{arousal},1,{valence},1")
    table.write_text("\n".join(rows))
    reading = Songs1000().read(root)
    assert "valence and arousal are exchanged" in reading.notes[0]
    assert [track.arousal for track in reading.tracks] == pytest.approx([0.3, 0.3, -0.3])


@pytest.mark.parametrize("wrong", ["nothing", "the static table", "the tables over time"])
def test_which_tables_are_crossed_is_told_by_the_songs(tmp_path: Path, wrong: str) -> None:
    """What is known of the songs decides; either kind of table may be at fault."""
    loud = [song for song in range(1, 1001) if AROUSAL_ABOVE >> song & 1][:30]
    pleasant = [song for song in range(1, 1001) if VALENCE_ABOVE >> song & 1][:30]
    generator = np.random.default_rng(0)
    truth = {song: (float(generator.uniform(6, 8)), float(generator.uniform(3, 5))) for song in loud}
    truth |= {song: (float(generator.uniform(2, 4)), float(generator.uniform(5, 7))) for song in pleasant}
    swap = {"static": wrong == "the static table", "dynamic": wrong == "the tables over time"}
    (tmp_path / "annotations").mkdir()
    lines = ["song_id,mean_arousal,mean_valence"]
    lines += [f"{song},{v},{a}" if swap["static"] else f"{song},{a},{v}" for song, (a, v) in truth.items()]
    (tmp_path / "annotations/static_annotations.csv").write_text("\n".join(lines))
    for place, dimension in enumerate(("arousal", "valence")):
        lines = ["song_id,sample_15000ms,sample_15500ms,sample_16000ms"]
        for song, pair in truth.items():
            value = (pair[1 - place if swap["dynamic"] else place] - 5) / 4
            lines.append(f"{song},{value},{value},{value}")
        (tmp_path / f"annotations/{dimension}_cont_average.csv").write_text("\n".join(lines))
    reading = Songs1000().read(tmp_path)
    told = [note for note in reading.notes if "exchanged" in note]
    assert len(told) == (wrong != "nothing")
    assert all(("over time" in note) == swap["dynamic"] for note in told)
    for track in reading.tracks:
        arousal, valence = ((value - 5) / 4 for value in truth[int(track.id.partition(":")[2])])
        assert (track.arousal, track.valence) == pytest.approx((arousal, valence))
        assert track.dynamic[0][1:] == pytest.approx((valence, arousal))


def test_songs_with_one_kind_of_labels_are_told_in_a_line(root: Path) -> None:
    table = root / "annotations" / "arousal_cont_average.csv"
    other = root / "annotations" / "valence_cont_average.csv"
    for path in (table, other):
        path.write_text(path.read_text().replace("\n2,", "\n3,", 1))
    notes = Songs1000().check(root)
    assert "1 songs have no labels over time: 2; their static labels hold throughout" in notes
    assert "1 songs have labels over time and no static ones: 3; they are not used" in notes


@pytest.mark.data
def test_the_real_crossed_copy_is_read_the_right_way_round(real: Path) -> None:
    """DEAM holds the same 744 songs under the same numbers, with its columns in order."""
    reading = Songs1000().read(real / "labels" / "emomusic")
    assert any("exchanged" in note for note in reading.notes)
    assert not any("lasts" in note for note in reading.notes)  # every clip is 45 s long, in min.sec
    assert len(reading.tracks) == 744
    assert len({track.group for track in reading.tracks}) == 411
    rows = read_table(
        real / "labels" / "deam_original" / "static_annotations_averaged_songs_1_2000.csv",
        ["song_id", "valence_mean", "arousal_mean"],
    )
    deam = {row.cells["song_id"]: row.cells for row in rows}
    for dimension, other in (("arousal", "valence"), ("valence", "arousal")):
        own = [getattr(track, dimension) for track in reading.tracks]
        same, crossed = (
            [float(deam[track.id.partition(":")[2]][f"{name}_mean"]) for track in reading.tracks]
            for name in (dimension, other)
        )
        assert np.corrcoef(own, same)[0, 1] > 0.999
        assert np.corrcoef(own, crossed)[0, 1] < 0.7
    share = np.mean([track.arousal is not None and track.arousal > 0 for track in reading.tracks])
    assert share == pytest.approx(0.489, abs=0.002)

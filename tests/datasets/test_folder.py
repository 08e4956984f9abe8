import os
from pathlib import Path

import pytest
from corpus_copies import write_tone

from damer.core.errors import DamerError
from damer.datasets.folder import Folder, labelled_folder, parse_scale
from damer.datasets.prepare import Preparation, prepare
from damer.datasets.prepared import open_prepared


@pytest.fixture
def music(tmp_path: Path) -> Path:
    root = tmp_path / "music"
    for name in ("a.wav", "b.mp3", "deep/c.flac", "d.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def label(root: Path, text: str) -> Path:
    table = root / "labels.csv"
    table.write_text(text, encoding="utf-8")
    return table


def problems(root: Path, text: str, **options: object) -> list[str]:
    label(root, text)
    with pytest.raises(DamerError) as caught:
        Folder(**options).tracks(root)  # type: ignore[arg-type]
    return str(caught.value).split("\n  ")[1:]


def test_plain_table(music: Path) -> None:
    label(music, "file,arousal,valence\na.wav,0.5,-1\ndeep/c.flac,-0.25,1\n")
    one, two = Folder().tracks(music)
    assert (one.id, one.group, one.audio) == ("folder:a.wav", "a.wav", str(music / "a.wav"))
    assert (one.arousal, one.valence) == (0.5, -1.0)
    assert (one.clip_start, one.clip_end, one.dynamic) == (0.0, None, ())
    assert two.id == "folder:deep/c.flac"
    assert Folder().check(music) == []


def test_table_elsewhere_bom_quotes_spaces_and_further_columns(music: Path, tmp_path: Path) -> None:
    table = tmp_path / "my labels.csv"
    table.write_text(
        '\ufefffile , valence, arousal, mood, group\n"./a.wav", 9, 1, "sad, slow", X\n\nb.mp3,5,3,,X\n',
        encoding="utf-8",
    )
    one, two = labelled_folder(music, table, "1:9")
    assert (one.valence, one.arousal, one.group) == (1.0, -1.0, "X")
    assert (two.valence, two.arousal, two.group) == (0.0, -0.5, "X")
    assert one.id == "folder:a.wav"


def test_one_dimension_is_enough(music: Path) -> None:
    label(music, "file,arousal\na.wav,0.5\n")
    (track,) = Folder().tracks(music)
    assert track.arousal == 0.5
    assert track.valence is None


def test_clips_of_one_file_stay_in_one_group(music: Path) -> None:
    label(music, "file,arousal,valence,start_s,end_s\na.wav,0.5,0,10,25.5\na.wav,0.1,0,30,\nb.mp3,0,0,,\n")
    one, two, whole = Folder().tracks(music)
    assert [track.id for track in (one, two, whole)] == [
        "folder:a.wav#10-25.5",
        "folder:a.wav#30-",
        "folder:b.mp3",
    ]
    assert (one.clip_start, one.clip_end) == (10, 25.5)
    assert (two.clip_start, two.clip_end) == (30, None)
    assert one.group == two.group == "a.wav"


def test_labels_over_time_hold_until_the_next(music: Path) -> None:
    label(music, "file,time_s,arousal,valence\na.wav,10,0,0.8\na.wav,0,1,0.2\na.wav,4,-1,0.4\n")
    (track,) = Folder().tracks(music)
    # From 0 s: (1, 0.2); from 4 s: (-1, 0.4); from 10 s: (0, 0.8), given the usual 5 s.
    assert track.dynamic == ((4.0, 0.2, 1.0), (10.0, 0.4, -1.0), (15.0, 0.8, 0.0))
    assert track.label_at("arousal", 3.0) == pytest.approx(1.0)
    assert track.label_at("arousal", 3.5) == pytest.approx(0.0)
    assert track.label_at("valence", 100.0) == pytest.approx(0.8)
    assert track.arousal == pytest.approx((4 * 1 - 6 + 0) / 15)
    assert track.valence == pytest.approx((4 * 0.2 + 6 * 0.4 + 5 * 0.8) / 15)


def test_every_bad_row_is_named_in_one_error(music: Path) -> None:
    found = problems(
        music,
        "file,arousal,valence\n"
        "a.wav,0.5,0.5\n"
        "gone.wav,0.5,0.5\n"
        'b.mp3,loud,"0,5"\n'
        "b.mp3,1.5,nan\n"
        "b.mp3,,-2\n"
        "a.wav,0.1,0.1\n"
        ",0,0\n"
        "../a.wav,0,0\n"
        "b.mp3,0,0,surplus\n"
        "b.mp3\n",
    )
    assert found == [
        f"line 3: gone.wav is missing in {music}",
        "line 4: arousal 'loud' is not a number",
        "line 4: valence '0,5' is not a number (write a point, not a comma)",
        "line 5: arousal is not -1 to 1: 1.5",
        "line 5: valence 'nan' is not a number",
        "line 6: arousal is empty",
        "line 6: valence is not -1 to 1: -2",
        "line 7: a.wav was labelled in line 2 already",
        "line 8: file is empty",
        f"line 9: ../a.wav: give the file relative to {music}",
        "line 10: more cells than columns: 'surplus'",
        "line 11: arousal is empty",
        "line 11: valence is empty",
    ]


def test_bad_times_groups_and_moments(music: Path) -> None:
    header = "file,arousal,valence,start_s,end_s\n"
    assert problems(music, header + "a.wav,0,0,5,5\na.wav,0,0,-1,\na.wav,0,0,x,\n") == [
        "line 2: end_s 5 is not after start_s 5",
        "line 3: start_s is not 0 or more, in seconds: -1",
        "line 4: start_s 'x' is not a number",
    ]
    assert problems(music, "file,arousal,valence,time_s,group\na.wav,0,0,1,X\na.wav,0,0,1,Y\n") == [
        "line 3: a.wav at 1 s was labelled in line 2 already",
        "line 3: a.wav is in group 'Y', in line 2 it was in 'X'",
    ]
    assert problems(music, "file,arousal,time_s\na.wav,0,1\n") == [
        "line 2: with time_s both arousal and valence are needed"
    ]


def test_two_spellings_of_one_file_are_a_duplicate(music: Path) -> None:
    (found,) = problems(music, "file,arousal\na.wav,0\n./a.wav,0\n")
    assert "was labelled in line 2 already" in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column file is missing; the table is empty"),
        ("file;arousal;valence\na.wav;0;0\n", "separate the columns by commas"),
        ("file,arousal\n", "no row below the header"),
        ("file,mood\na.wav,sad\n", "neither a column arousal nor a column valence"),
        ('file,arousal\n"a.wav,0\n', "not a comma-separated"),
    ],
)
def test_bad_tables_are_named(music: Path, text: str, message: str) -> None:
    label(music, text)
    with pytest.raises(DamerError, match=message):
        Folder().tracks(music)


def test_missing_table_and_folder(music: Path) -> None:
    with pytest.raises(DamerError, match=r"labels\.csv: cannot be read"):
        Folder().tracks(music)
    with pytest.raises(DamerError, match="no such folder"):
        labelled_folder(music / "nowhere")


def test_unlabelled_pool_takes_every_sound_file(music: Path) -> None:
    pool = Folder(unlabelled=True, corpus="pool").tracks(music)
    assert [track.id for track in pool] == ["pool:a.wav", "pool:b.mp3", "pool:deep/c.flac"]
    assert all(track.arousal is None and track.valence is None for track in pool)


def test_a_file_name_that_is_no_text_is_prepared(tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", 2)
    (tmp_path / "music").mkdir()
    os.rename(os.fsencode(tmp_path / "tone.wav"), os.fsencode(tmp_path / "music") + b"/caf\xe9.wav")  # noqa: PTH104
    pool = Folder(unlabelled=True).tracks(tmp_path / "music")
    outcome = prepare(pool, tmp_path / "store", Preparation("15:75"))
    assert outcome.added == [r"folder:caf\xe9.wav"]
    assert open_prepared([tmp_path / "store"]).tracks == outcome.tracks


def test_scale() -> None:
    assert parse_scale("0:1") == (0.0, 1.0)
    assert parse_scale("-2:2") == (-2.0, 2.0)
    with pytest.raises(DamerError, match="scale"):
        parse_scale("9")


@pytest.mark.parametrize("scale", [(9.0, 1.0), (0.0, float("inf"))])
def test_impossible_scale_is_named(music: Path, scale: tuple[float, float]) -> None:
    label(music, "file,arousal\na.wav,0\n")
    with pytest.raises(DamerError, match="lowest value first"):
        Folder(scale=scale).tracks(music)

"""The corpus `release`: a released dataset read back, checked file by file, ready for training."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_study import SECONDS, TRACKS, curve, write_study

from damer.annotation.release import ReleaseSettings, release
from damer.cli import main
from damer.core.errors import DamerError
from damer.datasets import CORPORA, Release
from damer.datasets.release import read_trajectories
from damer.features import FeatureStore


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    study = write_study(folder / "study")
    release(study, folder / "with sound", ReleaseSettings("2030-01-02", licence="CC-BY-4.0"))
    release(study, folder / "without sound", ReleaseSettings("2030-01-02", audio="none"))
    return folder


@pytest.fixture
def made(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original / "with sound", tmp_path / "made"))


@pytest.fixture
def silent(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original / "without sound", tmp_path / "silent"))


def check(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    status = main(["dataset", "check", "release", str(root)])
    return status, capsys.readouterr().out


def test_tracks_have_the_labels_of_the_tables(made: Path) -> None:
    tracks = CORPORA["release"].tracks(made)
    assert len(tracks) == TRACKS
    track = tracks[4]
    assert track.id == "tones-and-arcs:t04"
    assert track.group == "artist 2"
    assert track.audio == str(made / "audio/t04.wav")
    assert (tracks[3].licence, tracks[4].licence) == ("CC-BY-4.0", "CC0-1.0")
    dynamic = pq.read_table(made / "labels/dynamic.parquet").to_pandas().query("track_id == 't04'")
    assert [step[0] for step in track.dynamic] == list(dynamic["second"] + 1)
    for second, arousal in zip(dynamic["second"], dynamic["arousal"], strict=True):
        assert track.label_at("arousal", second) == pytest.approx(arousal)
    static = pq.read_table(made / "labels/static.parquet").to_pandas().set_index("track_id")
    assert track.valence == pytest.approx(static["valence"]["t04"])


def test_two_releases_can_have_two_names(made: Path) -> None:
    assert Release(corpus="mine").tracks(made)[0].id == "mine:t00"


def test_trajectories_are_what_was_recorded(original: Path) -> None:
    from damer.annotation.records import Study

    wanted = {
        one.take: one
        for one in Study.open(original / "study").trajectories(("work", "duplicate"))
        if one.annotator != "eve"
    }
    found = read_trajectories(original / "with sound")
    assert len(found) == len(wanted) == 4 * (TRACKS + 1)
    for one in found:
        other = wanted[one.take]
        names = ("track", "annotator", "duplicate_of", "end_s")
        assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
        for name in ("times_s", "valence", "arousal"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert curve(0, 0.0)[0] == pytest.approx(0.7)
    assert found[0].end_s == SECONDS


def test_check_tells_missing_changed_and_extra_apart(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(made, capsys) == (0, "release: 12 tracks in 6 groups can be used, nothing is missing\n")
    (made / "audio/t03.wav").unlink()
    sound = made / "audio/t05.wav"
    sound.write_bytes(sound.read_bytes()[:-2] + b"\1\1")
    (made / "notes.txt").write_text("mine")
    status, said = check(made, capsys)
    assert status == 1
    lines = said.splitlines()
    assert lines[0].startswith(f"{made / 'audio/t03.wav'}: is missing")
    assert lines[1].startswith(f"{made / 'audio/t05.wav'}: is changed")
    assert lines[2].startswith(f"{made / 'notes.txt'}: is extra")
    assert lines[3:] == ["release: 11 tracks in 6 groups can be used"]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("SHA256SUMS", "nobody can tell whether the folder is whole"),
        ("dataset.json", "give the folder that `damer dataset release` made"),
        ("tracks.parquet", "is missing"),
        ("labels/dynamic.parquet", "is missing"),
    ],
)
def test_check_without_a_file(made: Path, file: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    (made / file).unlink()
    status, said = check(made, capsys)
    assert status == 1
    assert words in said


def test_damaged_tables_are_named(made: Path) -> None:
    path = made / "labels/static.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DamerError, match=r"static.parquet: cannot be read as Parquet"):
        Release().tracks(made)
    pq.write_table(pa.table({"track_id": ["t00"]}), path)
    with pytest.raises(DamerError, match=r"static.parquet: column arousal, .* is missing"):
        Release().tracks(made)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "damer-release-v9"}, "read it with the damer that made it"),
        ({"rate_hz": 0}, "rate_hz is missing or wrong"),
        ({"name": None}, "name is missing or wrong"),
    ],
)
def test_descriptions_that_cannot_be(made: Path, change: dict[str, object], words: str) -> None:
    path = made / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DamerError, match=words):
        Release().tracks(made)


def test_check_names_a_column_of_another_kind(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = made / "labels/dynamic.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("valence")
    pq.write_table(table.set_column(place, "valence", pa.array(["high"] * len(table))), path)
    (made / "README.md").unlink()
    status, said = check(made, capsys)
    assert status == 1
    assert f"{path}: is changed" in said
    assert "README.md: is missing" in said  # one table that cannot be read hides nothing else
    with pytest.raises(DamerError, match=r"dynamic.parquet: cannot be read as Parquet \(.*'high'"):
        Release().tracks(made)


def test_tracks_without_an_id(made: Path) -> None:
    path = made / "tracks.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, "track_id", pa.nulls(len(table), pa.string())), path)
    with pytest.raises(DamerError, match=r"tracks.parquet: column track_id has empty cells"):
        Release().tracks(made)


def test_check_keeps_a_name_with_a_line_break_on_one_line(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (made / "audio" / "new\nline.wav").touch()
    status, said = check(made, capsys)
    assert status == 1
    assert said.splitlines()[0].startswith(f"{made}/audio/new\\nline.wav: is extra")


def test_labels_out_of_range_leave_their_track_out(made: Path) -> None:
    path = made / "labels/static.parquet"
    table = pq.read_table(path)
    values = table["valence"].to_numpy().copy()
    values[2] = 1.5
    pq.write_table(table.set_column(1, "valence", pa.array(values)), path)
    reading = Release().read(made)
    assert len(reading.tracks) == TRACKS - 1
    assert "valence 1.5 is not in [-1, 1]" in reading.notes[0]


def test_without_sound_the_user_adds_it(
    original: Path, silent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = check(silent, capsys)
    assert status == 1
    assert said.startswith(f"{silent / 'audio'}: 12 sound files are not there")
    assert "the first is t00.wav" in said
    shutil.copytree(original / "with sound/audio", silent / "audio")
    assert check(silent, capsys)[0] == 0
    (silent / "audio/t01.wav").write_bytes((silent / "audio/t00.wav").read_bytes())
    status, said = check(silent, capsys)
    assert status == 1
    assert "t01.wav: is not the file that was annotated" in said


def test_prepare_reads_it_like_any_corpus(made: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    call = ["dataset", "prepare", "release", str(made), "--out", str(store), "--window", "all"]
    call += ["--workers", "1", "--limit", "2", "--name", "arcs"]
    assert main(call) == 0
    assert FeatureStore.open(store).ids == ["arcs:t00", "arcs:t01"]

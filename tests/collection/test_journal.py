"""Going on after any kind of end."""

import json
import os
from pathlib import Path

import pytest

from damer.collection.journal import Journal, identity
from damer.core.errors import DamerError
from damer.core.result import Emotion, Failure, Model, Segment

MODEL = Model("m", "1", "0" * 64)


def emotion(file: str, arousal: float = 0.75, model: Model = MODEL) -> Emotion:
    return Emotion(file, 2.0, (0.0, 2.0), arousal, 0.5, (Segment(0.0, arousal, 0.5),), model)


@pytest.fixture
def song(tmp_path: Path) -> str:
    (tmp_path / "sång\n1.mp3").write_bytes(b"music")
    return str(tmp_path / "sång\n1.mp3")


def test_results_are_there_as_soon_as_they_are_added(tmp_path: Path, song: str) -> None:
    with Journal(tmp_path / "out", resume=False) as journal:
        journal.add(emotion(song), identity(song, "15:75"))
        journal.add(Failure("b", "b: is empty"), None)
        lines = (tmp_path / "out/results.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        emotion(song).to_dict(),
        {"file": "b", "error": "b: is empty"},
    ]


def test_resuming_knows_what_has_not_changed(tmp_path: Path, song: str) -> None:
    with Journal(tmp_path, resume=False) as journal:
        journal.add(emotion(song), identity(song, "15:75"))
        journal.add(Failure("bad", "bad: is empty"), None)
    with Journal(tmp_path, resume=True) as journal:
        assert journal.knows(song, identity(song, "15:75"), MODEL)
        assert journal.read(song) == emotion(song)
        assert not journal.knows(song, identity(song, "all"), MODEL)
        assert not journal.knows(song, identity(song, "15:75"), Model("m", "1", "1" * 64))
        assert not journal.knows("bad", (0, 0, "15:75"), MODEL)
        os.utime(song, ns=(1, 1))
        assert not journal.knows(song, identity(song, "15:75"), MODEL)
        assert not journal.knows(song, identity("gone", "15:75"), MODEL)


@pytest.mark.parametrize("cut", range(0, 1000, 37))
def test_a_cut_at_any_place_leaves_a_journal_that_opens(tmp_path: Path, cut: int) -> None:
    files = [str(tmp_path / f"{i}.mp3") for i in range(3)]
    with Journal(tmp_path, resume=False) as journal:
        for file in files:
            Path(file).write_bytes(b"x")
            journal.add(emotion(file), identity(file, "all"))
    results = tmp_path / "results.jsonl"
    results.write_bytes(results.read_bytes()[:cut])
    with Journal(tmp_path, resume=True) as journal:
        known = [file for file in files if journal.knows(file, identity(file, "all"), MODEL)]
        for file in set(files) - set(known):
            journal.add(emotion(file), identity(file, "all"))
    assert known == files[: len(known)]
    assert sorted(json.loads(line)["file"] for line in results.read_text().splitlines()) == files


def test_a_result_without_identity_is_done_again(tmp_path: Path, song: str) -> None:
    with Journal(tmp_path, resume=False) as journal:
        journal.add(emotion(song), None)
    with Journal(tmp_path, resume=True) as journal:
        assert not journal.knows(song, identity(song, "15:75"), MODEL)
    assert (tmp_path / "results.jsonl").read_text() == ""


def test_a_new_run_keeps_the_old_results_aside(tmp_path: Path, song: str) -> None:
    for arousal in (0.1, 0.2):
        with Journal(tmp_path, resume=False) as journal:
            journal.add(emotion(song, arousal), None)
    assert json.loads((tmp_path / "results.previous.jsonl").read_text())["arousal"]["probability"] == 0.1
    assert json.loads((tmp_path / "results.jsonl").read_text())["arousal"]["probability"] == 0.2


def test_foreign_lines_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_bytes(b'\xff\n[1]\n{"file": 3}\n{"other": 1}\n\n')
    (tmp_path / ".results.identity.jsonl").write_text('["x"]\nnull\n["x", "a", 1, 2]\n')
    with Journal(tmp_path, resume=True) as journal:
        assert not journal.knows("x", (1, 2, "all"), MODEL)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DamerError, match="choose another --out"):
        Journal(tmp_path / "file" / "out", resume=False)

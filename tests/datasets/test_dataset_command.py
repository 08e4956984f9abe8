"""`damer dataset`, called as the command line calls it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from corpus_copies import write_tone

from damer.cli import main
from damer.datasets import CORPORA
from damer.features import FeatureStore


def test_list_tells_how_to_get_each_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "list"]) == 0
    out = capsys.readouterr().out
    for corpus in CORPORA.values():
        assert corpus.title in out
        assert corpus.licence in out
        assert corpus.obtain in out


def test_check(vgmidi: Path, emopia: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "check", "emopia", str(emopia)]) == 0
    assert capsys.readouterr().out == "emopia: 3 tracks in 2 groups can be used, nothing is missing\n"
    assert main(["dataset", "check", "vgmidi", str(vgmidi)]) == 1
    out = capsys.readouterr().out
    assert "Quest_NES_Quest I_Gone.mid is missing" in out
    assert "(as published) vgmidi_raw_1.json: 2 annotations belong to no piece" in out
    assert out.endswith("vgmidi: 2 tracks in 2 groups can be used\n")
    assert main(["dataset", "check", "vgmidi", str(emopia)]) == 1
    assert "vgmidi_raw_1.json is missing" in capsys.readouterr().out


def test_check_of_ones_own_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tone(tmp_path / "a.wav", 2)
    table = tmp_path / "mine.csv"
    table.write_text("file,arousal,valence\na.wav,9,1\nb.wav,1,10\n")
    call = ["dataset", "check", "folder", str(tmp_path), "--labels", str(table), "--scale", "1:9"]
    assert main(call) == 1
    out = capsys.readouterr().out
    assert "2 things to mend" in out
    assert "line 3: b.wav is missing" in out
    assert "line 3: valence is not 1 to 9: 10" in out
    table.write_text("file,arousal,valence\na.wav,9,1\n")
    assert main(call) == 0


def test_prepare_ones_own_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        write_tone(tmp_path / "music" / f"{name}.wav", 4)
    (tmp_path / "music" / "labels.csv").write_text("file,arousal\na.wav,1\nb.wav,-1\n")
    call = [
        "dataset",
        "prepare",
        "folder",
        str(tmp_path / "music"),
        "--out",
        str(tmp_path / "store"),
        "--name",
        "mine",
    ]
    call += ["--spec", "mel_scale=htk", "--window", "1:3", "--workers", "1"]
    assert main([*call, "--limit", "1"]) == 0
    assert "tracks: 1 (1 new, 0 from before)" in capsys.readouterr().out
    assert main(call) == 0
    assert "tracks: 2 (1 new, 1 from before)" in capsys.readouterr().out
    store = FeatureStore.open(tmp_path / "store")
    assert store.ids == ["mine:a.wav", "mine:b.wav"]
    assert store.spec.mel_scale == "htk"
    first = json.loads((tmp_path / "store" / "tracks.jsonl").read_text().splitlines()[0])
    assert (first["clip_start"], first["clip_end"], first["arousal"], first["valence"]) == (
        1.0,
        3.0,
        1.0,
        None,
    )
    assert np.isfinite(store.views("mine:a.wav").mel).all()


def test_prepare_an_unlabelled_pool_with_a_bad_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tone(tmp_path / "music" / "a.wav", 2)
    (tmp_path / "music" / "bad.mp3").write_text("text")
    call = [
        "dataset",
        "prepare",
        "folder",
        str(tmp_path / "music"),
        "--unlabelled",
        "--out",
        str(tmp_path / "store"),
    ]
    assert main([*call, "--workers", "1"]) == 1
    said = capsys.readouterr()
    assert "bad.mp3" in said.err
    assert "not prepared: 1" in said.err
    assert "tracks: 1 (1 new" in said.out


def test_prepare_says_what_is_left_out(
    vgmidi: Path, tmp_path: Path, fake_fluidsynth: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["dataset", "prepare", "vgmidi", str(vgmidi), "--group", "game", "--out", str(tmp_path / "store")]
    assert main([*call, "--workers", "1"]) == 0
    assert "(notes: 1)" in capsys.readouterr().err
    groups = re.findall(r'"group": "([^"]+)"', (tmp_path / "store" / "tracks.jsonl").read_text())
    assert groups == ["Quest_NES_Quest II", "Space_SNES_Space Race"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["check", "gtzan", "ROOT"], "no corpus 'gtzan'; there are memo2496, 1000songs, amg1608, vgmidi"),
        (["check", "emopia", "ROOT", "--group", "game"], "--group means nothing for the corpus emopia"),
        (["check", "emotify", "ROOT", "--name", "x"], "--name means nothing"),
        (["check", "folder", "ROOT", "--scale", "big"], "scale 'big'"),
        (["prepare", "emopia", "ROOT/none", "--out", "ROOT/out"], "no such folder"),
        (["prepare", "emopia", "ROOT", "--out", "ROOT/out", "--spec", "colour=red"], "colour"),
    ],
)
def test_bad_requests_are_one_line(
    tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", *(option.replace("ROOT", str(tmp_path)) for option in options)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_numbers_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["dataset", "prepare", "emopia", "x", "--out", "y", "--variants", "-1"])
    assert caught.value.code == 2
    assert "whole number" in capsys.readouterr().err

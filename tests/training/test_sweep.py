"""Sweeps: what is tried, judged on validation, kept, gone on with, and refused."""

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from synthetic_music import SMALL

from damer.cli import main
from damer.core.errors import DamerError
from damer.training.recipes import load_recipe
from damer.training.sweep_space import available, load_sweep

GRID = """
description = "a grid"
recipe = "tiny"
sampler = "grid"
[training]
epochs = 2
[space]
learning_rate = [0.00001, 0.02]
lambda_contrastive = [0.0, 0.1]
"""
RANGES = """
recipe = "tiny"
trials = 4
score = "auc"
[space]
learning_rate = { low = 1e-4, high = 1e-1, log = true }
epochs = { low = 1, high = 2 }
"model.tokens" = ["band", "frame"]
"""


def sweep_file(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def arguments(recipe: str, store: Path, out: Path, *more: str) -> list[str]:
    found = ["sweep", recipe, "--data", str(store), "--out", str(out), "--device", "cpu"]
    for setting in (each for each in SMALL if not each.startswith(("epochs", "learning_rate"))):
        found += ["--set", setting]
    return [*found, "--dimension", "arousal", *more]


def trials(out: Path) -> list[dict[str, str]]:
    with (out / "trials-arousal.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_grid_tries_every_combination(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out = sweep_file(tmp_path, GRID), tmp_path / "out"
    assert main(arguments(recipe, store, out)) == 0
    found = trials(out)
    tried = {(row["learning_rate"], row["lambda_contrastive"]) for row in found}
    assert tried == {("1e-05", "0.0"), ("1e-05", "0.1"), ("0.02", "0.0"), ("0.02", "0.1")}
    assert len(found) == 4
    losses = [float(row["loss"]) for row in found]
    assert losses == sorted(losses)
    assert found[0]["learning_rate"] == "0.02"  # the other learns nothing
    best = load_recipe(str(out / "best-arousal.toml"))
    assert best.training.learning_rate == 0.02
    assert best.training.epochs == 2
    assert best.model.frames == 6
    assert not (out / "state").exists()
    assert "trial " in capsys.readouterr().out
    # Again: nothing is left to do, and nothing changes.
    before = (out / "trials-arousal.csv").read_bytes()
    log = (out / "log.jsonl").read_bytes()
    assert main(arguments(recipe, store, out)) == 0
    assert (out / "trials-arousal.csv").read_bytes() == before
    assert (out / "log.jsonl").read_bytes() == log


def test_more_trials_go_on_and_workers_share_them(store: Path, tmp_path: Path) -> None:
    recipe, out = sweep_file(tmp_path, RANGES), tmp_path / "out"
    assert main(arguments(recipe, store, out, "--trials", "2")) == 0
    first = trials(out)
    assert main(arguments(recipe, store, out, "--workers", "2")) == 0
    found = trials(out)
    assert len(found) == 4
    assert len({row["learning_rate"] for row in found}) == 4  # going on does not draw the first ones again
    assert {row["trial"] for row in first} <= {row["trial"] for row in found}
    for row in found:
        assert 1e-4 <= float(row["learning_rate"]) <= 1e-1
        assert row["epochs"] in ("1", "2")
        assert row["model.tokens"] in ("band", "frame")
    scores = [float(row["auc"]) for row in found]
    assert scores == sorted(scores, reverse=True)
    with sqlite3.connect(out / "sweep.sqlite3") as database:
        assert database.execute("SELECT COUNT(*) FROM trials").fetchone() == (4,)


def test_trials_that_fail_are_told_and_the_others_count(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Each value is good, but four heads cannot share six dimensions.
    text = 'recipe = "tiny"\nsampler = "grid"\n[space]\n"model.dim" = [8, 6]\n"model.heads" = [2, 4]\n'
    recipe, out = sweep_file(tmp_path, text), tmp_path / "out"
    assert main(arguments(recipe, store, out, "--set", "epochs=1")) == 1
    assert {(row["model.dim"], row["model.heads"]) for row in trials(out)} == {
        ("8", "2"),
        ("8", "4"),
        ("6", "2"),
    }
    problem = capsys.readouterr().err.splitlines()[-1]
    assert problem.startswith("damer: trial ")
    assert "model.dim=6 model.heads=4" in problem


@pytest.mark.e2e
def test_a_killed_sweep_goes_on(store: Path, tmp_path: Path) -> None:
    recipe, out = sweep_file(tmp_path, GRID), tmp_path / "out"
    more = ["--set", "epochs=4", "--set", "save_every=5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "damer", *arguments(recipe, store, out, *more)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        while process.poll() is None and len(list(out.glob("state/*.safetensors"))) < 2:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert main(arguments(recipe, store, out, *more)) == 0
    found = trials(out)
    assert len({(row["learning_rate"], row["lambda_contrastive"]) for row in found}) == len(found) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GRID.replace("learning_rate", "learning_rat"), "did you mean 'learning_rate'"),
        (GRID.replace("[0.0, 0.1]", "{ low = 0, high = 1 }"), "a grid needs lists"),
        (RANGES.replace("low = 1e-4, ", ""), "low = …, high = …"),
        (RANGES.replace("low = 1e-4", "low = 1.0"), "low must be below high"),
        (RANGES.replace("trials = 4", "tries = 4"), "unknown key 'tries'"),
        (RANGES.replace('"auc"', '"f2"'), "score one of loss"),
        ('recipe = "tiny"\n', "nothing to try"),
        (GRID.replace("epochs = 2", "validation_fraction = 0\nselect = 'last'"), "validation_fraction is 0"),
    ],
)
def test_errors_say_what_to_do(
    text: str, message: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(sweep_file(tmp_path, text), store, tmp_path / "out")) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_a_second_sweep_in_a_folder_at_work_is_refused(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fcntl = pytest.importorskip("fcntl")
    recipe, out = sweep_file(tmp_path, GRID), tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("wb") as lock:  # as another process holds it
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(arguments(recipe, store, out)) == 1
    assert "another sweep is at work in it; wait for its end" in capsys.readouterr().err
    assert not (out / "sweep.sqlite3").exists()


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("[0.00001, 0.02]", "[0.00001, -0.02]", "learning_rate is -0.02"),
        ("learning_rate = [0.00001, 0.02]", 'optimiser = ["adam", "sgd"]', "optimiser"),
    ],
)
def test_every_choice_is_checked_before_anything_is_trained(
    tmp_path: Path, good: str, bad: str, message: str
) -> None:
    """Not the first choice alone: a bad one would cost its trials, hours later."""
    with pytest.raises(DamerError, match=message):
        load_sweep(sweep_file(tmp_path, GRID.replace(good, bad)), [])


def test_another_sweep_in_the_same_folder_is_refused(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(arguments(sweep_file(tmp_path, RANGES), store, out, "--trials", "1")) == 0
    assert main(arguments(sweep_file(tmp_path, GRID), store, out)) == 1
    assert "holds another sweep" in capsys.readouterr().err


def test_without_optuna_the_error_says_what_to_install(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(arguments(sweep_file(tmp_path, GRID), store, tmp_path / "out")) == 1
    assert "pip install 'damer[sweep]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", available())
def test_packaged_sweeps_are_sound(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_sweep(name, []).trials > 1
    assert main(["sweep", "--list"]) == 0
    assert name in capsys.readouterr().out


def test_the_papers_grid_is_around_the_papers_weights() -> None:
    sweep = load_sweep("paper", [])
    assert sweep.trials == len(sweep.grid()) == 27
    training = load_recipe("paper").training
    for key, choices in sweep.space.items():
        assert getattr(training, key) in choices

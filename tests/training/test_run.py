"""Whole runs through the command line: folds, members, kills, and evaluation with its watch on leaks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from synthetic_music import SPEC, make_tracks, write_store

from damer.cli import main
from damer.core import metrics
from damer.datasets.prepared import read_tracks
from damer.features import FeatureSpec
from damer.models import checkpoint
from damer.training.summary import group_hash

SETTINGS = [
    "model.frames=6", "mel_bands=8", "cochlea_bands=5", "dim=8", "fused_dim=8", "layers=1", "heads=2",
    "batch_size=16", "memory_size=32", "epochs=3", "learning_rate=0.01",
]  # fmt: skip


def arguments(store: Path, out: Path, *more: str) -> list[str]:
    found = ["train", "tiny", "--data", str(store), "--out", str(out), "--quiet", "--device", "cpu"]
    for setting in SETTINGS:
        found += ["--set", setting]
    return [*found, *more]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_split(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(arguments(store, out, "--set", "epochs=8")) == 0
    printed = capsys.readouterr().out
    for word in ("arousal", "valence", "constant answer"):
        assert word in printed
    assert sorted(item.name for item in out.iterdir()) == [
        "arousal.safetensors", "config.json", "log.jsonl", "predictions.jsonl", "summary.json", "tensorboard",
        "valence.safetensors",
    ]  # fmt: skip
    found = [line for line in lines(out / "predictions.jsonl") if line["dimension"] == "arousal"]
    assert len(found) == 8  # 30 % of 24 in whole groups of two
    assert {line["corpus"] for line in found} == {"toy"}
    assert all("@" not in str(line["id"]) for line in found)
    truth = [line["truth"] for line in found]
    probability = [line["probability"] for line in found]
    summary = json.loads((out / "summary.json").read_text())["arousal"]["toy"]["track"]
    assert summary["accuracy"] == pytest.approx(metrics.accuracy(truth, probability))
    assert summary["accuracy"] >= 0.75
    for line in found:
        assert line["probability"] == pytest.approx(np.mean(line["segment_probability"]), abs=1e-5)
    loaded = checkpoint.load(out / "arousal.safetensors")
    tested = {str(line["group"]) for line in found}
    seen = set(loaded.record["groups"]["toy"])
    assert loaded.record["corpora"]["toy"]["groups"] == len(seen) == 12 - len(tested) + 4  # and the pool's
    assert not any(group_hash(item) in seen for item in read_tracks(store) if item.group in tested)


def test_folds_test_every_track_once(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(arguments(store, out, "--dimension", "arousal", "--folds", "3", "--members", "2")) == 0
    found = lines(out / "predictions.jsonl")
    assert sorted(str(line["id"]) for line in found) == sorted(f"toy:{number}" for number in range(24))
    folds: dict[object, set[object]] = {}
    for line in found:
        folds.setdefault(line["group"], set()).add(line["fold"])
    assert all(len(parts) == 1 for parts in folds.values())
    for fold in (1, 2, 3):
        assert len(checkpoint.load(out / f"fold-{fold}" / "arousal.safetensors").networks) == 2
    capsys.readouterr()

    # Judged again from the checkpoints, each track by the fold that was kept from it: the same numbers.
    again = tmp_path / "again.jsonl"
    assert main(["evaluate", str(out), "--data", str(store), "--json", "--predictions", str(again)]) == 0
    judged = json.loads(capsys.readouterr().out)["arousal"]
    summary = json.loads((out / "summary.json").read_text())["arousal"]
    assert judged["report"]["toy"]["track"]["auc"] == pytest.approx(summary["toy"]["track"]["auc"])
    by_id = {line["id"]: line["probability"] for line in lines(again)}
    for line in found:
        assert by_id[line["id"]] == pytest.approx(line["probability"], abs=1e-5)

    # And without data, from the predictions that the run wrote.
    assert main(["evaluate", str(out)]) == 0
    assert "toy, per segment" in capsys.readouterr().out


def test_single_folds_pool_to_the_same(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "whole"
    assert main(arguments(store, whole, "--dimension", "arousal", "--folds", "2")) == 0
    for fold in (1, 2):
        assert (
            main(arguments(store, tmp_path / str(fold), "--dimension", "arousal", "--fold", f"{fold}/2")) == 0
        )
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "1"), str(tmp_path / "2"), "--json"]) == 0
    pooled = json.loads(capsys.readouterr().out)["arousal"]["report"]
    assert pooled == json.loads((whole / "summary.json").read_text())["arousal"]
    assert main(["evaluate", str(tmp_path / "1"), "--against", str(whole), "--json"]) == 0
    ahead = json.loads(capsys.readouterr().out)["arousal"]["against"]
    assert [row["metric"] for row in ahead] == ["accuracy", "macro_f1", "auc"]
    assert all(row["difference"] == 0 and row["count"] == 12 for row in ahead)


def test_renders_are_judged_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = write_store(tmp_path / "store", make_tracks(12, renders=2), SPEC)
    plain = write_store(tmp_path / "plain", make_tracks(12), SPEC)
    out = tmp_path / "run"
    assert main(arguments(store, out, "--dimension", "arousal", "--folds", "2")) == 0
    capsys.readouterr()
    found = tmp_path / "found.jsonl"
    call = ["evaluate", str(out), "--renders", "--predictions", str(found)]
    assert main([*call, "--data", str(store)]) == 0
    wanted = [f"toy:{number}@{variant}" for number in range(12) for variant in (1, 2)]
    assert sorted(str(line["id"]) for line in lines(found)) == sorted(wanted)
    capsys.readouterr()
    assert main([*call, "--data", str(plain)]) == 1
    assert "no varied rendering with a label of arousal" in capsys.readouterr().err
    assert main(call) == 1
    assert "--renders needs the stores" in capsys.readouterr().err


def test_leaks_are_refused(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(arguments(store, out, "--dimension", "arousal")) == 0
    capsys.readouterr()
    path = str(out / "arousal.safetensors")
    assert main(["evaluate", path, "--data", str(store)]) == 1
    message = capsys.readouterr().err
    assert "16 of 24 tracks (8 groups" in message
    assert "--allow-leak" in message
    assert main(["evaluate", path, "--data", str(store), "--skip-seen"]) == 0
    printed = capsys.readouterr().out
    assert "Left out: 16 of 24 tracks" in printed
    assert main(["evaluate", path, "--data", str(store), "--allow-leak", "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)["arousal"]
    assert judged["report"]["toy"]["track"]["count"] == 24
    assert "Leak" in judged["notes"][0]


def test_all_data_has_no_test(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    extra = ["--dimension", "valence", "--all-data", "--set", "validation_fraction=0", "--set", "select=last"]
    extra += ["--set", "temperature=0.8"]
    assert main(arguments(store, out, *extra)) == 0
    loaded = checkpoint.load(out / "valence.safetensors")
    assert loaded.record["corpora"]["toy"]["tracks"] == 28
    assert loaded.temperature == 0.8
    assert (out / "predictions.jsonl").read_text() == ""
    capsys.readouterr()
    assert main(["evaluate", str(out)]) == 1
    assert "tested on nothing" in capsys.readouterr().err


def test_segment_split_flatters(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert main(arguments(store, out, "--dimension", "arousal", "--set", "split=segment")) == 0
    found = lines(out / "predictions.jsonl")
    assert sum(len(line["seconds"]) for line in found) == round(0.3 * 24 * 6)


def kill_at_step(command: list[str], out: Path, steps: int) -> None:
    """Start a training and SIGKILL it once its saved state has come so far."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        while process.poll() is None:
            states = list(out.glob("state/*.safetensors"))
            if states and json.loads(state_header(states[0]))["step"] >= steps:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL


def state_header(path: Path) -> str:
    # Through one open file: safetensors opens a path twice, and the training may replace it in between.
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return str(json.loads(file.read(length))["__metadata__"]["damer_state"])


@pytest.mark.e2e
def test_killed_and_resumed_ends_with_the_same_bits(store: Path, tmp_path: Path) -> None:
    more = ["--dimension", "arousal", "--threads", "1", "--set", "epochs=40", "--set", "save_every=3"]
    more += ["--set", "mixup=0.3", "--set", "average=0.9", "--set", "label_fraction=0.6"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    kill_at_step([sys.executable, "-m", "damer", *arguments(store, killed, *more)], killed, steps=31)
    assert not (killed / "arousal.safetensors").exists()
    assert main([*arguments(store, killed, *more), "--resume"]) == 0
    assert main(arguments(store, whole, *more)) == 0
    first, second = load_file(whole / "arousal.safetensors"), load_file(killed / "arousal.safetensors")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    for name in ("log.jsonl", "predictions.jsonl", "summary.json"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes(), name


def test_resume_needs_the_same_options(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(arguments(store, out, "--dimension", "arousal")) == 0
    capsys.readouterr()
    assert main(arguments(store, out, "--dimension", "arousal")) == 1
    assert "holds a run already: go on with --resume" in capsys.readouterr().err
    (out / "summary.json").unlink()
    assert main(arguments(store, out, "--dimension", "arousal", "--resume", "--set", "layers=2")) == 1
    assert "plan.recipe.model.layers was 1 and is now 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--set", "epoch=3"], "unknown or ambiguous key 'epoch'; did you mean 'epochs'?"),
        (["--set", "epochs=many"], "setting epochs is 'many'; a value of type int is needed"),
        (["--set", "momentum_of=encodr"], "choose from encoder, slot, none"),
        (["--fold", "6/5"], "write it as K/N"),
        (["--folds", "1"], "at least 2"),
        (["--set", "features.cochleagram=semitone"], "recipe tiny needs 'semitone'"),
        (["--set", "model.frames=87"], "train with --set model.frames=6"),
        (["--set", "validation_fraction=0"], 'set select = "last"'),
    ],
)
def test_errors_say_what_to_do(
    more: list[str], message: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(store, tmp_path / "run", *more)) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_missing_store_and_recipe(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path / "none", tmp_path / "run")) == 1
    assert "no such store" in capsys.readouterr().err
    assert main(["train", "papr", "--data", str(store), "--out", str(tmp_path / "run")]) == 1
    assert "did you mean 'paper'?" in capsys.readouterr().err


def test_reading_from_the_store_trains_the_same(store: Path, tmp_path: Path) -> None:
    for preload in ("yes", "no"):
        more = ["--dimension", "arousal", "--threads", "1", "--set", f"preload={preload}"]
        assert main(arguments(store, tmp_path / preload, *more)) == 0
    first, second = (load_file(tmp_path / name / "arousal.safetensors") for name in ("yes", "no"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_unlabelled_stores_feed_the_pool(store: Path, tmp_path: Path) -> None:
    tracks = make_tracks(10, corpus="other")
    pool = write_store(tmp_path / "pool", tracks, SPEC)
    out = tmp_path / "run"
    assert main(arguments(store, out, "--dimension", "arousal", "--unlabelled", str(pool))) == 0
    record = checkpoint.load(out / "arousal.safetensors").record
    assert record["seconds"]["unlabelled"] == 6 * (4 + 10)
    assert record["corpora"]["other"]["tracks"] == 10
    assert "other" not in {line["corpus"] for line in lines(out / "predictions.jsonl")}


@pytest.mark.e2e
def test_own_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Loud and high against soft and low: sound files and a table are enough."""
    import soundfile

    folder = tmp_path / "music"
    folder.mkdir()
    generator = np.random.default_rng(0)
    rows = ["file,arousal,valence,group"]
    for number in range(16):
        high = number % 2
        seconds = np.arange(4 * 22050) / 22050
        sound = (0.3 if high else 0.02) * np.sin(2 * np.pi * (1500 if high else 200) * seconds)
        sound += 0.001 * generator.standard_normal(len(sound))
        soundfile.write(folder / f"{number}.wav", sound, 22050)
        rows.append(f"{number}.wav,{8 if high else 2},{7 if number % 4 < 2 else 3},group {number // 2}")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(rows))
    out = tmp_path / "run"
    command = ["train", "tiny", "--audio", str(folder), "--labels", str(table), "--scale", "1:9", "--quiet"]
    command += ["--out", str(out), "--dimension", "arousal", "--device", "cpu", "--set", "learning_rate=0.01"]
    assert main([*command, "--set", "epochs=6", "--set", "batch_size=8"]) == 0
    assert "folder, per track" in capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text())["arousal"]["folder"]["track"]
    assert summary["accuracy"] == 1.0

    table.write_text("file,arousal\nmissing.wav,5\n")
    assert main([*command[:-6], "--out", str(tmp_path / "again")]) == 1
    assert "line 2: missing.wav is missing" in capsys.readouterr().err


def test_statistics_stem(tmp_path: Path) -> None:
    """The stem that looks at a context, on features of the size it is made for."""
    tracks = make_tracks(12)
    stored = write_store(tmp_path / "store", tracks, FeatureSpec(cochleagram="semitone"))
    out = tmp_path / "run"
    command = ["train", "tiny", "--data", str(stored), "--out", str(out), "--quiet", "--device", "cpu"]
    for setting in (
        "stem=statistics",
        "context_s=4",
        "epochs=2",
        "gain_jitter=2",
        "band_mask=0.2",
        "mixup=0.3",
    ):
        command += ["--set", setting]
    assert main([*command, "--dimension", "valence", "--set", "features.cochleagram=semitone"]) == 0
    assert checkpoint.load(out / "valence.safetensors").configs[0].context_s == 4


def test_grid_search_ranks_by_validation(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grid"
    grid = ["--grid", "lambda_contrastive=0,0.1", "learning_rate=0.00001,0.02"]
    assert main(arguments(store, out, "--dimension", "arousal", *grid)) == 0
    rows = json.loads((out / "grid.json").read_text())
    assert len(rows) == 4
    assert [row["loss"] for row in rows] == sorted(row["loss"] for row in rows)
    assert all("learning_rate=0.02" in row["settings"] for row in rows[:2])  # the other learns nothing
    assert not (out / "predictions.jsonl").exists()
    assert "validation part" in capsys.readouterr().out
    assert main(arguments(store, tmp_path / "bad", "--grid", "learning_rate")) == 1
    assert "write key=value,value" in capsys.readouterr().err
    assert main(arguments(store, tmp_path / "bad", "--grid", "learning_rat=1,2")) == 1
    assert "did you mean 'learning_rate'" in capsys.readouterr().err


def test_a_run_keeps_embeddings_where_asked(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    more = ["--dimension", "arousal", "--set", "members=2", "--set", "epochs=1"]
    assert main(arguments(store, out, *more, "--embeddings")) == 0
    assert sorted(item.name for item in (out / "embeddings").iterdir()) == [
        "arousal-member1.npz",
        "arousal-member2.npz",
    ]
    one, two = (dict(np.load(out / "embeddings" / f"arousal-member{number}.npz")) for number in (1, 2))
    tested = [line["id"] for line in lines(out / "predictions.jsonl")]
    assert sorted(one["id"]) == sorted(two["id"]) == sorted(tested)
    assert not np.array_equal(one["start"], two["start"])
    capsys.readouterr()
    assert main(arguments(store, tmp_path / "all", "--all-data", "--embeddings")) == 1
    assert "leave out --embeddings" in capsys.readouterr().err
    assert main(arguments(store, tmp_path / "grid", "--grid", "epochs=1,2", "--embeddings")) == 1
    assert "leave out --embeddings" in capsys.readouterr().err

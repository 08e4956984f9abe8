"""A teacher's answers: how they soften the targets, and which answers are refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from synthetic_music import SMALL

from damer.cli import main
from damer.core.errors import DamerError
from damer.models import checkpoint
from damer.training.bank import Bank
from damer.training.data import make_parts
from damer.training.recipes import Recipe
from damer.training.teacher import Teacher


def write(path: Path, answers: dict[str, float], fold: str = "2/5", dimension: str = "arousal") -> Path:
    lines = [
        json.dumps({"dimension": dimension, "fold": fold, "id": name, "probability": value})
        for name, value in answers.items()
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_targets_move_by_the_teachers_share_and_only_where_trained(
    bank: Bank, small_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    test = [track.id for track in bank.tracks[:4]]
    parts = make_parts(bank, "arousal", small_recipe().training, test)
    answers = {track.id: 0.1 + 0.03 * n for n, track in enumerate(bank.tracks) if track.id not in test}
    teacher = Teacher.load(write(tmp_path / "t.jsonl", answers))
    taught = teacher.soften(parts, bank, "arousal", "2/5", test, 0.25)
    for row in parts.train:
        own = answers[bank.tracks[bank.track_of_row[row]].id]
        assert taught.targets[row] == pytest.approx(0.75 * parts.targets[row] + 0.25 * own, abs=1e-6)
    rest = np.setdiff1d(np.arange(bank.rows), parts.train)
    np.testing.assert_array_equal(taught.targets[rest], parts.targets[rest])
    np.testing.assert_array_equal(taught.labels, parts.labels)


def test_answers_of_another_division_are_refused(
    bank: Bank, small_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    test = [track.id for track in bank.tracks[:4]]
    parts = make_parts(bank, "arousal", small_recipe().training, test)
    teacher = Teacher.load(write(tmp_path / "t.jsonl", {track.id: 0.5 for track in bank.tracks}))
    with pytest.raises(DamerError, match="a test track of 2/5"):
        teacher.soften(parts, bank, "arousal", "2/5", test, 0.5)
    with pytest.raises(DamerError, match="no answers for arousal 3/5, but for arousal 2/5"):
        teacher.soften(parts, bank, "arousal", "3/5", test, 0.5)
    few = Teacher.load(write(tmp_path / "few.jsonl", {bank.tracks[-1].id: 0.5}))
    with pytest.raises(DamerError, match="has no answer for toy:"):
        few.soften(parts, bank, "arousal", "2/5", test, 0.5)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "line 1: a teacher's answer has"),
        ('{"dimension": "arousal", "fold": "1/5", "id": "a"}', "line 1: a teacher's answer has"),
        ('{"dimension": "arousal", "fold": "1/5", "id": "a", "probability": 1.5}', "1.5 is not in"),
        ('{"dimension": "arousal", "fold": "1/5", "id": "a", "probability": NaN}', "nan is not in"),
    ],
)
def test_a_bad_line_is_named(line: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DamerError, match=what):
        Teacher.load(path)


def test_a_taught_run_says_so_in_its_checkpoint(store: Path, tmp_path: Path) -> None:
    from damer.datasets.prepared import read_tracks

    names = {track.base_id: 0.5 for track in read_tracks(store) if track.label("arousal") is not None}
    answers = write(tmp_path / "t.jsonl", names, fold="all data")
    out = tmp_path / "run"
    command = ["train", "tiny", "--data", str(store), "--out", str(out), "--dimension", "arousal", "--quiet"]
    for setting in (*SMALL, "epochs=1", "validation_fraction=0", "select=last"):
        command += ["--set", setting]
    assert main([*command, "--all-data", "--teacher", str(answers), "--set", "teacher_share=1"]) == 0
    record = checkpoint.load(out / "arousal.safetensors").record
    assert record["teacher"] == {"sha256": Teacher.load(answers).sha256, "share": 1.0}
    # The teacher knows nothing: every target was one half, so nothing but one half could be learnt.
    losses = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    heads = [line["loss/classification_fused"] for line in losses if line["kind"] == "step"]
    assert all(loss > 0.69 for loss in heads)

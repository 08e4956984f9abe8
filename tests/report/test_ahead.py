"""One method against each other on the same tracks: by hand, and only where there is a pair."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damer.cli import main
from damer.core import metrics
from damer.core.errors import DamerError
from damer.report.ahead import Run, ahead_table


def run(out: Path, name: str, probability: list[float], seed: int = 0, **facts: Any) -> Run:
    folder = out / "runs" / f"{name}{seed}"
    folder.mkdir(parents=True)
    lines = [
        {
            "id": str(place),
            "group": str(place // 2),
            "corpus": "toy",
            "truth": place % 2,
            "probability": value,
        }
        for place, value in enumerate(probability)
    ]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    row = {
        "key": f"{name}{seed}", "benchmark": "tables", "name": name, "method": name, "seed": seed, "fold": 0,
        "folds": 0, "data": "d", "corpus": "toy", "protocol": "track", "dimension": "arousal",
        "title": name, "provenance": "adapted", "profile": "common", "training": {},
        "metrics": {"track": {"accuracy": 0.5}, "segment": {}}, "majority": {"track": {}, "segment": {}},
        "run": folder.name, **facts,
    }  # fmt: skip
    with (out / "results.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    return out, row


def test_pairs_are_pooled_and_the_difference_is_exact(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    truth = np.arange(40) % 2
    good = [(0.35 + 0.3 * truth + 0.3 * generator.random(40) - 0.15).tolist() for _ in range(2)]
    poor = [generator.random(40).tolist() for _ in range(2)]
    runs = [run(tmp_path, "damer", good[seed], seed) for seed in (0, 1)]
    runs += [run(tmp_path, "svm", poor[seed], seed) for seed in (0, 1)]
    runs += [run(tmp_path, "alone", poor[0], seed=7)]  # no run of DAMER has that seed
    grid = ahead_table(runs)
    (line,) = grid.rows
    assert line[:5] == ["svm", "toy", "arousal", "2", "20"]
    assert len(set(grid.columns)) == len(grid.columns)  # a CSV's columns have names of their own
    shared = [(folder, {**row, "benchmark": "leakage"}) for folder, row in runs]
    assert ahead_table([*runs, *shared]).rows == grid.rows
    (mirrored,) = ahead_table(runs, reference="svm").rows
    assert mirrored[0] == "damer"
    assert float(mirrored[5].replace("−", "-")) == -float(line[5].replace("−", "-"))
    both = np.tile(truth, 2)
    for place, name in ((5, "accuracy"), (11, "auc")):
        metric = metrics.METRICS[name]
        ahead = metric(both, np.concatenate(good)) - metric(both, np.concatenate(poor))
        assert float(line[place].replace("−", "-")) == pytest.approx(100 * ahead, abs=0.01)
        low, high = (float(text.replace("−", "-")) for text in line[place + 1].split(" to "))
        assert low < 100 * ahead < high
        assert float(line[place + 2]) < 0.05


def test_command_and_missing_predictions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run(tmp_path, name, [0.2, 0.8, 0.4, 0.9]) for name in ("damer", "svm")]
    assert main(["report", "tables", str(tmp_path), "--compare"]) == 0
    assert "| svm | toy | arousal | 1 | 2 | +0.00 | too few groups | – |" in capsys.readouterr().out
    assert main(["report", "tables", str(tmp_path), "--compare", "svm"]) == 0
    table = capsys.readouterr().out
    assert "svm against each method" in table
    assert "| damer | toy | arousal | 1 | 2 | +0.00 |" in table
    assert main(["report", "tables", str(tmp_path), "--compare", "svn"]) == 1
    assert "no run of svn under track to compare with; there is damer, svm" in capsys.readouterr().err
    (tmp_path / "runs" / "svm0" / "predictions.jsonl").unlink()
    with pytest.raises(DamerError, match=r"predictions\.jsonl: cannot be read"):
        ahead_table(runs)

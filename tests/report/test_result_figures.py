"""Figures of recorded runs: the numbers drawn are the logged ones, and nothing is drawn of nothing."""

import json
from pathlib import Path

import numpy as np
import pytest

from damer.cli import main
from damer.report.figures import FIGURES, epoch_curves, mean_curves


def write_run(out: Path, seed: int, ratios: list[float | None]) -> None:
    folder = out / "runs" / f"run{seed}"
    folder.mkdir(parents=True)
    names = {name: 0.5 + seed for figure in FIGURES for panel in figure.panels.values() for name in panel}
    lines = [{"kind": "step", "network": "arousal", "step": 0, "pcl/mask_ratio": 9.0}]
    for epoch, ratio in enumerate(ratios, 1):
        lines.append({"kind": "epoch", "epoch": epoch, "step": epoch, **names, "pcl/mask_ratio": ratio})
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    row = {
        "key": str(seed), "benchmark": "tables", "name": "damer", "method": "damer", "settings": [],
        "seed": seed, "corpus": "toy", "protocol": "track", "dimension": "arousal", "training": {},
        "run": folder.name, "title": "DAMER", "provenance": "DAMER", "fold": 0, "folds": 0, "data": "",
        "profile": "common", "metrics": {"track": {}, "segment": {}},
        "majority": {"track": {}, "segment": {}},
    }  # fmt: skip
    with (out / "results.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def test_curves_are_the_epochs_means(tmp_path: Path) -> None:
    write_run(tmp_path, 0, [0.2, None, 0.6])
    write_run(tmp_path, 1, [0.4, 0.5])
    runs = [epoch_curves(tmp_path / "runs" / f"run{seed}" / "log.jsonl") for seed in (0, 1)]
    np.testing.assert_array_equal(runs[0]["pcl/mask_ratio"], [0.2, np.nan, 0.6])
    mean, deviation = mean_curves(runs, "pcl/mask_ratio")
    np.testing.assert_allclose(mean, [0.3, 0.5])  # the second run has two epochs, the first one hole
    np.testing.assert_allclose(deviation, [0.1, 0.0], atol=1e-12)
    assert mean_curves(runs, "none")[0].size == 0


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, 0, [0.2, 0.3, 0.6])
    out = tmp_path / "figures"
    assert main(["report", "figures", str(tmp_path), "--out", str(out)]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"figure-{n}-toy-arousal.{ending}" for n in (5, 6) for ending in ("png", "svg")]
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 4
    assert "figure 7 is not drawn, no run kept embeddings" in printed.err
    drawing = (out / "figure-5-toy-arousal.svg").read_text()
    assert "share of pseudo-labels taken" in drawing
    assert "toy, arousal, 1 run<" in drawing
    (tmp_path / "runs" / "run0" / "log.jsonl").write_text("nonsense\n")
    assert main(["report", "figures", str(tmp_path), "--out", str(out)]) == 1
    assert "not the log of a training" in capsys.readouterr().err
    (tmp_path / "results.jsonl").write_text("")
    assert main(["report", "figures", str(tmp_path), "--out", str(out)]) == 1
    assert "nothing to draw" in capsys.readouterr().err

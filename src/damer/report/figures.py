"""Figures 5 and 6 of the paper from the logs of recorded runs: pseudo-labels and memory over the epochs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damer.core.errors import DamerError
from damer.core.files import replacing

Row = dict[str, Any]
Curves = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Figure:
    """What a figure shows.

    Attributes:
        name: of its files.
        title: above it.
        panels: for each panel its heading and the logged numbers in it, each with its name in the legend.
    """

    name: str
    title: str
    panels: dict[str, dict[str, str]]


FIGURES = (
    Figure(
        "figure-5",
        "Progressive Confidence Labelling",
        {
            "share of pseudo-labels taken": {"pcl/mask_ratio": "taken", "pcl/accuracy": "of these right"},
            "confidence and reliability": {
                "pcl/confidence": "confidence",
                "pcl/reliability": "reliability",
                "pcl/theta": "threshold",
            },
            "loss": {"loss/pseudo_label": "pseudo-labels", "loss/consistency": "consistency"},
        },
    ),
    Figure(
        "figure-6",
        "Style-Anchored Memory Learning",
        {
            "entropy of the memory's labels, nats": {"saml/label_entropy": "entropy"},
            "share of each class": {
                "saml/coverage_0": "low or negative",
                "saml/coverage_1": "high or positive",
            },
            "distance to the class's centre": {
                "saml/centroid_distance_0": "low or negative",
                "saml/centroid_distance_1": "high or positive",
            },
            "loss": {"loss/contrastive": "contrastive"},
        },
    ),
)


def epoch_curves(path: Path) -> Curves:
    """Return every number that a training logged once an epoch, by name, NaN where it was not defined.

    Raises:
        DamerError: the log is missing or damaged.
    """
    found: list[dict[str, Any]] = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            values = json.loads(line)
            if values["kind"] == "epoch":
                found.append(values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamerError(f"{path}: not the log of a training ({error}): make the run again") from None
    names = {name for values in found for name in values if "/" in name}
    return {
        name: np.array([np.nan if v.get(name) is None else v[name] for v in found], dtype=np.float64)
        for name in sorted(names)
    }


def mean_curves(runs: Sequence[Curves], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and deviation over runs of a logged number, for the epochs that all of them have."""
    known = [run[name] for run in runs if name in run]
    if not known:
        return np.empty(0), np.empty(0)
    shortest = min(map(len, known))
    stacked = np.stack([curve[:shortest] for curve in known])
    valid = ~np.isnan(stacked)
    count = valid.sum(axis=0)
    total = np.where(valid, stacked, 0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(shortest, np.nan), where=count > 0)
    squares = np.where(valid, (stacked - mean) ** 2, 0).sum(axis=0)
    deviation = np.sqrt(np.divide(squares, count, out=np.full(shortest, np.nan), where=count > 0))
    return mean, deviation


def is_plain(row: Row) -> bool:
    """Say whether a row is of DAMER as the paper has it, tested on tracks kept apart."""
    as_paper = row.get("recipe", "paper") == "paper" and not row.get("settings")
    return bool(row["method"] == "damer" and as_paper and row["protocol"] == "track")


def runs_of_damer(rows: Sequence[tuple[Path, Row]]) -> dict[tuple[str, str], list[Path]]:
    """Return the logs of runs of DAMER as the paper has it, by corpus and dimension.

    Args:
        rows: rows of `damer benchmark`, each with the folder that holds its runs.
    """
    found: dict[tuple[str, str], list[Path]] = {}
    for folder, row in rows:
        if is_plain(row):
            log = folder / "runs" / row["run"] / "log.jsonl"
            logs = found.setdefault((row["corpus"], row["dimension"]), [])
            logs += [] if log in logs else [log]  # benchmarks may share a run
    return found


def draw(rows: Sequence[tuple[Path, Row]], out: Path) -> list[Path]:
    """Draw both figures for every corpus and dimension; return the files.

    Args:
        rows: rows of `damer benchmark`, each with the folder that holds its runs.
        out: folder of the figures.

    Raises:
        DamerError: there is no run of DAMER, a log is damaged, or the folder cannot be written.
    """
    runs = runs_of_damer(rows)
    if not runs:
        raise DamerError("no run of DAMER with the paper's settings among these results: nothing to draw")
    written = []
    for (corpus, dimension), logs in runs.items():
        curves = [epoch_curves(log) for log in logs]
        for figure in FIGURES:
            title = f"{figure.title}: {corpus}, {dimension}, {len(logs)} run" + ("s" if len(logs) > 1 else "")
            written += _draw_one(figure, title, curves, out / f"{figure.name}-{corpus}-{dimension}")
    return written


def _draw_one(figure: Figure, title: str, curves: Sequence[Curves], path: Path) -> list[Path]:
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    with mpl.rc_context({"font.size": 9, "svg.hashsalt": "damer", "svg.fonttype": "none"}):
        canvas = Canvas(figsize=(3.2 * len(figure.panels), 3.0), layout="constrained")
        axes = canvas.subplots(1, len(figure.panels), squeeze=False)[0]
        canvas.suptitle(title)
        for axis, (heading, lines) in zip(axes, figure.panels.items(), strict=True):
            for name, label in lines.items():
                mean, deviation = mean_curves(curves, name)
                if not len(mean):
                    continue
                epochs = np.arange(1, len(mean) + 1)
                axis.plot(epochs, mean, marker="." if len(mean) < 20 else None, label=label)
                axis.fill_between(epochs, mean - deviation, mean + deviation, alpha=0.2)
            axis.set(title=heading, xlabel="epoch")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            if axis.lines:
                axis.legend(frameon=False)
        return save(canvas, path)


def save(canvas: Any, path: Path) -> list[Path]:
    """Write a figure of matplotlib as PNG and SVG, each whole or not at all; return the files.

    Args:
        canvas: the figure.
        path: file to write, without its ending; its folder is made.

    Raises:
        DamerError: the folder cannot be written.
    """
    files = [path.with_name(path.name + ending) for ending in (".png", ".svg")]
    for file in files:
        kind = file.suffix[1:]
        with replacing(file, "choose another --out", parents=True) as part:
            canvas.savefig(part, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return files

"""How far one method is ahead of each other on the very tracks that both judged, and how sure that is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from damer.core import metrics
from damer.core.errors import DamerError
from damer.report.grids import Grid

Row = dict[str, Any]
Run = tuple[Path, Row]
METRICS = ("accuracy", "balanced_accuracy", "auc")
FEWEST_GROUPS = 6  # n groups that all favour one side have a two-sided p of 2 / 2^n: 0.06 for five


def ahead_table(runs: Sequence[Run], protocol: str = "track", reference: str = "damer") -> Grid:
    """Return for each method how far another is ahead of it: a paired bootstrap over whole groups.

    Runs are paired where corpus, dimension, seed, fold and data are the same, so both judged the same tracks;
    the tracks of all pairs are pooled, and a group (artist, song, series) is resampled as a whole with all of
    its appearances.

    Args:
        runs: rows of `damer benchmark` with the folder that holds their runs.
        protocol: whose runs count.
        reference: name of the method, or of the benchmark's variant of it, that each is compared with.

    Raises:
        DamerError: the reference has no run, or the predictions of a run are missing or damaged.
    """
    once = {(run[0], run[1]["key"]): run for run in runs}  # benchmarks may share a run
    own = [run for run in once.values() if run[1]["protocol"] == protocol]
    names = list(dict.fromkeys(row["name"] for _, row in own))
    if reference not in names:
        raise DamerError(
            f"no run of {reference} under {protocol} to compare with; there is {', '.join(names)}"
        )
    names.remove(reference)
    references = {_place(run[1]): run for run in own if run[1]["name"] == reference}
    row = next(iter(references.values()))[1]
    title = row["title"] if row["name"] == row["method"] else reference
    columns = ["method", "corpus", "dimension", "pairs of runs", "groups"]
    columns += [
        text
        for name in METRICS
        for text in (f"{name}: {title} ahead by", f"{name}: 95 % interval", f"{name}: p")
    ]
    grid = Grid("ahead", f"{title} against each method, per track, points", columns)
    cells = sorted({(row["corpus"], row["dimension"]) for _, row in own})
    for corpus, dimension in cells:
        for name in names:
            pairs = [
                (references[_place(row)], (folder, row))
                for folder, row in own
                if (row["name"], row["corpus"], row["dimension"]) == (name, corpus, dimension)
                and _place(row) in references
            ]
            if pairs:
                grid.rows.append([name, corpus, dimension, str(len(pairs)), *_compared(pairs)])
    grid.notes = [
        "Points of percent (AUC times 100); paired bootstrap, 1 000 resamples of whole groups, two-sided p. "
        "Many comparisons stand here: one p below 0.05 among twenty is what chance gives.",
        f"Of fewer than {FEWEST_GROUPS} groups there is no interval: were all of them ahead, that would "
        "still be chance in more than one case of twenty.",
    ]
    return grid


def _place(row: Row) -> tuple[Any, ...]:
    return row["corpus"], row["dimension"], row["seed"], row["fold"], row["folds"], row["data"]


def _compared(pairs: Sequence[tuple[Run, Run]]) -> list[str]:
    truth: list[int] = []
    groups: list[str] = []
    sides: tuple[list[float], list[float]] = ([], [])
    for first, second in pairs:
        ours, theirs = predictions(first), predictions(second)
        both = sorted(ours.keys() & theirs.keys())
        truth += [ours[name]["truth"] for name in both]
        groups += [f"{ours[name]['corpus']}\n{ours[name]['group']}" for name in both]
        for side, found in zip(sides, (ours, theirs), strict=True):
            side += [found[name]["probability"] for name in both]
    count = len(set(groups))
    cells = [str(count)]
    for metric in METRICS:
        ahead = metrics.paired_bootstrap(metrics.METRICS[metric], truth, *sides, groups)
        interval = f"{_points(ahead.low)} to {_points(ahead.high)}"
        sure = [interval, f"{ahead.p_value:.3f}"] if count >= FEWEST_GROUPS else ["too few groups", "–"]
        cells += [_points(ahead.difference), *sure]
    return cells


def _points(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


def predictions(run: Run) -> dict[str, dict[str, Any]]:
    """Return what a run said of each labelled track, by the track's id.

    Raises:
        DamerError: the file is missing or damaged.
    """
    path = run[0] / "runs" / str(run[1].get("run")) / "predictions.jsonl"
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {line["id"]: line for line in lines if line["truth"] >= 0}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamerError(
            f"{path}: cannot be read ({error}): leave out --compare, or give the folder of the benchmark"
        ) from None

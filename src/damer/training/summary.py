"""What is reported of predictions: metrics with intervals by corpus, per track and per segment."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damer.core import metrics
from damer.core.track import Track
from damer.training.evaluate import TrackPrediction, calibrating_temperature

ALL = "all"
_SEGMENT_DRAWS = 200  # a resample of all seconds is slow, and their interval is already tight
_COLUMNS = ("accuracy", "f1", "macro_f1", "balanced_accuracy", "auc", "ece")
_HEADINGS = ("acc", "F1", "macro-F1", "bal. acc", "AUC", "ECE")

Report = dict[str, dict[str, dict[str, Any]]]


def group_hash(track: Track | TrackPrediction) -> str:
    """Return a short digest of a track's corpus and group, as training records list them."""
    return hashlib.sha256(f"{track.corpus}\n{track.group}".encode()).hexdigest()[:12]


def file_hash(sha256: str) -> str:
    """Return the short form of a sound file's checksum, as training records list them; "" stays ""."""
    return sha256[:12]


def report(predictions: Sequence[TrackPrediction], intervals: bool = True) -> Report:
    """Return the metrics of labelled predictions.

    Args:
        predictions: of tracks; folds are pooled.
        intervals: whether to add 95 % bootstrap intervals, whole groups resampled together.

    Returns:
        report[corpus or "all"]["track" or "segment"] = {"count", "groups", "positive" (share), every metric,
        "majority" {metric: value}, "intervals" {metric: [low, high]}}.
    """
    corpora = sorted({item.corpus for item in predictions})
    names = [*corpora, ALL] if len(corpora) > 1 else corpora
    return {
        name: {
            level: _level([item for item in predictions if name in (ALL, item.corpus)], level, intervals)
            for level in ("track", "segment")
        }
        for name in names
    }


def _level(chosen: list[TrackPrediction], level: str, intervals: bool) -> dict[str, Any]:
    truth, probability, groups = _flat(chosen, level)
    found: dict[str, Any] = {
        "count": len(truth),
        "groups": len(np.unique(groups)),
        "positive": float(truth.mean()) if len(truth) else float("nan"),
        **metrics.summary(truth, probability),
        "majority": metrics.majority(truth),
    }
    if level == "track":
        found["temperature"] = calibrating_temperature(chosen)
    else:
        found["drift"] = _drift(truth, probability, groups)
    if intervals:
        draws = 1000 if level == "track" else _SEGMENT_DRAWS
        found["intervals"] = {
            name: [interval.low, interval.high]
            for name, interval in metrics.bootstrap_summary(truth, probability, groups, draws).items()
        }
    return found


def _drift(
    truth: NDArray[np.int64], probability: NDArray[np.float64], groups: NDArray[np.str_]
) -> dict[str, float]:
    """Return how accuracy varies from group to group (game, song, artist): what a change of style costs.

    Groups with fewer than ten seconds are left out: their accuracy says too little.
    """
    correct = (probability > 0.5) == (truth == 1)
    _, place = np.unique(groups, return_inverse=True)
    counts = np.bincount(place)
    shares = (np.bincount(place, weights=correct) / counts)[counts >= 10] if len(truth) else np.empty(0)
    if not len(shares):
        return {"groups": 0, "deviation": float("nan"), "lowest_tenth": float("nan")}
    return {
        "groups": len(shares),
        "deviation": float(shares.std()),
        "lowest_tenth": float(np.quantile(shares, 0.1)),
    }


def compare(first: Sequence[TrackPrediction], second: Sequence[TrackPrediction]) -> list[dict[str, Any]]:
    """Return how far the first predictions are ahead of the second on the tracks that both judge.

    Returns:
        For each corpus and metric, per track: {"corpus", "count", "metric", "difference", "low", "high",
        "p_value"}, from a paired bootstrap that resamples whole groups.

    Raises:
        ValueError: they have no track in common, or disagree on what is true.
    """
    other = {item.id: item for item in second}
    both = [(item, other[item.id]) for item in first if item.id in other and item.truth >= 0]
    if not both:
        raise ValueError("they have no labelled track in common")
    if any(left.truth != right.truth for left, right in both):
        raise ValueError("they disagree on the class of a track: their thresholds are of different splits")
    rows: list[dict[str, Any]] = []
    corpora = sorted({item.corpus for item, _ in both})
    for corpus in [*corpora, ALL] if len(corpora) > 1 else corpora:
        chosen = [pair for pair in both if corpus in (ALL, pair[0].corpus)]
        truth = [left.truth for left, _ in chosen]
        groups = [f"{left.corpus}\n{left.group}" for left, _ in chosen]
        ours, theirs = ([pair[side].probability for pair in chosen] for side in (0, 1))
        for name in ("accuracy", "macro_f1", "auc"):
            found = metrics.paired_bootstrap(metrics.METRICS[name], truth, ours, theirs, groups)
            rows.append({"corpus": corpus, "count": len(chosen), "metric": name, **found._asdict()})
    return rows


def comparison_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return what `compare` found as text."""
    lines = [
        f"{'difference, per track':<30}{'n':>8}{'metric':>14}{'ahead by':>12}{'95 % interval':>20}{'p':>8}"
    ]
    for row in rows:
        interval = f"{row['low']:+.3f} to {row['high']:+.3f}"
        numbers = f"{row['difference']:>+12.3f}{interval:>20}{row['p_value']:>8.3f}"
        lines.append(f"{row['corpus']:<30}{row['count']:>8}{row['metric']:>14}{numbers}")
    return "\n".join(lines)


def _flat(
    chosen: Iterable[TrackPrediction], level: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.str_]]:
    """Return truth, probability and group of every labelled track or segment."""
    truth: list[int] = []
    probability: list[float] = []
    groups: list[str] = []
    for item in chosen:
        if level == "track":
            pairs = [(item.truth, item.probability)]
        else:
            pairs = list(zip(item.segment_truth, item.segment_probability, strict=True))
        known = [pair for pair in pairs if pair[0] >= 0]
        truth += [pair[0] for pair in known]
        probability += [pair[1] for pair in known]
        groups += [f"{item.corpus}\n{item.group}"] * len(known)
    return np.array(truth, dtype=np.int64), np.array(probability), np.array(groups, dtype=np.str_)


def plain(value: Any) -> Any:
    """Return the value with None for numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def table(dimension: str, found: Report) -> str:
    """Return a report as text: for each corpus and level its metrics, intervals and the constant answer."""
    lines = [f"{dimension}", _row("", "n", _HEADINGS)]
    for corpus, levels in found.items():
        for level, row in levels.items():
            if not row["count"]:
                continue
            lines.append(_row(f"{corpus}, per {level}", str(row["count"]), _cells(row)))
            if "intervals" in row:
                lines.append(_row("  95 % interval", "", _ranges(row["intervals"])))
            lines.append(_row("  constant answer", "", _cells(row["majority"])))
            if "temperature" in row:
                lines.append(f"  calibrated at {row['temperature']:.2f} × the temperature")
            if row.get("drift", {}).get("groups", 0) > 1:
                drift = row["drift"]
                lines.append(
                    f"  accuracy from group to group: deviation {_number(drift['deviation'])}, "
                    f"lowest tenth below {_number(drift['lowest_tenth'])} ({drift['groups']} groups)"
                )
    return "\n".join(lines)


def _row(name: str, count: str, cells: Sequence[str]) -> str:
    return f"{name:<30}{count:>8}" + "".join(f"{cell:>12}" for cell in cells)


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _cells(row: dict[str, Any]) -> list[str]:
    return [_number(row[name]) for name in _COLUMNS]


def _ranges(intervals: dict[str, list[float]]) -> list[str]:
    return ["–".join(_number(end).lstrip("0") for end in intervals[name]) for name in _COLUMNS]

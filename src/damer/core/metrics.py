"""What an evaluation reports: numbers from true classes and predicted probabilities, numpy only.

Everywhere `truth` is an int or bool array [N] of classes (1 is high arousal or positive valence) and
`probability` a float array [N] in [0, 1], the probability of class 1. Above 0.5 predicts class 1.
A value that the data cannot define (AUC with one class, an empty input, a probability that is NaN) is NaN,
never an invented number.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Metric = Callable[[NDArray[np.int64], NDArray[np.float64]], float]


class Interval(NamedTuple):
    """A value with its bootstrap interval."""

    value: float
    low: float
    high: float


class PairedDifference(NamedTuple):
    """How far system A is ahead of system B on the same items, from `paired_bootstrap`."""

    difference: float
    low: float
    high: float
    p_value: float


def _arrays(truth: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    classes = np.asarray(truth).astype(np.int64).ravel()
    values = np.asarray(probability, dtype=np.float64).ravel()
    if classes.shape != values.shape:
        raise ValueError(f"truth has {classes.size} items, probability {values.size}")
    return classes, values


def _undefined_for_nan(metric: Callable[..., float]) -> Callable[..., float]:
    """Make a metric NaN where a probability is not finite: compared, such a one would pass for class 0."""

    @functools.wraps(metric)
    def checked(truth: ArrayLike, probability: ArrayLike, *options: int, **named: int) -> float:
        classes, values = _arrays(truth, probability)
        return metric(classes, values, *options, **named) if np.isfinite(values).all() else float("nan")

    return checked


def _confusion(truth: ArrayLike, probability: ArrayLike) -> tuple[int, int, int, int]:
    """Return (true positives, false positives, false negatives, true negatives)."""
    classes, values = _arrays(truth, probability)
    predicted = values > 0.5
    positive = classes == 1
    return (
        int(np.sum(predicted & positive)),
        int(np.sum(predicted & ~positive)),
        int(np.sum(~predicted & positive)),
        int(np.sum(~predicted & ~positive)),
    )


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else float("nan")


@_undefined_for_nan
def accuracy(truth: ArrayLike, probability: ArrayLike) -> float:
    """Share of items whose class is predicted, in [0, 1]."""
    tp, fp, fn, tn = _confusion(truth, probability)
    return _ratio(tp + tn, tp + fp + fn + tn)


@_undefined_for_nan
def f1(truth: ArrayLike, probability: ArrayLike) -> float:
    """F1 of class 1 (harmonic mean of precision and recall); 0 where nothing true was predicted."""
    tp, fp, fn, tn = _confusion(truth, probability)
    if tp + fp + fn + tn == 0:
        return float("nan")
    return 2 * tp / (2 * tp + fp + fn) if tp else 0.0


@_undefined_for_nan
def macro_f1(truth: ArrayLike, probability: ArrayLike) -> float:
    """Mean of the F1 of both classes, over the classes that occur in truth or prediction."""
    tp, fp, fn, tn = _confusion(truth, probability)
    scores = []
    for hits, misses in ((tp, fp + fn), (tn, fp + fn)):
        if hits + misses:
            scores.append(2 * hits / (2 * hits + misses))
    return float(np.mean(scores)) if scores else float("nan")


@_undefined_for_nan
def balanced_accuracy(truth: ArrayLike, probability: ArrayLike) -> float:
    """Mean of the recalls of the classes that occur; a constant answer scores 0.5 when both do."""
    tp, fp, fn, tn = _confusion(truth, probability)
    recalls = [hits / total for hits, total in ((tp, tp + fn), (tn, tn + fp)) if total]
    return float(np.mean(recalls)) if recalls else float("nan")


@_undefined_for_nan
def auc(truth: ArrayLike, probability: ArrayLike) -> float:
    """Area under the ROC curve: P(a positive scores above a negative), ties counting half (Mann-Whitney)."""
    classes, values = _arrays(truth, probability)
    positives = int(np.sum(classes == 1))
    negatives = classes.size - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    mid_ranks = (last_rank - (counts - 1) / 2)[inverse]
    rank_sum = float(mid_ranks[classes == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


@_undefined_for_nan
def expected_calibration_error(truth: ArrayLike, probability: ArrayLike, bins: int = 10) -> float:
    """Mean gap between predicted probability and observed frequency of class 1 over equal-width bins.

    The bins divide [0, 1]; each weighs by its share of items (Naeini et al. 2015, on the probability of
    class 1, so that both over- and under-statement count).
    """
    classes, values = _arrays(truth, probability)
    if not classes.size:
        return float("nan")
    place = np.clip((values * bins).astype(np.int64), 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    predicted = np.bincount(place, weights=values, minlength=bins)
    observed = np.bincount(place, weights=classes.astype(np.float64), minlength=bins)
    return float(np.abs(predicted - observed)[counts > 0].sum() / classes.size)


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "f1": f1,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "auc": auc,
    "ece": expected_calibration_error,
}


def summary(truth: ArrayLike, probability: ArrayLike) -> dict[str, float]:
    """Return every metric of `METRICS` by name."""
    classes, values = _arrays(truth, probability)
    return {name: metric(classes, values) for name, metric in METRICS.items()}


def majority(truth: ArrayLike, majority_class: int | None = None) -> dict[str, float]:
    """Return the metrics of the constant answer, the row that every other row must beat.

    Args:
        truth: classes [N].
        majority_class: the class to answer; by default the commoner one in `truth` (the most flattering
            constant).
    """
    classes = np.asarray(truth).astype(np.int64).ravel()
    if majority_class is None:
        majority_class = int(classes.mean() >= 0.5) if classes.size else 1
    return summary(classes, np.full(classes.size, float(majority_class)))


def _members(groups: Sequence[Any] | NDArray[Any]) -> list[NDArray[np.int64]]:
    """Return the row numbers of each group."""
    _, inverse = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    return np.split(order, np.cumsum(np.bincount(inverse))[:-1])


def _resamples(groups: Sequence[Any] | NDArray[Any], draws: int, seed: int) -> list[NDArray[np.int64]]:
    """Return `draws` samples of rows, drawn group by group with replacement."""
    members = _members(groups)
    generator = np.random.default_rng(seed)
    picks = generator.integers(len(members), size=(draws, len(members)))
    return [np.concatenate([members[pick] for pick in row]) for row in picks]


def bootstrap_interval(
    metric: Metric,
    truth: ArrayLike,
    probability: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return a metric with its 95 % percentile interval; whole groups are resampled together.

    Tracks of one song, game or artist are not independent, nor are the seconds of one track: pass their
    group, and the interval is honestly wider.

    Args:
        metric: one of this module's metrics.
        truth: classes [N].
        probability: probability of class 1 [N].
        groups: the group of each item [N]; None makes each item its own.
        draws: number of bootstrap samples.
        seed: seed of the resampling.
    """
    classes, values = _arrays(truth, probability)
    if not classes.size:
        return Interval(float("nan"), float("nan"), float("nan"))
    labels = np.arange(classes.size) if groups is None else groups
    drawn = np.array([metric(classes[rows], values[rows]) for rows in _resamples(labels, draws, seed)])
    return Interval(metric(classes, values), *_percentiles(drawn))


def bootstrap_summary(
    truth: ArrayLike,
    probability: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return `bootstrap_interval` of every metric of `METRICS`, all from the same resamples."""
    classes, values = _arrays(truth, probability)
    if not classes.size:
        return {name: Interval(float("nan"), float("nan"), float("nan")) for name in METRICS}
    labels = np.arange(classes.size) if groups is None else groups
    drawn = [summary(classes[rows], values[rows]) for rows in _resamples(labels, draws, seed)]
    whole = summary(classes, values)
    return {
        name: Interval(whole[name], *_percentiles(np.array([sample[name] for sample in drawn])))
        for name in METRICS
    }


def _percentiles(drawn: NDArray[np.float64]) -> tuple[float, float]:
    defined = drawn[~np.isnan(drawn)]
    if not defined.size:
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def paired_bootstrap(
    metric: Metric,
    truth: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    draws: int = 1000,
) -> PairedDifference:
    """Compare two systems on the same items: metric(first) - metric(second), resampled by group.

    The two-sided p-value is twice the smaller share of resampled differences on either side of zero, and at
    least 1 / draws.
    """
    classes, left = _arrays(truth, first)
    _, right = _arrays(truth, second)
    labels = np.arange(classes.size) if groups is None else groups
    samples = _resamples(labels, draws, seed=0)
    drawn = np.array([metric(classes[r], left[r]) - metric(classes[r], right[r]) for r in samples])
    defined = drawn[~np.isnan(drawn)]
    low, high = _percentiles(drawn)
    if not defined.size:
        return PairedDifference(float("nan"), low, high, float("nan"))
    tail = min(float(np.mean(defined <= 0)), float(np.mean(defined >= 0)))
    difference = metric(classes, left) - metric(classes, right)
    return PairedDifference(difference, low, high, min(1.0, max(2 * tail, 1 / draws)))

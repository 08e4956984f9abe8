"""Intraclass correlations: of balanced tables as McGraw and Wong, of incomplete ones by variance components.

K. O. McGraw and S. P. Wong, "Forming inferences about some intraclass correlation coefficients",
Psychological Methods 1 (1996) 30-46; names as there: A absolute agreement, C consistency, 1 one rater, k the
mean of k.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from damer.core.agreement.sums import Sums, as_ratings, sums

Interval = tuple[float, float]
UNKNOWN = (np.nan, np.nan)


@dataclass(frozen=True)
class Icc:
    """Intraclass correlations of one table, at most 1; NaN where the design cannot tell.

    Attributes:
        a1: ICC(A,1): how well one rater's value stands for the target, the rater's habitual level counted as
            error.
        ak: ICC(A,k): the same of the mean of k raters.
        c1: ICC(C,1): as a1, but a rater who is always higher by the same amount is not in error.
        ck: ICC(C,k): the same of the mean of k; for balanced tables it is Cronbach's alpha.
        k: Raters a target, harmonic mean.
        a1_interval, ak_interval, c1_interval, ck_interval: Intervals that hold the true value with the
            confidence asked for, if targets are independent; seconds of one track are not.
        design: "balanced", "incomplete", or "nested" where no rater can be compared over targets: then the
            absolute forms are those of the one-way model and the others are NaN.
    """

    a1: float
    ak: float
    c1: float
    ck: float
    k: float
    a1_interval: Interval = UNKNOWN
    ak_interval: Interval = UNKNOWN
    c1_interval: Interval = UNKNOWN
    ck_interval: Interval = UNKNOWN
    design: str = "balanced"


@dataclass(frozen=True)
class _Parts:
    """Variance components and what the intervals need of them."""

    target: float
    rater: float
    error: float
    targets: float
    k: float
    design: str


def icc(ratings: npt.ArrayLike, confidence: float = 0.95) -> Icc:
    """Return the intraclass correlations of a table.

    A complete table gives the estimates and intervals of McGraw and Wong (table 4, table 7). Where ratings
    are missing by plan (each track by 20 of 30 annotators), the variance components of targets, raters and
    error are estimated by fitting constants (Henderson 1953, method 3), which is unbiased and gives the same
    as McGraw and Wong on a complete table; k is then the harmonic mean of the raters a target and the
    intervals are those of a complete table with the same components, an approximation. Components are not cut
    at 0, so an estimate may be negative.

    Args:
        ratings: [targets, raters], NaN where missing.
        confidence: Of the intervals, in (0, 1).
    """
    return icc_of(sums(as_ratings(ratings)), confidence)


def icc_of(added: Sums, confidence: float | None = None, crossed: bool = True) -> Icc:
    """Return the intraclass correlations from sums.

    Args:
        added: Sums over all targets.
        confidence: Of the intervals; None: no intervals.
        crossed: False: a column is not one rater throughout, so that the one-way model is all there is.
    """
    parts = _components(added) if crossed else _one_way(added)
    k = added.k
    target, rater, error = parts.target, parts.rater, parts.error
    two_way = parts.design != "nested"
    noise = rater + error
    found = Icc(
        a1=_share(target, noise),
        ak=_share(target, noise / k),
        c1=_share(target, error) if two_way else np.nan,
        ck=_share(target, error / k) if two_way else np.nan,
        k=k,
        design=parts.design,
    )
    return found if confidence is None else _with_intervals(found, parts, confidence)


def _share(signal: float, noise: float) -> float:
    total = signal + noise
    return float(signal / total) if total > 1e-15 else np.nan


def _one_way(added: Sums) -> _Parts:
    """Targets and the rest (Shrout and Fleiss 1979, case 1), with unequal numbers of raters."""
    ratings, targets = float(added.rated.sum()), float(added.targets)
    total = float(added.squares.sum() - added.total.sum() ** 2 / ratings) if ratings else np.nan
    if targets < 2 or ratings <= targets:
        return _Parts(np.nan, np.nan, np.nan, targets, added.k, "nested")
    within = float(added.within) / (ratings - targets)
    between = (total - float(added.within)) / (targets - 1)
    size = (ratings - float(added.squares_of_raters) / ratings) / (targets - 1)
    return _Parts((between - within) / size, 0.0, within, targets, added.k, "nested")


def _components(added: Sums) -> _Parts:
    """Fit constants: reductions in the sum of squares by targets and by raters, each after the other."""
    there = added.rated > 0
    ratings, targets, raters = float(added.rated.sum()), float(added.targets), float(there.sum())
    if targets < 2 or raters < 2:
        return _one_way(added)
    # Targets are absorbed: what is left of the normal equations is one equation a rater.
    equations = np.diag(added.rated[there]) - added.shared[np.ix_(there, there)]
    values, vectors = np.linalg.eigh(equations)
    solid = values > 1e-9 * max(float(values[-1]), 1e-300)
    rater_df = float(solid.sum())
    components = raters - rater_df  # groups of targets and raters that nothing connects
    error_df = ratings - targets - rater_df
    if components > 1 or error_df < 1:
        return _one_way(added)
    projected = vectors[:, solid].T @ added.deviation[there]
    by_raters = float((projected**2 / values[solid]).sum())
    left = float(added.within) - by_raters
    after_raters = float((added.squares[there] - added.total[there] ** 2 / added.rated[there]).sum())
    by_targets = after_raters - left
    error = max(left, 0.0) / error_df
    rater = (by_raters - rater_df * error) / (ratings - targets)
    target = (by_targets - (targets - components) * error) / (ratings - raters)
    balanced = ratings == targets * raters
    return _Parts(target, rater, error, targets, added.k, "balanced" if balanced else "incomplete")


def _with_intervals(found: Icc, parts: _Parts, confidence: float) -> Icc:
    n, k = parts.targets, parts.k
    tail = 1 - (1 - confidence) / 2
    if not np.isfinite(found.a1) or n < 2 or k <= 1:
        return found
    if parts.design == "nested":
        ratio = 1 + k * parts.target / parts.error if parts.error > 0 else np.inf
        single = _consistency_interval(ratio, (n - 1, n * (k - 1)), k, tail)
        both = {"a1_interval": single, "ak_interval": _stepped_up(single, k)}
        return Icc(**(vars(found) | both))
    mean_targets = k * parts.target + parts.error
    mean_raters = n * parts.rater + parts.error
    ratio = mean_targets / parts.error if parts.error > 0 else np.inf
    consistent = _consistency_interval(ratio, (n - 1, (n - 1) * (k - 1)), k, tail)
    absolute = _absolute_interval(found.a1, (mean_targets, mean_raters, parts.error), (n, k), tail)
    intervals = {
        "a1_interval": absolute,
        "ak_interval": _stepped_up(absolute, k),
        "c1_interval": consistent,
        "ck_interval": _stepped_up(consistent, k),
    }
    return Icc(**(vars(found) | intervals))


def _consistency_interval(ratio: float, df: tuple[float, float], k: float, tail: float) -> Interval:
    if not np.isfinite(ratio):
        return (1.0, 1.0)
    low = ratio / _quantile(tail, df[0], df[1])
    high = ratio * _quantile(tail, df[1], df[0])
    return float((low - 1) / (low + k - 1)), float((high - 1) / (high + k - 1))


def _absolute_interval(
    a1: float, means: tuple[float, float, float], size: tuple[float, float], tail: float
) -> Interval:
    """McGraw and Wong 1996, table 7, case 2A/3A, with Satterthwaite's degrees of freedom."""
    (targets, raters, error), (n, k) = means, size
    if error <= 0:
        return UNKNOWN
    weight = n * (1 + (k - 1) * a1) - k * a1
    of_raters = k * a1 * raters / error
    df = (n - 1) * (k - 1) * (of_raters + weight) ** 2 / ((n - 1) * of_raters**2 + weight**2)
    upper, lower = _quantile(tail, n - 1, df), _quantile(tail, df, n - 1)
    rest = k * raters + (k * n - k - n) * error
    low = n * (targets - upper * error) / (upper * rest + n * targets)
    high = n * (lower * targets - error) / (rest + n * lower * targets)
    return float(low), float(high)


def _stepped_up(interval: Interval, k: float) -> Interval:
    """Spearman and Brown: from one rater to the mean of k."""
    low, high = (k * one / (1 + (k - 1) * one) for one in interval)
    return float(low), float(high)


def _quantile(share: float, upper_df: float, lower_df: float) -> float:
    """Return a quantile of the F distribution."""
    from scipy.special import fdtri  # only where it is needed: core is light to import

    return float(fdtri(upper_df, lower_df, share))

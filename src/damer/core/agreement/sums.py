"""What agreement statistics are computed from: sums over targets, which add up over tracks.

A table of ratings is float64 [targets, raters] with NaN where a rater has not rated a target. Every
moment-based statistic is a function of the sums below, so a table is read once, no table of pairs of values
is ever held, and a bootstrap over tracks is a matrix product of how often each track was drawn and each
track's own sums.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from damer.core.errors import DamerError

Values = npt.NDArray[np.float64]


def as_ratings(ratings: npt.ArrayLike) -> Values:
    """Return a table of ratings as float64 [targets, raters].

    Raises:
        DamerError: it is not a table, or a value is infinite.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise DamerError(f"ratings are a table of targets and raters, not an array of shape {table.shape}")
    if np.isinf(table).any():
        raise DamerError("ratings hold an infinite value; leave unknown ones empty (NaN)")
    return table


@dataclass(frozen=True)
class Sums:
    """Sums over targets.

    In what follows k is 1 where rater i rated target t and else 0, m is how many rated t, and x is a rating
    less the centre.

    Attributes:
        targets: Targets with a rating.
        squares_of_raters: Σ m².
        shares: Σ 1 / m, of targets with a rating.
        paired: Ratings of targets that have two or more.
        within: Σ of squared deviations from the target's mean.
        scaled_within: Σ m / (m − 1) · squared deviations, of targets with two or more ratings.
        paired_total: Σ x and Σ x² of ratings of targets that have two or more, [2].
        rated: Ratings a rater, [R].
        total: Σ x a rater, [R].
        squares: Σ x² a rater, [R].
        deviation: Σ (x − the target's mean) a rater, [R].
        shared: Σ k_i k_j / m, [R, R].
        others: Of each rater and the mean of the others: n, Σ x, Σ o, Σ x², Σ o², Σ x o, [6, R].
        count: Targets that both rated, [R, R].
        sum_common: Σ x_i over the targets that j rated too, [R, R].
        squares_common: Σ x_i² over these, [R, R].
        products: Σ x_i x_j, [R, R].
    """

    targets: Values
    squares_of_raters: Values
    shares: Values
    paired: Values
    within: Values
    scaled_within: Values
    paired_total: Values
    rated: Values
    total: Values
    squares: Values
    deviation: Values
    shared: Values
    others: Values
    count: Values
    sum_common: Values
    squares_common: Values
    products: Values

    @property
    def k(self) -> float:
        """Raters a target, harmonic mean: that of which the variance of a mean over targets is inverse."""
        return float(self.targets / self.shares) if self.shares > 0 else np.nan

    def packed(self) -> Values:
        """Return all sums in one row, [features]; `unpacked` is the way back."""
        return np.concatenate([np.ravel(getattr(self, field.name)) for field in fields(self)])


def unpacked(row: Values, raters: int) -> Sums:
    """Return the sums of a row of `Sums.packed` for a number of raters."""
    once, line, square = (), (raters,), (raters, raters)
    shapes = [once] * 6 + [(2,)] + [line] * 4 + [square, (6, raters)] + [square] * 4
    parts, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape, dtype=int))
        parts.append(row[start : start + size].reshape(shape))
        start += size
    return Sums(*parts)


def sums(table: Values, centre: float | None = None) -> Sums:
    """Sum up a table of ratings.

    Args:
        table: float64 [targets, raters], NaN where missing.
        centre: What is taken off every rating first, so that little is lost to rounding; the mean by default.
            No statistic depends on it, but sums that are to be added must share it.
    """
    known = ~np.isnan(table)
    if centre is None:
        centre = float(table[known].mean()) if known.any() else 0.0
    x = np.where(known, table - centre, 0.0)
    k = known.astype(np.float64)
    m = k.sum(axis=1)
    mean = x.sum(axis=1) / np.maximum(m, 1)
    deviation = (x - mean[:, None]) * k
    within = (deviation**2).sum(axis=1)
    paired = m >= 2
    squared = x * x
    return Sums(
        targets=np.asarray((m > 0).sum(), dtype=np.float64),
        squares_of_raters=np.asarray((m * m).sum()),
        shares=np.asarray((1 / m[m > 0]).sum()),
        paired=np.asarray(m[paired].sum()),
        within=np.asarray(within.sum()),
        scaled_within=np.asarray((within[paired] * m[paired] / (m[paired] - 1)).sum()),
        paired_total=np.array([x[paired].sum(), squared[paired].sum()]),
        rated=k.sum(axis=0),
        total=x.sum(axis=0),
        squares=squared.sum(axis=0),
        deviation=deviation.sum(axis=0),
        shared=k.T @ (k / np.maximum(m, 1)[:, None]),
        others=against_others(table - centre, mean_of_others(table - centre)),
        count=k.T @ k,
        sum_common=x.T @ k,
        squares_common=squared.T @ k,
        products=x.T @ x,
    )


def against_others(own: Values, others: Values) -> Values:
    """Return n, Σ x, Σ o, Σ x², Σ o², Σ x o of each column of two tables where both are known, [6, R]."""
    both = ~(np.isnan(own) | np.isnan(others))
    x, o = np.where(both, own, 0.0), np.where(both, others, 0.0)
    return np.array([part.sum(axis=0) for part in (both, x, o, x * x, o * o, x * o)], dtype=np.float64)


def mean_of_others(table: Values) -> Values:
    """Return for each rating the mean of the others of its target, [targets, raters]; NaN if none."""
    known = ~np.isnan(table)
    x = np.where(known, table, 0.0)
    others = known.sum(axis=1, keepdims=True) - 1
    mean = (x.sum(axis=1, keepdims=True) - x) / np.maximum(others, 1)
    return np.where(known & (others > 0), mean, np.nan)

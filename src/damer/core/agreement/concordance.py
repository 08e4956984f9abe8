"""How far raters go together: concordance, Pearson and Spearman, by pairs and against the others.

L. I.-K. Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45 (1989)
255-268: CCC = 2 cov / (var x + var y + (mean x − mean y)²), with variances over n.
"""

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from damer.core.agreement.ranks import FEWEST_COMMON, spearman_of_others, spearman_pairs
from damer.core.agreement.sums import Values, as_ratings, mean_of_others, sums

Measure = Literal["ccc", "pearson", "spearman"]
_FLAT = 1e-12


class Correlated(Protocol):
    """The part of `Sums` that correlations need."""

    @property
    def count(self) -> Values:
        """Targets that both rated, [R, R]."""

    @property
    def sum_common(self) -> Values:
        """Σ x_i over the targets that j rated too, [R, R]."""

    @property
    def squares_common(self) -> Values:
        """Σ x_i² over these, [R, R]."""

    @property
    def products(self) -> Values:
        """Σ x_i x_j, [R, R]."""

    @property
    def others(self) -> Values:
        """Of each rater and the mean of the others: n, Σ x, Σ o, Σ x², Σ o², Σ x o, [6, R]."""


def pairwise(ratings: npt.ArrayLike, measure: Measure) -> Values:
    """Compare every two raters over the targets that both rated.

    Args:
        ratings: [targets, raters], NaN where missing.
        measure: "ccc", "pearson" or "spearman" (ranks among the common targets, ties share their mean rank).

    Returns:
        float64 [raters, raters], symmetric, in [-1, 1]; NaN on the diagonal, where fewer than three targets
        are common, and where a correlation is undefined because a rater never moves.
    """
    table = as_ratings(ratings)
    return spearman_pairs(table) if measure == "spearman" else pairwise_of(sums(table), measure)


def leave_one_out(ratings: npt.ArrayLike, measure: Measure) -> Values:
    """Compare every rater with the mean of the others.

    Args:
        ratings: [targets, raters], NaN where missing.
        measure: "ccc", "pearson" or "spearman".

    Returns:
        float64 [raters], in [-1, 1]; NaN where undefined.
    """
    table = as_ratings(ratings)
    if measure != "spearman":
        return leave_one_out_of(sums(table), measure)
    return spearman_of_others(table, mean_of_others(table))


def concordance(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Lin's concordance of two series over where both are known; NaN where both never move."""
    table = np.column_stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)])
    return float(pairwise(table, "ccc")[0, 1])


def pairwise_of(added: Correlated, measure: Literal["ccc", "pearson"]) -> Values:
    """Return CCC or Pearson's correlation of every pair from sums."""
    found = _compare(
        added.count, added.sum_common, added.sum_common.T,
        added.squares_common, added.squares_common.T, added.products, measure=measure,
    )  # fmt: skip
    np.fill_diagonal(found, np.nan)
    return found


def leave_one_out_of(added: Correlated, measure: Literal["ccc", "pearson"]) -> Values:
    """Return CCC or Pearson's correlation of every rater with the mean of the others from sums."""
    n, x, y, xx, yy, xy = added.others
    return _compare(n, x, y, xx, yy, xy, measure=measure)


def _compare(
    n: Values, x: Values, y: Values, xx: Values, yy: Values, xy: Values, *, measure: Literal["ccc", "pearson"]
) -> Values:
    enough = n >= FEWEST_COMMON
    size = np.where(enough, n, 1.0)
    mean_x, mean_y = x / size, y / size
    # A rater who never moves has a variance of 0, which rounding must not make a little more.
    var_x, var_y = (_floor(square / size - mean**2) for square, mean in ((xx, mean_x), (yy, mean_y)))
    covariance = np.where((var_x > 0) & (var_y > 0), xy / size - mean_x * mean_y, 0.0)
    if measure == "ccc":
        above, below = 2 * covariance, var_x + var_y + _floor((mean_x - mean_y) ** 2)
    else:
        above, below = covariance, np.sqrt(var_x * var_y)
    found = np.divide(above, below, out=np.full(n.shape, np.nan), where=enough & (below > 0))
    clipped: Values = np.clip(found, -1.0, 1.0)
    return clipped


def _floor(values: Values) -> Values:
    return np.where(values > _FLAT, values, 0.0)

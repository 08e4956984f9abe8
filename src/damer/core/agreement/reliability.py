"""Krippendorff's alpha for interval data, Cronbach's alpha, and the error of one rater against the others."""

import numpy as np
import numpy.typing as npt

from damer.core.agreement.sums import Sums, as_ratings, sums


def krippendorff_alpha(ratings: npt.ArrayLike) -> float:
    """Return Krippendorff's alpha with the interval metric, at most 1; NaN where all ratings are the same.

    K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section on interval data. Squared
    differences of pairs are taken from sums of squares, so that time and memory grow with the number of
    ratings and not with its square. Targets with fewer than two ratings do not count.

    Args:
        ratings: [targets, raters], NaN where missing.
    """
    return krippendorff_of(sums(as_ratings(ratings)))


def krippendorff_of(added: Sums) -> float:
    """Return Krippendorff's alpha from sums."""
    n = float(added.paired)
    if n < 2:
        return np.nan
    total, squares = added.paired_total
    expected = float(squares - total**2 / n)
    return 1 - (n - 1) * float(added.scaled_within) / (n * expected) if expected > 1e-12 else np.nan


def cronbach_alpha(ratings: npt.ArrayLike) -> float:
    """Return Cronbach's alpha of the mean of k raters, at most 1.

    With the mean variance v of a rater and the mean covariance c of two, alpha = k c / (v + (k − 1) c), which
    for a complete table is the usual formula. Where ratings are missing, covariance and variances of a pair
    are taken over the targets that both rated, and k is the harmonic mean of the raters a target.

    Args:
        ratings: [targets, raters], NaN where missing.
    """
    return cronbach_of(sums(as_ratings(ratings)))


def cronbach_of(added: Sums) -> float:
    """Return Cronbach's alpha from sums."""
    n = added.count
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = (added.products - added.sum_common * added.sum_common.T / n) / (n - 1)
        variance_common = (added.squares_common - added.sum_common**2 / n) / (n - 1)
    pairs = (n >= 2) & ~np.eye(len(n), dtype=bool)
    if not pairs.any():
        return np.nan
    # Over the same targets a covariance is at most the mean of the two variances: so alpha is at most 1.
    variance, shared = float(variance_common[pairs].mean()), float(covariance[pairs].mean())
    k = added.k
    below = variance + (k - 1) * shared
    return k * shared / below if abs(below) > 1e-12 else np.nan


def rmse(ratings: npt.ArrayLike) -> float:
    """Return the root mean square difference of a rating and the mean of the others' of its target.

    Args:
        ratings: [targets, raters], NaN where missing.
    """
    return rmse_of(sums(as_ratings(ratings)))


def rmse_of(added: Sums) -> float:
    """Return the error against the others from sums."""
    n, _, _, own, others, products = added.others.sum(axis=1)
    return float(np.sqrt(max(own + others - 2 * products, 0.0) / n)) if n else np.nan

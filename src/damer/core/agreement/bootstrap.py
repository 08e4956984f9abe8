"""Intervals by drawing tracks again, with replacement: what other music of the same kind would have given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from damer.core.agreement.concordance import leave_one_out_of, pairwise_of
from damer.core.agreement.icc import icc_of
from damer.core.agreement.reliability import cronbach_of, krippendorff_of, rmse_of
from damer.core.agreement.sums import Sums, Values, against_others, mean_of_others, sums, unpacked

Interval = tuple[float, float]
_BYTES = 256_000_000
"""About how much memory the sums of tracks, and the sums of draws, may each take."""


def draws(tracks: int, count: int, seed: int = 0) -> Values:
    """Return how often each track is drawn, float64 [count, tracks]; a row sums to the number of tracks."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(tracks, np.full(tracks, 1 / tracks), size=count).astype(np.float64)


def bootstrap_mean(values: Values, drawn: Values) -> Interval:
    """Return the 95 % interval of the mean of one value a track, [tracks]; NaN where a track has none."""
    known = np.isfinite(values)
    count = drawn @ known
    total = drawn @ np.where(known, values, 0.0)
    return between(np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0))


def bootstrap_tracks(
    tables: Sequence[Values],
    drawn: Values,
    crossed: bool = True,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Interval]:
    """Return the 95 % intervals of the statistics of all targets of all tracks together.

    Of every track the sums are taken once, and a draw is a weighted sum of them. Rank correlations keep the
    ranks of the whole sample; their intervals are how far the draws lie from the sample, to be added to its
    value.

    Args:
        tables: Ratings of each track, float64 [targets, raters], the same raters in all.
        drawn: How often each track is drawn, float64 [draws, tracks].
        crossed: False: a column is not one rater throughout.
        progress: Is told how many more draws are done.

    Returns:
        Intervals by the names of `pooled_statistics` and, for crossed raters, of the deviations of
        `pairwise_spearman` and `leave_one_out_spearman`.
    """
    sample = _Sample.of(tables, crossed)
    whole = sample.statistics(sample.total(np.ones((1, len(tables))))[0])
    together = max(1, int(_BYTES / (8 * sample.width)))
    found: dict[str, list[float]] = {name: [] for name in whole}
    for start in range(0, len(drawn), together):
        for row in sample.total(drawn[start : start + together]):
            for name, value in sample.statistics(row).items():
                found[name].append(value - (whole[name] if name.endswith("spearman") else 0.0))
            if progress is not None:
                progress(1)
    return {name: between(np.array(values)) for name, values in found.items()}


def pooled_statistics(added: Sums, crossed: bool = True) -> dict[str, float]:
    """Return every statistic that is a function of sums; NaN where the design cannot tell."""
    correlations = icc_of(added, crossed=crossed)
    found = {
        "icc_a1": correlations.a1,
        "icc_ak": correlations.ak,
        "icc_c1": correlations.c1,
        "icc_ck": correlations.ck,
        "krippendorff_alpha": krippendorff_of(added),
        "cronbach_alpha": np.nan,
        "rmse": rmse_of(added),
    }
    if crossed:
        found["cronbach_alpha"] = cronbach_of(added)
        found["pairwise_ccc"] = mean_of(pairwise_of(added, "ccc"))
        found["pairwise_pearson"] = mean_of(pairwise_of(added, "pearson"))
        found["leave_one_out_ccc"] = mean_of(leave_one_out_of(added, "ccc"))
        found["leave_one_out_pearson"] = mean_of(leave_one_out_of(added, "pearson"))
    return found


def mean_of(values: Values) -> float:
    """Return the mean of what is known, NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def between(values: Values) -> Interval:
    """Return the 2.5th and 97.5th percentile of what is known, NaN if nothing is."""
    known = values[np.isfinite(values)]
    if not len(known):
        return (np.nan, np.nan)
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True)
class _Sample:
    """The tracks of a bootstrap; the sums of a track are one row."""

    tables: Sequence[Values]
    ranks: Sequence[tuple[Values, Values]]  # of ratings and of means of the others; empty if not crossed
    centre: float
    width: int

    @classmethod
    def of(cls, tables: Sequence[Values], crossed: bool) -> "_Sample":
        whole = np.concatenate(tables)
        known = ~np.isnan(whole)
        centre = float(whole[known].mean()) if known.any() else 0.0
        raters = whole.shape[1]
        ranks: list[tuple[Values, Values]] = []
        if crossed:
            edges = np.cumsum([len(table) for table in tables])[:-1]
            own, others = (np.split(_ranked(one), edges) for one in (whole, mean_of_others(whole)))
            ranks = list(zip(own, others, strict=True))
        width = len(sums(whole[:1]).packed()) + (4 * raters**2 + 6 * raters if crossed else 0)
        return cls(tables, ranks, centre, width)

    def row(self, track: int) -> Values:
        row = sums(self.tables[track], self.centre).packed()
        if not self.ranks:
            return row
        own, others = self.ranks[track]
        paired = sums(own, 0.0)
        of_pairs = (paired.count, paired.sum_common, paired.squares_common, paired.products)
        parts = [np.ravel(part) for part in (*of_pairs, against_others(own, others))]
        return np.concatenate([row, *parts])

    def total(self, drawn: Values) -> Values:
        """Return the sums of some draws, [draws, width], a block of tracks at a time."""
        together = max(1, int(_BYTES / (8 * self.width)))
        total = np.zeros((len(drawn), self.width))
        for start in range(0, len(self.tables), together):
            tracks = range(start, min(start + together, len(self.tables)))
            total += drawn[:, tracks.start : tracks.stop] @ np.stack([self.row(track) for track in tracks])
        return total

    def statistics(self, row: Values) -> dict[str, float]:
        raters = self.tables[0].shape[1]
        if not self.ranks:
            return pooled_statistics(unpacked(row, raters), crossed=False)
        size = self.width - 4 * raters**2 - 6 * raters
        found = pooled_statistics(unpacked(row[:size], raters))
        count, total, squares, products = row[size : size + 4 * raters**2].reshape(4, raters, raters)
        others = row[size + 4 * raters**2 :].reshape(6, raters)
        ranks = _Ranks(count, total, squares, products, others)
        found["pairwise_spearman"] = mean_of(pairwise_of(ranks, "pearson"))
        found["leave_one_out_spearman"] = mean_of(leave_one_out_of(ranks, "pearson"))
        return found


@dataclass(frozen=True)
class _Ranks:
    """The part of `Sums` that correlations need."""

    count: Values
    sum_common: Values
    squares_common: Values
    products: Values
    others: Values


def _ranked(table: Values) -> Values:
    """Return the ranks of each column among what is known of it, centred and within ±½; NaN stays."""
    from scipy.stats import rankdata  # only where it is needed: core is light to import

    ranks = rankdata(table, axis=0, nan_policy="omit")
    count = np.maximum((~np.isnan(table)).sum(axis=0), 1)
    scaled: Values = (ranks - (count + 1) / 2) / count
    return scaled

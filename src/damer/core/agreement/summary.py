"""Everything the field reports of a study, in one record: static, dynamic, and within tracks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

import numpy as np

from damer.core.agreement.bootstrap import (
    bootstrap_mean,
    bootstrap_tracks,
    draws,
    mean_of,
    pooled_statistics,
)
from damer.core.agreement.concordance import leave_one_out, pairwise
from damer.core.agreement.icc import icc_of
from damer.core.agreement.sums import Values, sums
from damer.core.fusion import TrackRatings
from damer.core.track import DIMENSIONS, Dimension

Interval = tuple[float, float]
Scope = Literal["static", "dynamic", "within"]
SCOPES: tuple[Scope, ...] = ("static", "dynamic", "within")
UNKNOWN: Interval = (np.nan, np.nan)

STATISTICS = (
    "icc_a1", "icc_ak", "icc_ck", "icc_c1", "krippendorff_alpha", "cronbach_alpha",
    "pairwise_ccc", "pairwise_pearson", "pairwise_spearman",
    "leave_one_out_ccc", "leave_one_out_pearson", "leave_one_out_spearman", "rmse",
)  # fmt: skip

MOST_ANNOTATORS = 400
FEWEST_TRACKS = 3
"""Annotators are compared across tracks if they are at most so many and most of them did so many tracks."""


@dataclass(frozen=True)
class Estimate:
    """A statistic and its 95 % interval.

    The interval is from a bootstrap over tracks; without one, static intraclass correlations have that of
    McGraw and Wong, and nothing else has any.
    """

    value: float
    interval: Interval = UNKNOWN


@dataclass(frozen=True)
class Table:
    """All statistics of one dimension in one scope.

    Attributes:
        dimension: arousal or valence.
        scope: "static": one value a track, its mean. "dynamic": every step of every track. "within": each
            track by itself, step by step, then the mean over tracks.
        estimates: By the names of `STATISTICS`; what the design cannot tell is NaN.
        design: "balanced", "incomplete" or "nested", as `Icc.design`.
        k: Raters a target, harmonic mean; of "within" the mean of that over tracks.
        targets: Number of targets with a rating.
        ratings: Number of ratings.
    """

    dimension: Dimension
    scope: Scope
    estimates: dict[str, Estimate]
    design: str
    k: float
    targets: int
    ratings: int


@dataclass(frozen=True)
class Agreement:
    """How far the annotators of a study agree.

    Attributes:
        tables: One for each scope and dimension.
        crossed: Whether annotators can be compared over tracks. False where nearly everybody rated a track or
            two, or where nobody knows who rated what: then static and dynamic have only what needs no person.
        tracks: Names of the tracks, in the order of `per_track`.
        raters: How many rated each track.
        per_track: By dimension and name of statistic, one value a track: the scope "within".
        flat: By dimension, the share of trajectories that never move.
        per_annotator: By pseudonym (if crossed): concordance with the mean of the others over all steps, by
            dimension, and the number of tracks as "tracks".
    """

    tables: list[Table]
    crossed: bool
    tracks: list[str]
    raters: list[int]
    per_track: dict[Dimension, dict[str, Values]]
    flat: dict[Dimension, float]
    per_annotator: dict[str, dict[str, float]] = field(default_factory=dict)

    def table(self, scope: Scope, dimension: Dimension) -> Table:
        """Return the table of a scope and dimension."""
        return next(one for one in self.tables if (one.scope, one.dimension) == (scope, dimension))


def agreement(
    tracks: Sequence[TrackRatings],
    bootstrap: int = 0,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Agreement:
    """Compute every statistic of a study.

    Args:
        tracks: What everybody said about each track, as `tabulate` gives it.
        bootstrap: Number of draws of tracks for the intervals; 0: none, and only static intraclass
            correlations have intervals, those of McGraw and Wong.
        seed: Of the draws.
        progress: Is told how many more draws are done, of `4 * bootstrap` in all.
    """
    rated = [track for track in tracks if track.annotators]
    of = Counter(name for track in rated for name in track.annotators)
    crossed = bool(of) and len(of) <= MOST_ANNOTATORS and median(of.values()) >= FEWEST_TRACKS
    names = sorted(of) if crossed else None
    drawn = draws(len(rated), bootstrap, seed) if bootstrap and len(rated) > 1 else None
    found = Agreement(
        [], crossed, [one.track for one in rated], [len(one.annotators) for one in rated], {}, {}
    )
    for dimension in DIMENSIONS if rated else ():
        series = [track.arousal if dimension == "arousal" else track.valence for track in rated]
        seated = _seated(rated, series, names)
        static = [track_means(table) for table in seated]
        found.tables.append(_pooled((dimension, "static"), static, crossed, drawn, progress))
        found.tables.append(_pooled((dimension, "dynamic"), seated, crossed, drawn, progress))
        found.per_track[dimension] = per_track = _by_track(series)
        found.tables.append(_within(dimension, per_track, series, drawn))
        found.flat[dimension] = _flat(series)
        if names is not None:
            ccc = leave_one_out(np.concatenate(seated), "ccc")
            for name, value in zip(names, ccc, strict=True):
                found.per_annotator.setdefault(name, {"tracks": of[name]})[dimension] = float(value)
    return found


def _seated(
    tracks: Sequence[TrackRatings], series: Sequence[Values], names: list[str] | None
) -> list[Values]:
    """Give every annotator one column throughout; without names, fill the columns as raters come."""
    if names is None:
        width = max(table.shape[1] for table in series)
        return [
            np.pad(table, ((0, 0), (0, width - table.shape[1])), constant_values=np.nan) for table in series
        ]
    place = {name: column for column, name in enumerate(names)}
    seated = []
    for track, table in zip(tracks, series, strict=True):
        whole = np.full((len(table), len(names)), np.nan)
        whole[:, [place[name] for name in track.annotators]] = table
        seated.append(whole)
    return seated


def track_means(table: Values) -> Values:
    """Return the mean over the steps of each column, [1, columns]."""
    known = ~np.isnan(table)
    count = known.sum(axis=0)
    total = np.where(known, table, 0.0).sum(axis=0)
    mean: Values = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return mean[None]


def _flat(series: Sequence[Values]) -> float:
    columns = [one[~np.isnan(one)] for table in series for one in table.T]
    still = [float(np.ptp(one) == 0) for one in columns if len(one)]
    return float(np.mean(still)) if still else np.nan


def _pooled(
    what: tuple[Dimension, Scope],
    tables: Sequence[Values],
    crossed: bool,
    drawn: Values | None,
    progress: Callable[[int], None] | None,
) -> Table:
    dimension, scope = what
    whole = np.concatenate(tables)
    added = sums(whole)
    values = pooled_statistics(added, crossed)
    correlations = icc_of(added, 0.95 if scope == "static" else None, crossed)
    # The seconds of a track are not independent, so that intervals by F would be far too narrow for them.
    intervals = {
        f"icc_{form}": getattr(correlations, f"{form}_interval") for form in ("a1", "ak", "c1", "ck")
    }
    if crossed:
        values["pairwise_spearman"] = mean_of(pairwise(whole, "spearman"))
        values["leave_one_out_spearman"] = mean_of(leave_one_out(whole, "spearman"))
    if drawn is not None:
        intervals = bootstrap_tracks(tables, drawn, crossed, progress)
        for name in ("pairwise_spearman", "leave_one_out_spearman"):
            low, high = intervals.get(name, UNKNOWN)
            moved = np.clip([values.get(name, np.nan) + one for one in (low, high)], -1.0, 1.0)
            intervals[name] = (float(moved[0]), float(moved[1]))
    return Table(
        dimension,
        scope,
        {name: Estimate(values.get(name, np.nan), intervals.get(name, UNKNOWN)) for name in STATISTICS},
        correlations.design,
        added.k,
        int(added.targets),
        int(added.rated.sum()),
    )


def _by_track(series: Sequence[Values]) -> dict[str, Values]:
    """Compute every statistic of every track by itself, [tracks] each; also "k"."""
    found: dict[str, list[float]] = {name: [] for name in (*STATISTICS, "k")}
    for table in series:
        added = sums(table)
        values = pooled_statistics(added) | {
            "pairwise_spearman": mean_of(pairwise(table, "spearman")),
            "leave_one_out_spearman": mean_of(leave_one_out(table, "spearman")),
            "k": added.k,
        }
        for name, column in found.items():
            column.append(values[name])
    return {name: np.array(values) for name, values in found.items()}


def _within(
    dimension: Dimension, per_track: Mapping[str, Values], series: Sequence[Values], drawn: Values | None
) -> Table:
    known = [~np.isnan(table) for table in series]
    estimates = {
        name: Estimate(
            mean_of(per_track[name]), UNKNOWN if drawn is None else bootstrap_mean(per_track[name], drawn)
        )
        for name in STATISTICS
    }
    whole = all(one.all() for one in known)
    return Table(
        dimension,
        "within",
        estimates,
        "balanced" if whole else "incomplete",
        mean_of(per_track["k"]),
        int(sum(one.any(axis=1).sum() for one in known)),
        int(sum(one.sum() for one in known)),
    )

"""From many people's trajectories to one label a second, with how far they disagree kept beside it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from damer.core.agreement.concordance import leave_one_out
from damer.core.agreement.sums import as_ratings
from damer.core.errors import DamerError
from damer.core.trajectory import Trajectory

Values = npt.NDArray[np.float64]
Method = Literal["mean", "median", "ewe"]

_LEAST_KNOWN = 0.5
"""A step of the grid counts as rated if the annotator's value is known for this share of it."""


@dataclass(frozen=True)
class Fused:
    """One label a target.

    Attributes:
        value: float64 [targets], the fused rating; NaN where nobody rated.
        spread: float64 [targets], standard deviation over the raters (n − 1), the label's uncertainty; NaN
            where fewer than two rated.
        weights: float64 [raters], what each counted for, in [0, 1].
        count: int64 [targets], how many rated.
    """

    value: Values
    spread: Values
    weights: Values
    count: npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrackRatings:
    """What everybody said about one track, on one grid.

    Attributes:
        track: Id of the track.
        annotators: Pseudonyms, one a column.
        rate_hz: Steps a second; step `i` is the mean from i / rate_hz to (i + 1) / rate_hz.
        valence: float64 [steps, annotators], NaN where unknown.
        arousal: float64 [steps, annotators].
    """

    track: str
    annotators: tuple[str, ...]
    rate_hz: float
    valence: Values
    arousal: Values


def steps_of(duration_s: float, rate_hz: float) -> int:
    """Return how many steps of 1 / rate_hz seconds a duration has, a started one counted."""
    if not (duration_s > 0 and rate_hz > 0 and np.isfinite(duration_s * rate_hz)):
        raise DamerError(f"a duration of {duration_s} s at {rate_hz} Hz gives no grid; both must be above 0")
    return int(np.ceil(duration_s * rate_hz - 1e-6))


def resample(
    trajectory: Trajectory, rate_hz: float, duration_s: float, lag_s: float = 0.0
) -> tuple[Values, Values]:
    """Bring a trajectory to a regular grid: the exact mean of its held values over each step.

    Args:
        trajectory: What one annotator said.
        rate_hz: Steps a second, e.g. 1, 2 or 10.
        duration_s: Length of the track, seconds.
        lag_s: How late the annotator is: the step at t gets what was said at t + lag_s. The last `lag_s`
            seconds of the track then stay unknown, for nobody heard of them in time.

    Returns:
        Valence and arousal, float64 [steps]; NaN where the value is known for less than half of the step.

    Raises:
        DamerError: duration or rate is not above 0.
    """
    count = steps_of(duration_s, rate_hz)
    edges = np.minimum(np.arange(count + 1) / rate_hz, duration_s)
    if not len(trajectory.times_s):
        return np.full(count, np.nan), np.full(count, np.nan)
    end = min(duration_s, np.inf if trajectory.end_s is None else trajectory.end_s)
    inside = trajectory.times_s < end
    starts = trajectory.times_s[inside]
    if not len(starts):
        return np.full(count, np.nan), np.full(count, np.nan)
    knots = np.append(starts, end)
    shifted = np.clip(edges + lag_s, knots[0], knots[-1])
    width = np.diff(edges)
    valence, arousal = (
        _step_means(knots, series[inside], shifted, width)
        for series in (trajectory.valence, trajectory.arousal)
    )
    return valence, arousal


def _step_means(knots: Values, values: Values, edges: Values, width: Values) -> Values:
    """Integrate a staircase exactly; the integral of what is known, and of how much is known."""
    lengths = np.diff(knots)
    known = ~np.isnan(values)
    area = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0) * lengths)])
    covered = np.diff(np.interp(edges, knots, np.concatenate([[0.0], np.cumsum(known * lengths)])))
    integral = np.diff(np.interp(edges, knots, area))
    enough = covered >= _LEAST_KNOWN * width - 1e-9
    mean = np.divide(integral, covered, out=np.full(len(width), np.nan), where=enough & (covered > 0))
    clipped: Values = np.clip(mean, -1.0, 1.0)
    return clipped


def tabulate(
    trajectories: Iterable[Trajectory],
    rate_hz: float = 1.0,
    durations: Mapping[str, float] | None = None,
    lags: Mapping[str, float] | float = 0.0,
) -> list[TrackRatings]:
    """Bring the trajectories of each track to one grid, tracks and annotators in order of their names.

    Second hearings (`duplicate_of`) are left out; of several others of one annotator the last take counts.

    Args:
        trajectories: Of any tracks, in any order.
        rate_hz: Steps a second.
        durations: Length of each track in seconds; where it is not given, `end_s` or the last time said.
        lags: Seconds by which each annotator is late, by pseudonym (0 where there is none), or one for all.
    """
    by_track: dict[str, dict[str, tuple[Values, Values]]] = defaultdict(dict)
    for one in trajectories:  # one by one: a study's raw samples need not fit into memory
        if not one.duplicate_of:
            length = (durations or {}).get(one.track) or length_of(one)
            lag = lags if isinstance(lags, float | int) else lags.get(one.annotator, 0.0)
            by_track[one.track][one.annotator] = resample(one, rate_hz, length, lag)
    return [_table(name, by_track[name], rate_hz) for name in sorted(by_track)]


def _table(track: str, said: dict[str, tuple[Values, Values]], rate_hz: float) -> TrackRatings:
    names = tuple(sorted(said))
    steps = max(len(valence) for valence, _ in said.values())
    both = np.full((2, steps, len(names)), np.nan)
    for column, name in enumerate(names):
        both[:, : len(said[name][0]), column] = said[name]
    return TrackRatings(track, names, rate_hz, both[0], both[1])


def length_of(trajectory: Trajectory) -> float:
    """Return until when a trajectory tells, seconds: `end_s`, or a second after the last time."""
    if trajectory.end_s is not None:
        return trajectory.end_s
    return float(trajectory.times_s[-1]) + 1.0 if len(trajectory.times_s) else 1.0


def ewe_weights(ratings: npt.ArrayLike) -> Values:
    """Return the weight of each rater for the evaluator weighted estimator, float64 [raters] in [0, 1].

    M. Grimm and K. Kroschel, "Evaluation of natural emotions using self assessment manikins", ASRU 2005: the
    weight is the correlation of a rater with the mean of the raters. Here with the mean of the others, so
    that nobody's weight grows by agreeing with himself. A rater who goes against the others, or never moves,
    counts for nothing. Over all targets of a study, not over one track: a weight is a person's.

    Args:
        ratings: [targets, raters], NaN where missing.
    """
    found = leave_one_out(ratings, "pearson")
    return np.clip(np.nan_to_num(found, nan=0.0), 0.0, 1.0)


def fuse(ratings: npt.ArrayLike, method: Method = "mean", weights: npt.ArrayLike | None = None) -> Fused:
    """Fuse the ratings of each target.

    Args:
        ratings: [targets, raters], NaN where missing.
        method: "mean", "median", or "ewe", the mean weighted by `ewe_weights`. Where all who rated a target
            weigh nothing, their plain mean is taken.
        weights: For "ewe": the weights [raters], as found over the whole study; by default over these
            ratings.

    Raises:
        DamerError: an unknown method, or weights that do not fit.
    """
    table = as_ratings(ratings)
    known = ~np.isnan(table)
    count = known.sum(axis=1)
    used = np.ones(table.shape[1])
    if method == "ewe":
        used = ewe_weights(table) if weights is None else np.asarray(weights, dtype=np.float64)
        if used.shape != (table.shape[1],) or not (used >= 0).all():
            raise DamerError(f"{table.shape[1]} raters need as many weights of 0 or more, not {used.shape}")
    elif method not in ("mean", "median"):
        raise DamerError(f"no fusion {method!r}; there are mean, median and ewe")
    rated = count > 0
    value = np.full(len(table), np.nan)
    if method == "median":
        value[rated] = np.nanmedian(table[rated], axis=1)
    else:
        each = known * used
        each[each.sum(axis=1) <= 0] = known[each.sum(axis=1) <= 0]
        summed = (each * np.where(known, table, 0.0)).sum(axis=1)
        np.divide(summed, each.sum(axis=1), out=value, where=rated)
    centred = np.where(known, table - np.divide(np.nansum(table, axis=1), np.maximum(count, 1))[:, None], 0.0)
    squares = (centred**2).sum(axis=1)
    spread = np.sqrt(np.divide(squares, count - 1, out=np.full(len(table), np.nan), where=count > 1))
    return Fused(value, spread, used, count.astype(np.int64))

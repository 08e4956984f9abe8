"""How late annotators are: against one another, and, where a curve of it is at hand, against the music.

People answer 1 to 6 s after what they heard (Schubert 2004; Mariooryad and Busso 2015). How much later one
is than another can be told from the trajectories alone. By how much all of them are late cannot: shift
everybody by a second and nothing in the trajectories changes. It takes a curve of the music that arousal
follows, such as its loudness, or a number from the user.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from damer.core.fusion import TrackRatings, tabulate
from damer.core.trajectory import Trajectory

Values = npt.NDArray[np.float64]
Curve = tuple[Values, Values]

RATE_HZ = 5.0
REACH_S = 8.0
"""Lags are looked for up to this many seconds."""
MOST_TRACKS = 100
"""An annotator's lag is one number; more tracks than this make it no better."""
FEWEST_TRACKS = 5
LARGEST_ERROR_S = 1.0
LEAST_CORRELATION = 0.1
CLEAR = 5.0
"""A correlation counts if it is as many standard errors: over all lags, noise reaches 3 often, 5 hardly."""

_SLOW_S = 20.0  # slower movement than this tells nothing of seconds: a rise of a minute fits any lag
_ROUNDS = 3
_FOLDS = 10
_REACH = round(REACH_S * RATE_HZ)


@dataclass(frozen=True)
class Lags:
    """How late the annotators are, in seconds.

    Attributes:
        seconds: What to shift each annotator by: the own lag where it could be told, else that of the median
            annotator. With `common` it counts from the music; without, from the median annotator, and some
            are then below 0.
        common: Lag of the annotators' mean behind the music; None where there was no curve of the music or
            nothing could be told from it.
        common_error: Its standard error, seconds; NaN with `common` None.
        error: Standard error of each own lag, by leaving out a tenth of the tracks at a time; only of
            annotators whose own lag could be told.
        correlation: Of each annotator, moved by the lag, with the others; the same annotators.
    """

    seconds: dict[str, float]
    common: float | None = None
    common_error: float = np.nan
    error: dict[str, float] = field(default_factory=dict)
    correlation: dict[str, float] = field(default_factory=dict)


def estimate_lag(
    trajectories: Iterable[Trajectory],
    reference: Mapping[str, Curve] | None = None,
    durations: Mapping[str, float] | None = None,
) -> Lags:
    """Estimate one lag a person, in fractions of a second.

    Each annotator is compared with the mean of the others, who are first moved by their own lags as far as
    these are known, three times over; nobody is part of what they are compared with, and it is one number a
    person over all tracks, not one a track, so that aligning does not make agreement out of noise. Movement
    slower than 20 s is taken off first. An own lag is believed if there are at least 5 tracks, the
    correlation at the lag is .1 or more and 5 of its standard errors, and the standard error of the
    lag is at most 1 s.

    Args:
        trajectories: Of any tracks; second hearings are left out.
        reference: By track, a curve that arousal follows: its times in seconds, ascending, and its values,
            e.g. `damer.audio.level.level_curve`. With it lags count from the music. Only the arousal is
            compared with it. An annotator's own smoothing counts as lag.
        durations: Length of each track in seconds, as in `tabulate`.
    """
    tables = _enough(tabulate(trajectories, RATE_HZ, durations), reference or {})
    names = sorted({name for table in tables for name in table.annotators})
    place = {name: column for column, name in enumerate(names)}
    tracks = Counter(name for table in tables for name in table.annotators)
    enough = np.array([tracks[name] >= FEWEST_TRACKS for name in names], dtype=bool)
    blocks = [_Block(table, place) for table in tables if len(table.annotators) > 1]
    own = _Own(np.zeros(len(names)), np.full(len(names), np.nan), np.ones(len(names)))
    for _ in range(_ROUNDS if enough.any() else 0):
        own = _round(blocks, own)
    told = np.isfinite(own.error)
    told &= enough & (own.error <= LARGEST_ERROR_S) & (own.correlation >= LEAST_CORRELATION)
    relative = np.where(told, own.lag - (np.median(own.lag[told]) if told.any() else 0.0), 0.0)
    common, error = _behind(tables, place, relative, reference or {})
    return Lags(
        seconds={name: float(relative[place[name]] + (common or 0.0)) for name in names},
        common=common,
        common_error=error,
        error={name: float(own.error[place[name]]) for name in names if told[place[name]]},
        correlation={name: float(own.correlation[place[name]]) for name in names if told[place[name]]},
    )


def _enough(tables: list[TrackRatings], reference: Mapping[str, Curve]) -> list[TrackRatings]:
    """Leave out tracks of which every annotator has enough others already; those with a curve come first."""
    seen: Counter[str] = Counter()
    kept = []
    for table in sorted(tables, key=lambda table: table.track not in reference):
        if any(seen[name] < MOST_TRACKS for name in table.annotators):
            seen.update(table.annotators)
            kept.append(table)
    return kept


@dataclass(frozen=True)
class _Own:
    """What is known so far of each annotator: lag, its standard error, correlation at the lag."""

    lag: Values
    error: Values
    correlation: Values


class _Block:
    """One track: everybody's quick movement in both dimensions, and their spectra, which never change."""

    def __init__(self, table: TrackRatings, place: Mapping[str, int]) -> None:
        self.columns = np.array([place[name] for name in table.annotators])
        self.moves = np.stack([quick(table.valence).T, quick(table.arousal).T])  # [2, annotators, steps]

    def others(self, own: _Own) -> Values:
        """Return the mean of the others, each moved by the lag and weighted, [2, annotators, steps]."""
        steps = np.round(own.lag[self.columns] * RATE_HZ).astype(int)
        weight = np.clip(own.correlation[self.columns], 0.0, 1.0)[None, :, None]
        moved = np.stack([_earlier(self.moves[:, one], steps[one]) for one in range(len(steps))], axis=1)
        known = ~np.isnan(moved) * weight
        filled = np.where(np.isnan(moved), 0.0, moved) * weight
        count = known.sum(axis=1, keepdims=True) - known
        total = filled.sum(axis=1, keepdims=True) - filled
        mean: Values = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 1e-6)
        return mean


def _earlier(series: Values, steps: int) -> Values:
    moved = np.full(series.shape, np.nan)
    length = series.shape[-1]
    if abs(steps) < length:
        to, of = slice(max(-steps, 0), length - max(steps, 0)), slice(max(steps, 0), length - max(-steps, 0))
        moved[..., to] = series[..., of]
    return moved


def _round(blocks: list[_Block], own: _Own) -> _Own:
    """Estimate every lag anew, the others moved by the lags of the round before."""
    parts = np.zeros((len(own.lag), _FOLDS, 3, 2 * _REACH + 1))
    for number, block in enumerate(blocks):
        both = covariances(block.moves, block.others(own))  # [3, 2, annotators, lags]
        parts[block.columns, number % _FOLDS] += both.sum(axis=1).transpose(1, 0, 2)
    found = np.array([_with_error(part) for part in parts]).reshape(-1, 3)
    lags, errors, peaks = found.T
    told = np.isfinite(lags)
    lags = np.where(told, lags - (np.median(lags[told]) if told.any() else 0.0), 0.0)
    return _Own(lags, np.where(told, errors, np.nan), np.where(told, peaks, 0.0))


def _behind(
    tables: list[TrackRatings], place: Mapping[str, int], lags: Values, reference: Mapping[str, Curve]
) -> tuple[float | None, float]:
    """Return the lag of everybody's mean arousal behind the curve of the music, and its standard error."""
    parts = np.zeros((_FOLDS, 3, 2 * _REACH + 1))
    compared = [table for table in tables if table.track in reference]
    for number, table in enumerate(compared):
        steps = np.round([lags[place[name]] * RATE_HZ for name in table.annotators]).astype(int)
        moves = quick(table.arousal).T
        moved = np.stack([_earlier(one, step) for one, step in zip(moves, steps, strict=True)])
        known = ~np.isnan(moved)
        count = known.sum(axis=0)
        mean = np.divide(
            np.where(known, moved, 0.0).sum(axis=0), count, out=np.full(len(count), np.nan), where=count > 0
        )
        times, values = reference[table.track]
        middles = (np.arange(len(mean)) + 0.5) / RATE_HZ
        curve = np.interp(middles, times, values, right=np.nan)
        parts[number % _FOLDS] += covariances(mean[None], quick(curve[:, None]).T)[:, 0]
    # People do not answer before they hear: only lags of 0 and more are looked at.
    lag, error, peak = _with_error(parts, first=_REACH)
    believed = np.isfinite(lag) and error <= LARGEST_ERROR_S and peak >= LEAST_CORRELATION
    return (lag, error) if believed else (None, np.nan)


def quick(series: Values) -> Values:
    """Take the running mean of 20 s off each column, [steps, columns]; what is unknown stays so."""
    half = round(_SLOW_S * RATE_HZ / 2)
    known = ~np.isnan(series)
    start = np.zeros((1, series.shape[1]))
    total = np.concatenate([start, np.cumsum(np.where(known, series, 0.0), axis=0)])
    count = np.concatenate([start, np.cumsum(known, axis=0)])
    low = np.maximum(np.arange(len(series)) - half, 0)
    high = np.minimum(np.arange(len(series)) + half + 1, len(series))
    moved: Values = series - (total[high] - total[low]) / np.maximum(count[high] - count[low], 1)
    return moved


def covariances(series: Values, other: Values) -> Values:
    """Return what correlation at each lag is made of, over the steps at which both are known.

    Args:
        series: float64 [..., steps], NaN where unknown; it follows `other` by the lag.
        other: float64 [..., steps].

    Returns:
        float64 [3, ..., lags]: sums of products and of squares of both, each less the means over the
        overlap, for lags from -8 to 8 s.
    """
    steps = series.shape[-1]
    size = 1 << int(np.ceil(np.log2(steps + _REACH + 1)))
    known, of = ~np.isnan(series), ~np.isnan(other)
    x, y = np.where(known, series, 0.0), np.where(of, other, 0.0)
    left = [np.fft.rfft(part, size) for part in (known.astype(np.float64), x, x * x)]
    right = [np.conj(np.fft.rfft(part, size)) for part in (of.astype(np.float64), y, y * y)]

    def at_lags(first: int, second: int) -> Values:
        whole = np.fft.irfft(left[first] * right[second], size)
        picked: Values = np.concatenate([whole[..., -_REACH:], whole[..., : _REACH + 1]], axis=-1)
        return picked

    count = np.maximum(at_lags(0, 0), 1.0)
    sum_x, sum_y = at_lags(1, 0), at_lags(0, 1)
    return np.stack(
        [
            at_lags(1, 1) - sum_x * sum_y / count,
            at_lags(2, 0) - sum_x**2 / count,
            at_lags(0, 2) - sum_y**2 / count,
        ]
    )


def _with_error(parts: Values, first: int = 0) -> tuple[float, float, float]:
    """Return lag, its standard error and the correlation at it from [folds, 3, lags], by jackknife.

    NaN where there is no peak. The error is infinite where the correlation is not clear of its own error.
    """
    used = parts[parts[:, 1].sum(axis=1) > 0]
    whole = used.sum(axis=0)
    lag, peak = _highest(whole, first)
    if not np.isfinite(lag) or len(used) < 2:
        return lag, np.nan, peak
    rest = [whole - fold for fold in used]
    without = np.array([_highest(part, first)[0] for part in rest])
    place = round(lag * RATE_HZ) + _REACH
    correlations = np.array([_correlation(part)[place] for part in rest])
    error, doubt = (
        np.sqrt((len(used) - 1) * np.mean((one - one.mean()) ** 2)) for one in (without, correlations)
    )
    clear = np.isfinite(error) and peak >= CLEAR * doubt
    return lag, float(error) if clear else np.inf, peak


def _correlation(part: Values) -> Values:
    below = np.sqrt(np.maximum(part[1], 0.0) * np.maximum(part[2], 0.0))
    found: Values = np.divide(part[0], below, out=np.full(below.shape, -1.0), where=below > 1e-12)
    return found


def _highest(part: Values, first: int) -> tuple[float, float]:
    """Return the lag of the highest correlation, by a parabola through it and its neighbours."""
    r = _correlation(part)[first:]
    top = int(np.argmax(r))
    if r[top] <= 0 or top == len(r) - 1 or (top == 0 and first == 0):
        return np.nan, np.nan
    below, above = (r[top - 1], r[top + 1]) if top else (r[1], r[1])
    bend = below - 2 * r[top] + above
    shift = 0.5 * (below - above) / bend if bend < 0 else 0.0
    return float((top + first - _REACH + shift) / RATE_HZ), float(r[top])

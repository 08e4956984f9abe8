"""Splits in which no song, artist or series lies on both sides, and the two classes stay balanced.

All of them are seeded: the same tracks, in any order, and the same seed give the same split.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from damer.core.errors import DamerError
from damer.core.track import DIMENSIONS, Dimension, Track

TEST_FRACTION = 0.3  # 70/30, section IV.B of the paper
VALIDATION_FRACTION = 0.15

Stratum = Dimension | Literal["both"]


@dataclass(frozen=True)
class Split:
    """Track ids of two parts; together every track, each exactly once, in the order they were given."""

    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class SegmentSplit:
    """`(track id, second)` of two parts. Seconds of one track lie on both sides: it measures leakage."""

    train: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]


def track_split(
    tracks: Sequence[Track],
    dimension: Stratum = "both",
    seed: int = 0,
    test_fraction: float = TEST_FRACTION,
) -> Split:
    """Split tracks at random, whole groups at a time, with each corpus's classes in proportion.

    Args:
        tracks: All tracks; variants of one track share its group and so its side.
        dimension: Whose classes are kept in proportion; "both" keeps the four quadrants.
        seed: Of the random order.
        test_fraction: Share of the tracks in the test part, in (0, 1).

    Raises:
        DamerError: fewer than two groups, an id twice, or a fraction outside (0, 1).
    """
    if not 0 < test_fraction < 1:
        raise DamerError(f"test fraction {test_fraction} is not between 0 and 1")
    parts = _assign(tracks, dimension, seed, np.array([1 - test_fraction, test_fraction]))
    return _split(tracks, parts, test_part=1)


def grouped_folds(
    tracks: Sequence[Track], k: int = 5, dimension: Stratum = "both", seed: int = 0
) -> list[Split]:
    """Return `k` splits; each track is in the test part of exactly one, whole groups at a time.

    Raises:
        DamerError: `k` < 2, more folds than groups, or an id twice.
    """
    if k < 2:
        raise DamerError(f"{k} folds: at least 2 are needed")
    parts = _assign(tracks, dimension, seed, np.full(k, 1 / k))
    return [_split(tracks, parts, test_part=fold) for fold in range(k)]


def validation_part(
    tracks: Sequence[Track],
    dimension: Stratum = "both",
    seed: int = 0,
    fraction: float = VALIDATION_FRACTION,
) -> Split:
    """Take a validation part (the result's `test`) out of the training tracks, as `track_split` does."""
    return track_split(tracks, dimension, seed, fraction)


def segment_split(
    seconds: Mapping[str, int],
    seed: int = 0,
    test_fraction: float = TEST_FRACTION,
    classes: Mapping[str, Sequence[int]] | None = None,
) -> SegmentSplit:
    """Split single seconds at random, as the paper's authors do: there to measure how much leakage flatters.

    Args:
        seconds: Number of stored seconds of each track id.
        seed: Of the random order.
        test_fraction: Share of the seconds in the test part, in (0, 1).
        classes: Class of each second of each track; each class is then divided in proportion.

    Raises:
        DamerError: fewer than two seconds, or a fraction outside (0, 1).
    """
    rows = [(track, second) for track in sorted(seconds) for second in range(seconds[track])]
    if not 0 < test_fraction < 1 or len(rows) < 2:
        raise DamerError(f"cannot split {len(rows)} seconds with a test fraction of {test_fraction}")
    count = min(max(round(test_fraction * len(rows)), 1), len(rows) - 1)
    order = np.random.default_rng(seed).permutation(len(rows))
    if classes is not None:
        order = _in_proportion(order, np.array([classes[track][second] for track, second in rows]))
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[order[:count]] = True
    return SegmentSplit(
        train=tuple(row for row, test in zip(rows, chosen, strict=True) if not test),
        test=tuple(row for row, test in zip(rows, chosen, strict=True) if test),
    )


def _in_proportion(order: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return a random order so mixed that any first part of it holds each class in proportion."""
    place = np.empty(len(order))
    for one in np.unique(classes):
        own = order[classes[order] == one]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    mixed: npt.NDArray[np.int64] = order[np.argsort(place[order], kind="stable")]
    return mixed


def contiguous_split(rows: int, test_fraction: float = TEST_FRACTION) -> int:
    """Cut rows that stay in their order: the first part is trained on, the rest tested on.

    Args:
        rows: How many there are.
        test_fraction: Share of the rows in the test part, in (0, 1).

    Returns:
        Number of rows trained on; those behind them are tested on.

    Raises:
        DamerError: fewer than two rows, or a fraction outside (0, 1).
    """
    if not 0 < test_fraction < 1 or rows < 2:
        raise DamerError(f"cannot split {rows} seconds with a test fraction of {test_fraction}")
    return min(max(rows - round(test_fraction * rows), 1), rows - 1)


def thresholds(tracks: Sequence[Track], dimension: Dimension, train_ids: Iterable[str]) -> dict[str, float]:
    """Return for each corpus the label above which a track counts as high.

    A corpus whose tracks say `threshold="train_median"` gets the median over its labelled training tracks
    (each piece once, whatever the number of its variants); all others get 0.

    Raises:
        DamerError: a corpus needs a median and has no labelled training track.
    """
    chosen = set(train_ids)
    result: dict[str, float] = {}
    for corpus in sorted({track.corpus for track in tracks}):
        members = [track for track in tracks if track.corpus == corpus]
        if all(track.threshold == "zero" for track in members):
            result[corpus] = 0.0
            continue
        labels = {track.base_id: track.label(dimension) for track in members if track.id in chosen}
        known = [label for label in labels.values() if label is not None]
        if not known:
            raise DamerError(f"{corpus}: no labelled training track to take the median {dimension} of")
        result[corpus] = float(np.median(known))
    return result


def binary_labels(tracks: Sequence[Track], dimension: Dimension, train_ids: Iterable[str]) -> dict[str, int]:
    """Return 1 (high, positive) or 0 for each labelled track: label > its corpus's threshold.

    Only tracks in `train_ids` have a say in where a threshold lies. Unlabelled tracks are left out.
    """
    borders = thresholds(tracks, dimension, train_ids)
    labels = {track.id: (track.corpus, track.label(dimension)) for track in tracks}
    return {
        name: int(label > borders[corpus]) for name, (corpus, label) in labels.items() if label is not None
    }


def _split(tracks: Sequence[Track], parts: Mapping[str, int], test_part: int) -> Split:
    return Split(
        train=tuple(track.id for track in tracks if parts[track.id] != test_part),
        test=tuple(track.id for track in tracks if parts[track.id] == test_part),
    )


def _strata(tracks: Sequence[Track], dimension: Stratum) -> list[tuple[str, ...]]:
    """The class of each track for balancing: corpus and label side.

    The median over *all* tracks serves here: it decides only which tracks are spread evenly, never a label.
    """
    dimensions = DIMENSIONS if dimension == "both" else (dimension,)
    sides: list[dict[str, int]] = []
    for one in dimensions:
        labelled = [track for track in tracks if track.label(one) is not None]
        sides.append(binary_labels(labelled, one, [track.id for track in labelled]) if labelled else {})
    return [(track.corpus, *(str(side.get(track.id)) for side in sides)) for track in tracks]


def _assign(
    tracks: Sequence[Track], dimension: Stratum, seed: int, shares: npt.NDArray[np.float64]
) -> dict[str, int]:
    """Return the part of each track id: whole groups, class counts as near to `shares` as found."""
    ordered = sorted(tracks, key=lambda track: track.id)
    if len({track.id for track in ordered}) < len(ordered):
        raise DamerError("a track id appears twice; ids must be unique to be split")
    keys = [(track.corpus, track.group) for track in ordered]
    groups = {key: row for row, key in enumerate(sorted(set(keys)))}
    if len(groups) < len(shares):
        raise DamerError(
            f"{len(groups)} groups cannot be split into {len(shares)} parts; "
            "a group (artist, song or series) is never divided, so more groups are needed"
        )
    strata = _strata(ordered, dimension)
    columns = {stratum: column for column, stratum in enumerate(sorted(set(strata)))}
    counts = np.zeros((len(groups), len(columns)))
    for key, stratum in zip(keys, strata, strict=True):
        counts[groups[key], columns[stratum]] += 1
    parts = balanced_parts(counts, shares, seed)
    return {track.id: int(parts[groups[key]]) for track, key in zip(ordered, keys, strict=True)}


def balanced_parts(
    counts: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], seed: int
) -> npt.NDArray[np.intp]:
    """Give each group a part so that every class is divided as `shares` says.

    Greedy, largest groups first, in the manner of scikit-learn's StratifiedGroupKFold; then single groups
    are moved while that helps. What is made small is the sum over parts and classes of
    (count − share · class total)² / (share · class total): a chi-squared distance to the wanted table.

    Args:
        counts: Tracks of each class in each group [groups, classes]; at least as many groups as parts.
        shares: Wanted share of each part [parts], summing to 1.
        seed: Of the order among groups of one size.

    Returns:
        The part of each group [groups]; no part is empty.
    """
    wanted = shares[:, None] * counts.sum(axis=0)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    held = np.zeros_like(wanted)
    parts = np.full(len(counts), -1)
    for done, group in enumerate(order):
        cost = _change(held, wanted, counts[group])
        empty = np.setdiff1d(np.arange(len(shares)), parts)
        if len(empty) == len(counts) - done:  # as many groups left as empty parts: each must get one
            cost[np.setdiff1d(np.arange(len(shares)), empty)] = np.inf
        parts[group] = np.argmin(cost)
        held[parts[group]] += counts[group]
    _improve(parts, counts, held, wanted)
    return parts


def _change(
    held: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], group: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Growth of the distance when `group` joins each part [parts]."""
    cost: npt.NDArray[np.float64] = (group * (2 * (held - wanted) + group) / wanted).sum(axis=1)
    return cost


def _improve(
    parts: npt.NDArray[np.intp],
    counts: npt.NDArray[np.float64],
    held: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.float64],
) -> None:
    """Move single groups, in place, until no move brings the table nearer to the wanted one."""
    moved = True
    while moved:
        moved = False
        for group in range(len(counts)):
            home = parts[group]
            if (parts == home).sum() == 1:
                continue
            held[home] -= counts[group]
            cost = _change(held, wanted, counts[group])
            best = int(np.argmin(cost))
            # The margin keeps rounding from moving a group to and fro for ever.
            if cost[best] < cost[home] - 1e-9:
                parts[group], moved = best, True
            held[parts[group]] += counts[group]

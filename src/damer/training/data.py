"""Which seconds are trained on, validated on and tested on, and the batches of one epoch.

Every random choice is a function of (seed, epoch) or (seed, step) alone, so a resumed run needs no sampler
state but its position.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from damer.core.errors import DamerError
from damer.core.track import Dimension, Track
from damer.datasets import splits
from damer.training.bank import Bank, IntArray
from damer.training.config import TrainingConfig

# One number for each use of randomness, so that no two draws of a seed coincide.
_SHUFFLE, _POOL, _FRACTION = 1, 2, 3
LONGEST_SEQUENCE = 60  # seconds of a track that are seen at once


class Batch(NamedTuple):
    """What one step of training sees.

    Attributes:
        mel: token features float16 [B + U, 128, F]; the first B rows are labelled, the other U are not.
        cochleagram: token features float16 [B + U, 84, G].
        target: share of class 1, float32 [B]; 0 or 1 unless labels are soft.
        label: class, int64 [B].
        corpus: number of the row's corpus, int64 [B].
        pool_truth: class of the unlabelled rows where it is known (hidden from the loss), else -1, int64 [U].
        track: number of the labelled row's track, int64 [B].
        track_label: class of that track, -1 where unknown, int64 [B].
    """

    mel: Tensor
    cochleagram: Tensor
    target: Tensor
    label: Tensor
    corpus: Tensor
    pool_truth: Tensor
    track: Tensor
    track_label: Tensor


@dataclass(frozen=True)
class Parts:
    """Rows of the bank by their use.

    Attributes:
        train: labelled rows to train on, renders included.
        pool: rows trained on without their label.
        validation: rows that choose the epoch and the calibration temperature.
        test: rows reported.
        labels: class of each row of the bank, -1 where unknown, int64 [rows].
        targets: share of class 1 of each row, float32 [rows]; NaN where unknown.
        track_labels: class of each track, -1 where unknown, int64 [tracks].
        thresholds: label value above which a corpus's track is in class 1.
    """

    train: IntArray
    pool: IntArray
    validation: IntArray
    test: IntArray
    labels: NDArray[np.int64]
    targets: NDArray[np.float32]
    track_labels: NDArray[np.int64]
    thresholds: dict[str, float] = field(default_factory=dict)


def split_ids(tracks: Sequence[Track], dimension: Dimension, config: TrainingConfig) -> splits.Split:
    """Return the ids to train on and to test on: the 70/30 split of the labelled tracks, grouped."""
    labelled = [track for track in tracks if track.label(dimension) is not None]
    return splits.track_split(labelled, dimension, config.seed, config.test_fraction)


def make_parts(
    bank: Bank,
    dimension: Dimension,
    config: TrainingConfig,
    test_ids: Sequence[str],
    member: int = 0,
) -> Parts:
    """Divide the bank's rows for one network.

    Args:
        bank: features of all tracks, renders and unlabelled tracks included.
        dimension: arousal or valence.
        config: the training's settings.
        test_ids: tracks to report; everything of their groups is kept out of training.
        member: number of the network in its ensemble, from 0.

    Raises:
        DamerError: no labelled track is left to train on, or only one class.
    """
    tested = set(test_ids)
    closed = {_group(track) for track in bank.tracks if track.id in tested}
    open_tracks = [track for track in bank.tracks if _group(track) not in closed]
    labelled = [track for track in open_tracks if track.label(dimension) is not None]
    if not labelled:
        raise DamerError(f"no track with a label of {dimension} is left to train on")
    validation_ids = _validation_ids(labelled, dimension, config, member)
    held = {_group(track) for track in labelled if track.id in validation_ids}
    trained = [track for track in labelled if _group(track) not in held]
    keeping = _keep_labels(trained, dimension, config)
    train_ids = {track.id for track in trained if _group(track) in keeping and _usable(track, config)}
    pool_ids = {
        track.id for track in open_tracks if _group(track) not in held and track.id not in train_ids
    } - {track.id for track in trained if _group(track) in keeping}
    borders = splits.thresholds([*bank.tracks], dimension, sorted(train_ids))
    parts = rows_and_labels(bank, dimension, config, borders)
    parts = replace(
        parts,
        train=_rows(bank, train_ids),
        pool=_rows(bank, {name for name in pool_ids if _usable(bank.tracks[bank.place[name]], config)}),
        validation=_rows(bank, {name for name in validation_ids if _is_original(bank, name)}),
        test=_rows(bank, {name for name in tested if _is_original(bank, name)}),
    )
    require_both_classes(parts, dimension)
    return parts


def make_segment_parts(bank: Bank, dimension: Dimension, config: TrainingConfig) -> Parts:
    """Divide single seconds at random, seconds of one track on both sides: there to measure the leakage."""
    tracks = [t for t in bank.tracks if t.label(dimension) is not None and t.variant == 0]
    seconds = {track.id: len(bank.rows_of(bank.place[track.id])) for track in tracks}
    borders = splits.thresholds([*bank.tracks], dimension, sorted(seconds))
    empty = rows_and_labels(bank, dimension, config, borders)
    classes_of = {name: empty.labels[bank.rows_of(bank.place[name])].tolist() for name in seconds}
    outer = splits.segment_split(seconds, config.seed, config.test_fraction, classes_of)

    def rows(pairs: Sequence[tuple[str, int]]) -> IntArray:
        found = [int(bank.starts[bank.place[name]]) + second for name, second in pairs]
        return np.array(sorted(found), dtype=np.int64)

    train, test = rows(outer.train), rows(outer.test)
    held = np.zeros(len(train), dtype=bool)
    count = round(config.validation_fraction * len(train))
    held[np.random.default_rng([config.seed, _FRACTION]).permutation(len(train))[:count]] = True
    parts = replace(
        empty,
        train=train[~held],
        validation=train[held],
        test=test,
    )
    require_both_classes(parts, dimension)
    return parts


def _group(track: Track) -> tuple[str, str]:
    return track.corpus, track.group


def _usable(track: Track, config: TrainingConfig) -> bool:
    return config.renders or track.variant == 0


def _is_original(bank: Bank, name: str) -> bool:
    return bank.tracks[bank.place[name]].variant == 0


def _validation_ids(
    labelled: list[Track], dimension: Dimension, config: TrainingConfig, member: int
) -> set[str]:
    if config.validation_fraction == 0:
        return set()
    seed = config.seed + (member if config.validation_rotates else 0)
    if len({_group(track) for track in labelled}) < 2:
        raise DamerError(
            "one group of tracks is left to train on, and a validation part needs another: add tracks of "
            "other groups, or set validation_fraction=0 and select=last (groups are artists, songs or series)"
        )
    return set(splits.validation_part(labelled, dimension, seed, config.validation_fraction).test)


def _keep_labels(trained: list[Track], dimension: Dimension, config: TrainingConfig) -> set[tuple[str, str]]:
    """Return the groups that keep their labels, stratified as every split is."""
    if config.label_fraction == 1:
        return {_group(track) for track in trained}
    chosen = set(splits.track_split(trained, dimension, config.seed, config.label_fraction).test)
    return {_group(track) for track in trained if track.id in chosen}


def _rows(bank: Bank, names: set[str]) -> IntArray:
    chosen = np.array([track.id in names for track in bank.tracks], dtype=bool)
    return np.flatnonzero(chosen[bank.track_of_row]).astype(np.int64)


def rows_and_labels(
    bank: Bank, dimension: Dimension, config: TrainingConfig, borders: dict[str, float]
) -> Parts:
    """Return parts without a row yet, but with the class of every row and track."""
    border = np.array([borders[track.corpus] for track in bank.tracks])
    values = bank.values(dimension, per_second=config.labels == "second")
    labels, targets = classes(values, border[bank.track_of_row], config.soft_label_width)
    track_labels, _ = classes(bank.track_values(dimension), border, 0.0)
    empty = np.empty(0, dtype=np.int64)
    return Parts(empty, empty, empty, empty, labels, targets, track_labels, borders)


def classes(
    values: NDArray[np.float64], border: NDArray[np.float64], soft_width: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the class of each value (-1 for NaN) and its share of class 1 (NaN for NaN).

    A value is in class 1 above its border; its share is that class, or sigmoid((value - border) / width).
    """
    known = ~np.isnan(values)
    label = np.where(known, values > border, -1).astype(np.int64)
    if soft_width > 0:
        share = 1 / (1 + np.exp(-np.clip((values - border) / soft_width, -50, 50)))
    else:
        share = np.where(known, label, np.nan)
    return label, share.astype(np.float32)


def require_both_classes(parts: Parts, dimension: Dimension) -> None:
    """Refuse a training part that is empty or has one class only."""
    if not len(parts.train):
        raise DamerError(f"no second with a label of {dimension} is left to train on")
    found = np.unique(parts.labels[parts.train])
    if len(found) < 2:
        only = {0: "low" if dimension == "arousal" else "negative", 1: "high"}
        if dimension == "valence":
            only[1] = "positive"
        raise DamerError(
            f"every training second is {only[int(found[0])]} in {dimension}: "
            f"both classes are needed, add tracks of the other"
        )


class Sampler:
    """Draws the rows of each epoch.

    Args:
        bank: all features.
        parts: which rows are for training.
        config: segments_per_track, balance, batch_size, unlabelled_batch, pseudo_labels.
        seed: seed of this network.
        sequences: batches of whole tracks, seconds in order, instead of single seconds; as many seconds an
            epoch. A track longer than `LONGEST_SEQUENCE` comes in pieces.
    """

    def __init__(
        self, bank: Bank, parts: Parts, config: TrainingConfig, seed: int, sequences: bool = False
    ) -> None:
        self.bank, self.parts, self.config, self.seed = bank, parts, config, seed
        self.sequences = sequences
        use_pool = config.pseudo_labels != "batch" and config.lambda_pseudo_label > 0 and not sequences
        self.pool = parts.pool if use_pool else parts.pool[:0]
        if config.pseudo_labels == "unlabelled" and not len(parts.pool):
            raise DamerError(
                'pseudo_labels = "unlabelled" needs an unlabelled pool: give --unlabelled STORE or '
                "--label-fraction below 1"
            )
        by_base: dict[str, list[IntArray]] = {}
        owners: dict[str, int] = {}
        of_row = bank.track_of_row[parts.train]
        for number in np.unique(of_row):
            track = bank.tracks[int(number)]
            by_base.setdefault(track.base_id, []).append(parts.train[of_row == number])
            owners.setdefault(track.base_id, int(number))
        self.pieces = list(by_base.values())
        names = sorted({bank.tracks[number].corpus for number in owners.values()})
        numbers = {name: place for place, name in enumerate(names)}
        self.corpus = np.array([numbers.get(track.corpus, -1) for track in bank.tracks], dtype=np.int64)
        self.weights = _piece_weights(bank, parts, list(owners.values()), config)

    def epoch(self, epoch: int) -> list[IntArray]:
        """Return the rows of each batch of an epoch: one render of each piece, its seconds shuffled."""
        generator = np.random.default_rng([self.seed, epoch, _SHUFFLE])
        if self.weights is None:
            chosen = np.arange(len(self.pieces))
        else:
            chosen = generator.choice(len(self.pieces), len(self.pieces), p=self.weights)
        if self.sequences:
            return self._whole_tracks(generator.permutation(chosen), generator)
        rows = np.concatenate([self._draw(self.pieces[number], generator) for number in chosen])
        generator.shuffle(rows)
        # Batches of nearly equal size, so that the last one is not a noisy handful.
        return np.array_split(rows, max(1, round(len(rows) / self.config.batch_size)))

    def _whole_tracks(self, chosen: IntArray, generator: np.random.Generator) -> list[IntArray]:
        """Return batches of tracks until they hold as many seconds as an epoch of single seconds does."""
        renders = [self.pieces[number][generator.integers(len(self.pieces[number]))] for number in chosen]
        left = sum(min(len(rows), self.config.segments_per_track or len(rows)) for rows in renders)
        batches: list[list[IntArray]] = [[]]
        for rows in renders:
            if left <= 0:
                break
            left -= len(rows)
            if sum(map(len, batches[-1])) + len(rows) // 2 > self.config.batch_size:
                batches.append([])
            batches[-1].append(rows)
        return [np.concatenate(batch) for batch in batches if batch]

    def _draw(self, renders: list[IntArray], generator: np.random.Generator) -> IntArray:
        rows = renders[generator.integers(len(renders))] if len(renders) > 1 else renders[0]
        count = self.config.segments_per_track
        if not count or len(rows) <= count:
            return rows
        return generator.choice(rows, count, replace=False)

    def batch(self, rows: IntArray, step: int) -> Batch:
        """Return the batch of some rows with, where there is a pool, unlabelled rows drawn for this step."""
        pool = self.pool
        if len(pool):
            count = self.config.unlabelled_batch or len(rows)
            generator = np.random.default_rng([self.seed, step, _POOL])
            pool = pool[generator.integers(len(pool), size=count)]
        mel, cochleagram = self.bank.gather(np.concatenate([rows, pool]))
        place = self.bank.device
        return Batch(
            mel,
            cochleagram,
            torch.from_numpy(self.parts.targets[rows]).to(place),
            torch.from_numpy(self.parts.labels[rows]).to(place),
            torch.from_numpy(self.corpus[self.bank.track_of_row[rows]]).to(place),
            torch.from_numpy(self.parts.labels[pool]).to(place),
            torch.from_numpy(self.bank.track_of_row[rows]).to(place),
            torch.from_numpy(self.parts.track_labels[self.bank.track_of_row[rows]]).to(place),
        )


def sequence_starts(track: IntArray) -> IntArray:
    """Return where each sequence of rows begins, and the number of rows.

    Args:
        track: number of each row's track [N]; rows of one track stand together, in order.

    Returns:
        int64 [sequences + 1]; a sequence is of one track and at most `LONGEST_SEQUENCE` long.
    """
    borders = np.flatnonzero(np.diff(track, prepend=-1, append=-1))
    starts = [np.arange(first, last, LONGEST_SEQUENCE) for first, last in pairwise(borders)]
    return np.concatenate([*starts, [len(track)]]).astype(np.int64)


def _piece_weights(
    bank: Bank, parts: Parts, owners: list[int], config: TrainingConfig
) -> NDArray[np.float64] | None:
    """Return the probability of drawing each piece, None for each once."""
    if config.balance == "none":
        return None
    keys = []
    for number in owners:
        corpus = bank.tracks[number].corpus if "corpus" in config.balance else ""
        keys.append((corpus, int(parts.track_labels[number]) if "class" in config.balance else 0))
    counts = {key: keys.count(key) for key in keys}
    weights = np.array([counts[key] ** -config.balance_power for key in keys])
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def chunks(rows: IntArray, size: int) -> Iterator[IntArray]:
    """Yield rows in order, `size` at a time."""
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def standardisation(bank: Bank, rows: IntArray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return mean and standard deviation of each token feature over some rows (the training part's).

    Returns:
        (mel mean, mel deviation [128, F], cochleagram mean, cochleagram deviation [84, G]), float32; a
        feature that does not vary gets deviation 1.
    """
    sums: list[Tensor | None] = [None] * 4
    for chosen in chunks(rows, 1024):
        for view, features in enumerate(bank.gather(chosen)):
            values = features.double()
            for place, moment in ((2 * view, values.sum(0)), (2 * view + 1, values.square().sum(0))):
                known = sums[place]
                sums[place] = moment if known is None else known + moment
    result = []
    for view in (0, 1):
        total, squares = sums[2 * view], sums[2 * view + 1]
        if total is None or squares is None:
            raise DamerError("the training part is empty")
        mean = total / len(rows)
        deviation = (squares / len(rows) - mean.square()).clamp(min=0).sqrt()
        flat = deviation < 1e-4 * (1 + mean.abs())
        result += [mean.float(), torch.where(flat, torch.ones_like(deviation), deviation).float()]
    return result[0], result[1], result[2], result[3]

"""How a collection is divided into training, validation and test part, and a watch on what leaks.

`track`
:   Whole groups (artist, song, series) stand on one side. The only protocol whose figures speak of new music.

`segment`
:   Single seconds at random, as the published code of the paper's authors does: there to measure the leakage.

`contiguous`
:   The first 70 % of the seconds, in the order of the tracks, as the code published with Memo2496 does.

Whatever the protocol, the epoch is chosen on a validation part that comes out of the training part.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from damer.core.errors import DamerError
from damer.core.track import Dimension, Track
from damer.datasets import splits
from damer.datasets.shared_songs import refuse_shared_songs
from damer.training.bank import Bank, IntArray
from damer.training.config import TrainingConfig
from damer.training.data import (
    Parts,
    make_parts,
    make_segment_parts,
    require_both_classes,
    rows_and_labels,
)

LEAKY = {
    "segment": "split=segment: seconds of one track stand on both sides, so these figures flatter; they say "
    "nothing of new music",
    "contiguous": "split=contiguous: one artist (or track) may stand on both sides, so these figures flatter",
}


def divide(
    bank: Bank, dimension: Dimension, config: TrainingConfig, test_ids: Sequence[str], member: int = 0
) -> Parts:
    """Divide the bank's rows for one network as `config.split` says, and refuse what leaks.

    Args:
        bank: features of all tracks, renders and unlabelled tracks included.
        dimension: arousal or valence.
        config: the training's settings.
        test_ids: tracks to report under the protocol `track`; the others choose their own seconds.
        member: number of the network in its ensemble, from 0.

    Raises:
        DamerError: the division leaks (`refuse_leak`), two corpora hold the same songs, or too little is left
            to train on.
    """
    refuse_shared_songs(bank.tracks)
    if config.split == "segment":
        parts = make_segment_parts(bank, dimension, config)
    elif config.split == "contiguous":
        parts = make_contiguous_parts(bank, dimension, config)
    else:
        parts = make_parts(bank, dimension, config, test_ids, member)
    refuse_leak(bank, parts, config.split)
    return parts


def make_contiguous_parts(bank: Bank, dimension: Dimension, config: TrainingConfig) -> Parts:
    """Train on the first rows and test on the last, in the order of the collection; validate in between.

    The rows are the seconds of the labelled originals. The cut falls wherever it falls, so one track may
    stand on both sides of it, and an artist may too.

    Raises:
        DamerError: too few seconds, or only one class among those trained on.
    """
    chosen = [
        number
        for number, track in enumerate(bank.tracks)
        if track.variant == 0 and track.label(dimension) is not None
    ]
    found = [bank.rows_of(number) for number in chosen]
    rows: IntArray = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
    cut = splits.contiguous_split(len(rows), config.test_fraction)
    training = rows[:cut]
    kept = len(training) - round(config.validation_fraction * len(training))
    names = {bank.tracks[int(number)].id for number in np.unique(bank.track_of_row[training])}
    borders = splits.thresholds([*bank.tracks], dimension, sorted(names))
    parts = replace(
        rows_and_labels(bank, dimension, config, borders),
        train=training[:kept],
        validation=training[kept:],
        test=rows[cut:],
    )
    require_both_classes(parts, dimension)
    return parts


def refuse_leak(bank: Bank, parts: Parts, split: str) -> None:
    """Refuse a division whose test part was also given to the training.

    No row may be used twice. Under the protocol `track` no group (its renders and variants included) and no
    sound file may stand on both sides: not among the rows trained on, with or without their label, nor among
    those that choose the epoch.

    Raises:
        DamerError: naming what was found on both sides.
    """
    learnt = np.concatenate([parts.train, parts.pool, parts.validation])
    if np.intersect1d(learnt, parts.test).size or np.intersect1d(parts.train, parts.validation).size:
        raise DamerError(f"split={split}: leak: a second is used for two parts; give each one use only")
    if split != "track" or not len(parts.test):
        return
    sides = [_tracks(bank, rows) for rows in (learnt, parts.test)]
    keys: dict[str, Callable[[int], str]] = {
        "of the same group": lambda number: "\n".join(_group(bank.tracks[number])),
        "renders of the same piece": lambda number: bank.tracks[number].base_id,
        "made from the same sound file": bank.source_of,
    }
    for what, key in keys.items():
        trained, tested = ({key(number): number for number in side} for side in sides)
        both = sorted((trained.keys() & tested.keys()) - {""})
        if both:
            one, other = (bank.tracks[side[both[0]]].id for side in (trained, tested))
            raise DamerError(
                f"leak: {one} is trained on and {other} is tested on, and they are {what} ({len(both)} such "
                "cases): give both one group, or leave one out"
            )


def _tracks(bank: Bank, rows: IntArray) -> list[int]:
    return [int(number) for number in np.unique(bank.track_of_row[rows])]


def _group(track: Track) -> tuple[str, str]:
    return track.corpus, track.group

"""The released splits: whole groups on one side, the four quadrants of the plane in proportion, seeded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from damer.core.track import Track
from damer.datasets.release_tables import SPLIT_NAMES
from damer.datasets.splits import (
    TEST_FRACTION,
    VALIDATION_FRACTION,
    grouped_folds,
    track_split,
    validation_part,
)

FOLDS = 5


@dataclass(frozen=True)
class Division:
    """Where each track goes.

    Attributes:
        split: train, validation or test of each track id.
        fold: In which fold a track is tested, from 0, by its id.
        folds: How many folds there are; 1 where nothing can be divided.
        seed: Of the random order.
    """

    split: dict[str, str]
    fold: dict[str, int]
    folds: int
    seed: int

    def counts(self) -> dict[str, int]:
        """Return the number of tracks in each split, also where it is 0."""
        given = list(self.split.values())
        return {name: given.count(name) for name in SPLIT_NAMES}

    def split_record(self) -> dict[str, Any]:
        """Return what `splits/split.json` holds."""
        parts = {name: [track for track in self.split if self.split[track] == name] for name in SPLIT_NAMES}
        shares = {"test_fraction": TEST_FRACTION, "validation_fraction_of_the_rest": VALIDATION_FRACTION}
        return {"seed": self.seed, **shares, **parts}

    def fold_record(self) -> dict[str, Any]:
        """Return what `splits/folds.json` holds: the test part of each fold."""
        tests = [[track for track in self.fold if self.fold[track] == number] for number in range(self.folds)]
        return {"seed": self.seed, "folds": [{"test": test} for test in tests]}


def divide(tracks: Sequence[Track], seed: int) -> Division:
    """Divide tracks into train, validation and test, and into folds.

    With a single group everything is training; with two there is no validation part.
    """
    names = [track.id for track in tracks]
    split = dict.fromkeys(names, "train")
    fold = dict.fromkeys(names, 0)
    groups = len({track.group for track in tracks})
    if groups < 2:
        return Division(split, fold, 1, seed)
    first = track_split(tracks, seed=seed)
    split.update(dict.fromkeys(first.test, "test"))
    rest = [track for track in tracks if split[track.id] == "train"]
    if len({track.group for track in rest}) > 1:
        split.update(dict.fromkeys(validation_part(rest, seed=seed).test, "validation"))
    folds = grouped_folds(tracks, min(FOLDS, groups), seed=seed)
    for number, part in enumerate(folds):
        fold.update(dict.fromkeys(part.test, number))
    return Division(split, fold, len(folds), seed)

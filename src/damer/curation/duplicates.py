"""Near duplicates among many fingerprints.

Two recordings of one sound share many fingerprint items at one distance in time. So each item is a posting
(item, track, place); postings of one item vote for a pair of tracks and the distance between them; what
enough votes agree on is verified bit by bit. Postings and votes lie in files, split by hash and worked on one
part at a time: memory holds one part, never all pairs.

The measure (share of equal bits at the best distance) is Haitsma and Kalker's, ISMIR 2002.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from damer.curation.fingerprint import ITEM_SECONDS, Fingerprint

# From what similarity on two recordings are one: measured in docs/screening.md, section "Duplicates".
SIMILARITY = 0.80
# At least this share of the shorter one must lie in the other.
OVERLAP = 0.5
# Votes of exactly equal items at one distance before a pair is looked at.
VOTES = 3
# Postings of one item are paired with so many of those that follow: an item of silence or of a held tone
# stands in thousands of tracks and would pair them all.
NEIGHBOURS = 12
# Fewer different items than this in the overlap (a steady tone, silence) identify nothing.
DISTINCT = 16

_PARTS = 64
_BUFFER = 1 << 19

_POSTING = np.dtype([("item", np.uint32), ("track", np.int32), ("place", np.int32)])
_VOTE = np.dtype([("first", np.int32), ("second", np.int32), ("distance", np.int32)])


@dataclass(frozen=True)
class Duplicate:
    """Two recordings that sound the same.

    Attributes:
        first: Id of the recording that came first.
        second: Id of the later one.
        similarity: Share of equal fingerprint bits where the two overlap, in [0, 1]; strangers: about 0.5.
        offset_s: Where the later one starts in the first one, seconds; negative: before it.
        overlap_s: Length of the part that both have, seconds.
    """

    first: str
    second: str
    similarity: float
    offset_s: float
    overlap_s: float


def near_duplicates(
    fingerprints: Iterable[tuple[str, Fingerprint]], similarity: float = SIMILARITY, overlap: float = OVERLAP
) -> Iterator[Duplicate]:
    """Find the pairs that sound the same, in the order of the later one.

    Of a piece that is there many times, each copy is found with its neighbours, not with every other copy.

    Args:
        fingerprints: Pairs of id and fingerprint, read once; earlier ones become `first`.
        similarity: Share of equal bits from which two recordings are one, in (0.5, 1].
        overlap: Share of the shorter one that must lie in the other, in (0, 1].
    """
    with tempfile.TemporaryDirectory(prefix="damer-duplicates-") as folder:
        tracks = _Tracks(Path(folder))
        postings = _Parts(Path(folder), "postings", _POSTING)
        for track, (name, items) in enumerate(fingerprints):
            tracks.append(name, items)
            postings.append(_postings(track, items))
        votes = _Parts(Path(folder), "votes", _VOTE)
        for part in postings.parts():
            for found in _votes(part):
                votes.append(found)
        agreed = [_agreed(part) for part in votes.parts()]
        candidates = np.concatenate(agreed) if agreed else np.empty(0, _VOTE)
        candidates = candidates[np.lexsort((candidates["first"], candidates["second"]))]
        for first, second, distance in candidates.tolist():
            duplicate = tracks.compare(first, second, distance, overlap)
            if duplicate is not None and duplicate.similarity >= similarity:
                yield duplicate


def _postings(track: int, items: Fingerprint) -> NDArray[np.void]:
    """Return where each item of a track stands; of a run of one item only the first place."""
    places = np.flatnonzero(np.diff(items, prepend=~items[:1]))
    made = np.empty(len(places), _POSTING)
    made["item"], made["track"], made["place"] = items[places], track, places
    return made


def _votes(part: NDArray[np.void]) -> Iterator[NDArray[np.void]]:
    """Pair the postings of each item of a part with those that follow in other tracks."""
    # Postings come in the order of tracks and places, which a stable sort keeps within each item.
    part = part[np.argsort(part["item"], kind="stable")]
    for step in range(1, NEIGHBOURS + 1):
        first, second = part[:-step], part[step:]
        pairs = (first["item"] == second["item"]) & (first["track"] != second["track"])
        made = np.empty(int(pairs.sum()), _VOTE)
        made["first"], made["second"] = first["track"][pairs], second["track"][pairs]
        made["distance"] = first["place"][pairs] - second["place"][pairs]
        yield made


def _agreed(votes: NDArray[np.void]) -> NDArray[np.void]:
    """Return each pair of tracks once, with the distance most votes agree on, if they are enough."""
    votes = votes[np.lexsort((votes["distance"], votes["first"], votes["second"]))]
    new_pair = (np.diff(votes["second"], prepend=-1) != 0) | (np.diff(votes["first"], prepend=-1) != 0)
    starts = np.flatnonzero(new_pair | (np.diff(votes["distance"], prepend=0) != 0))
    counts = np.diff(starts, append=len(votes))
    found, counts = votes[starts[counts >= VOTES]], counts[counts >= VOTES]
    found = found[np.lexsort((-counts, found["first"], found["second"]))]
    once = (np.diff(found["second"], prepend=-1) != 0) | (np.diff(found["first"], prepend=-1) != 0)
    pairs: NDArray[np.void] = found[once]
    return pairs


class _Parts:
    """Records in files, split by a hash so that equal keys lie in one file."""

    def __init__(self, folder: Path, name: str, dtype: np.dtype[np.void]) -> None:
        self._paths = [folder / f"{name}-{number}" for number in range(_PARTS)]
        self._dtype = dtype
        self._key = "item" if "item" in (dtype.names or ()) else "second"
        self._waiting: list[NDArray[np.void]] = []
        self._count = 0

    def append(self, records: NDArray[np.void]) -> None:
        self._waiting.append(records)
        self._count += len(records)
        if self._count >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        records = np.concatenate(self._waiting) if self._waiting else np.empty(0, self._dtype)
        # Knuth's multiplicative hash: the top bits of an odd multiple spread neighbouring keys.
        keys = records[self._key].astype(np.uint32)
        parts = (keys * np.uint32(2_654_435_761)) >> np.uint32(32 - _PARTS.bit_length() + 1)
        for number, path in enumerate(self._paths):
            chosen = records[parts == number]
            if len(chosen):
                with path.open("ab") as file:
                    chosen.tofile(file)
        self._waiting, self._count = [], 0

    def parts(self) -> Iterator[NDArray[np.void]]:
        """Yield the records of one part after the other, and forget them."""
        self._flush()
        for path in self._paths:
            if path.exists():
                yield np.fromfile(path, self._dtype)
                path.unlink()


class _Tracks:
    """The fingerprints themselves, one after the other in a file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "items"
        self._names: list[str] = []
        self._starts = [0]

    def append(self, name: str, items: Fingerprint) -> None:
        with self._path.open("ab") as file:
            items.astype(np.uint32).tofile(file)
        self._names.append(name)
        self._starts.append(self._starts[-1] + len(items))

    def _items(self, track: int) -> Fingerprint:
        start, end = self._starts[track : track + 2]
        return np.fromfile(self._path, np.uint32, count=end - start, offset=start * 4)

    def compare(self, first: int, second: int, distance: int, overlap: float) -> Duplicate | None:
        """Compare two tracks at a distance and its neighbours; None where too little lies in both."""
        one, other = self._items(first), self._items(second)
        best: Duplicate | None = None
        for shift in (distance - 1, distance, distance + 1):
            a, b = one[max(0, shift) :], other[max(0, -shift) :]
            length = min(len(a), len(b))
            if length < overlap * min(len(one), len(other)) or len(np.unique(a[:length])) < DISTINCT:
                continue
            equal = 1 - float(np.bitwise_count(a[:length] ^ b[:length]).mean()) / 32
            if best is None or equal > best.similarity:
                names = self._names[first], self._names[second]
                best = Duplicate(*names, equal, shift * ITEM_SECONDS, length * ITEM_SECONDS)
        return best

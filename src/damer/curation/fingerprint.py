"""Acoustic fingerprints (Chromaprint) and the search for near duplicates among many."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Fingerprint = NDArray[np.uint32]


@dataclass(frozen=True)
class Duplicate:
    """Two recordings that sound the same.

    Attributes:
        first: Id of the recording that came first.
        second: Id of the later one.
        similarity: Share of equal fingerprint bits where the two overlap, in [0, 1]; strangers have about 0.5.
        offset_s: Where the later one starts in the first one, seconds; negative: before it.
        overlap_s: Length of the part that both have, seconds.
    """

    first: str
    second: str
    similarity: float
    offset_s: float
    overlap_s: float


def missing() -> str | None:
    """Return None where fingerprints can be made, else one line that says what to install."""
    raise NotImplementedError


def fingerprint(samples: NDArray[np.float32], rate: int) -> Fingerprint:
    """Return the Chromaprint fingerprint of a sound: uint32 (items,), about eight items a second.

    Args:
        samples: float32 (n,) or (n, channels), full scale ±1.
        rate: Samples a second.

    Raises:
        DamerError: Chromaprint is not installed.
    """
    raise NotImplementedError


def near_duplicates(fingerprints: Iterable[tuple[str, Fingerprint]]) -> Iterator[Duplicate]:
    """Find the pairs that sound the same; memory does not grow with the square of their number.

    Args:
        fingerprints: Pairs of id and fingerprint, read once; earlier ones become `first`.
    """
    raise NotImplementedError

"""Samples as they are stored: 29 bytes each, little-endian, and checked before they are."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from damer.annotation.server.answers import BadBatch
from damer.annotation.tables import Samples

SAMPLE = np.dtype(
    [
        ("seq", "<i4"),
        ("position_ms", "<f8"),
        ("client_ms", "<f8"),
        ("valence", "<f4"),
        ("arousal", "<f4"),
        ("inside", "?"),
    ]
)
"""One sample, as `damer.annotation.tables.Samples` describes its columns."""

MOST_SAMPLES = 2000
MOST_EVENTS = 200
LONGEST_EVENT = 2000
OUTSIDE = 1e-3
"""How far outside the disc a point may lie: clients round. It is then put onto the circle."""
LATE_MS = 5000.0
"""How far a position may lie behind the track's end: the media clock runs on while the last buffer plays."""

_ROUNDING = 2e-7  # of a point on the circle, in single precision; `Samples` takes a little more

Row = Sequence[float | int | bool | None]


def pack(rows: Sequence[Row], duration_s: float) -> bytes:
    """Check the samples of a batch and return them as they are stored.

    Args:
        rows: (seq, position_ms, client_ms, valence, arousal, inside) each; valence and arousal are both None
            where nothing was said yet.
        duration_s: length of the track.

    Raises:
        BadBatch: a value is not finite or outside its range, numbers do not ascend, the clock runs back, a
            point lies outside the disc, or a position outside the track.
    """
    if len(rows) > MOST_SAMPLES:
        raise BadBatch(f"{len(rows)} samples in one batch are more than {MOST_SAMPLES}")
    table = np.zeros(len(rows), dtype=SAMPLE)
    if rows:
        try:
            seq, position, clock, valence, arousal, inside = zip(*rows, strict=True)
            table["seq"] = seq
            table["position_ms"] = position
            table["client_ms"] = clock
            table["inside"] = inside
            points = np.array([valence, arousal], dtype=np.float64)  # None becomes NaN
        except (ValueError, TypeError, OverflowError) as error:
            raise BadBatch(f"a sample is not six numbers ({error})") from error
        if any(one is not None and not math.isfinite(one) for one in (*valence, *arousal)):
            raise BadBatch("a value of a sample is not finite")
        table["valence"], table["arousal"] = _in_disc(points)
        _check(table, duration_s)
    return table.tobytes()


def _in_disc(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if (np.isnan(points[0]) != np.isnan(points[1])).any():
        raise BadBatch("valence and arousal of a sample are known together or not at all")
    size = np.hypot(*points)
    if (size > 1 + OUTSIDE).any():
        raise BadBatch("a point lies outside the unit disc")
    inside = np.where(size > 1 + _ROUNDING, points / np.fmax(size, 1.0), points)
    return np.clip(inside, -1.0, 1.0)


def _check(table: npt.NDArray[Any], duration_s: float) -> None:
    position, clock = table["position_ms"], table["client_ms"]
    if not (np.isfinite(position).all() and np.isfinite(clock).all()):
        raise BadBatch("a time of a sample is not finite")
    if table["seq"][0] < 0 or (np.diff(table["seq"]) <= 0).any():
        raise BadBatch("numbers of samples do not ascend from 0 or more")
    if (np.diff(clock) < 0).any():
        raise BadBatch("the client's clock runs back")
    if (position < 0).any() or (position > duration_s * 1000.0 + LATE_MS).any():
        raise BadBatch("a position lies outside the track")


def pack_events(events: Sequence[Mapping[str, Any]]) -> str:
    """Return the player's events of a batch as they are stored.

    Raises:
        BadBatch: too many, too long, or no JSON.
    """
    if len(events) > MOST_EVENTS:
        raise BadBatch(f"{len(events)} events in one batch are more than {MOST_EVENTS}")
    try:
        lines = [json.dumps(dict(one), allow_nan=False, sort_keys=True) for one in events]
    except (TypeError, ValueError) as error:
        raise BadBatch(f"an event cannot be written as JSON ({error})") from error
    if any(len(line) > LONGEST_EVENT for line in lines):
        raise BadBatch(f"an event is longer than {LONGEST_EVENT} characters")
    return f"[{', '.join(lines)}]"


def digest(samples: bytes, events: str) -> bytes:
    """Return the SHA-256 of what is stored: a batch that comes again must be the same."""
    return hashlib.sha256(len(samples).to_bytes(8, "little") + samples + events.encode()).digest()


def unpack(blobs: Iterable[bytes]) -> Samples:
    """Return the samples of a trial from its batches, in order of their numbers.

    A number that came twice, in two batches, counts once: the first.
    """
    table = np.frombuffer(b"".join(blobs), dtype=SAMPLE)
    _, first = np.unique(table["seq"], return_index=True)
    table = table[first]
    return Samples(
        table["position_ms"],
        table["valence"],
        table["arousal"],
        table["inside"],
        table["client_ms"],
        table["seq"],
    )

"""A sound file as two channels at the rate that is wanted, block by block, whatever it has."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from damer.audio.reading import mark_last
from damer.audio.sources import Source
from damer.core.errors import DamerError

_BLOCK_FRAMES = 1 << 17
_HALF_POWER = math.sqrt(0.5)
# Weights of a channel in (left, right), by ITU-R BS.775-4, table 2, which leaves the effects channel out too.
_PLACES = {
    "L": (1.0, 0.0),
    "R": (0.0, 1.0),
    "C": (_HALF_POWER, _HALF_POWER),
    "LFE": (0.0, 0.0),
    "Ls": (_HALF_POWER, 0.0),
    "Rs": (0.0, _HALF_POWER),
    "S": (_HALF_POWER / math.sqrt(2), _HALF_POWER / math.sqrt(2)),
}
# The order of channels by their number in WAV, FLAC and AAC (as ffmpeg gives it), and in Vorbis and Opus,
# whose order libsndfile leaves as it is (Vorbis I specification, section 4.3.9).
_ORDERS = {
    1: "C",
    2: "L R",
    3: "L R C",
    4: "L R Ls Rs",
    5: "L R C Ls Rs",
    6: "L R C LFE Ls Rs",
    7: "L R C LFE S Ls Rs",
    8: "L R C LFE Ls Rs Ls Rs",
}
_VORBIS_ORDERS = {
    3: "L C R",
    5: "L C R Ls Rs",
    6: "L C R Ls Rs LFE",
    7: "L C R Ls Rs S LFE",
    8: "L C R Ls Rs Ls Rs LFE",
}


def downmix(channels: int, codec: str) -> NDArray[np.float32]:
    """Return the weights of each channel in left and right, float32 [channels, 2].

    A mono sound goes to both sides unchanged; more than two channels follow ITU-R BS.775-4 without its
    overall attenuation, so that sums may pass full scale: give them their gain before they become integers.

    Raises:
        ValueError: no order of so many channels is known.
    """
    if channels == 1:
        return np.ones((1, 2), np.float32)
    order = _ORDERS.get(channels)
    if codec.endswith(("/vorbis", "/opus")):
        order = _VORBIS_ORDERS.get(channels, order)
    if order is None:
        raise ValueError(f"{channels} channels")
    return np.array([_PLACES[place] for place in order.split()], np.float32)


def stereo(path: Path, source: Source, rate: int, stop_s: float = math.inf) -> Iterator[NDArray[np.float32]]:
    """Yield an opened file as left and right at a rate, up to about `stop_s` seconds of it.

    Args:
        path: its name, for messages.
        source: the opened file.
        rate: Hz to resample to (soxr, high quality).
        stop_s: seconds after which decoding ends.

    Yields:
        float32 [n, 2], full scale 1 (a sum of many channels may be above).

    Raises:
        DamerError: samples are NaN or infinite, or there are more than eight channels.
    """
    try:
        matrix = downmix(source.channels, source.codec)
    except ValueError:
        raise DamerError(
            f"{path}: has {source.channels} channels in no order known here; mix it down to stereo first"
        ) from None
    stop = source.frames if math.isinf(stop_s) else min(source.frames, math.ceil(stop_s * source.rate))
    blocks = _two_channels(path, source, stop, matrix)
    if source.rate == rate:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(source.rate, rate, 2, dtype="float32", quality="HQ")
    for block, is_last in mark_last(blocks):
        out = np.asarray(resampler.resample_chunk(block, last=is_last), dtype=np.float32)
        if len(out):
            yield out


def _two_channels(
    path: Path, source: Source, stop: int, matrix: NDArray[np.float32]
) -> Iterator[NDArray[np.float32]]:
    """Yield the samples mixed to two channels in blocks small enough for the processor's cache."""
    for whole in source.blocks(0, stop):
        for start in range(0, len(whole), _BLOCK_FRAMES):
            block = whole[start : start + _BLOCK_FRAMES]
            mixed = block.copy() if source.channels == 2 else block @ matrix
            if not np.isfinite(mixed).all():
                raise DamerError(f"{path}: holds samples that are NaN or infinite; export it again")
            yield mixed

"""Reading a part of a file as mono at the wanted rate, and saying plainly why where it cannot be."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from damer.audio.sources import Source, open_source
from damer.audio.window import window
from damer.core.errors import DamerError

DEFAULT_RATE = 22050
SHORTEST_S = 1.0
SILENCE = 2.0**-14
"""Peak, of full scale, below which sound counts as silent: two steps of 16 bits, rounding and dither."""
LOUDEST = 2.0**20
"""Peak, of full scale, above which numbers are no sound: not much further their powers overflow."""
# Input samples read on both sides of a part, so that its resampled edges are those of the whole file's.
_CONTEXT = 8192


@dataclasses.dataclass(frozen=True)
class Audio:
    """A part of a sound file.

    Attributes:
        samples: float32 [n], mono (mean of the channels), full scale is 1.
        rate: samples a second, Hz.
        start_s: where the part begins in the file, seconds.
        duration_s: length of the whole file, seconds.
    """

    samples: NDArray[np.float32]
    rate: int
    start_s: float
    duration_s: float

    @property
    def end_s(self) -> float:
        """Where the part ends in the file, seconds."""
        return self.start_s + len(self.samples) / self.rate


def duration(path: str | Path) -> float:
    """Return the length of a file in seconds, as the file states it.

    Raises:
        DamerError: the file cannot be opened or decoded.
    """
    source = open_file(Path(path))
    return source.frames / source.rate


def read(
    path: str | Path, start_s: float = 0.0, end_s: float | None = None, rate: int = DEFAULT_RATE
) -> Audio:
    """Return a part of a file as mono; only that part is decoded, where the format allows it.

    Args:
        path: MP3, FLAC, Ogg Vorbis, Opus, WAV, AIFF, M4A/AAC; what else an installed ffmpeg can read.
        start_s: first second.
        end_s: end, in seconds; None is the end of the file, and later than that means the same.
        rate: Hz to resample to.

    Returns:
        Audio whose samples equal that slice of the whole file read at the same rate.

    Raises:
        DamerError: the file is missing, empty, not sound, silent, holds under a second there, or numbers
            that are no samples.
    """
    source = open_file(Path(path))
    parts = list(_stream(Path(path), source, start_s, end_s, rate, block_s=math.inf))
    return Audio(_joined(parts), rate, start_s, source.frames / source.rate)


def read_window(
    path: str | Path, wanted: str | tuple[float, float] = "15:75", rate: int = DEFAULT_RATE
) -> Audio:
    """Return the part of a file that `window` chooses, as `read` does.

    A truncated file holds less than it says: the window is then chosen from what is there.
    """
    source = open_file(Path(path))
    length = source.frames / source.rate
    start, end = window(length, wanted)
    try:
        sound = read(path, start, end, rate)
    except DamerError:
        if start == 0:
            raise
        sound = None
    if sound is not None and sound.end_s >= min(end, length) - 0.5:
        return sound
    held = sum(len(block) for block in source.blocks(0, source.frames)) / source.rate
    start, end = window(held, wanted)
    return dataclasses.replace(read(path, start, end, rate), duration_s=held)


def stream(
    path: str | Path,
    start_s: float = 0.0,
    end_s: float | None = None,
    rate: int = DEFAULT_RATE,
    block_s: float = 60.0,
) -> Iterator[NDArray[np.float32]]:
    """Yield a part of a file in blocks of `block_s` seconds, the last one shorter: `read` in bounded memory.

    Raises:
        DamerError: as `read`; that the sound was silent or too short is known, and raised, only at the end.
    """
    yield from _stream(Path(path), open_file(Path(path)), start_s, end_s, rate, block_s)


def resample(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Return `samples` [n] at another rate (soxr, high quality), float32 [about n wanted / rate]."""
    import soxr

    return np.asarray(soxr.resample(samples, rate, wanted, quality="HQ"), dtype=np.float32)


def open_file(path: Path) -> Source:
    """Open a file after the checks that need no decoder.

    Raises:
        DamerError: it is missing, empty, may not be read, or nothing here can decode it.
    """
    if path.is_dir():
        raise DamerError(f"{path}: is a directory; name a sound file in it")
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise DamerError(f"{path}: there is no such file; check the name") from None
    except PermissionError:
        raise DamerError(f"{path}: may not be read; change its permissions (chmod +r)") from None
    except OSError as error:
        raise DamerError(
            f"{path}: cannot be opened ({error.strerror}); check the name and the disk"
        ) from None
    if size == 0:
        raise DamerError(f"{path}: is empty (0 bytes); fetch or export it again")
    return open_source(path)


def _stream(
    path: Path, source: Source, start_s: float, end_s: float | None, rate: int, block_s: float
) -> Iterator[NDArray[np.float32]]:
    """Yield the part at `rate` in blocks, having checked what can be checked on the way."""
    length = source.frames / source.rate
    if length < SHORTEST_S:
        raise DamerError(f"{path}: {lasts(length)}; at least {SHORTEST_S:g} s of sound is needed")
    end_s = length if end_s is None else min(end_s, length)
    if start_s < 0 or end_s - start_s < SHORTEST_S:
        raise DamerError(
            f"{path}: {lasts(length)}; no second of sound lies from {start_s:g} s to {end_s:g} s"
        )
    first, last = round(start_s * rate), round(end_s * rate)
    given, peak = 0, 0.0
    for block in _regroup(_resampled(source, first, last, rate), block_s * rate):
        loudest = max(float(block.max()), -float(block.min()))  # either is NaN where a sample is
        if not math.isfinite(loudest):
            raise DamerError(f"{path}: holds samples that are NaN or infinite; export it again")
        if loudest > LOUDEST:
            raise DamerError(f"{path}: holds samples up to {loudest:.0e} times full scale; export it again")
        peak = max(peak, loudest)
        given += len(block)
        yield block
    if given < SHORTEST_S * rate:
        raise DamerError(
            f"{path}: is damaged or cut short: {given / rate:.2f} s could be decoded from {start_s:g} s on; "
            "fetch or export it again"
        )
    if peak < SILENCE:
        mixed = " once its channels are mixed" if source.channels > 1 else ""
        raise DamerError(
            f"{path}: is silent from {start_s:g} s to {end_s:g} s{mixed}; choose another part or file"
        )


def lasts(length_s: float) -> str:
    """Return how long something lasts, in words, rounded down: what is too short must not look whole."""
    return f"lasts {math.floor(length_s * 100) / 100:.2f} s"


def _resampled(source: Source, first: int, last: int, rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield mono output samples `first` to `last`, in blocks, exactly where the whole file's would lie."""
    common = math.gcd(source.rate, rate)
    inward, outward = source.rate // common, rate // common
    if inward == outward:
        yield from _mono(source, first, last)
        return
    import soxr

    # Input and output samples coincide once a period; begin on such a place, early enough for the filter.
    period = max(0, first // outward - -(-_CONTEXT // inward))
    skip = first - period * outward
    stop = -(-last * inward // outward) + _CONTEXT
    resampler = soxr.ResampleStream(source.rate, rate, 1, dtype="float32", quality="HQ")
    left = last - first
    for block, is_last in mark_last(_mono(source, period * inward, stop)):
        out = np.asarray(resampler.resample_chunk(block, last=is_last), dtype=np.float32)
        dropped = min(skip, len(out))
        skip -= dropped
        out = out[dropped : dropped + left]
        left -= len(out)
        if len(out):
            yield out


def _mono(source: Source, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
    """Yield the mean of the channels, block by block."""
    weights = np.full(source.channels, 1.0 / source.channels, np.float32)
    for block in source.blocks(start, stop):
        yield block[:, 0].copy() if source.channels == 1 else block @ weights


def mark_last(blocks: Iterator[NDArray[np.float32]]) -> Iterator[tuple[NDArray[np.float32], bool]]:
    """Yield each block and whether it is the last."""
    held = next(blocks, None)
    for block in blocks:
        assert held is not None
        yield held, False
        held = block
    if held is not None:
        yield held, True


def _regroup(blocks: Iterator[NDArray[np.float32]], size: float) -> Iterator[NDArray[np.float32]]:
    """Yield the same samples in blocks of `size`, the last one shorter; one block if it is infinite."""
    held: list[NDArray[np.float32]] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        while count >= size:
            joined = np.concatenate(held)
            whole = int(size)
            yield joined[:whole]
            held, count = [joined[whole:]], count - whole
    if count:
        yield _joined(held)


def _joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)

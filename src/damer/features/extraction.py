"""From samples to the two views."""

import functools
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from damer import audio
from damer.core.errors import DamerError
from damer.features.cochleagram import compress, gammatone_weights, time_energies
from damer.features.mel import mel_bank
from damer.features.spec import FeatureSpec
from damer.features.spectrum import (
    SECONDS_AT_ONCE,
    Bank,
    PowerSpectrum,
    Rounding,
    emphasise,
    log_energies,
)

BLOCK_S = 60
_IN_ONE_GO_S = 300


class Views(NamedTuple):
    """Two readings of the same seconds.

    Attributes:
        mel: float32 [S, 128, T]: natural logarithm of the energy of each Mel band, S seconds of T frames.
        cochleagram: float32 [S, 84, T]: log10 of the compressed energy of each Gammatone band (or semitone).
    """

    mel: NDArray[np.float32]
    cochleagram: NDArray[np.float32]

    @property
    def seconds(self) -> int:
        """S, the number of seconds."""
        return len(self.mel)


def extract(
    samples: ArrayLike, rate: int, spec: FeatureSpec | None = None, previous: float | None = None
) -> Views:
    """Return both views of a sound, second by second.

    Every second is framed by itself: its frames see no other second. What is left after the last whole
    second is dropped.

    Args:
        samples: mono, [n], full scale is 1; resampled if `rate` is not the spec's.
        rate: samples a second, Hz.
        spec: the settings; default `FeatureSpec()`.
        previous: the sample before the first, where it is known (for sound that comes in blocks).

    Returns:
        Views: mel float32 [S, n_mels, T] and cochleagram float32 [S, n_cochlea, T], S = floor(n / rate).

    Raises:
        DamerError: not mono, not finite, or shorter than a second.
    """
    spec = FeatureSpec() if spec is None else spec
    sound = np.ascontiguousarray(samples, dtype=np.float32)
    if sound.ndim != 1:
        raise DamerError(
            f"samples have shape {sound.shape}; give one channel, [n], for example samples.mean(axis=1)"
        )
    if not np.isfinite(sound).all():
        raise DamerError("samples hold NaN or infinity; replace or cut those samples")
    if len(sound) < rate:
        raise DamerError(f"samples last {len(sound) / rate:.2f} s at {rate} Hz; at least 1 s is needed")
    if rate != spec.sample_rate:
        sound = audio.resample(sound, rate, spec.sample_rate)
    seconds = max(1, len(sound) // spec.sample_rate)
    if len(sound) < spec.sample_rate:  # resampling may have rounded a sample away
        sound = np.pad(sound, (0, spec.sample_rate - len(sound)))
    return _extract_seconds(sound[: seconds * spec.sample_rate], spec, previous)


def extract_blocks(blocks: Iterable[NDArray[np.float32]], spec: FeatureSpec) -> Iterator[Views]:
    """Yield the views of a sound that comes in blocks of any length, at the spec's rate.

    The seconds are those `extract` would give for all blocks joined. The semitone reading hears beyond its
    second, so there each block waits for the second after it.
    """
    margin = spec.sample_rate if spec.cochleagram == "semitone" else 0
    held = np.empty(0, np.float32)
    previous: float | None = None
    before = 0
    for block in itertools.chain(blocks, [None]):
        if block is not None:
            held = np.concatenate([held, block])
        ready = len(held) - before - (margin if block is not None else 0)
        ready -= ready % spec.sample_rate
        if ready <= 0:
            continue
        usable = held[: len(held) - len(held) % spec.sample_rate]
        views = extract(usable, spec.sample_rate, spec, previous)
        seconds = slice(before // spec.sample_rate, (before + ready) // spec.sample_rate)
        yield Views(views.mel[seconds], views.cochleagram[seconds])
        start = before + ready - margin
        if start > 0:
            previous = float(held[start - 1])
        held, before = held[start:], margin


def extract_file(
    path: str | Path, wanted: str | tuple[float, float] = "15:75", spec: FeatureSpec | None = None
) -> tuple[float, Iterator[Views]]:
    """Return where the wanted part of a file begins, in seconds, and its views a minute at a time.

    Memory stays bounded, however long the part is.

    Args:
        path: the sound file.
        wanted: part of it, as `damer.audio.window` takes it.
        spec: the settings; default `FeatureSpec()`.

    Raises:
        DamerError: the file cannot be used (see `damer.audio.read`); what shows late, the iterator raises.
    """
    spec = FeatureSpec() if spec is None else spec
    start, end = audio.window(audio.duration(path), wanted)
    if end - start <= _IN_ONE_GO_S:
        sound = audio.read_window(path, wanted, spec.sample_rate)
        return sound.start_s, iter([extract(sound.samples, sound.rate, spec)])
    blocks = audio.stream(path, start, end, rate=spec.sample_rate, block_s=BLOCK_S)
    return start, extract_blocks(blocks, spec)


def join(parts: Iterable[Views]) -> Views:
    """Return one `Views` of all parts, in order."""
    mels, cochleagrams = zip(*parts, strict=True)
    return Views(np.concatenate(mels), np.concatenate(cochleagrams))


@functools.lru_cache(maxsize=8)
def _weights(spec: FeatureSpec) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return mel_bank(spec), gammatone_weights(spec)


def _extract_seconds(sound: NDArray[np.float32], spec: FeatureSpec, previous: float | None) -> Views:
    """Return the views of a whole number of seconds at the spec's rate."""
    at_once = min(SECONDS_AT_ONCE, len(sound) // spec.sample_rate)
    spectrum = PowerSpectrum(spec, at_once)
    mel_weights, cochlea_weights = _weights(spec)
    mel_bands, cochlea_bands = Bank(mel_weights, spectrum.power), Bank(cochlea_weights, spectrum.power)
    rounding = Rounding(mel_weights, spec.mel_floor)
    seconds = len(sound) // spec.sample_rate
    mel = np.empty((seconds, spec.n_mels, spec.frames), np.float32)
    cochleagram = np.empty((seconds, spec.n_cochlea, spec.frames), np.float32)
    for first in range(0, seconds, at_once):
        part = slice(first, first + at_once)
        chunk = sound[first * spec.sample_rate : part.stop * spec.sample_rate]
        emphasised = emphasise(chunk, spec.pre_emphasis, previous).reshape(-1, spec.sample_rate)
        previous = float(chunk[-1])
        spectrum(emphasised)
        energies = mel_bands.energies()
        if len(faint := rounding.frames(energies)):
            spectrum.sharpen(faint)
            energies = mel_bands.energies()
        log_energies(energies, spec.mel_floor, mel[part])
        if spec.cochleagram == "fft":
            compress(cochlea_bands.energies(), spec, cochleagram[part])
        elif spec.cochleagram == "time":
            for second, out in zip(emphasised, cochleagram[part], strict=True):
                compress(time_energies(second, spec), spec, out[None])
    if spec.cochleagram == "semitone":
        from damer.features.semitone import semitone_cochleagram

        cochleagram = semitone_cochleagram(sound, spec)
    return Views(mel, cochleagram)

"""The upper rungs: from samples, and from a file."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from damer import audio
from damer.core.errors import DamerError
from damer.core.result import Segment
from damer.features import FeatureSpec, Views, extract
from damer.inference.networks import Views2Emotion
from damer.inference.recognition import Recognition

_BLOCK_S = 60

Floats = NDArray[np.float32]


class Samples2Emotion:
    """Extracts the views of samples and asks the networks.

    Args:
        networks: the rung below.
    """

    def __init__(self, networks: Views2Emotion) -> None:
        self.networks = networks
        self.rate = max(spec.sample_rate for spec in networks.specs)

    def __call__(self, samples: ArrayLike, rate: int, file: str = "samples") -> Recognition:
        """Return the emotion of samples, all of them; a last part-second is dropped.

        Args:
            samples: [n] or [n, channels]; floats with full scale 1, or integers with that of their type.
            rate: samples a second, Hz.
            file: the name the result carries.

        Raises:
            DamerError: under one second, silence, NaN or infinity, or a shape or rate that cannot be.
        """
        mono = to_mono(samples, rate, file)
        if len(mono) < rate:
            raise DamerError(f"{file}: {audio.lasts(len(mono) / rate)}; at least 1 s of sound is needed")
        if float(np.max(np.abs(mono))) < audio.SILENCE:
            raise DamerError(f"{file}: is silent from end to end; choose another part of the music")
        duration_s = len(mono) / rate
        sound = mono if rate == self.rate else audio.resample(mono, rate, self.rate)
        segments = self.segments(sound)
        return self.networks.recognition(segments, file, duration_s, (0.0, duration_s))

    def segments(
        self,
        sound: Floats,
        start_s: float = 0.0,
        only: Sequence[int] | None = None,
        previous: float | None = None,
    ) -> tuple[Segment, ...]:
        """Return the whole seconds of mono samples at `self.rate`; see `Views2Emotion.segments`.

        Args:
            sound: float32 [n].
            start_s: where the first sample lies, in seconds.
            only: the seconds to answer for, counted from 0; None is all.
            previous: the sample before the first, where there was one.
        """
        return self.networks.segments(self._views(sound, previous), start_s, only)

    def _views(self, sound: Floats, previous: float | None) -> Iterator[dict[FeatureSpec, Views]]:
        """Yield the views a minute at a time, as `damer.features.extract_file` does in training."""
        own = {
            spec: sound
            if spec.sample_rate == self.rate
            else audio.resample(sound, self.rate, spec.sample_rate)
            for spec in self.networks.specs
        }
        seconds = max(1, len(sound) // self.rate)
        for second in range(0, seconds, _BLOCK_S):
            views = {}
            for spec, samples in own.items():
                start, stop = second * spec.sample_rate, min(second + _BLOCK_S, seconds) * spec.sample_rate
                before = float(samples[start - 1]) if start else previous
                views[spec] = extract(
                    _filled(samples[start:stop], stop - start), spec.sample_rate, spec, before
                )
            yield views


def _filled(samples: Floats, length: int) -> Floats:
    """Return the samples, with the few that resampling left out at the end as zeros."""
    return samples if len(samples) == length else np.pad(samples, (0, length - len(samples)))


class File2Emotion:
    """Reads a window of a file, extracts its views and asks the networks.

    Args:
        listener: the rung below.
    """

    def __init__(self, listener: Samples2Emotion) -> None:
        self.listener = listener

    def __call__(
        self, path: str | os.PathLike[str], window: str | tuple[float, float] = "15:75"
    ) -> Recognition:
        """Return the emotion of a file; see `Recognizer.__call__`."""
        file = os.fspath(path)
        sound = audio.read_window(Path(file), window, self.listener.rate)
        segments = self.listener.segments(sound.samples, sound.start_s)
        return self.listener.networks.recognition(
            segments, file, sound.duration_s, (sound.start_s, sound.end_s)
        )


def to_mono(samples: ArrayLike, rate: int, name: str = "samples") -> Floats:
    """Return samples as mono float32 [n] with full scale 1, the mean of their channels.

    Args:
        samples: [n] or [n, channels]; floats, or integers whose type's largest value is full scale.
        rate: samples a second, Hz; checked only.
        name: what to call them in an error.

    Raises:
        DamerError: NaN, infinity or far above full scale, or a shape or rate that cannot be.
    """
    sound = np.asarray(samples)
    if rate <= 0 or int(rate) != rate:
        raise DamerError(
            f"{name}: the rate is {rate} Hz; give a whole number of samples a second, such as 44100"
        )
    if sound.ndim not in (1, 2) or (sound.ndim == 2 and not 1 <= sound.shape[1] <= 64):
        raise DamerError(f"{name}: have shape {sound.shape}; give [n] or [n, channels]")
    if np.issubdtype(sound.dtype, np.signedinteger):
        sound = sound.astype(np.float32) / np.float32(-float(np.iinfo(sound.dtype).min))
    elif not np.issubdtype(sound.dtype, np.floating):
        raise DamerError(f"{name}: are of type {sound.dtype}; give floats or signed integers")
    sound = sound.astype(np.float32, copy=False)
    if not np.isfinite(sound).all():
        raise DamerError(f"{name}: hold NaN or infinity; replace or cut those samples")
    if sound.size and (loudest := float(np.abs(sound).max())) > audio.LOUDEST:
        raise DamerError(f"{name}: reach {loudest:.0e} times full scale; bring them to [-1, 1]")
    return sound if sound.ndim == 1 else sound.mean(axis=1, dtype=np.float32)

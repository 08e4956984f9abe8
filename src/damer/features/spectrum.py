"""The one short-time spectrum that both views share, and the banks of bands laid over it."""

import numpy as np
from numpy.typing import NDArray

from damer.features.spec import FeatureSpec

# Seconds that go through the banks together, and neighbouring bands that are multiplied together: measured.
SECONDS_AT_ONCE = 4
_BANDS_A_BLOCK = 20
# Rounding of a 512-point transform in single precision: its power, over the mean power of a bin, is about
# 4.5 * 2**-48. A band errs by 1e-4 at five standard deviations where its power times its bins is below this.
_FAINT = 1e-4


def emphasise(
    samples: NDArray[np.float32], amount: float, previous: float | None = None
) -> NDArray[np.float32]:
    """Return x'(n) = x(n) - amount x(n-1).

    Args:
        samples: float32 [n].
        amount: 0 to below 1.
        previous: the sample before the first; where it is None the first stands in for it, so that a
            cut into the middle of a piece does not begin with a click.

    Returns:
        float32 [n].
    """
    out = np.empty_like(samples)
    np.multiply(samples[:-1], np.float32(-amount), out=out[1:])
    out[1:] += samples[1:]
    out[:1] = samples[:1] - np.float32(amount) * (samples[:1] if previous is None else np.float32(previous))
    return out


def extend(second: NDArray[np.float32], before: int, after: int, padding: str) -> NDArray[np.float32]:
    """Return `second` [..., n] continued at both ends by its reflection or by zeros ("reflect" or "zero")."""
    width = [(0, 0)] * (second.ndim - 1) + [(before, after)]
    return np.pad(second, width, mode="reflect" if padding == "reflect" else "constant")


def window(spec: FeatureSpec) -> NDArray[np.float64]:
    """Return the periodic analysis window: float64 [frame]."""
    phase = 2 * np.pi * np.arange(spec.frame) / spec.frame
    floor = 0.54 if spec.window == "hamming" else 0.5
    return np.asarray(floor - (1 - floor) * np.cos(phase))


class PowerSpectrum:
    """|X|^2 of the centred frames of a few seconds, each second framed by itself.

    Attributes:
        power: float32 [seconds * T, fft/2 + 1], frame after frame: one buffer, filled again each time.
    """

    def __init__(self, spec: FeatureSpec, seconds: int) -> None:
        import torch

        self._torch = torch
        self._spec = spec
        self._sound = np.zeros((seconds, spec.sample_rate + spec.frame), np.float32)
        self._frames = torch.from_numpy(self._sound).unfold(1, spec.frame, spec.hop)[:, : spec.frames]
        self._window = torch.from_numpy(window(spec))
        self._window_single = self._window.float()
        # Zero-padding once, here, is cheaper than inside each transform.
        self._windowed = torch.zeros(spec.frames, spec.fft)
        self._inside = self._windowed[:, : spec.frame]
        self.power = np.zeros((seconds * spec.frames, spec.fft // 2 + 1), np.float32)

    def __call__(self, seconds: NDArray[np.float32]) -> None:
        """Fill `power` from pre-emphasised sound, float32 [seconds or fewer, rate]."""
        half = self._spec.frame // 2
        count = len(seconds)
        self._sound[:count, half:-half] = seconds
        if self._spec.padding == "reflect":
            self._sound[:count, :half] = seconds[:, half:0:-1]
            self._sound[:count, -half:] = seconds[:, -2 : -half - 2 : -1]
        # One second at a time through the transform: that much stays in the cache.
        rows = self.power.reshape(len(self._sound), self._spec.frames, -1)
        for frames, power in zip(self._frames[:count], rows, strict=False):
            self._torch.mul(frames, self._window_single, out=self._inside)
            np.abs(self._torch.fft.rfft(self._windowed).numpy(), out=power)
        np.square(self.power, out=self.power)

    def sharpen(self, frames: NDArray[np.intp]) -> None:
        """Compute some rows of `power` again, in double precision."""
        second, frame = np.divmod(frames, self._spec.frames)
        windowed = self._frames[self._torch.from_numpy(second), self._torch.from_numpy(frame)] * self._window
        spectrum = self._torch.fft.rfft(windowed, n=self._spec.fft).numpy()
        self.power[frames] = np.square(np.abs(spectrum))


class Bank:
    """Bands laid over a power spectrum, multiplied block by block: each block sees a part of the bins."""

    def __init__(self, weights: NDArray[np.float64], power: NDArray[np.float32]) -> None:
        """Take the weights [bands, bins] and the buffer [T, bins] they will be laid over."""
        import torch

        self._multiply = torch.mm
        self._energies = np.empty((len(weights), len(power)), np.float32)
        source, target = torch.from_numpy(power), torch.from_numpy(self._energies)
        self._blocks: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
        for first in range(0, len(weights), _BANDS_A_BLOCK):
            rows = slice(first, first + _BANDS_A_BLOCK)
            used = np.flatnonzero(weights[rows].any(axis=0))
            bins = slice(int(used[0]), int(used[-1]) + 1)
            part = torch.from_numpy(np.ascontiguousarray(weights[rows, bins], dtype=np.float32))
            self._blocks.append((part, source[:, bins].T, target[rows]))

    def energies(self) -> NDArray[np.float32]:
        """Return the energy of each band in each frame of the buffer now: float32 [bands, T], reused."""
        for weights, source, target in self._blocks:
            self._multiply(weights, source, out=target)
        return self._energies


def log_energies(energies: NDArray[np.float32], floor: float, out: NDArray[np.float32]) -> None:
    """Write the natural logarithm of bands over frames [bands, S T or more] into `out` [S, bands, T].

    Energies below `floor` count as it. `energies` is changed.
    """
    seconds, bands, frames = out.shape
    energies = energies[:, : seconds * frames]
    np.maximum(energies, np.float32(floor), out=energies)
    np.log(energies.reshape(bands, seconds, frames).transpose(1, 0, 2), out=out)


class Rounding:
    """Tells where single precision falls short.

    The transform's rounding is noise some 150 dB below a frame's loudest bin. In a band far quieter than the
    rest (treble under a loud bass) it shows in the logarithm; the fewer bins the band has, the sooner.
    """

    def __init__(self, weights: NDArray[np.float64], floor: float) -> None:
        """Take the bank's weights [bands, bins] and the energy below which nothing matters."""
        share = weights.sum(axis=1)
        bins = share**2 / (weights**2).sum(axis=1)
        self._faint = (_FAINT * share / bins / weights.shape[1]).astype(np.float32)[:, None]
        self._floor = np.float32(floor)
        # Weighted so, the bands' energies add up to about the power of the whole spectrum.
        self._whole = (1 / weights.max(axis=1)).astype(np.float32)

    def frames(self, energies: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the frames in which a band may err by 1e-4, from energies [bands, T]."""
        total = self._whole @ energies
        faint = np.maximum(energies, self._floor) < self._faint * total
        return np.flatnonzero(faint.any(axis=0))

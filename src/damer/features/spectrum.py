"""The one short-time spectrum that both views share, and the banks of bands laid over it."""

import numpy as np
from numpy.typing import NDArray

from damer.features.spec import FeatureSpec

# Neighbouring bands of a bank are multiplied together; this many keeps both the overlap and the calls few.
_BANDS_A_BLOCK = 21


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
    """|X|^2 of the centred frames of one second; its buffers are reused from second to second."""

    def __init__(self, spec: FeatureSpec) -> None:
        import torch

        self._torch = torch
        self._spec = spec
        self._window = window(spec).astype(np.float32)
        half = spec.frame // 2
        self._sound = np.zeros(spec.sample_rate + 2 * half, np.float32)
        every = np.lib.stride_tricks.sliding_window_view(self._sound, spec.frame)
        self._frames = every[:: spec.hop][: spec.frames]
        # Zero-padding once, here, is cheaper than inside each transform.
        self._windowed = torch.zeros(spec.frames, spec.fft)
        self._inside = self._windowed.numpy()[:, : spec.frame]
        self._power = np.empty((spec.frames, spec.fft // 2 + 1), np.float32)

    def __call__(self, second: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the power spectrum of `second` (pre-emphasised, float32 [rate]): float32 [T, fft/2 + 1].

        The array is overwritten by the next call.
        """
        half = self._spec.frame // 2
        self._sound[half:-half] = second
        if self._spec.padding == "reflect":
            self._sound[:half] = second[half:0:-1]
            self._sound[-half:] = second[-2 : -half - 2 : -1]
        np.multiply(self._frames, self._window, out=self._inside)
        spectrum = self._torch.fft.rfft(self._windowed).numpy()
        np.abs(spectrum, out=self._power)
        np.square(self._power, out=self._power)
        return self._power


class BandedBank:
    """A bank whose bands each see a part of the spectrum, multiplied block by block."""

    def __init__(self, bank: NDArray[np.float64]) -> None:
        """Take the weights [bands, bins]; zeros outside a block's bins cost nothing."""
        import torch

        self._torch = torch
        self._blocks: list[tuple[slice, slice, torch.Tensor]] = []
        for first in range(0, len(bank), _BANDS_A_BLOCK):
            rows = slice(first, min(first + _BANDS_A_BLOCK, len(bank)))
            used = np.flatnonzero(bank[rows].any(axis=0))
            bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
            weights = np.ascontiguousarray(bank[rows, bins], dtype=np.float32)
            self._blocks.append((rows, bins, torch.from_numpy(weights)))

    def __call__(self, power: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Write the energy of each band into `out` [bands, T], from the power spectrum [T, bins]."""
        torch = self._torch
        source, target = torch.from_numpy(power), torch.from_numpy(out)
        for rows, bins, weights in self._blocks:
            torch.mm(weights, source[:, bins].T, out=target[rows])

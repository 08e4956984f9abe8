"""The semitone reading of the cochleagram: 84 = 7 octaves × 12 narrow Gammatone filters, C1 to B7.

Valence leans on mode and harmony, and a 1 024-point spectrum cannot tell semitones apart below a few hundred
hertz. Here each of the 84 bands sits on one note of the equal-tempered scale (A4 = 440 Hz) and is read from a
window long enough to tell it from its neighbours: 743 ms below C3, 372 ms above. Windows this long move
slowly, so they are taken every fourth frame and held in between; the view keeps the shape of the other
reading.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from damer.features.spec import FeatureSpec

C1_HZ = 440.0 * 2.0 ** ((24 - 69) / 12)
OCTAVES = 7
BANDS = 12 * OCTAVES
ANALYSIS_RATE = 11_025
"""Enough for B7 (3 951 Hz), at half the work of 22 050 Hz."""
LONG, SHORT = 8192, 4096
"""Windows in samples at the analysis rate: 743 ms for the two lowest octaves, 372 ms for the rest."""
LOW_BANDS = 24
HOLD = 4
"""Frames for which one long window stands."""
RELATIVE_BANDWIDTH = 0.04
"""Gammatone bandwidth over centre frequency: a neighbouring semitone is 20 dB down."""


@lru_cache(maxsize=2)
def _weights(length: int, first: int, last: int) -> tuple[slice, npt.NDArray[np.float32]]:
    """Return the bins that matter and each band's power weights [bands, bins], summing to one."""
    bins = np.arange(length // 2 + 1) * (ANALYSIS_RATE / length)
    centres = C1_HZ * 2.0 ** (np.arange(first, last) / 12)
    offset = (bins - centres[:, None]) / (RELATIVE_BANDWIDTH * centres[:, None])
    weights = (1.0 + offset**2) ** -4  # |H|² of a 4th-order Gammatone near its centre (Slaney 1993)
    weights[weights < 1e-6] = 0.0
    weights /= weights.sum(1, keepdims=True)
    used = np.flatnonzero(weights.any(0))
    span = slice(int(used[0]), int(used[-1]) + 1)
    return span, np.ascontiguousarray(weights[:, span], dtype=np.float32)


def _band_energies(
    samples: npt.NDArray[np.float32], centres: npt.NDArray[np.int64], length: int, first: int, last: int
) -> npt.NDArray[np.float32]:
    """Return energies [frames, bands] of Hann windows of `length` around each of `centres` (samples)."""
    import torch

    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)  # Hann, periodic
    window *= np.float32(2.0 / window.sum())
    padded = np.pad(samples, (length // 2, length))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)
    span, weights = _weights(length, first, last)
    energies = np.empty((len(centres), last - first), np.float32)
    for start in range(0, len(centres), 64):  # a chunk stays in the cache
        part = slice(start, start + 64)
        spectrum = torch.fft.rfft(torch.from_numpy(frames[centres[part]] * window)).numpy()[:, span]
        energies[part] = (spectrum.real**2 + spectrum.imag**2) @ weights.T
    return energies


def _at_analysis_rate(samples: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float32]:
    """Return samples at the analysis rate, as scipy.signal.resample_poly gives them.

    The usual rates are multiples of it; doing without scipy there saves most of a second at the start.
    """
    divisor = int(np.gcd(rate, ANALYSIS_RATE))
    up, down = ANALYSIS_RATE // divisor, rate // divisor
    if up != 1:
        from scipy.signal import resample_poly

        return np.asarray(resample_poly(samples, up, down), np.float32)
    half = 10 * down
    taps = np.sinc(np.arange(-half, half + 1) / down) * np.kaiser(2 * half + 1, 5.0)
    taps = (taps / taps.sum()).astype(np.float32)
    count = -(-len(samples) // down)
    padded = np.pad(samples, (half, half + down))
    low = np.zeros(count, np.float32)
    for place, tap in enumerate(taps):
        low += tap * padded[place : place + count * down : down][:count]
    return low


def semitone_cochleagram(samples: npt.NDArray[np.float32], spec: "FeatureSpec") -> npt.NDArray[np.float32]:
    """Read the cochleagram on the notes of the scale.

    Args:
        samples: mono, float32, full scale ±1, at `spec.sample_rate`; not pre-emphasised.
        spec: gives the rate, hop, frames a second, compression exponent and energy floor.

    Returns:
        float32 [seconds, 84, frames]: log10 of the compressed energy, `compression · log10(energy + floor)`;
        band 0 is C1 (32.7 Hz), band 83 is B7 (3 951 Hz).
    """
    seconds = len(samples) // spec.sample_rate
    low = _at_analysis_rate(samples, spec.sample_rate)
    step = HOLD * spec.hop
    starts = np.arange(0, seconds * spec.sample_rate + step, step)
    centres = np.minimum(starts * ANALYSIS_RATE // spec.sample_rate, len(low))
    energies = np.concatenate(
        [
            _band_energies(low, centres, LONG, 0, LOW_BANDS),
            _band_energies(low, centres, SHORT, LOW_BANDS, BANDS),
        ],
        axis=1,
    )
    view = spec.compression * np.log10(energies + spec.cochleagram_floor)
    times = np.arange(seconds)[:, None] * spec.sample_rate + np.arange(spec.frames) * spec.hop
    nearest = (times + step // 2) // step
    return np.ascontiguousarray(view[nearest].transpose(0, 2, 1), dtype=np.float32)

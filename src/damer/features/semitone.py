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
SHORT = 4096
"""Window in samples at the analysis rate: 372 ms."""
LOW_BANDS = 24
"""The two lowest octaves; they are read twice as long, at an eighth of the rate: they end at 151 Hz."""
LOW_DECIMATION = 8
LONG = 1024
"""Window of the low bands in samples at their rate: 743 ms."""
HOLD = 4
"""Frames for which one long window stands."""
RELATIVE_BANDWIDTH = 0.04
"""Gammatone bandwidth over centre frequency: a neighbouring semitone is 20 dB down."""
_AT_ONCE = 16  # samples of a decimation that one product gives


@lru_cache(maxsize=2)
def _weights(rate: float, length: int, first: int, last: int) -> tuple[npt.NDArray[np.float32], slice]:
    """Return each band's power weights [bands, bins], summing to one, of the bins that matter."""
    bins = np.arange(length // 2 + 1) * (rate / length)
    centres = C1_HZ * 2.0 ** (np.arange(first, last) / 12)
    offset = (bins - centres[:, None]) / (RELATIVE_BANDWIDTH * centres[:, None])
    weights = (1.0 + offset**2) ** -4  # |H|² of a 4th-order Gammatone near its centre (Slaney 1993)
    weights[weights < 1e-6] = 0.0
    weights /= weights.sum(1, keepdims=True)
    used = np.flatnonzero(weights.any(0))
    span = slice(int(used[0]), int(used[-1]) + 1)
    return np.ascontiguousarray(weights[:, span], dtype=np.float32), span


def _band_energies(
    samples: npt.NDArray[np.float32],
    centres: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
    span: slice,
    length: int,
) -> npt.NDArray[np.float32]:
    """Return energies [frames, bands] of Hann windows of `length` around each of `centres` (samples)."""
    import torch

    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)  # Hann, periodic
    window *= np.float32(2.0 / window.sum())
    padded = np.pad(samples, (length // 2, length))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)
    energies = np.empty((len(centres), len(weights)), np.float32)
    twice = np.repeat(weights.T, 2, axis=0)
    for start in range(0, len(centres), 64):  # a chunk stays in the cache
        part = slice(start, start + 64)
        spectrum = torch.fft.rfft(torch.from_numpy(frames[centres[part]] * window)).numpy()[:, span]
        squares = np.square(np.ascontiguousarray(spectrum).view(np.float32))  # real, imaginary, real, …
        np.matmul(squares, twice, out=energies[part])
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
    return _decimated(samples, down, half=10 * down, beta=5.0)


def _decimated(
    samples: npt.NDArray[np.float32], down: int, half: int, beta: float
) -> npt.NDArray[np.float32]:
    """Return every `down`-th sample after a Kaiser-windowed low pass of 2 · half + 1 taps.

    A row of 16 results is a product of one stretch of sound with the taps laid out 16 times, each `down`
    later: five times as fast as tap after tap, or result after result.
    """
    taps = np.sinc(np.arange(-half, half + 1) / down) * np.kaiser(2 * half + 1, beta)
    taps = (taps / taps.sum()).astype(np.float32)
    spread = np.zeros((down * (_AT_ONCE - 1) + len(taps), _AT_ONCE), np.float32)
    for place in range(_AT_ONCE):
        spread[place * down : place * down + len(taps), place] = taps
    count = -(-len(samples) // down)
    rows = -(-count // _AT_ONCE)
    padded = np.zeros(rows * _AT_ONCE * down + len(taps), np.float32)
    padded[half : half + len(samples)] = samples
    stretches = np.lib.stride_tricks.sliding_window_view(padded, len(spread))[:: _AT_ONCE * down]
    low = np.empty((rows, _AT_ONCE), np.float32)
    for start in range(0, rows, 512):  # a chunk stays in the cache
        part = slice(start, min(start + 512, rows))
        np.matmul(np.ascontiguousarray(stretches[part]), spread, out=low[part])
    return low.reshape(-1)[:count]


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
    low_bank = _weights(ANALYSIS_RATE / LOW_DECIMATION, LONG, 0, LOW_BANDS)
    high_bank = _weights(ANALYSIS_RATE, SHORT, LOW_BANDS, BANDS)
    # What the decimation folds back falls on 1 227 Hz and above of the old band: 40 dB and more below.
    lowest = _decimated(low, LOW_DECIMATION, half=32, beta=6.0)
    energies = np.concatenate(
        [
            _band_energies(lowest, (centres + LOW_DECIMATION // 2) // LOW_DECIMATION, *low_bank, LONG),
            _band_energies(low, centres, *high_bank, SHORT),
        ],
        axis=1,
    )
    view = spec.compression * np.log10(energies + spec.cochleagram_floor)
    times = np.arange(seconds)[:, None] * spec.sample_rate + np.arange(spec.frames) * spec.hop
    nearest = (times + step // 2) // step
    return np.ascontiguousarray(view[nearest].transpose(0, 2, 1), dtype=np.float32)

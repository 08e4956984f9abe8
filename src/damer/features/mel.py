"""The Mel filter bank: triangles evenly spaced on the Mel scale."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from damer.features.spec import FeatureSpec

# Slaney's Mel scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
_LINEAR_STEP = 200.0 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_STEP
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: ArrayLike, scale: str) -> NDArray[np.float64]:
    """Return Mel of `hz` on the scale "slaney" or "htk" (2595 log10(1 + f / 700))."""
    f = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + f / 700.0))
    above = _BREAK_MEL + np.log(np.maximum(f, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(f < _BREAK_HZ, f / _LINEAR_STEP, above)


def mel_to_hz(mel: ArrayLike, scale: str) -> NDArray[np.float64]:
    """Return the inverse of `hz_to_mel`."""
    m = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (m / 2595.0) - 1.0))
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(m, _BREAK_MEL) - _BREAK_MEL))
    return np.where(m < _BREAK_MEL, m * _LINEAR_STEP, above)


def band_edges(spec: "FeatureSpec") -> NDArray[np.float64]:
    """Return the edges of the Mel bands, Hz, [n_mels + 2]: band b goes from edge b to b + 2."""
    low, high = (hz_to_mel(edge, spec.mel_scale) for edge in spec.mel_range)
    return mel_to_hz(np.linspace(low, high, spec.n_mels + 2), spec.mel_scale)


def every_band_hears(spec: "FeatureSpec") -> bool:
    """Say whether a bin of the spectrum lies inside each Mel band: one without is for ever silent."""
    edges = band_edges(spec) * (spec.fft / spec.sample_rate)
    first, last = np.floor(edges[:-2]) + 1, np.ceil(edges[2:]) - 1
    return bool((first <= last).all())


def mel_bank(spec: "FeatureSpec") -> NDArray[np.float64]:
    """Return the weights of each Mel band on each bin of the power spectrum.

    Args:
        spec: number of bands, range, scale and norm; `spec.fft` and `spec.sample_rate` give the bins.

    Returns:
        float64 [n_mels, fft/2 + 1], >= 0; row b is a triangle between the edges of band b.
    """
    edges = band_edges(spec)
    bins = np.fft.rfftfreq(spec.fft, 1.0 / spec.sample_rate)
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    bank = np.maximum(0.0, np.minimum(rising, falling))
    if spec.mel_norm == "slaney":
        bank *= 2.0 / (upper - lower)
    return np.asarray(bank)

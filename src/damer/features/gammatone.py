"""Gammatone filters of 4th order with ERB bandwidths, as four biquads each.

Slaney, "An Efficient Implementation of the Patterson-Holdsworth Auditory Filter Bank", Apple TR 35, 1993.
"""

import numpy as np
from numpy.typing import NDArray

from damer.features.spec import FeatureSpec

# Glasberg & Moore (1990): ERB(f) = 24.7 + f / 9.26449 Hz; a 4th-order Gammatone's b is 1.019 of it.
_EAR_Q = 9.26449
_MIN_BANDWIDTH = 24.7
_BANDWIDTH_FACTOR = 1.019


def centre_frequencies(spec: FeatureSpec) -> NDArray[np.float64]:
    """Return the centre of each cochleagram band, rising, in Hz: float64 [n_cochlea]."""
    low, high = spec.cochlea_range
    return np.geomspace(low, high, spec.n_cochlea)


def erb(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the equivalent rectangular bandwidth at each centre frequency, both in Hz."""
    return _MIN_BANDWIDTH + centres / _EAR_Q


def biquads(centres: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Return each filter as four second-order sections with gain 1 at its centre.

    Args:
        centres: centre frequencies, Hz, [C].
        rate: samples a second.

    Returns:
        float64 [C, 4, 6], rows (b0, b1, b2, 1, a1, a2) as scipy.signal.sosfilt takes them.
    """
    angle = 2 * np.pi * centres / rate
    decay = np.exp(-2 * np.pi * _BANDWIDTH_FACTOR * erb(centres) / rate)
    sections = np.zeros((len(centres), 4, 6))
    roots = (3 + 2**1.5, 3 + 2**1.5, 3 - 2**1.5, 3 - 2**1.5)
    for index, (square, sign) in enumerate(zip(roots, (1, -1, 1, -1), strict=True)):
        sections[:, index, 0] = 1.0
        sections[:, index, 1] = -decay * (np.cos(angle) + sign * np.sqrt(square) * np.sin(angle))
    sections[:, :, 3] = 1.0
    sections[:, :, 4] = (-2 * decay * np.cos(angle))[:, None]
    sections[:, :, 5] = (decay**2)[:, None]
    gain = np.abs(_section_responses(sections, angle[:, None, None]))[:, :, 0]
    sections[:, :, :3] /= gain[:, :, None]
    return sections


def power_response(
    centres: NDArray[np.float64], rate: int, frequencies: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return |H(f)|^2 of each filter at each frequency (Hz): float64 [C, F], 1 at the centres."""
    angles = 2 * np.pi * np.asarray(frequencies) / rate
    responses = _section_responses(biquads(centres, rate), angles[None, None, :])
    return np.asarray(np.abs(np.prod(responses, axis=1)) ** 2)


def _section_responses(sections: NDArray[np.float64], angles: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return the response of each section [C, 4, 6] at `angles` (radians a sample, [C or 1, 1, F])."""
    delay = np.exp(-1j * angles)
    b, a = sections[:, :, None, :3], sections[:, :, None, 3:]
    above = b[..., 0] + b[..., 1] * delay + b[..., 2] * delay**2
    below = a[..., 0] + a[..., 1] * delay + a[..., 2] * delay**2
    return np.asarray(above / below)


def hop_energies(
    sound: NDArray[np.float32], sections: NDArray[np.float64], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the weighted energy of each band in each hop of the sound, filtering from rest.

    Args:
        sound: float32 [n], n a multiple of the hop.
        sections: the filters, as from `biquads`, [C, 4, 6].
        weights: [W, hop]; each row weighs the squared samples of a hop.

    Returns:
        float32 [C, n / hop, W].
    """
    from scipy.signal import sosfilt

    hop = weights.shape[1]
    energies = np.empty((len(sections), len(sound) // hop, len(weights)), np.float32)
    for band, filters in enumerate(sections):
        filtered = sosfilt(filters, sound.astype(np.float64))
        energies[band] = np.square(filtered).reshape(-1, hop) @ weights.T
    return energies

"""Gammatone filters of 4th order with ERB bandwidths, as four biquads each.

Slaney, "An Efficient Implementation of the Patterson-Holdsworth Auditory Filter Bank", Apple TR 35, 1993.
"""

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from damer.features.spec import FeatureSpec

# Glasberg & Moore (1990): ERB(f) = 24.7 + f / 9.26449 Hz; a 4th-order Gammatone's b is 1.019 of it.
_EAR_Q = 9.26449
_MIN_BANDWIDTH = 24.7
_BANDWIDTH_FACTOR = 1.019
# Centre frequency over sample rate below which the compiled filters work in double precision.
_DOUBLE_BELOW = 0.005


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

    With numba (the `fast` extra) some 20 times as fast as without, and the same to 5e-4 of an energy.

    Args:
        sound: float32 [n], n a multiple of the hop.
        sections: the filters, as from `biquads`, [C, 4, 6], rising.
        weights: [2, hop]; each row weighs the squared samples of a hop.

    Returns:
        float32 [C, n / hop, 2].
    """
    compiled = _compiled()
    if compiled is None or len(sound) == 0 or weights.shape[1] % compiled.SAMPLES_AT_ONCE:
        return _energies_by_scipy(sound, sections, weights)
    hops, bands = len(sound) // weights.shape[1], len(sections)
    energies = np.empty((bands, hops, 2), np.float32)
    # The slow poles of low bands lie so near 1 that single precision would move them. Some more bands than
    # need it are computed in double precision, so that the others fill their registers.
    low = int(np.sum(np.angle(_poles(sections)) < 2 * np.pi * _DOUBLE_BELOW))
    low += (bands - low) % (compiled.REGISTER_BYTES // 4)
    for part, kind in ((slice(low), np.float64), (slice(low, None), np.float32)):
        chosen = sections[part]
        if len(chosen) == 0:
            continue
        missing = -len(chosen) % (compiled.REGISTER_BYTES // np.dtype(kind).itemsize)
        chosen = np.concatenate([chosen, chosen[-1:].repeat(missing, axis=0)])
        zeros = chosen[:, :, 1] / chosen[:, :, 0]
        filters = np.concatenate([-chosen[:, 0, 4:], zeros], axis=1, dtype=kind).T.copy()
        out = np.empty((hops, 2, len(chosen)), kind)
        compiled.filter_energies(sound.astype(kind), filters, weights.astype(kind), out)
        power = sections[part, :, 0].prod(axis=1) ** 2
        np.multiply(
            out.transpose(2, 0, 1)[: len(power)],
            power[:, None, None],
            out=energies[part],
            casting="same_kind",
        )
    return energies


def _compiled() -> ModuleType | None:
    """Return the module of the compiled filters, or None where numba is not installed."""
    try:
        from damer.features import compiled
    except ImportError:
        return None
    return compiled


def _poles(sections: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return the upper pole of each filter's sections: complex128 [C]."""
    a1, a2 = sections[:, 0, 4], sections[:, 0, 5]
    return np.asarray(-a1 / 2 + 1j * np.sqrt(np.maximum(0, a2 - a1**2 / 4)))


def _energies_by_scipy(
    sound: NDArray[np.float32], sections: NDArray[np.float64], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    from scipy.signal import sosfilt

    double = sound.astype(np.float64)
    energies = np.empty((len(sections), len(sound) // weights.shape[1], len(weights)), np.float32)
    for band, filters in enumerate(sections):
        filtered = sosfilt(filters, double)
        energies[band] = np.square(filtered).reshape(-1, weights.shape[1]) @ weights.T
    return energies

"""The cochleagram: Gammatone band energies, compressed by a power law, in log10.

Two ways to the same picture. The fast one lays the filters' power responses over the spectrum that the Mel
view has computed anyway; the other runs the filters over the sound, sample by sample.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from damer.features import gammatone
from damer.features.spec import FeatureSpec
from damer.features.spectrum import extend, log_energies, window

# The filters of one second start this long before it (on its reflection), so that they are in full swing when
# it begins: the slowest, at 50 Hz, has then forgotten its start to one part in 100 000.
_WARM_UP_S = 0.1


def gammatone_weights(spec: FeatureSpec) -> NDArray[np.float64]:
    """Return the share of each bin's power that each band hears.

    Returns:
        float64 [n_cochlea, fft/2 + 1] in [0, 1]: |H|^2 of the Gammatone filters, 0 where it is below
        `spec.cochlea_tail` of the filter's peak.
    """
    frequencies = np.arange(spec.fft // 2 + 1, dtype=np.float64) * (spec.sample_rate / spec.fft)
    response = gammatone.power_response(gammatone.centre_frequencies(spec), spec.sample_rate, frequencies)
    response[response < spec.cochlea_tail * response.max(axis=1, keepdims=True)] = 0.0
    return response


def time_energies(second: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the energy of each band and frame by filtering the sound itself.

    Args:
        second: one second, pre-emphasised, float32 [rate].
        spec: bands, frames and window.

    Returns:
        float32 [n_cochlea, T], on the scale of the bands' energies in the power spectrum (Parseval).
    """
    sections = _sections(spec)
    warm_up = -(-int(_WARM_UP_S * spec.sample_rate) // spec.hop)
    half = spec.frame // 2
    length = (spec.frames + 1) * spec.hop
    before = warm_up * spec.hop + half
    sound = extend(second, before, length - half - len(second), spec.padding)
    weights = window(spec) ** 2 * (spec.fft / 2)
    parts = weights.reshape(2, spec.hop).astype(np.float32)
    energies = gammatone.hop_energies(sound, sections, parts)[:, warm_up:]
    return energies[:, :-1, 0] + energies[:, 1:, 1]


@functools.lru_cache(maxsize=8)
def _sections(spec: FeatureSpec) -> NDArray[np.float64]:
    return gammatone.biquads(gammatone.centre_frequencies(spec), spec.sample_rate)


def compress(energies: NDArray[np.float32], spec: FeatureSpec, out: NDArray[np.float32]) -> None:
    """Write log10(energy ** compression) of bands over frames [bands, S T] into `out` [S, bands, T]."""
    log_energies(energies, spec.cochleagram_floor, out)
    out *= np.float32(spec.compression / np.log(10.0))

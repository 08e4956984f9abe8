"""The level of a sound file over time: the simplest curve of the music that arousal follows."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from damer.audio.reading import stream

_RATE = 11_025
_FLOOR_DB = -70.0


def level_curve(path: str | Path, step_s: float = 0.1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how loud a file is, moment by moment; memory does not grow with its length beyond the curve.

    Args:
        path: A sound file.
        step_s: Length of a moment, seconds.

    Returns:
        Times of the middles of the moments in seconds, and the root mean square of mono in dB below full
        scale, not under −70; both float64 [n].

    Raises:
        DamerError: the file is missing, empty, not sound, or silent.
    """
    size = round(_RATE * step_s)
    powers = []
    left = np.zeros(0, np.float32)
    for block in stream(path, rate=_RATE):
        samples = np.concatenate([left, block])
        whole = len(samples) // size * size
        frames = samples[:whole].reshape(-1, size).astype(np.float64)
        powers.append((frames**2).mean(axis=1))
        left = samples[whole:]
    power = np.concatenate(powers)
    times = (np.arange(len(power)) + 0.5) * size / _RATE
    return times, 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))

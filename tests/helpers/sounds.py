"""Sounds made for the tests."""

import numpy as np
from numpy.typing import NDArray


def music(seconds: float, rate: int, seed: int = 0) -> NDArray[np.float32]:
    """Return notes with harmonics and decay over soft noise, float32 [n], peak about 0.6."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.01 * generator.standard_normal(len(time))
    for onset in np.arange(0, seconds, 0.2):
        pitch = 110 * 2 ** (generator.integers(0, 36) / 12)
        age = time - onset
        decay = np.where(age >= 0, np.exp(-6 * np.maximum(age, 0)), 0)
        for harmonic in range(1, 7):
            if harmonic * pitch < rate / 2:
                sound += 0.08 / harmonic * decay * np.sin(2 * np.pi * harmonic * pitch * age)
    return np.clip(sound, -1, 1).astype(np.float32)


def tones(seconds: float, rate: int, seed: int = 0) -> NDArray[np.float32]:
    """Return five tones that swell at their own pace over soft noise, float32 [n], peak about 0.6."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.02 * generator.standard_normal(len(time))
    for pitch, pace in zip(generator.uniform(80, 3000, 5), generator.uniform(0.3, 3, 5), strict=True):
        sound += 0.12 * np.sin(2 * np.pi * pitch * time) * np.sin(np.pi * pace * time) ** 2
    return sound.astype(np.float32)

"""The semitone reading against a slow direct one, and against notes whose place is known."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from damer.features import FeatureSpec, extract
from damer.features.semitone import C1_HZ, RELATIVE_BANDWIDTH, semitone_cochleagram

SPEC = FeatureSpec(cochleagram="semitone")
RATE = SPEC.sample_rate


def tone(pitch: int, seconds: float = 3.0) -> np.ndarray:
    """Return a sine on a MIDI pitch, amplitude 0.3."""
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)).astype(np.float32)


def slow_energy(samples: np.ndarray, second: float, band: int) -> float:
    """Return a band's energy around a time: one long transform at 11 025 Hz, weighted bin by bin."""
    low = resample_poly(samples.astype(np.float64), 1, 2)
    length = 8192 if band < 24 else 4096
    centre = round(second * 11025)
    padded = np.pad(low, length)
    frame = padded[centre + length // 2 : centre + length // 2 + length]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    power = np.abs(np.fft.rfft(frame * window * 2 / window.sum())) ** 2
    frequency = np.arange(length // 2 + 1) * 11025 / length
    centre_frequency = C1_HZ * 2 ** (band / 12)
    weights = (1 + ((frequency - centre_frequency) / (RELATIVE_BANDWIDTH * centre_frequency)) ** 2) ** -4
    weights[weights < 1e-6] = 0
    return float(np.sum(power * weights) / weights.sum())


@pytest.mark.parametrize("pitch", [24, 31, 47, 48, 69, 88, 107])
def test_a_note_is_loudest_in_its_band(pitch: int) -> None:
    view = semitone_cochleagram(tone(pitch), SPEC)[1].mean(-1)
    assert view.argmax() == pitch - 24
    neighbours = view[[band for band in (pitch - 25, pitch - 23) if 0 <= band < 84]]
    assert (view.max() - neighbours).min() > 0.3 * 0.8  # 8 dB and more: semitones are told apart


def test_agrees_with_the_slow_reading() -> None:
    generator = np.random.default_rng(0)
    chord = sum(tone(pitch) for pitch in (36, 40, 43, 60, 64, 67, 84))
    samples = (chord / 3 + 0.01 * generator.standard_normal(len(tone(60)))).astype(np.float32)
    view = semitone_cochleagram(samples, SPEC)
    frame = 44  # a frame on the grid of windows: (22 050 + 44 · 256) / 1 024 = 32.53 -> window 33
    second = 33 * 1024 / RATE
    expected = [0.3 * np.log10(slow_energy(samples, second, band) + 1e-10) for band in range(84)]
    np.testing.assert_allclose(view[1, :, frame], expected, atol=2e-3)


def test_a_semitone_up_is_a_band_up() -> None:
    low = semitone_cochleagram(tone(60) + tone(64), SPEC)[1].mean(-1)
    high = semitone_cochleagram(tone(61) + tone(65), SPEC)[1].mean(-1)
    strong = low[:-1] > low.max() - 0.6
    np.testing.assert_allclose(low[:-1][strong], high[1:][strong], atol=0.05)


def test_silence_is_the_floor_and_finite() -> None:
    view = semitone_cochleagram(np.zeros(2 * RATE, np.float32), SPEC)
    np.testing.assert_allclose(view, 0.3 * np.log10(SPEC.cochleagram_floor), rtol=1e-6)


def test_extract_gives_it_in_place_of_the_cochleagram() -> None:
    samples = tone(69) + 0.01 * np.random.default_rng(1).standard_normal(3 * RATE).astype(np.float32)
    views = extract(samples, RATE, SPEC)
    assert views.cochleagram.shape == (3, 84, 87)
    np.testing.assert_allclose(views.cochleagram, semitone_cochleagram(samples, SPEC), atol=1e-5)
    np.testing.assert_array_equal(views.mel, extract(samples, RATE).mel)

"""Loudness and true peak against the tables of BS.1770, EBU Tech 3341, ffmpeg and a slow computation."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ebur128 import ebur128, varied
from numpy.typing import NDArray

from damer.curation.loudness import Measurement, Meter, interpolator, k_weighting

RATE = 48000
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def sine(seconds: float, level_dbfs: float, pitch: float = 1000.0, phase: float = 0.0) -> NDArray[np.float32]:
    """Return a stereo sine, float32 [n, 2], whose amplitude is `level_dbfs`."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * pitch * time + phase)
    return np.stack([wave, wave], 1).astype(np.float32)


def measured(
    samples: NDArray[np.float32],
    rate: int = RATE,
    weights: Sequence[float] = (1.0, 1.0),
    block: int = 100_000,
) -> Measurement:
    meter = Meter(rate, weights)
    for start in range(0, len(samples), block):
        meter.add(samples[start : start + block])
    return meter.measure()


# -- the filters ---------------------------------------------------------------------------------------------


def test_k_weighting_at_48_khz_is_that_of_the_recommendation() -> None:
    """Coefficients as printed in ITU-R BS.1770, annex 1, tables 1 and 2."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48000), [shelf, high_pass], rtol=0, atol=1e-9)


def test_k_weighting_is_the_same_curve_at_another_rate() -> None:
    from scipy import signal

    hertz = np.array([40.0, 100.0, 1000.0, 3000.0, 8000.0])
    curves = [np.abs(signal.sosfreqz(k_weighting(rate), hertz, fs=rate)[1]) for rate in (44100, 48000, 96000)]
    np.testing.assert_allclose(20 * np.log10(curves[0]), 20 * np.log10(curves[1]), atol=0.02)
    np.testing.assert_allclose(20 * np.log10(curves[2]), 20 * np.log10(curves[1]), atol=0.05)


# -- EBU Tech 3341, table 1 ----------------------------------------------------------------------------------

STEADY = [
    (1, [(20.0, -23.0)], -23.0),
    (2, [(20.0, -33.0)], -33.0),
    (3, [(10.0, -36.0), (60.0, -23.0), (10.0, -36.0)], -23.0),
    (4, [(10.0, -72.0), (10.0, -36.0), (60.0, -23.0), (10.0, -36.0), (10.0, -72.0)], -23.0),
    (5, [(20.0, -26.0), (20.1, -20.0), (20.0, -26.0)], -23.0),
]


@pytest.mark.parametrize(("case", "parts", "expected"), STEADY, ids=lambda value: str(value)[:8])
def test_ebu_tech_3341_programme_loudness(
    case: int, parts: list[tuple[float, float]], expected: float
) -> None:
    signal = np.concatenate([sine(seconds, level) for seconds, level in parts])
    assert measured(signal).loudness_lufs == pytest.approx(expected, abs=0.1), case


def test_ebu_tech_3341_case_6_five_channels() -> None:
    levels = np.array([-28.0, -28.0, -24.0, -30.0, -30.0])
    wave = sine(20.0, 0.0)[:, :1] * 10 ** (levels / 20)
    found = measured(wave.astype(np.float32), weights=(1.0, 1.0, 1.0, 1.41, 1.41))
    assert found.loudness_lufs == pytest.approx(-23.0, abs=0.1)


# Case, pitch as a share of the rate, phase in degrees, amplitude, true peak in dBTP; +0.2/−0.4 dB is allowed.
PEAKS = [
    (15, 1 / 4, 0.0, 0.50, -6.0),
    (16, 1 / 4, 45.0, 0.50, -6.0),
    (17, 1 / 6, 60.0, 0.50, -6.0),
    (18, 1 / 8, 67.5, 0.50, -6.0),
    (19, 1 / 4, 45.0, 1.41, 3.0),
]


@pytest.mark.parametrize(("case", "share", "degrees", "amplitude", "expected"), PEAKS)
def test_ebu_tech_3341_true_peak(
    case: int, share: float, degrees: float, amplitude: float, expected: float
) -> None:
    level = 20 * np.log10(amplitude)
    found = measured(sine(1.0, level, share * RATE, np.radians(degrees)) * fades(RATE)).true_peak_dbtp
    assert -0.4 <= found - expected <= 0.2, case


def fades(count: int) -> NDArray[np.float32]:
    """Return a slow way in and out, so that the signal's ends make no peak of their own."""
    edge = np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.1 * RATE)
    return (0.5 - 0.5 * np.cos(np.pi * np.minimum(edge, 1)))[:, None].astype(np.float32)


@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_ebu_tech_3341_cases_20_to_23_peak_between_samples(offset: int) -> None:
    """A peak of full scale made at four times the rate is found whichever fourth of the samples is kept."""
    time = np.arange(4 * RATE // 2) / (4 * RATE)
    slow = np.sin(2 * np.pi * RATE / 6 * time + np.pi / 4)
    middle = len(time) // 2 - 3
    swell = 0.5 + 0.5 * np.exp(-(((np.arange(len(time)) - middle) / 48) ** 2))
    wave = slow * swell
    wave *= 1 / np.abs(wave).max()
    kept = wave[offset::4][:, None] * np.ones((1, 2)) * fades(len(wave[offset::4]))
    assert -0.4 <= measured(kept.astype(np.float32)).true_peak_dbtp <= 0.2


# -- against other programs ----------------------------------------------------------------------------------


@needs_ffmpeg
@pytest.mark.parametrize("number", range(10))
def test_same_as_ffmpeg_on_ten_varied_files(number: int, tmp_path: Path) -> None:
    samples, rate = varied(number)
    path = tmp_path / "sound.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    loudness, peak = ebur128(path)
    found = measured(samples, rate)
    # ffmpeg prints one decimal, so that it may itself be 0.05 off.
    assert abs(found.loudness_lufs - loudness) <= 0.1 + 1e-6
    assert found.true_peak_dbtp == pytest.approx(peak, abs=0.15)


def test_true_peak_is_that_of_a_long_direct_interpolation() -> None:
    """Every sixteenth between samples by an ideal filter (Fourier), for noise and for clicks."""
    generator = np.random.default_rng(4)
    noise = generator.standard_normal(4096)
    clicks = np.where(generator.random(4096) < 0.01, generator.choice([-1.0, 1.0], 4096), 0.0)
    for sound in (noise, clicks):
        spectrum = np.fft.rfft(sound)
        spectrum[round(0.45 * len(sound)) :] = 0  # up to 19.8 kHz at 44.1 kHz
        sound = np.fft.irfft(spectrum)
        fine = np.fft.irfft(np.pad(spectrum, (0, 15 * len(sound) // 2))) * 16
        found = measured(np.stack([sound, sound / 2], 1).astype(np.float32), 44100).true_peak_dbtp
        assert found == pytest.approx(20 * np.log10(np.abs(fine).max()), abs=0.12)


def test_leaving_out_what_cannot_hold_the_peak_changes_nothing() -> None:
    samples, rate = varied(7)
    matrix, bound = interpolator()
    assert 1.5 < bound < 4
    padded = np.pad(samples[:, 0], (23, 23 + 16))
    highest = max(
        float(np.abs(padded[start : start + len(matrix)] @ matrix).max())
        for start in range(0, len(padded) - len(matrix), 16)
    )
    one = np.stack([samples[:, 0], 0 * samples[:, 0]], 1)
    assert 10 ** (measured(one, rate).true_peak_dbtp / 20) == pytest.approx(highest, rel=1e-5)


# -- blocks, gains, nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [777, 44100, 1_000_000])
def test_block_size_does_not_matter(block: int) -> None:
    samples, rate = varied(2)
    whole, parts = measured(samples, rate, block=len(samples)), measured(samples, rate, block=block)
    assert parts.loudness_lufs == pytest.approx(whole.loudness_lufs, abs=1e-6)
    assert parts.true_peak_dbtp == pytest.approx(whole.true_peak_dbtp, abs=1e-5)


@pytest.mark.parametrize("level", [0.0, -40.0])
def test_gain_reaches_the_target_also_where_it_moves_parts_over_the_gate(level: float) -> None:
    """At −40 dB the quiet half lies under −70 LUFS, amplified it does not: a single guess would miss."""
    samples, rate = varied(2)
    samples = np.concatenate([samples, samples[-rate * 2 :] * np.float32(0.3)])
    samples *= np.float32(10 ** (level / 20))
    meter = Meter(rate)
    meter.add(samples)
    gain = meter.gain_to(-23.0)
    assert meter.measure(gain).loudness_lufs == pytest.approx(-23.0, abs=0.001)
    amplified = samples * np.float32(10 ** (gain / 20))
    assert measured(amplified, rate).loudness_lufs == pytest.approx(-23.0, abs=0.01)


@pytest.mark.parametrize(("level", "count"), [(0.0, 44100), (1e-5, 44100), (1.0, 10), (1.0, 0)])
def test_nothing_to_measure(level: float, count: int) -> None:
    meter = Meter(44100)
    meter.add(np.full((count, 2), level, np.float32))
    assert meter.measure().loudness_lufs == -np.inf
    with pytest.raises(ValueError, match="-70"):
        meter.gain_to(-23.0)

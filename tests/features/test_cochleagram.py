"""The cochleagram and its filters against slow, direct computations."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import sosfilt
from sounds import music

from damer.features import FeatureSpec, extract, extract_blocks, gammatone, join
from damer.features.cochleagram import gammatone_weights, time_energies
from damer.features.spectrum import emphasise


def test_the_filters_are_gammatones() -> None:
    """Their impulse response is t^3 exp(-2 pi b t) cos(2 pi f t), with b = 1.019 ERB."""
    rate = 44100
    centres = np.array([200.0, 1000.0, 4000.0])
    impulse = np.zeros(rate // 5)
    impulse[0] = 1.0
    time = np.arange(len(impulse)) / rate
    for centre, sections in zip(centres, gammatone.biquads(centres, rate), strict=True):
        response = sosfilt(sections, impulse)
        bandwidth = 1.019 * (24.7 + centre / 9.26449)
        envelope = time**3 * np.exp(-2 * np.pi * bandwidth * time)
        parts = np.stack(
            [envelope * np.cos(2 * np.pi * centre * time), envelope * np.sin(2 * np.pi * centre * time)]
        )
        weights = np.linalg.lstsq(parts.T, response, rcond=None)[0]
        residue = response - weights @ parts
        assert np.sum(residue**2) < 1e-2 * np.sum(response**2)  # sampled, so not quite
        assert abs(weights[0]) > 5 * abs(weights[1])


def test_the_filters_have_their_bandwidth() -> None:
    """The power response's area over its peak is one ERB of Glasberg and Moore (1990)."""
    rate = 44100
    centres = np.array([100.0, 440.0, 1000.0, 5000.0])
    frequencies = np.arange(0, rate / 2, 0.5)
    response = gammatone.power_response(centres, rate, frequencies)
    np.testing.assert_allclose(response.max(axis=1), 1.0, atol=2e-3)
    width = response.sum(axis=1) * 0.5
    np.testing.assert_allclose(width, 24.7 * (4.37 * centres / 1000 + 1), rtol=0.02)


def test_power_response_is_that_of_the_sections() -> None:
    from scipy.signal import freqz_sos

    centres = np.array([60.0, 700.0, 9000.0])
    frequencies = np.linspace(0, 11025, 257)
    ours = gammatone.power_response(centres, 22050, frequencies)
    for row, sections in zip(ours, gammatone.biquads(centres, 22050), strict=True):
        _, response = freqz_sos(sections, worN=frequencies, fs=22050)
        np.testing.assert_allclose(row, np.abs(response) ** 2, rtol=1e-6, atol=1e-12)


def direct_energies(second: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float64]:
    """Filter, window, square and sum each frame of a second, one by one, in double precision."""
    half = spec.frame // 2
    before = 20 * spec.hop
    sound = np.pad(second.astype(np.float64), (before, spec.frame), mode="reflect")
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(spec.frame) / spec.frame)
    energies = np.empty((spec.n_cochlea, spec.frames))
    for band, sections in enumerate(gammatone.biquads(gammatone.centre_frequencies(spec), spec.sample_rate)):
        filtered = sosfilt(sections, sound)
        for frame in range(spec.frames):
            centre = before + frame * spec.hop
            energies[band, frame] = np.sum((filtered[centre - half : centre + half] * window) ** 2)
    return energies * spec.fft / 2


@pytest.mark.parametrize("rate", [22050, 44100])
def test_time_domain_bank(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = FeatureSpec(sample_rate=rate, cochleagram="time")
    second = emphasise(music(1, rate), 0.97)
    expected = np.log(direct_energies(second, spec))
    pytest.importorskip("numba")
    compiled = np.log(time_energies(second, spec))
    np.testing.assert_allclose(compiled, expected, rtol=0, atol=1e-3)
    monkeypatch.setattr(gammatone, "_compiled", lambda: None)
    plain = np.log(time_energies(second, spec))
    np.testing.assert_allclose(plain, expected, rtol=0, atol=1e-4)
    assert not np.array_equal(plain, compiled)  # the two were not the same computation


@pytest.mark.parametrize(("bands", "hop", "hops"), [(1, 2, 300), (5, 256, 8), (37, 160, 11), (100, 93, 9)])
def test_compiled_bank_of_any_shape(bands: int, hop: int, hops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands fill registers of 4 to 16, samples go in pairs: what is left over is not forgotten."""
    pytest.importorskip("numba")
    generator = np.random.default_rng(bands)
    sound = generator.standard_normal(hops * hop).astype(np.float32)
    weights = generator.random((2, hop)).astype(np.float32)
    sections = gammatone.biquads(np.geomspace(80, 9000, bands), 22050)
    compiled = gammatone.hop_energies(sound, sections, weights)
    monkeypatch.setattr(gammatone, "_compiled", lambda: None)
    plain = gammatone.hop_energies(sound, sections, weights)
    assert compiled.shape == plain.shape == (bands, hops, 2)
    np.testing.assert_allclose(compiled, plain, rtol=1e-3, atol=1e-3 * plain.max() * 1e-6)


def test_time_domain_view() -> None:
    sound = music(2, 22050)
    spec = FeatureSpec(cochleagram="time")
    expected = [
        0.3 * np.log10(direct_energies(second, spec)) for second in emphasise(sound, 0.97).reshape(2, -1)
    ]
    np.testing.assert_allclose(extract(sound, 22050, spec).cochleagram, expected, rtol=0, atol=1e-3)


def test_fast_view_agrees_with_the_time_domain() -> None:
    sound = music(20, 22050)
    fast = extract(sound, 22050).cochleagram
    slow = extract(sound, 22050, FeatureSpec(cochleagram="time")).cochleagram
    assert np.corrcoef(fast.ravel(), slow.ravel())[0, 1] > 0.95
    # Low filters answer a frame later than the spectrum, which knows no delay.
    low = np.corrcoef(fast[:, :20, :-1].ravel(), slow[:, :20, 1:].ravel())[0, 1]
    assert low > 0.85
    high = [np.corrcoef(fast[:, band].ravel(), slow[:, band].ravel())[0, 1] for band in range(50, 84)]
    assert min(high) > 0.97
    assert abs((fast - slow).mean()) < 0.05


def test_fast_view_against_a_direct_sum() -> None:
    """Each band is the sum over a plain Fourier transform's bins of power times |H|^2."""
    spec = FeatureSpec()
    sound = music(1, 22050)
    second = emphasise(sound, 0.97).astype(np.float64)
    padded = np.pad(second, 256, mode="reflect")
    centres = gammatone.centre_frequencies(spec)
    response = gammatone.power_response(centres, 22050, np.arange(513) * 22050 / 1024)
    window = np.hamming(513)[:-1]
    ours = extract(sound, 22050).cochleagram[0]
    for frame in (0, 40, 86):
        samples = np.append(padded[frame * 256 : frame * 256 + 512] * window, np.zeros(512))
        matrix = np.exp(-2j * np.pi * np.outer(np.arange(513), np.arange(1024)) / 1024)
        power = np.abs(matrix @ samples) ** 2
        expected = np.log10((response @ power) ** 0.3)
        np.testing.assert_allclose(ours[:, frame], expected, rtol=0, atol=2e-4)


def test_a_tone_lights_its_band() -> None:
    spec = FeatureSpec()
    centres = gammatone.centre_frequencies(spec)
    for band in (30, 50, 70):
        tone = np.sin(2 * np.pi * centres[band] * np.arange(22050) / 22050)
        for kind in ("fft", "time"):
            view = extract(tone, 22050, FeatureSpec.from_dict({"cochleagram": kind})).cochleagram[0]
            assert abs(int(view[:, 20:60].mean(axis=1).argmax()) - band) <= 1


def test_truncated_tails_change_little() -> None:
    sound = music(2, 22050)
    cut = extract(sound, 22050).cochleagram
    whole = extract(sound, 22050, FeatureSpec(cochlea_tail=0.0)).cochleagram
    assert np.abs(cut - whole).max() < 1e-3
    assert (gammatone_weights(FeatureSpec()) > 0).mean() < 0.5


@pytest.mark.parametrize("kind", ["fft", "time"])
def test_silence_is_the_floor(kind: str) -> None:
    spec = FeatureSpec.from_dict({"cochleagram": kind})
    views = extract(np.zeros(22050), 22050, spec)
    np.testing.assert_allclose(views.mel, np.log(1e-10), rtol=1e-6)
    np.testing.assert_allclose(views.cochleagram, 0.3 * -10, rtol=1e-6)


@pytest.mark.parametrize("kind", ["fft", "time", "semitone"])
@pytest.mark.parametrize("seconds", [1, 2, 5])
def test_blocks_give_what_the_whole_gives(kind: str, seconds: int) -> None:
    spec = FeatureSpec.from_dict({"cochleagram": kind})
    sound = music(seconds + 0.7, 22050)
    whole = extract(sound, 22050, spec)
    blocks = np.split(sound, np.arange(17_000, len(sound), 17_000))
    joined = join(extract_blocks(blocks, spec))
    np.testing.assert_array_equal(joined.mel, whole.mel)
    if kind == "semitone":  # its windows lie on a grid that begins with the block: close, not equal
        assert np.abs(joined.cochleagram - whole.cochleagram).mean() < 0.05
    else:
        np.testing.assert_array_equal(joined.cochleagram, whole.cochleagram)

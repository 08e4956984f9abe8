"""Every format, rate and channel count, from files made here."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from damer import audio

DATA = Path(__file__).parent / "data"
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")


def notes(rate: int, channels: int, seconds: float = 3.0) -> NDArray[np.float32]:
    """Return a slide from 200 to 900 Hz, a little louder in each channel, [n, channels]."""
    time = np.arange(round(seconds * rate)) / rate
    slide = np.sin(2 * np.pi * (200 * time + 350 / seconds * time**2))
    return (slide[:, None] * np.linspace(0.3, 0.6, channels)).astype(np.float32)


def agreement(path: Path, sound: NDArray[np.float32], rate: int) -> float:
    """Return the correlation of what is read, at the file's own rate, with the mean of the channels."""
    read = audio.read(path, rate=rate)
    expected = sound.mean(axis=1)
    assert read.rate == rate
    assert abs(read.duration_s - len(sound) / rate) < 0.06
    assert abs(len(read.samples) - len(expected)) < 0.06 * rate
    assert read.samples.dtype == np.float32
    count = min(len(read.samples), len(expected))
    return float(np.corrcoef(read.samples[:count], expected[:count])[0, 1])


@pytest.mark.parametrize(
    ("suffix", "subtype", "error"),
    [
        ("wav", "PCM_U8", 2**-7),
        ("wav", "PCM_16", 2**-15),
        ("wav", "PCM_24", 2**-23),
        ("wav", "PCM_32", 2**-23),
        ("wav", "FLOAT", 1e-7),
        ("wav", "DOUBLE", 1e-7),
        ("aiff", "PCM_S8", 2**-7),
        ("aiff", "PCM_16", 2**-15),
        ("aiff", "PCM_24", 2**-23),
        ("aiff", "FLOAT", 1e-7),
        ("flac", "PCM_16", 2**-15),
        ("flac", "PCM_24", 2**-23),
        ("caf", "PCM_16", 2**-15),
        ("caf", "ALAC_16", 2**-15),
    ],
)
def test_lossless_formats_to_the_last_bit(tmp_path: Path, suffix: str, subtype: str, error: float) -> None:
    path = tmp_path / f"sound.{suffix}"
    sound = notes(44100, 2)
    soundfile.write(path, sound, 44100, subtype=subtype)
    read = audio.read(path, rate=44100)
    np.testing.assert_allclose(read.samples, sound.mean(axis=1), rtol=0, atol=1.01 * error)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("suffix", "subtype", "rate"),
    [
        ("ogg", "VORBIS", 44100),
        ("ogg", "VORBIS", 22050),
        ("opus", "OPUS", 48000),
        ("opus", "OPUS", 16000),
        ("mp3", "MPEG_LAYER_III", 44100),
        ("mp3", "MPEG_LAYER_III", 48000),
        ("mp3", "MPEG_LAYER_III", 22050),
        ("mp3", "MPEG_LAYER_III", 8000),
    ],
)
def test_lossy_formats(tmp_path: Path, suffix: str, subtype: str, rate: int, channels: int) -> None:
    path = tmp_path / f"sound.{suffix}"
    sound = notes(rate, channels)
    soundfile.write(path, sound, rate, format="OGG" if suffix == "opus" else None, subtype=subtype)
    assert agreement(path, sound, rate) > 0.99


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_every_channel_counts_alike(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"sound.{suffix}"
    sound = notes(32000, channels)
    soundfile.write(path, sound, 32000)
    np.testing.assert_allclose(audio.read(path, rate=32000).samples, sound.mean(axis=1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 44101, 48000, 96000, 192000])
def test_any_rate_becomes_the_one_asked_for(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, notes(rate, 1), rate, subtype="FLOAT")
    read = audio.read(path, rate=22050)
    expected = notes(22050, 1)[:, 0]
    assert len(read.samples) == len(expected)
    inner = slice(2000, -2000)  # a slide that begins and ends abruptly rings at its ends
    np.testing.assert_allclose(read.samples[inner], expected[inner], rtol=0, atol=2e-3)


def test_m4a_without_any_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    read = audio.read(DATA / "notes.m4a", rate=44100)
    assert read.duration_s == pytest.approx(6.0, abs=1e-9)
    assert len(read.samples) == 6 * 44100
    assert 0.02 < np.sqrt(np.mean(read.samples**2)) < 0.3


def test_fragmented_m4a_holds_the_same_sound() -> None:
    whole = audio.read(DATA / "notes.m4a", rate=44100).samples
    # A fragmented file does not say that the encoder's first 1 024 samples are not meant to be heard.
    fragmented = audio.read(DATA / "notes_fragmented.m4a", rate=44100).samples[1024:]
    np.testing.assert_array_equal(fragmented[: len(whole)], whole)


# -aac_pns 0: without bands of noise, which each decoder makes up as it likes.
@needs_ffmpeg
@pytest.mark.parametrize(
    "arguments", ["-c:a aac -aac_pns 0", "-c:a aac -aac_pns 0 -movflags +faststart", "-c:a alac"]
)
@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.1", 6)])
def test_m4a_is_what_ffmpeg_decodes(tmp_path: Path, arguments: str, layout: str, channels: int) -> None:
    soundfile.write(tmp_path / "sound.wav", notes(44100, channels), 44100)
    path = tmp_path / "sound.m4a"
    ffmpeg("-i", tmp_path / "sound.wav", "-ac", channels, *arguments.split(), path)
    raw = ffmpeg("-i", path, "-f", "f32le", "-c:a", "pcm_f32le", "-")
    expected = np.frombuffer(raw, np.float32).reshape(-1, channels).mean(axis=1)
    read = audio.read(path, rate=44100).samples
    assert 0 <= len(expected) - len(read) <= 1024  # the padding of the last packet
    np.testing.assert_allclose(read, expected[: len(read)], rtol=0, atol=1e-4)


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["aac", "mkv", "webm", "ac3", "wma", "mp4"])
def test_other_containers(tmp_path: Path, suffix: str) -> None:
    sound = notes(48000, 2)
    soundfile.write(tmp_path / "sound.wav", sound, 48000)
    path = tmp_path / f"sound.{suffix}"
    ffmpeg("-i", tmp_path / "sound.wav", path)
    read = audio.read(path, rate=48000).samples
    # These begin with an encoder's delay that nobody states: compare what does not depend on it.
    ours, theirs = (np.abs(np.fft.rfft(part, 1 << 18)) for part in (read, sound.mean(axis=1)))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95


def ffmpeg(*arguments: object) -> bytes:
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout

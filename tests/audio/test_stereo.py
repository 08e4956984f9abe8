"""Any number of channels as left and right: the order of channels in each format, rates, damage."""

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from sounds import tones

from damer import audio
from damer.audio.stereo import downmix
from damer.core.errors import DamerError

HALF = math.sqrt(0.5)
# Each channel has a pitch of its own, in the order of WAV: L, R, C, LFE, Ls, Rs.
PITCHES = np.array([200, 400, 600, 800, 1000, 1200])
EXPECTED = np.array([[1, 0], [0, 1], [HALF, HALF], [0, 0], [HALF, 0], [0, HALF]])


def all_of(path: Path, rate: int, stop_s: float = math.inf) -> NDArray[np.float32]:
    return np.concatenate(list(audio.stereo(path, audio.open_file(path), rate, stop_s)))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "m4a"])
def test_six_channels_are_mixed_by_their_places_in_every_format(tmp_path: Path, suffix: str) -> None:
    rate = 48000
    time = np.arange(2 * rate) / rate
    amplitude = 0.2
    made = tmp_path / "made.wav"
    soundfile.write(made, amplitude * np.sin(2 * np.pi * PITCHES * time[:, None]), rate)
    path = tmp_path / f"six.{suffix}"
    if suffix == "wav":
        path = made
    else:
        codec = {"ogg": "libvorbis", "opus": "libopus", "m4a": "aac", "flac": "flac"}[suffix]
        command = ["ffmpeg", "-v", "error", "-channel_layout", "5.1", "-i", str(made), "-c:a", codec]
        subprocess.run([*command, "-b:a", "384k", str(path)], check=True)
    sound = all_of(path, rate)[rate // 2 : rate // 2 + rate]
    spectrum = np.abs(np.fft.rfft(sound, axis=0)) * 2 / rate
    np.testing.assert_allclose(spectrum[PITCHES] / amplitude, EXPECTED, atol=0.06)


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("codec", ["wav/pcm_16", "ogg/vorbis"])
def test_sides_are_treated_alike(channels: int, codec: str) -> None:
    matrix = downmix(channels, codec)
    assert matrix.shape == (channels, 2)
    # What goes to the left more than to the right has a counterpart: mirrored rows are the same rows.
    assert sorted(map(tuple, matrix)) == sorted(map(tuple, matrix[:, ::-1]))
    np.testing.assert_allclose(matrix[:, 0].sum(), matrix[:, 1].sum(), rtol=1e-6)


def test_mono_goes_to_both_sides_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "mono.wav"
    sound = tones(1.5, 44100)
    soundfile.write(path, sound, 44100, subtype="FLOAT")
    mixed = all_of(path, 44100)
    np.testing.assert_array_equal(mixed, np.stack([sound, sound], 1))


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_resampled_in_blocks_as_whole(tmp_path: Path, rate: int) -> None:
    import soxr

    path = tmp_path / "sound.wav"
    sound = np.stack([tones(4, rate, 1), tones(4, rate, 2)], 1)
    soundfile.write(path, sound, rate, subtype="FLOAT")
    expected = soxr.resample(sound, rate, 44100, quality="HQ")
    found = all_of(path, 44100)
    assert abs(len(found) - 4 * 44100) <= 1
    length = min(len(found), len(expected))
    np.testing.assert_allclose(found[:length], expected[:length], atol=1e-6)


def test_stops_where_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sound.flac"
    soundfile.write(path, tones(5, 44100), 44100)
    assert len(all_of(path, 44100, stop_s=2.0)) == 2 * 44100


@pytest.mark.parametrize("channels", [9, 12])
def test_more_channels_than_anyone_can_place(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "many.wav"
    soundfile.write(path, np.zeros((1000, channels)), 44100)
    with pytest.raises(DamerError, match=f"has {channels} channels in no order known here; mix it down"):
        all_of(path, 44100)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    path = tmp_path / "broken.wav"
    sound = tones(1, 44100)
    sound[5000] = value
    soundfile.write(path, sound, 44100, subtype="FLOAT")
    with pytest.raises(DamerError, match="NaN or infinite; export it again"):
        all_of(path, 44100)

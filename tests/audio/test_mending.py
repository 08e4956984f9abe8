"""Opus and MP3 that libsndfile cannot follow: read whole all the same."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from damer import audio
from damer.audio import mp3, ogg

RATE = 48000


def noise_then_tone(seconds: float, rate: int = RATE) -> NDArray[np.float32]:
    """Return two seconds of noise, then a slide: an encoder gives the noise far more bits."""
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * (200 * time + 20 * time**2))
    sound[: 2 * rate] = 0.3 * np.random.default_rng(2).standard_normal(2 * rate)
    return sound.astype(np.float32)


def pages(file: bytes) -> list[bytes]:
    """Return the pages of an Ogg file."""
    return [b"OggS" + page for page in file.split(b"OggS")[1:]]


def checksum(page: bytes) -> int:
    """Return the checksum of a page bit by bit (RFC 3533, section 6, field 7)."""
    remainder = 0
    for byte in page:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x04C11DB7 if remainder >> 31 else 0)) & 0xFFFFFFFF
    return remainder


def moved(page: bytes, samples: int) -> bytes:
    """Return a page that says it ends so many samples later, with the checksum of that."""
    end = int.from_bytes(page[6:14], "little") + samples
    blank = page[:6] + end.to_bytes(8, "little") + page[14:22] + bytes(4) + page[26:]
    return blank[:22] + checksum(blank).to_bytes(4, "little") + blank[26:]


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_opus_whose_pages_end_late(tmp_path: Path, channels: int) -> None:
    whole, late = tmp_path / "whole.opus", tmp_path / "late.opus"
    sound = np.repeat(noise_then_tone(8)[:, None], channels, axis=1)
    with soundfile.SoundFile(whole, "w", RATE, channels, format="OGG", subtype="OPUS") as file:
        for start in range(0, len(sound), RATE):
            file.write(sound[start : start + RATE])
    parts = pages(whole.read_bytes())
    assert len(parts) > 6
    for page in parts:
        assert int.from_bytes(page[22:26], "little") == ogg.checksum(page[:22] + bytes(4) + page[26:])
    late.write_bytes(b"".join([*parts[:4], moved(parts[4], 488), *parts[5:]]))
    with pytest.raises(soundfile.LibsndfileError, match="malformed"):
        soundfile.read(late)
    assert ogg.with_true_times(late.read_bytes()) == whole.read_bytes()
    assert ogg.with_true_times(whole.read_bytes()) == whole.read_bytes()
    expected = audio.read(whole)
    read = audio.read_window(late, "all")
    assert (len(read.samples), read.duration_s) == (len(expected.samples), expected.duration_s)
    np.testing.assert_allclose(read.samples, expected.samples, rtol=0, atol=1e-3)
    part = audio.read(late, 6, 7)
    np.testing.assert_allclose(part.samples, expected.samples[6 * 22050 : 7 * 22050], rtol=0, atol=1e-3)


def without_header(file: bytes) -> bytes:
    """Return an MP3 file without its first frame, which counts the others."""
    assert b"Xing" in file[:64] or b"Info" in file[:64]
    return file[file.index(file[:2], 4) :]


@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (44100, 1), (22050, 2), (16000, 1)])
def test_mp3_of_varying_bit_rate_that_does_not_tell_its_length(
    tmp_path: Path, rate: int, channels: int
) -> None:
    whole, bare = tmp_path / "whole.mp3", tmp_path / "bare.mp3"
    sound = noise_then_tone(20, rate)
    soundfile.write(
        whole, np.repeat(sound[:, None], channels, axis=1), rate, bitrate_mode="VARIABLE",
        compression_level=0.3,
    )  # fmt: skip
    bare.write_bytes(without_header(whole.read_bytes()))
    assert abs(soundfile.info(bare).duration - 20) > 1  # libsndfile guesses
    assert audio.duration(bare) == pytest.approx(20, abs=0.2)
    expected, read = audio.read(whole, rate=rate), audio.read(bare, rate=rate)
    # Where the sound begins within the first frames is known from the first frame alone.
    shift = int(np.argmax(np.correlate(read.samples[: rate * 3], expected.samples[: rate * 2])))
    count = min(len(expected.samples), len(read.samples) - shift)
    assert count > 19.9 * rate
    np.testing.assert_allclose(
        read.samples[shift : shift + count], expected.samples[:count], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("start_s", [3.0, 5.5, 11.888, 12.1, 17.77])
def test_mp3_of_small_frames_is_exact_from_any_place(tmp_path: Path, start_s: float) -> None:
    path = tmp_path / "sound.mp3"
    soundfile.write(path, noise_then_tone(20, 44100), 44100, bitrate_mode="VARIABLE", compression_level=0.9)
    with path.open("rb") as file:
        at_once = soundfile.read(file, dtype="float32")[0]  # one call: nothing is sought
    start = round(start_s * 44100)
    read = audio.read(path, start / 44100, rate=44100).samples
    np.testing.assert_allclose(read, at_once[start:], rtol=0, atol=1e-6)
    np.testing.assert_allclose(audio.read(path, rate=44100).samples, at_once, rtol=0, atol=1e-6)


def test_mp3_that_needs_nothing_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp3"
    soundfile.write(path, noise_then_tone(4, 44100), 44100, bitrate_mode="VARIABLE", compression_level=0.3)
    assert mp3.with_length(path.read_bytes()) is None
    soundfile.write(path, noise_then_tone(4, 44100), 44100, bitrate_mode="CONSTANT", compression_level=0.8)
    assert mp3.with_length(without_header(path.read_bytes())) is None
    assert mp3.with_length(b"no sound at all" * 99) is None


def test_mp3_with_a_scratch_is_read_to_its_end(tmp_path: Path) -> None:
    whole, scratched = tmp_path / "whole.mp3", tmp_path / "scratched.mp3"
    soundfile.write(whole, noise_then_tone(20, 44100), 44100)
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    scratched.write_bytes(data)
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.read(scratched)
    expected, read = audio.read(whole).samples, audio.read_window(scratched, "all").samples
    assert 19 * 22050 < len(read) <= len(expected)
    np.testing.assert_allclose(read[: 8 * 22050], expected[: 8 * 22050], rtol=0, atol=1e-6)
    ends = np.correlate(read[-4 * 22050 : -2 * 22050], expected[-3 * 22050 - 200 : -3 * 22050])
    assert np.max(np.abs(ends)) > 0.5 * np.sum(np.square(expected[-3 * 22050 - 200 : -3 * 22050]))

"""Whatever is wrong with a file is one line that names it and says what to do."""

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from damer import audio
from damer.core.errors import DamerError

DATA = Path(__file__).parent / "data"
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")


def tone(seconds: float, rate: int = 22050) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def refusal(path: Path, read: Callable[[Path], object] = audio.read_window) -> str:
    """Return the one line with which a file is refused."""
    with pytest.raises(DamerError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_missing(tmp_path: Path) -> None:
    assert "no such file; check the name" in refusal(tmp_path / "none.mp3")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp3"
    path.touch()
    assert "empty (0 bytes); fetch or export it again" in refusal(path)


def test_directory(tmp_path: Path) -> None:
    assert "is a directory; name a sound file" in refusal(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    soundfile.write(path, tone(2), 22050)
    path.chmod(0)
    assert "may not be read; change its permissions" in refusal(path)


def test_unreadable_by_any_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.wav"
    soundfile.write(path, tone(2), 22050)

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert "may not be read; change its permissions" in refusal(path)


@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".m4a", ".ogg", ".raw", ".opus", ""])
@pytest.mark.parametrize("program", [True, False])
def test_text_with_the_name_of_sound(
    tmp_path: Path, suffix: str, program: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not program:
        monkeypatch.setenv("PATH", "")
    path = tmp_path / f"letter{suffix}"
    path.write_text("Dear Sir or Madam, this is no music at all.\n" * 2000)
    message = refusal(path)
    assert message == (
        f"{path}: cannot be decoded: it holds text, not sound; fetch it again, or name a music file"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 20, "holds a JPEG picture, not sound"),
        (b"PK\x03\x04" + bytes(range(256)) * 20, "holds a ZIP archive, not sound"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x02\x01\xe0MTrk", "holds MIDI notes, not sound"),
        (b"\n<!DOCTYPE HTML><title>404</title>", "holds a web page, not sound; fetch it again"),
        ("Grüße, 世界".encode("utf-16"), "holds text, not sound"),
        ("語".encode() * 3000, "holds text, not sound"),  # 4096 bytes end within a character
        (bytes(9000), "holds zeros where sound should be; fetch it again"),
    ],
)
@pytest.mark.parametrize("suffix", ["mp3", "wav"])
def test_what_else_it_holds(tmp_path: Path, content: bytes, told: str, suffix: str) -> None:
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(content)
    assert f": cannot be decoded: it {told}" in refusal(path)


@pytest.mark.parametrize("program", [True, False])
def test_no_reason_says_that_a_file_is_missing(
    tmp_path: Path, program: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not program:
        monkeypatch.setenv("PATH", "")
    path = tmp_path / "noise.mp3"
    path.write_bytes(b"\x80" + np.random.default_rng(5).bytes(50_000))
    with pytest.raises(soundfile.LibsndfileError, match="does not exist"):
        soundfile.SoundFile(path)
    message = refusal(path)
    assert "exist" not in message
    assert "cannot be decoded (its format is not known here); if it is a sound file" in message


@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".flac"])
def test_random_bytes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(np.random.default_rng(5).bytes(50_000))
    assert "decoded" in refusal(path)


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_video_without_sound(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"silent.{suffix}"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=2", str(path)]
    subprocess.run(command, check=True)
    assert "has no audio stream; give a file with sound" in refusal(path)


@needs_ffmpeg
def test_video_with_sound_is_heard(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "sound.wav", tone(3), 22050)
    path = tmp_path / "film.mp4"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=3", "-i", str(tmp_path / "sound.wav")]
    subprocess.run([*command, "-c:a", "aac", "-shortest", str(path)], check=True)
    assert audio.read(path).duration_s == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("level", [0.0, 1e-6])
@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_silence(tmp_path: Path, suffix: str, level: float) -> None:
    path = tmp_path / f"still.{suffix}"
    soundfile.write(path, level * tone(3), 22050)
    assert "is silent" in refusal(path)


def test_silence_of_the_window_alone(tmp_path: Path) -> None:
    path = tmp_path / "late.wav"
    soundfile.write(path, np.concatenate([np.zeros(22050 * 5), tone(3)]), 22050)
    assert "is silent from 0 s to 4 s; choose another part" in refusal(path, lambda p: audio.read(p, 0, 4))
    assert len(audio.read(path, 5, 8).samples) == 3 * 22050


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("rate", [22050, 44100])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float, rate: int) -> None:
    path = tmp_path / "broken.wav"
    sound = tone(3, rate)
    sound[rate + 5] = value
    soundfile.write(path, sound, rate, subtype="FLOAT")
    assert "NaN or infinite; export it again" in refusal(path)


@pytest.mark.parametrize("value", [3e38, -1e12, 2.0**21])
def test_numbers_that_are_no_samples(tmp_path: Path, value: float) -> None:
    path = tmp_path / "broken.wav"
    sound = tone(3)
    sound[22055] = value
    soundfile.write(path, sound, 22050, subtype="FLOAT")
    assert "times full scale; export it again" in refusal(path)


def test_channels_that_cancel_each_other(tmp_path: Path) -> None:
    path = tmp_path / "opposed.wav"
    soundfile.write(path, np.stack([tone(3), -tone(3)], axis=1), 22050)
    assert "is silent from 0 s to 3 s once its channels are mixed; choose" in refusal(path)


def test_one_sample_too_short(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, tone(1)[:-1], 22050)
    assert "lasts 0.99 s; at least 1 s of sound is needed" in refusal(path)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_name_that_is_no_text(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # ffmpeg must not have to help
    path = tmp_path / f"caf\udce9.{suffix}"
    soundfile.write(tmp_path / f"name.{suffix}", tone(3), 22050)
    (tmp_path / f"name.{suffix}").rename(path)
    assert audio.read(path).duration_s == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("suffix", ["wav", "ogg", "mp3"])
def test_under_a_second(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"short.{suffix}"
    soundfile.write(path, tone(0.8), 22050)
    assert "at least 1 s of sound is needed" in refusal(path)


def test_header_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "header.wav"
    soundfile.write(path, np.zeros(0, np.float32), 22050)
    assert "lasts 0.00 s" in refusal(path)


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "ogg", "mp3"])
def test_truncated_file_is_used_as_far_as_it_goes(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole.{suffix}"
    generator = np.random.default_rng(3)
    sound = tone(40) + 0.1 * generator.standard_normal(40 * 22050).astype(np.float32)
    with soundfile.SoundFile(whole, "w", 22050, 1) as file:
        for start in range(0, len(sound), 22050):
            file.write(sound[start : start + 22050])
    data = whole.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: len(data) // 4])
    read = audio.read_window(cut)  # 10 s are left, so that the window 15:75 cannot be had
    assert read.start_s == 0
    assert 7 < len(read.samples) / 22050 < 11
    assert read.duration_s == pytest.approx(len(read.samples) / 22050, abs=0.01)
    expected = audio.read(whole).samples[: len(read.samples)]
    common = slice(0, len(expected) - 4096)
    np.testing.assert_allclose(read.samples[common], expected[common], rtol=0, atol=1e-6)
    cut.write_bytes(data[: 200 if suffix != "ogg" else 5000])
    refusal(cut)


def test_truncated_m4a(tmp_path: Path) -> None:
    fragmented = (DATA / "notes_fragmented.m4a").read_bytes()
    cut = tmp_path / "cut.m4a"
    cut.write_bytes(fragmented[: len(fragmented) // 2])
    assert 2 < audio.read_window(cut).duration_s < 4
    whole = (DATA / "notes.m4a").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])  # the index is at the end: nothing can be found without it
    assert "decoded" in refusal(cut)


@pytest.mark.parametrize("name", ["notes.m4a", "notes_fragmented.m4a", "s.mp3", "s.flac", "s.ogg"])
def test_damage_anywhere_is_an_answer_or_one_line(tmp_path: Path, name: str) -> None:
    source = DATA / name
    if not source.exists():
        source = tmp_path / name
        soundfile.write(source, tone(2), 22050)
    data = source.read_bytes()
    generator = np.random.default_rng(11)
    for attempt in range(12):
        damaged = bytearray(data)
        places = generator.integers(0, len(data) if attempt % 2 else 800, 12)
        for place in places:
            damaged[place % len(data)] = generator.integers(256)
        path = tmp_path / f"damaged{attempt}{source.suffix}"
        path.write_bytes(bytes(damaged))
        try:
            assert np.isfinite(audio.read_window(path).samples).all()
        except DamerError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017 (either outcome is right)


def test_the_decoders_complaints_stay_off_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "tagged.mp3"
    soundfile.write(path, tone(3), 22050)
    frames = path.read_bytes()
    empty_comment = b"COMM\x00\x00\x00\x04\x00\x00\x01eng"
    tag = b"ID3\x03\x00\x00\x00\x00\x00" + bytes([len(empty_comment)]) + empty_comment
    path.write_bytes(tag + frames[: len(frames) // 2])  # and a length that is not what the header states
    reading = f"import soundfile; soundfile.read({str(path)!r})"
    ours = f"from damer import audio; audio.read({str(path)!r})"
    noisy, silent = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
        for code in (reading, ours)
    )
    assert "mpg123" in noisy  # libmpg123 does complain
    assert silent == ""

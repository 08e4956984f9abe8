"""A part of a file is that slice of the whole, and memory does not grow with the file."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from damer import audio

DATA = Path(__file__).parent / "data"
SECONDS = 40


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same 40 s of stereo sound in every format that can be written here."""
    folder = tmp_path_factory.mktemp("seeking")
    sound = noisy_slide(44100)
    paths = {suffix: folder / f"sound.{suffix}" for suffix in ("wav", "flac", "ogg", "mp3")}
    for path in paths.values():
        write(path, sound, 44100)
    paths["opus"] = folder / "sound.opus"
    write(paths["opus"], noisy_slide(48000), 48000, format="OGG", subtype="OPUS")
    paths["vbr"] = folder / "vbr.mp3"
    write(paths["vbr"], sound, 44100, compression_level=0.6, bitrate_mode="VARIABLE")
    if shutil.which("ffmpeg"):
        paths["m4a"] = folder / "sound.m4a"
        command = ["ffmpeg", "-v", "error", "-i", str(paths["wav"]), "-c:a", "aac", str(paths["m4a"])]
        subprocess.run(command, check=True)
    return paths


def write(path: Path, sound: NDArray[np.float32], rate: int, **options: object) -> None:
    """Write a file second by second: libsndfile's Vorbis encoder crashes on long blocks."""
    with soundfile.SoundFile(path, "w", rate, 2, **options) as file:
        for start in range(0, len(sound), rate):
            file.write(sound[start : start + rate])


def noisy_slide(rate: int) -> NDArray[np.float32]:
    generator = np.random.default_rng(1)
    time = np.arange(SECONDS * rate) / rate
    slide = 0.3 * np.sin(2 * np.pi * (100 * time + 40 * time**2))
    noise = 0.05 * generator.standard_normal((len(time), 2), dtype=np.float32)
    return (slide[:, None] + noise).astype(np.float32)


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "mp3", "vbr", "opus", "m4a"])
@pytest.mark.parametrize("rate", [44100, 22050, 48000])
def test_a_part_is_a_slice_of_the_whole(files: dict[str, Path], name: str, rate: int) -> None:
    if name not in files:
        pytest.skip("needs the ffmpeg program")
    whole = audio.read(files[name], rate=rate).samples
    for start, end in ((15, 38), (13.37, 20.0)):
        part = audio.read(files[name], start, end, rate).samples
        first = round(start * rate)
        assert len(part) == round(end * rate) - first
        resampled = rate != (48000 if name == "opus" else 44100)
        tolerance = (
            1e-6 if resampled or name == "opus" else 0
        )  # Opus is predictive: it converges after a seek
        np.testing.assert_allclose(part, whole[first : first + len(part)], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["notes.m4a", "notes_fragmented.m4a"])
@pytest.mark.parametrize("rate", [44100, 22050])
def test_a_part_of_m4a_is_a_slice_of_the_whole(name: str, rate: int) -> None:
    whole = audio.read(DATA / name, rate=rate).samples
    for start, end in ((0.0, 1.5), (1.7, 4.2), (3.0, 6.0)):
        part = audio.read(DATA / name, start, end, rate).samples
        first = round(start * rate)
        tolerance = 0 if rate == 44100 else 1e-6
        np.testing.assert_allclose(part, whole[first : first + len(part)], rtol=0, atol=tolerance)


@pytest.mark.parametrize("rate", [22050, 44100])
def test_a_stream_of_blocks_is_the_whole(files: dict[str, Path], rate: int) -> None:
    blocks = list(audio.stream(files["mp3"], 3.3, 38.0, rate, block_s=7.0))
    assert [len(block) for block in blocks[:-1]] == [7 * rate] * 4
    whole = audio.read(files["mp3"], 3.3, 38.0, rate).samples
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_what_lies_before_the_part_is_not_decoded(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    original = soundfile.SoundFile.read

    def counting(self: soundfile.SoundFile, *args: object, **kwargs: object) -> NDArray[np.float32]:
        nonlocal read
        block: NDArray[np.float32] = original(self, *args, **kwargs)
        read += len(block)
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    audio.read(files["mp3"], 30.0, 32.0)
    assert read < 3 * 44100


@pytest.mark.slow
def test_three_hours_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.ogg"
    with soundfile.SoundFile(path, "w", 44100, 2) as file:
        second = noisy_slide(44100)[:44100]
        for _ in range(3 * 3600):
            file.write(second)
    code = f"""
        import resource
        from damer.features import FeatureSpec, extract_file
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, parts = extract_file({str(path)!r}, "all", FeatureSpec())
        print(sum(part.seconds for part in parts), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, text=True
    )
    seconds, megabytes = map(int, done.stdout.split())
    assert seconds == 3 * 3600
    assert megabytes < 600

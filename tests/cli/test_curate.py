"""`damer curate` as a user types it: what it prints, being killed, a second run, ten thousand files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pyarrow import parquet
from sounds import tones

from damer.cli import build_parser, main

RATE = 44100
SHORT = ("--min-duration", "1.5", "--max-duration", "4", "--screener", "none")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(4):
        soundfile.write(folder / f"{number}.flac", tones(2, RATE, number), RATE)
    return folder


def command(source: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "damer", "curate", str(source), "--out", str(out), *SHORT, *more]


def test_what_is_printed_and_written(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "broken.mp3").write_bytes(b"no sound" * 100)
    (source / "short.wav").write_bytes((source / "0.flac").read_bytes()[:0])
    out = tmp_path / "out"
    status = main(["curate", str(source), "--out", str(out), "--workers", "1", *SHORT])
    printed = capsys.readouterr()
    assert status == 1
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert any(line.startswith(f"damer: {source}/broken.mp3: cannot be decoded") for line in lines)
    assert f"damer: {source}/short.wav: is empty (0 bytes); fetch or export it again" in lines
    assert lines[-3:] == [
        "damer: 6 files: 4 kept, 0 rejected, 2 failed",
        f"damer: manifest: {out}/manifest.csv",
        f"damer: summary: {out}/summary.html",
    ]
    names = {path.name for path in out.iterdir()}
    assert names == {
        "audio",
        "manifest.csv",
        "manifest.parquet",
        "curation.json",
        "summary.html",
        ".curation",
    }
    (source / "broken.mp3").unlink()
    (source / "short.wav").unlink()
    assert main(["curate", str(source), "--out", str(out), "--workers", "1", *SHORT]) == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            ["--screener", "nobody"],
            "no screener is called nobody: choose one of cues, demucs, spleeter, none",
        ),
        (["--min-duration", "50", "--max-duration", "40"], "durations 50 to 40 s"),
        (["--licences", "none.csv"], "none.csv: cannot be read"),
        (["--threshold-file", "none.json"], "none.json: cannot be read"),
    ],
)
def test_wrong_values_are_one_line(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], problem: str
) -> None:
    assert main(["curate", str(source), "--out", str(tmp_path / "out"), "--screener", "none", *options]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("damer: ")
    assert problem in error
    assert "\n" not in error


def test_two_words_are_one_command_and_any_other_word_is_a_folder() -> None:
    parsed = build_parser().parse_args(["curate", "music", "--out", "clean"])
    assert (parsed.command, parsed.source) == ("curate", Path("music"))
    parsed = build_parser().parse_args(["curate", "./calibrate", "--out", "clean"])
    assert parsed.source == Path("calibrate")


@pytest.mark.e2e
def test_killed_at_any_moment_it_goes_on(source: Path, tmp_path: Path) -> None:
    """Killed without a chance to tidy up: what is there is whole, and the end is that of a quiet run."""
    quiet, out = tmp_path / "quiet", tmp_path / "out"
    assert main(["curate", str(source), "--out", str(quiet), "--workers", "1", *SHORT]) == 0
    process = subprocess.Popen(command(source, out, "--workers", "2"), stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.glob("audio/*.wav"))) < 2:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (out / "manifest.csv").exists()
    for path in out.glob("audio/*.wav"):
        assert path.read_bytes() == (quiet / "audio" / path.name).read_bytes()
    assert main(["curate", str(source), "--out", str(out), "--workers", "1", *SHORT]) == 0
    assert (out / "manifest.csv").read_bytes() == (quiet / "manifest.csv").read_bytes()
    assert (out / "manifest.parquet").read_bytes() == (quiet / "manifest.parquet").read_bytes()
    assert sorted(p.name for p in (out / "audio").iterdir()) == sorted(
        p.name for p in (quiet / "audio").iterdir()
    )


@pytest.mark.e2e
def test_interrupted_it_says_how_to_go_on_and_leaves_no_process(source: Path, tmp_path: Path) -> None:
    for number in range(4, 40):
        soundfile.write(source / f"{number}.flac", tones(2, RATE, number), RATE)
    out = tmp_path / "out"
    process = subprocess.Popen(command(source, out, "--workers", "2"), stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(out.glob("audio/*.wav")):
        time.sleep(0.01)
    second = subprocess.run(command(source, out), capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "another run is at work in it; wait for its end or choose another --out" in second.stderr
    assert second.stderr.count("\n") == 1
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"{out} keeps what is done; the same command goes on" in told
    assert "Traceback" not in told
    assert not (out / ".curation" / "scratch").exists()


_MANY = """
import os, sys
from pathlib import Path
from damer.cli import main
status = main(sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
print(status, next(line for line in lines if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ten_thousand_files_need_no_more_memory_than_a_hundred(tmp_path: Path) -> None:
    """Most are too short, so that it is over soon; what is held of each must not add up."""
    peaks = []
    for count in (100, 10_000):
        source, out = tmp_path / f"source{count}", tmp_path / f"out{count}"
        source.mkdir()
        soundfile.write(source / "long.wav", tones(2, RATE), RATE)
        soundfile.write(tmp_path / "one.wav", np.zeros(100), RATE)
        for number in range(count):
            os.link(tmp_path / "one.wav", source / f"a rather long name for a file, number {number:06}.wav")
        words = [
            sys.executable,
            "-c",
            _MANY,
            "curate",
            str(source),
            "--out",
            str(out),
            "--workers",
            "1",
            *SHORT,
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        status, peak = done.stdout.split()
        assert status == "0"
        assert parquet.read_metadata(out / "manifest.parquet").num_rows == count + 1
        peaks.append(int(peak))
    assert peaks[1] - peaks[0] < 20_000, "kilobytes"

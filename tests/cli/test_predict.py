"""`damer predict` as users run it: a fresh process, its output, its messages and its exit status."""

import contextlib
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from damer.cli import main

Tone = Callable[[float, float], NDArray[np.float32]]
RATE = 22050
pytestmark = pytest.mark.e2e


class Ended(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


class Command:
    """Runs `damer predict` with test weights in a folder, in this process or in one of its own."""

    def __init__(
        self, folder: Path, checkpoints: tuple[Path, Path], capture: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.words = ["predict", "--arousal", str(checkpoints[0]), "--valence", str(checkpoints[1])]
        self.environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self._capture = capture

    def __call__(self, *words: str) -> Ended:
        """Run it here."""
        self._capture.readouterr()
        with contextlib.chdir(self.folder):
            status = main([*self.words, *words])
        return Ended(status, *self._capture.readouterr())

    def start(self, *words: str, output: int | IO[str] = subprocess.PIPE) -> "subprocess.Popen[str]":
        """Start the installed command."""
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("damer")), *self.words, *words], cwd=self.folder,
            env=self.environment, text=True, stdout=output, stderr=subprocess.PIPE, start_new_session=True,
            encoding="utf-8",
            # A shell that starts tests in the background has them ignore SIGINT, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def alone(self, *words: str, output: int | IO[str] = subprocess.PIPE) -> Ended:
        """Run the installed command to its end."""
        with self.start(*words, output=output) as process:
            told = process.communicate(timeout=300)
        return Ended(process.returncode, *told)


@pytest.fixture
def predict(tmp_path: Path, checkpoints: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, checkpoints, capsys)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_bad_files_are_told_in_a_line_each_and_the_rest_go_on(
    predict: Command, tmp_path: Path, tone: Tone
) -> None:
    folder = tmp_path / "m"
    (folder / "empty folder").mkdir(parents=True)
    sound = tone(4, 330.0)
    soundfile.write(folder / "-good one.wav", sound, RATE)
    soundfile.write(folder / "日本\n語.flac", sound, RATE)
    (folder / "empty.mp3").touch()
    (folder / "text.mp3").write_text("these are words, not music\n" * 99)
    soundfile.write(folder / "silent.wav", 0 * sound, RATE)
    soundfile.write(folder / "nan.wav", np.full(4 * RATE, np.nan), RATE, subtype="FLOAT")
    soundfile.write(folder / "short.wav", sound[: RATE // 2], RATE)
    (folder / "cut.flac").write_bytes((folder / "日本\n語.flac").read_bytes()[:200])
    result = predict.alone("m", "missing.mp3", "m/empty folder", "--format", "json")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    objects = {entry["file"]: entry for entry in json.loads(result.stdout)}
    good = [name for name, entry in objects.items() if "error" not in entry]
    assert sorted(good) == ["m/-good one.wav", "m/日本\n語.flac"]
    bad = {name: entry for name, entry in objects.items() if "error" in entry}
    reasons = {
        "m/empty.mp3": "empty",
        "m/text.mp3": "decoded",
        "m/silent.wav": "silent",
        "m/nan.wav": "NaN",
        "m/short.wav": "at least 1 s",
        "m/cut.flac": "",
        "missing.mp3": "no such file",
        "m/empty folder": "no audio",
    }
    assert bad.keys() == reasons.keys()
    told = [line.removeprefix("damer: ") for line in result.stderr.splitlines()]
    for name, reason in reasons.items():
        assert set(bad[name]) == {"file", "error"}
        assert bad[name]["error"].startswith(f"{name}: ")
        assert reason in bad[name]["error"]
        assert bad[name]["error"] in told
    assert len(told) == len(reasons) + 2  # and the last state of the bar, and how many failed


def test_everything_at_once(predict: Command, music: Path, tmp_path: Path) -> None:
    result = predict("music", "--out", "out", "--plot", "--report", "--format", "csv", "--workers", "2")
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert result.stdout == (tmp_path / "out/results.csv").read_text(encoding="utf-8")
    results = {entry["file"]: entry for entry in lines(tmp_path / "out/results.jsonl")}
    assert sorted(results) == ["music/a.wav", "music/b.flac", "music/below/d.wav", "music/c.ogg"]
    assert len(rows) == sum(len(entry["segments"]) for entry in results.values())
    assert [path.name for path in sorted((tmp_path / "out/plots").iterdir())] == [
        "a.png",
        "b.png",
        "c.png",
        "d.png",
    ]
    report = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert report.count("data:audio/mpeg;base64,") == 4
    assert re.search(r"4/4 \[[0-9:]+<00:00, .*(file/s|s/file)\]", result.stderr)  # time, time left, rate

    again = predict("music", "--out", "out", "--format", "csv", "--resume")
    assert again.stdout == result.stdout
    assert lines(tmp_path / "out/results.jsonl") == list(results.values())


def test_standard_output_holds_results_and_nothing_else(predict: Command, music: Path) -> None:
    table = predict("music/a.wav")
    assert (table.returncode, table.stderr) == (0, "")
    heading, _, row = table.stdout.splitlines()
    assert heading.split() == ["File", "Duration", "Arousal", "Valence", "Quadrant", "Term", "Uncertainty"]
    assert row.startswith("music/a.wav  ")
    objects = [json.loads(line) for line in predict("music", "--format", "jsonl").stdout.splitlines()]
    assert {tuple(entry) for entry in objects} == {
        (
            "file",
            "duration_s",
            "window_s",
            "arousal",
            "valence",
            "quadrant",
            "term",
            "uncertainty",
            "segments",
            "model",
        )
    }


def wait_for(path: Path, count: int) -> None:
    for _ in range(600):
        if path.exists() and path.read_text(encoding="utf-8").count("\n") >= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} never held {count} lines")


@pytest.mark.parametrize(
    ("how", "workers"),
    [
        (signal.SIGINT, "2"),
        (signal.SIGKILL, "1"),
        pytest.param(signal.SIGINT, "1", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, "2", marks=pytest.mark.slow),
    ],
)
def test_a_run_cut_short_goes_on(
    predict: Command, tmp_path: Path, tone: Tone, how: signal.Signals, workers: str
) -> None:
    (tmp_path / "m").mkdir()
    soundfile.write(tmp_path / "m/00.wav", tone(16, 330.0), RATE)
    for copy in range(1, 60):
        (tmp_path / f"m/{copy:02d}.wav").write_bytes((tmp_path / "m/00.wav").read_bytes())
    words = ("m", "--out", "out", "--format", "json", "--workers", workers)
    with predict.start(*words) as process:
        wait_for(tmp_path / "out/results.jsonl", 2)
        os.killpg(process.pid, how)
        output, messages = process.communicate(timeout=300)
    assert process.returncode not in (0, 1)
    heard = lines(tmp_path / "out/results.jsonl")
    assert 2 <= len(heard) < 60
    if how == signal.SIGINT:
        assert {entry["file"] for entry in json.loads(output)} <= {entry["file"] for entry in heard}
        assert "Traceback" not in messages
        assert "--resume" in messages
    result = predict(*words[:-1], "1", "--resume")
    assert result.returncode == 0, result.stderr
    entries = json.loads(result.stdout)
    assert [entry["file"] for entry in entries] == [f"m/{copy:02d}.wav" for copy in range(60)]
    assert all(entry["segments"] == entries[0]["segments"] for entry in entries)
    assert len(lines(tmp_path / "out/results.jsonl")) == 60


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["a.wav", "--resume"], "--resume: needs --out DIR"),
        (["a.wav", "--window", "75:15"], "window '75:15' must"),
        (["a.wav", "--window", "soon"], "window 'soon' is not"),
        (["a.wav", "--out", "a.wav"], "choose another --out"),
        (["a.wav", "--arousal", "a.wav"], "a.wav: "),
    ],
)
def test_a_wrong_run_is_one_line(predict: Command, music: Path, words: list[str], problem: str) -> None:
    predict.folder = music
    result = predict(*words)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("damer: ")
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_reader_that_leaves_and_a_full_disk(predict: Command, music: Path) -> None:
    with predict.start("music", "--format", "jsonl") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=300) == 1
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    with Path("/dev/full").open("w") as full:
        result = predict.alone("music/a.wav", output=full)
    assert result.returncode == 1
    assert (
        result.stderr
        == "damer: the results: cannot be written (No space left on device); check the disk and --out\n"
    )


def test_a_locale_without_unicode(predict: Command, tmp_path: Path, tone: Tone) -> None:
    soundfile.write(tmp_path / "日本.wav", tone(2, 330.0), RATE)
    predict.environment |= {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    result = predict.alone("日本.wav", "--format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)[0]["file"] == "日本.wav"
    result = predict.alone("日本.wav")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[2].startswith("??.wav")


def test_a_picture_that_cannot_be_written(predict: Command, music: Path, tmp_path: Path) -> None:
    (tmp_path / "a.emotion.png").mkdir()
    result = predict("music/a.wav", "--plot")
    assert result.returncode == 1
    problem = "a.emotion.png: cannot be written (Is a directory): check the folder and the disk"
    assert result.stderr == f"damer: {problem}\n"


def test_files_of_one_name_have_plots_of_their_own(predict: Command, tmp_path: Path, tone: Tone) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "Song.wav", tone(2, 330.0), RATE)
    assert predict("x", "y", "--plot").returncode == 0
    plots = sorted(path.name for path in tmp_path.glob("*.png"))
    assert len(plots) == 2
    assert plots[1] == "Song.emotion.png"
    assert plots[0].startswith("Song-")

"""Curating a file beside what a user would have ffmpeg do: CPU time on one core, how many times real time.

Each subject makes of a file a WAV at 44.1 kHz, 16 bit, stereo, at -23 LUFS, without listening for voices:

* ours: every step of `damer curate` for one file: decoding, hash, tags, loudness and true peak before and
  after, one gain, dither, WAV;
* ours with fingerprint: the same and a Chromaprint fingerprint for near duplicates;
* ffmpeg ebur128 + volume: measure, then one gain (without dither, hash and second measurement);
* ffmpeg loudnorm, two passes: measure, then its linear mode (it computes true peaks at 192 kHz).

Goal: ours at 40 times real time or more. Every subject takes its turn in every round; a row is the median.
Loudness of what came out is measured by ffmpeg's ebur128, which wants -23.0.

    python benchmarks/curation.py [FILE ...] [--rounds 5] [--json FILE]
"""

# ruff: noqa: E402 (these come before any of the libraries is loaded)
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from damer.audio import duration
from damer.curation import CurationSettings
from damer.curation.fingerprint import missing
from damer.curation.track import Task, curate_file

GOAL = 40.0
SECONDS = 120


def synthetic(folder: Path) -> list[Path]:
    """Write two minutes of chords over noise in three forms: MP3, FLAC at 48 kHz, mono Vorbis at 22 kHz."""
    paths = []
    for name, rate, channels in (("music.mp3", 44100, 2), ("music.flac", 48000, 2), ("music.ogg", 22050, 1)):
        clock = np.arange(SECONDS * rate) / rate
        chord = sum(np.sin(2 * np.pi * pitch * clock) for pitch in (110.0, 220.0, 277.2, 329.6, 440.0))
        sound = (0.12 * chord * np.exp(-6 * (clock % 0.5)))[:, None] * np.ones(channels)
        sound += 0.02 * np.random.default_rng(0).standard_normal(sound.shape)
        path = folder / name
        with soundfile.SoundFile(path, "w", rate, channels) as file:
            for start in range(0, len(sound), rate):  # libsndfile's Vorbis takes no two minutes at once
                file.write(sound[start : start + rate])
        paths.append(path)
    return paths


def ours(path: Path, folder: Path, prints: bool) -> Callable[[], Path]:
    settings = CurationSettings(min_s=1, max_s=21_600, screener="none")
    (folder / "audio").mkdir(exist_ok=True)
    task = Task(path.name, path, folder, folder / "scratch.f32", settings, prints)

    def run() -> Path:
        outcome = curate_file(task)
        if outcome.row is None or outcome.row.status != "kept":
            raise SystemExit(f"{path}: {outcome.fatal or (outcome.row and outcome.row.reason)}")
        return folder / outcome.row.output

    return run


def ffmpeg(*words: str) -> str:
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-threads", "1", "-filter_threads", "1", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def loudness(path: Path) -> float:
    told = ffmpeg("-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-")
    found = re.findall(r"I:\s+(-?[\d.]+) LUFS", told[told.rindex("Summary:") :])
    return float(found[0])


_WAV = ("-ar", "44100", "-ac", "2", "-c:a", "pcm_s16le", "-y")


def with_volume(path: Path, folder: Path) -> Callable[[], Path]:
    target = folder / "volume.wav"

    def run() -> Path:
        gain = -23.0 - loudness(path)
        ffmpeg("-i", str(path), "-af", f"volume={gain}dB", *_WAV, str(target))
        return target

    return run


def with_loudnorm(path: Path, folder: Path) -> Callable[[], Path]:
    target, goal = folder / "loudnorm.wav", "I=-23:TP=-1:LRA=50"

    def run() -> Path:
        told = ffmpeg("-i", str(path), "-af", f"loudnorm={goal}:print_format=json", "-f", "null", "-")
        found = json.loads(told[told.rindex("{") :])
        second = f"measured_I={found['input_i']}:measured_TP={found['input_tp']}"
        second += f":measured_LRA={found['input_lra']}:measured_thresh={found['input_thresh']}:linear=true"
        ffmpeg("-i", str(path), "-af", f"loudnorm={goal}:{second}", *_WAV, str(target))
        return target

    return run


def cpu() -> float:
    """Return the CPU seconds of this process and of those it has started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(subjects: dict[str, Callable[[], Path]], rounds: int) -> list[dict[str, object]]:
    times: dict[str, list[float]] = {name: [] for name in subjects}
    outputs = {name: run() for name, run in subjects.items()}
    for _ in range(rounds):
        for name, run in subjects.items():
            before = cpu()
            run()
            times[name].append(cpu() - before)
    has_ffmpeg = shutil.which("ffmpeg") is not None
    return [
        {
            "name": name,
            "cpu_s": statistics.median(values),
            "lufs": loudness(outputs[name]) if has_ffmpeg else None,
        }
        for name, values in times.items()
    ]


def subjects_of(path: Path, folder: Path) -> dict[str, Callable[[], Path]]:
    subjects = {"ours": ours(path, folder, prints=False)}
    if missing() is None:
        subjects["ours with fingerprint"] = ours(path, folder, prints=True)
    if shutil.which("ffmpeg"):
        subjects["ffmpeg ebur128 + volume"] = with_volume(path, folder)
        subjects["ffmpeg loudnorm, two passes"] = with_loudnorm(path, folder)
    else:
        print("ffmpeg: left out, not installed")
    return subjects


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="sound files; synthetic ones if left out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the rows here too")
    parsed = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in parsed.files or synthetic(folder):
            seconds = duration(path)
            print(f"\n{path.name}, {seconds:.0f} s\n{'':30}{'CPU s':>8}{'x real time':>13}{'LUFS':>8}")
            for row in measure(subjects_of(path, folder), parsed.rounds):
                speed = seconds / float(str(row["cpu_s"]))
                rows.append({"file": path.name, "seconds": seconds, "times_real_time": speed} | row)
                print(f"{row['name']:30}{row['cpu_s']:8.2f}{speed:13.0f}{row['lufs'] or float('nan'):8.1f}")
    slowest = min(float(str(row["times_real_time"])) for row in rows if row["name"] == "ours")
    print(f"\nours at its slowest: {slowest:.0f} times real time, goal {GOAL:.0f}")
    if parsed.json:
        parsed.json.write_text(json.dumps({"goal": GOAL, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""From a file to its emotion: ours beside what a user would write, and beside bare decoding.

A minute of a stereo MP3 (15 to 75 s) becomes both answers, on one thread, in CPU time, weights loaded before:

* bare decode: soundfile reads the minute and does nothing with it;
* plain: librosa decodes it and makes the Mel view, gammatone's FFT version the cochleagram, and DAMER with
  PyTorch's nn.MultiheadAttention in float32 answers once for arousal and once for valence;
* ours, paper's network: `damer.Recognizer` with untrained weights of the same size;
* ours, packaged weights: `damer.Recognizer()`, as it comes.

Goals: plain takes at least 3.5 times as long as ours, ours at most 2.4 times as long as bare decoding.

The peers are no dependencies of damer (pip install librosa gammatone); where one is missing its row is left
out. Every subject has a process of its own and takes its turn in every round; a row is the median of its
rounds.

    python benchmarks/end_to_end.py [FILE] [--rounds 7] [--json FILE]
"""

# ruff: noqa: E402

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy and torch

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import soundfile
import torch
from network import plain_network

import damer
from damer.core.track import DIMENSIONS
from damer.features import FeatureSpec
from damer.models import Damer
from damer.models.checkpoint import Checkpoint, save

GOAL_AGAINST_PLAIN, GOAL_AGAINST_DECODE = 3.5, 2.4
START_S, END_S = 15, 75


def synthetic_music(folder: Path) -> Path:
    """Write 90 s of chords over noise as a stereo MP3 at 44.1 kHz."""
    rate = 44100
    clock = np.arange(90 * rate) / rate
    beat = np.exp(-6 * (clock % 0.5))
    chord = sum(np.sin(2 * np.pi * pitch * clock) for pitch in (110.0, 220.0, 277.2, 329.6, 440.0))
    noise = np.random.default_rng(0).standard_normal((len(clock), 2)) * 0.02
    path = folder / "music.mp3"
    soundfile.write(path, (0.08 * chord * beat)[:, None] + noise, rate, format="MP3")
    return path


def bare_decode(file: Path, _: Path) -> Callable[[], object]:
    def decode() -> object:
        with soundfile.SoundFile(file) as sound:
            sound.seek(START_S * sound.samplerate)
            return sound.read((END_S - START_S) * sound.samplerate, dtype="float32")

    return decode


def plain(file: Path, _: Path) -> Callable[[], object]:
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gammatone is an old package
        from gammatone.fftweight import fft_gtgram
    peers = [plain_network(Damer().eval()).eval() for _ in DIMENSIONS]
    spec = FeatureSpec()

    @torch.inference_mode()
    def recognise() -> object:
        samples, rate = librosa.load(file, sr=spec.sample_rate, offset=START_S, duration=END_S - START_S)
        samples = librosa.effects.preemphasis(samples, coef=spec.pre_emphasis)
        mel = librosa.feature.melspectrogram(
            y=samples, sr=rate, n_fft=spec.fft, win_length=spec.frame, hop_length=spec.hop, window="hamming",
            n_mels=spec.n_mels,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cochleagram = fft_gtgram(samples, rate, spec.frame / rate, spec.hop / rate, spec.n_cochlea, 50.0)
        views = np.log(np.maximum(mel, 1e-10)), 0.3 * np.log10(np.maximum(cochleagram, 1e-10))
        seconds = [
            np.stack([view[:, second * 86 :][:, : spec.frames] for second in range(59)]) for view in views
        ]
        inputs = [torch.from_numpy(np.ascontiguousarray(view, np.float32)) for view in seconds]
        return [peer.probability(peer(*inputs)).mean() for peer in peers]

    return recognise


def by_the_paper(file: Path, folder: Path) -> Callable[[], object]:
    paths = [folder / f"{dimension}.safetensors" for dimension in DIMENSIONS]
    for dimension, path in zip(DIMENSIONS, paths, strict=True):
        save(path, Checkpoint(dimension, [Damer().eval()], FeatureSpec()))
    recognizer = damer.Recognizer(*paths, device="cpu")
    return lambda: recognizer(file)


def packaged(file: Path, _: Path) -> Callable[[], object]:
    recognizer = damer.Recognizer(device="cpu")
    return lambda: recognizer(file)


SUBJECTS = {
    "bare decode": bare_decode,
    "plain": plain,
    "ours, paper's network": by_the_paper,
    "ours, packaged weights": packaged,
}


def take_turns(pipe: Connection, name: str, file: Path, folder: Path) -> None:
    """Live as a subject: do the work each time a round is called, answer with its CPU seconds."""
    torch.set_num_threads(1)
    subject = SUBJECTS[name](file, folder)
    subject()
    subject()
    while pipe.recv():
        before = time.process_time()
        subject()
        pipe.send(time.process_time() - before)


def measure(names: list[str], file: Path, folder: Path, rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each subject."""
    context, pipes = get_context("spawn"), {}
    for name in names:
        pipes[name], theirs = context.Pipe()
        context.Process(target=take_turns, args=(theirs, name, file, folder), daemon=True).start()
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, pipe in pipes.items():
            pipe.send(True)
            times[name].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(False)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "file", nargs="?", type=Path, help="music of at least 75 s; a synthetic MP3 if left out"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the rows here too")
    arguments = parser.parse_args()
    names = list(SUBJECTS)
    if any(importlib.util.find_spec(name) is None for name in ("librosa", "gammatone")):
        print("plain: left out, librosa or gammatone is not installed")
        names.remove("plain")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = arguments.file or synthetic_music(folder)
        seconds = measure(names, file, folder, arguments.rounds)
    print(f"\n{'':24}{'ms':>8}{'plain / it':>13}{'it / bare decode':>19}")
    rows = []
    for name, value in seconds.items():
        against_plain = seconds["plain"] / value if "plain" in seconds else float("nan")
        against_decode = value / seconds["bare decode"]
        print(f"{name:24}{1000 * value:8.0f}{against_plain:12.1f}x{against_decode:18.2f}x")
        rows.append(
            {"name": name, "seconds": value, "plain_over_it": against_plain, "over_decode": against_decode}
        )
    print(f"goals for ours {GOAL_AGAINST_PLAIN:26.1f}x{GOAL_AGAINST_DECODE:18.2f}x")
    if arguments.json:
        arguments.json.write_text(json.dumps({"file": file.name, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

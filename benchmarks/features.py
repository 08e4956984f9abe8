"""Decoding and features beside what else a user could call: CPU time on one thread, medians, in one run.

    python benchmarks/features.py [--rate 22050] [--repeats 15] [--json results.json]

damer needs none of the peers: `pip install librosa gammatone spafe nnAudio numba` brings them; what is not
installed is left out, and said so. Each repeat runs every row once, so that a busy machine slows all alike.
"""

# ruff: noqa: E402 (these come before any of the libraries is loaded)
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from damer import audio
from damer.features import FeatureSpec, extract

SECONDS = 60
Row = tuple[str, Callable[[], object]]


def music(seconds: float, rate: int) -> NDArray[np.float32]:
    """Return a bass, chords, a melody and a snare over faint hiss: the loud lows and quiet highs of music."""
    generator = np.random.default_rng(0)
    time_s = np.arange(int(seconds * rate)) / rate
    sound = np.zeros(len(time_s))
    for beat, onset in enumerate(np.arange(0, seconds, 0.25)):
        age = time_s[int(onset * rate) : int((onset + 1.5) * rate)] - onset
        root = 55 * 2 ** (generator.choice([0, 3, 5, 7, 10]) / 12)
        for multiple, level in ((1, 0.3), (4, 0.08), (5, 0.06), (6, 0.06), (8 * 2 ** (beat % 5 / 12), 0.1)):
            for harmonic in range(1, 9):
                if harmonic * multiple * root < rate / 2:
                    wave = np.sin(2 * np.pi * harmonic * multiple * root * age)
                    sound[int(onset * rate) :][: len(age)] += level / harmonic**1.5 * np.exp(-5 * age) * wave
        if beat % 4 == 2:
            noise = generator.standard_normal(len(age)) * np.exp(-30 * age)
            sound[int(onset * rate) :][: len(age)] += 0.1 * noise
    sound = 0.5 * sound / np.abs(sound).max() + 1e-4 * generator.standard_normal(len(sound))
    return sound.astype(np.float32)


def quiet_import(name: str) -> bool:
    """Import a peer; say so where it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            __import__(name)
    except ImportError:
        print(f"not installed, left out: {name}", file=sys.stderr)
        return False
    return True


def feature_rows(sound: NDArray[np.float32], rate: int) -> list[Row]:
    spec = FeatureSpec(sample_rate=rate)
    rows: list[Row] = [("damer, both views", lambda: extract(sound, rate, spec))]
    if quiet_import("librosa"):
        import librosa

        def librosa_mel() -> object:
            emphasised = librosa.effects.preemphasis(sound)
            power = librosa.feature.melspectrogram(
                y=emphasised, sr=rate, n_fft=spec.fft, hop_length=spec.hop, win_length=spec.frame,
                window="hamming", n_mels=128,
            )  # fmt: skip
            return np.log(np.maximum(power, 1e-10))

        rows.append(("librosa, Mel only", librosa_mel))
    if quiet_import("gammatone"):
        from gammatone import fftweight

        def gammatone_fft() -> object:
            view = fftweight.fft_gtgram(sound, rate, spec.frame / rate, spec.hop / rate, 84, 50)
            return np.log10(np.maximum(view, 1e-10) ** 0.3)

        rows.append(("gammatone's FFT version, cochleagram only", gammatone_fft))
    if quiet_import("spafe"):
        from spafe.features import gfcc, mfcc

        def spafe_both() -> object:
            shared = {"fs": rate, "pre_emph": True, "nfft": spec.fft}
            mel, _ = mfcc.mel_spectrogram(sound, nfilts=128, **shared)
            cochlea, _ = gfcc.erb_spectrogram(sound, nfilts=84, **shared)
            return np.log(mel + 1e-10), np.log10(cochlea + 1e-10)

        rows.append(("spafe, both", spafe_both))
    if quiet_import("nnAudio"):
        import torch
        from nnAudio.features import Gammatonegram, MelSpectrogram

        torch.set_num_threads(1)
        shared = {"sr": rate, "n_fft": spec.fft, "hop_length": spec.hop, "verbose": False}
        mel = MelSpectrogram(n_mels=128, win_length=spec.frame, window="hamming", **shared)
        cochlea = Gammatonegram(n_bins=84, fmin=50, window="hamming", **shared)
        tensor = torch.from_numpy(sound)
        rows.append(("nnAudio, both", lambda: (mel(tensor), cochlea(tensor))))
    return rows


def bank_rows(sound: NDArray[np.float32], rate: int) -> list[Row]:
    from scipy.signal import sosfilt

    from damer.features import gammatone as ours
    from damer.features.spectrum import window

    spec = FeatureSpec(sample_rate=rate)
    centres = ours.centre_frequencies(spec)
    sections = ours.biquads(centres, rate)
    hops = sound[: len(sound) // spec.hop * spec.hop]
    weights = (window(spec) ** 2).reshape(2, spec.hop).astype(np.float32)
    kind = "compiled" if ours._compiled() else "numba is not installed"
    double = sound.astype(np.float64)
    rows: list[Row] = [
        (f"damer, filters and frame energies ({kind})", lambda: ours.hop_energies(hops, sections, weights)),
        ("scipy sosfilt, filters only", lambda: [sosfilt(filters, double) for filters in sections]),
        (
            "scipy sosfilt, filters and frame energies",
            lambda: ours._energies_by_scipy(hops, sections, weights),
        ),
    ]
    if quiet_import("gammatone"):
        from gammatone import filters

        coefficients = filters.make_erb_filters(rate, centres)
        rows.append(("gammatone, filters only", lambda: filters.erb_filterbank(double, coefficients)))
    return rows


def decode_rows(folder: Path) -> list[Row]:
    path = folder / "music.mp3"
    with soundfile.SoundFile(path, "w", 44100, 2) as file:
        left = music(90, 44100)
        for start in range(0, len(left), 44100):
            second = left[start : start + 44100]
            file.write(np.stack([second, 0.8 * second[::-1]], axis=1))

    def bare() -> object:
        with soundfile.SoundFile(path) as file:
            file.seek(15 * 44100)
            return file.read(SECONDS * 44100, dtype="float32")

    rows: list[Row] = [
        ("damer.audio.read, mono, 44 100 Hz", lambda: audio.read(path, 15, 75, 44100)),
        ("damer.audio.read, mono, 22 050 Hz", lambda: audio.read(path, 15, 75, 22050)),
        ("soundfile alone, stereo, 44 100 Hz", bare),
    ]
    if quiet_import("librosa"):
        import librosa

        for rate in (44100, 22050):
            rows.append(
                (
                    f"librosa.load, mono, {rate // 1000} {rate % 1000:03} Hz",
                    lambda rate=rate: librosa.load(path, sr=rate, offset=15, duration=SECONDS),  # type: ignore[misc]
                )
            )
    return rows


def measure(rows: list[Row], repeats: int) -> dict[str, float]:
    """Return the median CPU time of each row, seconds; rows take turns, the first turn does not count."""
    times: dict[str, list[float]] = {name: [] for name, _ in rows}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for turn in range(repeats + 1):
            for name, run in rows:
                began = time.process_time()
                run()
                if turn:
                    times[name].append(time.process_time() - began)
    return {name: statistics.median(taken) for name, taken in times.items()}


def table(title: str, times: dict[str, float], ours: str) -> None:
    print(f"\n{title}\n{'':50}{'ms':>10}{'peer / damer':>15}")
    for name, seconds in times.items():
        print(f"{name:50}{seconds * 1e3:10.1f}{seconds / times[ours]:15.2f}")


def goal(
    name: str, peers: tuple[str, ...], ours: str, times: dict[str, float], at_least: float
) -> dict[str, object]:
    """Print and return how a goal stands: the peers' time together over ours."""
    if any(peer not in times for peer in peers):
        print(f"{name:68} a peer is missing")
        return {"goal": name, "wanted": at_least, "ratio": None}
    ratio = sum(times[peer] for peer in peers) / times[ours]
    print(f"{name:68} {ratio:6.2f}  wanted {at_least:g}  {'met' if ratio >= at_least else 'MISSED'}")
    return {"goal": name, "wanted": at_least, "ratio": round(ratio, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=22050, help="Hz of the features (22050)")
    parser.add_argument("--repeats", type=int, default=15, help="turns of each row (15)")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    sound = music(SECONDS, arguments.rate)
    views = measure(feature_rows(sound, arguments.rate), arguments.repeats)
    bank = measure(bank_rows(sound, arguments.rate), max(1, arguments.repeats // 5))
    with tempfile.TemporaryDirectory() as folder:
        decode = measure(decode_rows(Path(folder)), arguments.repeats)
    ours, filters = "damer, both views", next(iter(bank))
    table(f"both views of {SECONDS} s at {arguments.rate} Hz", views, ours)
    table(f"exact time-domain bank, {SECONDS} s at {arguments.rate} Hz", bank, filters)
    at_44, at_22 = list(decode)[:2]
    table("15 s to 75 s of a stereo MP3", decode, at_22)
    print()
    both = ("librosa, Mel only", "gammatone's FFT version, cochleagram only")
    bare = ("soundfile alone, stereo, 44 100 Hz",)
    load_44, load_22 = (f"librosa.load, mono, {rate} Hz" for rate in ("44 100", "22 050"))
    energies = ("scipy sosfilt, filters and frame energies",)
    goals = [
        goal("both views: librosa + gammatone FFT over ours", both, ours, views, 7),
        goal("both views: librosa's Mel alone over ours", both[:1], ours, views, 2),
        goal("time-domain bank: sosfilt over ours", ("scipy sosfilt, filters only",), filters, bank, 20),
        goal("time-domain bank: sosfilt and energies over ours", energies, filters, bank, 20),
        goal("time-domain bank: gammatone over ours", ("gammatone, filters only",), filters, bank, 140),
        goal("decode at the file's rate: soundfile over ours", bare, at_44, decode, 1 / 1.05),
        goal(
            "decode to 22 050 Hz: soundfile, which does not resample, over ours",
            bare,
            at_22,
            decode,
            1 / 1.05,
        ),
        goal("decode to 22 050 Hz: librosa.load over ours", (load_22,), at_22, decode, 1.6),
        goal("decode at the file's rate: librosa.load over ours", (load_44,), at_44, decode, 1.6),
    ]
    if arguments.json:
        record = {
            "rate": arguments.rate,
            "repeats": arguments.repeats,
            "machine": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "seconds": {"views": views, "bank": bank, "decode": decode},
            "goals": goals,
        }
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()

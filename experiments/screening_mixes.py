r"""Clips with and without a voice, of which everything is known, for the built-in vocal screener.

An accompaniment (a MIDI piece, its instruments and sometimes drums drawn anew) is rendered by FluidSynth;
over it, at -12 to +6 dB, comes a lead: a voice that sings the piece's upper line or speaks, an instrument
that plays that line, or nothing. A voice sings by WORLD (pyworld): speech of espeak-ng or flite, stretched,
its pitch replaced by the line with glides, vibrato and jitter. The two parts, fit and test, share no piece,
no soundfont, no voice and no sentence, and only some lead instruments.

    apt-get install espeak-ng flite fluidsynth fluid-soundfont-gm timgm6mb-soundfont \
      musescore-general-soundfont-small
    pip install pyworld mido
    python experiments/screening_mixes.py --midi FOLDER [FOLDER ...] --out CLIPS [--fit 220] [--test 180]
"""

import argparse
import csv
import functools
import json
import os
import subprocess
import sys
import tempfile
import types
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

# pyworld 0.3.5 asks setuptools' pkg_resources, which is gone, for its own version and for nothing else.
sys.modules.setdefault(
    "pkg_resources",
    types.SimpleNamespace(get_distribution=lambda _: types.SimpleNamespace(version="")),  # type: ignore[arg-type]
)
import pyworld  # noqa: E402

Array = NDArray[np.float64]
RATE, SECONDS = 22_050, 15.0
KINDS = ("sung", "spoken", "lead", "plain")
SHARES = (0.32, 0.18, 0.28, 0.22)
SOUNDFONTS = {
    "fit": (
        *["/usr/share/sounds/sf2/FluidR3_GM.sf2"] * 4,
        "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3",
    ),
    "test": ("/usr/share/sounds/sf2/TimGM6mb.sf2",),
}
# General MIDI programs: bowed strings, choir and voice, brass, reeds, flutes and whistle, synthesizer leads.
LEADS = {
    "fit": (40, 41, 52, 53, 56, 57, 64, 66, 68, 71, 73, 75, 80, 85, 26, 30, 11, 22, 21),
    "test": (40, 42, 52, 54, 56, 60, 65, 69, 72, 74, 78, 81, 85, 27, 29, 110, 23),
}
BEDS = (0, 1, 4, 5, 6, 11, 16, 19, 24, 25, 27, 32, 46, 48, 49, 50, 61, 88, 89, 95)
VOICES = {
    "fit": [
        ("espeak-ng", v)
        for v in ("en-us+f2", "en-us+m3", "en-gb", "de+f1", "fr+m2", "it+f4", "es+m4", "en+Annie")
    ]
    + [("flite", "kal16"), ("flite", "awb")],
    "test": [
        ("espeak-ng", v)
        for v in ("en-gb-scotland+f3", "en-us+m7", "pt+f5", "nl+m1", "sv+f1", "pl+m6", "en+Andy")
    ]
    + [("flite", "slt"), ("flite", "rms")],
}
TEXTS = {
    "en": {
        "fit": ["Over the river and far away the light of morning falls on us again",
                "I never knew how long the summer nights could be without your song",
                "Take my hand and follow me until the road is gone and we are free",
                "Every little star is shining slowly over sleeping hills and silent towns"],
        "test": ["Down the valley someone waits beside an open door and calls your name",
                 "Rain keeps falling, nothing stays, we dance along the broken pavement",
                 "If the winter comes too soon I will be singing underneath the moon",
                 "She sells the finest flowers on the corner of the market every day"],
    },
    "other": {
        "fit": ["la luna bella sopra il mare canta piano nella notte chiara",
                "wir gehen langsam durch den stillen Wald und singen leise weiter",
                "je marche seul dans la rue en chantant une chanson pour toi"],  # codespell:ignore toi
        "test": ["o vento leva as folhas pela praia onde ninguem caminha mais",
                 "de wind waait over het water en de vogels zingen zachtjes",
                 "vi sjunger tillsammans under stjärnorna och väntar på solen"],
    },
}  # fmt: skip


@dataclass(frozen=True)
class Clip:
    """One clip to be made: where its parts come from is decided by the seed alone."""

    part: str
    number: int
    kind: str
    midi: Path
    folder: Path

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.part}-{self.number:04d}-{self.kind}.wav"


def notes_of(path: Path, place: float) -> list[tuple[float, float, int, int]]:
    """Return (start, end, pitch, velocity) of the notes of SECONDS of a piece; `place` 0-1 says which."""
    now, sounding, notes = 0.0, {}, []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.velocity and message.channel != 9:
            sounding[message.note] = (now, message.velocity)
        elif message.type in ("note_off", "note_on") and message.note in sounding:
            since, velocity = sounding.pop(message.note)
            notes.append((since, now, message.note, velocity))
    first = place * max(0.0, now - SECONDS - 2)
    for start in (first, 0.0):
        cut = [
            (max(0.0, a - start), min(b - start, SECONDS), p, v)
            for a, b, p, v in notes
            if b > start and a < start + SECONDS
        ]
        if len(cut) >= 12:
            break
    return sorted(cut)


def upper_line(notes: list[tuple[float, float, int, int]]) -> list[tuple[float, float, int]]:
    """Return the melody: at each onset the highest new note, held until the next one that is near it."""
    line: list[tuple[float, float, int]] = []
    for start, end, pitch, _ in notes:
        if line and start - line[-1][0] < 0.12:
            if pitch > line[-1][2]:
                line[-1] = (line[-1][0], end, pitch)
        elif not line or pitch > line[-1][2] - 9 or start > line[-1][1]:
            line.append((start, end, pitch))
    held = [(a, min(max(b, a + 0.2), c), p) for (a, b, p), (c, _, _) in pairwise([*line, (SECONDS, 0.0, 0)])]
    return [(a, b, p) for a, b, p in held if b - a > 0.05]


def render(notes: list[tuple[float, float, int, int, int]], programs: dict[int, int], pan: dict[int, int],
           drums: float, soundfont: str) -> Array:  # fmt: skip
    """Play notes (start, end, pitch, velocity, channel) by FluidSynth: float64 (n, 2) at RATE."""
    events = []
    for start, end, pitch, velocity, channel in notes:
        if end - start < 2 / 960:
            continue  # it would end before it begins, and FluidSynth would wait for ever for it to fade
        events += [(start, "note_on", channel, pitch, velocity), (end, "note_off", channel, pitch, 0)]
    for beat, time in enumerate(np.arange(0, SECONDS, drums) if drums else ()):
        hits = ((36,), (42,), (38, 42), (42,))[beat % 4]
        events += [(float(time), "note_on", 9, pitch, 90) for pitch in hits]
    file, now = mido.MidiFile(), 0.0
    track = mido.MidiTrack()
    file.tracks.append(track)
    for channel, program in programs.items():
        track.append(mido.Message("program_change", channel=channel, program=program))
        track.append(mido.Message("control_change", channel=channel, control=10, value=pan.get(channel, 64)))
    for time, kind, channel, pitch, velocity in sorted(events):
        ticks = round((time - now) * 960)
        now += ticks / 960
        track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=max(0, ticks)))
    with tempfile.TemporaryDirectory() as folder:
        file.save(f"{folder}/a.mid")
        options = ["-ni", "-q", "-g", "0.4", "-r", str(RATE), "-o", "synth.dynamic-sample-loading=1"]
        command = ["fluidsynth", *options, "-F", f"{folder}/a.wav", soundfont, f"{folder}/a.mid"]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        sound, _ = soundfile.read(f"{folder}/a.wav")
    return fitted(sound)


def fitted(sound: Array) -> Array:
    """Cut or fill to SECONDS."""
    wanted = int(SECONDS * RATE)
    return np.pad(sound[:wanted], [(0, max(0, wanted - len(sound))), *[(0, 0)] * (sound.ndim - 1)])


@functools.cache
def speech(program: str, voice: str, text: str, speed: int) -> tuple[Array, int]:
    """Return a text spoken, and its rate."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/a.wav"
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", out, text]
        if program == "flite":
            command = [
                "flite",
                "-voice",
                voice,
                "--setf",
                f"duration_stretch={150 / speed}",
                "-t",
                text,
                "-o",
                out,
            ]
        subprocess.run(command, check=True, capture_output=True)
        sound, rate = soundfile.read(out)
    return sound, int(rate)


@functools.cache
def parts_of_speech(program: str, voice: str, text: str) -> tuple[Array, Array, Array, int]:
    """Take slow speech apart (WORLD): pitch (Hz), spectral envelope, breath, and the rate."""
    sound, rate = speech(program, voice, text, 110)
    pitch, places = pyworld.dio(sound, rate)
    pitch = pyworld.stonemask(sound, pitch, places, rate)
    return (
        pitch,
        pyworld.cheaptrick(sound, pitch, places, rate),
        pyworld.d4c(sound, pitch, places, rate),
        rate,
    )


def drawn(part: str, rng: np.random.Generator) -> tuple[str, str, str]:
    """Draw a program, a voice and a text of a part."""
    program, voice = VOICES[part][rng.integers(len(VOICES[part]))]
    sentences = TEXTS["en" if program == "flite" or voice.startswith("en") else "other"][part]
    first = int(rng.integers(2))
    return program, voice, ". ".join(sentences[first : first + 2])


def sung(part: str, line: list[tuple[float, float, int]], rng: np.random.Generator) -> Array:
    """Return a voice that sings a line: float64 (n,) at RATE."""
    pitch, envelope, breath, rate = parts_of_speech(*drawn(part, rng))
    middle = np.median(pitch[pitch > 0])
    step = 0.005
    frames = int(SECONDS / step)
    source = (np.arange(frames) / rng.uniform(1.2, 2.2) + rng.integers(len(pitch))).astype(int) % len(pitch)
    target = np.full(frames, np.nan)
    octave = 12 * round((12 * np.log2(middle / 440) + 69 - np.median([p for _, _, p in line])) / 12)
    for start, end, note in line:
        target[int(start / step) : int(end / step)] = note + octave
    resting = np.isnan(target)
    target = np.interp(np.arange(frames), np.flatnonzero(~resting), target[~resting])
    glide = np.hanning(int(rng.uniform(0.05, 0.16) / step) | 1)
    target = np.convolve(np.pad(target, len(glide) // 2, mode="edge"), glide / glide.sum(), mode="valid")
    depth = rng.uniform(0.1, 0.6) * np.clip(np.convolve(~resting, np.ones(60) / 60, mode="same"), 0, 1)
    target = target + depth * np.sin(
        2 * np.pi * np.cumsum(rng.normal(rng.uniform(4.8, 6.5), 0.4, frames)) * step
    )
    target += np.convolve(rng.normal(0, 0.5, frames), np.ones(20) / 20, mode="same")
    hertz = np.where((pitch[source] > 0), 440 * 2 ** ((target - 69) / 12), 0.0)
    silent = np.convolve(resting, np.ones(40) / 40, mode="same") > 0.9
    made = pyworld.synthesize(
        hertz, np.ascontiguousarray(envelope[source]), np.ascontiguousarray(breath[source]), rate
    )
    gain = np.interp(np.arange(len(made)) / rate, np.arange(frames) * step, np.where(silent, 0.0, 1.0))
    return fitted(soxr.resample(made * gain, rate, RATE))


def spoken(part: str, rng: np.random.Generator) -> Array:
    """Return a voice that speaks: float64 (n,) at RATE."""
    sound, rate = speech(*drawn(part, rng), 10 * int(rng.integers(13, 18)))
    turned = np.roll(sound, -int(rng.integers(len(sound))))
    return fitted(np.tile(soxr.resample(turned, rate, RATE), 5))


def placed(voice: Array, rng: np.random.Generator) -> Array:
    """Put a mono sound into a room, near the middle: float64 (n, 2)."""
    pan = rng.normal(0, 0.1)
    sides = np.stack([voice * (1 - pan), voice * (1 + pan)], axis=1)
    if rng.random() < 0.7:
        length = int(rng.uniform(0.2, 1.6) * RATE)
        decay = (
            np.exp(-6 * np.arange(length) / length)[:, None]
            * rng.normal(size=(length, 2))
            * 0.02
            * rng.uniform(0.3, 1.5)
        )
        size = len(sides) + length
        sides = (
            sides
            + np.fft.irfft(np.fft.rfft(sides, size, axis=0) * np.fft.rfft(decay, size, axis=0), size, axis=0)[
                : len(sides)
            ]
        )
    return sides


def loudness(sound: Array) -> float:
    """Return the root mean square of the louder half of the 0.1 s frames."""
    mono = np.atleast_2d(sound.T).mean(0)
    frames = np.sort((mono[: len(mono) // 2205 * 2205].reshape(-1, 2205) ** 2).mean(1))
    return float(np.sqrt(frames[len(frames) // 2 :].mean())) + 1e-9


def make(clip: Clip) -> dict[str, object]:
    """Make one clip, write it, and return its row."""
    rng = np.random.default_rng([clip.part == "test", clip.number, 7])
    kept = clip.folder / f"{clip.name}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    notes = notes_of(clip.midi, float(rng.random()))
    soundfont = str(rng.choice(SOUNDFONTS[clip.part]))
    low, high, bass = rng.choice(BEDS, 3)
    programs = {0: int(low), 1: int(high), 2: int(bass)}
    pan = {0: int(rng.integers(30, 98)), 1: int(rng.integers(20, 108)), 2: 64}
    split = np.median([note[2] for note in notes])
    bed_notes = [
        (*note, 2 if note[2] < 48 and rng.random() < 0.9 else int(note[2] > split)) for note in notes
    ]
    drums = float(rng.uniform(0.2, 0.4)) if rng.random() < 0.45 else 0.0
    sound = render(bed_notes, programs, pan, drums, soundfont)
    row: dict[str, object] = {
        "file": clip.name,
        "part": clip.part,
        "kind": clip.kind,
        "piece": clip.midi.stem,
    }
    line = upper_line(notes)
    lead: Array | None = None
    if clip.kind in ("sung", "spoken"):
        lead = placed(sung(clip.part, line, rng) if clip.kind == "sung" else spoken(clip.part, rng), rng)
    elif clip.kind == "lead":
        program = int(rng.choice(LEADS[clip.part]))
        shift = 12 * round((67 - np.median([note[2] for note in line])) / 12)
        played = [(a, b, int(np.clip(p + shift, 30, 100)), 100, 3) for a, b, p in line]
        lead = render(played, {3: program}, {3: int(rng.integers(50, 78))}, 0.0, soundfont)
        row["program"] = program
    if lead is not None:
        level = float(rng.uniform(-12, 6))
        sound = sound + lead * (loudness(sound) / loudness(lead) * 10 ** (level / 20))
        row["level_db"] = round(level, 2)
    sound *= 10 ** (rng.uniform(-14, -1) / 20) / np.abs(sound).max()
    soundfile.write(clip.folder / clip.name, sound.astype(np.float32), RATE, subtype="PCM_16")
    row["vocal"] = int(clip.kind in ("sung", "spoken"))
    kept.write_text(json.dumps(row))
    return row


def series_of(path: Path) -> str:
    """Return the song (EMOPIA: Q1_song_1.mid) or the series (VGMIDI: series_…) of a piece."""
    name = path.stem
    return name[3:].rsplit("_", 1)[0] if name.startswith("Q") else name.split("_")[0]


def plan(midi: list[Path], counts: dict[str, int], folder: Path) -> list[Clip]:
    """Share the pieces out to the two parts, by series or song, and the kinds to the clips."""
    rng = np.random.default_rng(1)
    groups = sorted({series_of(path) for path in midi})
    chosen = set(rng.permutation(groups)[: len(groups) // 2])
    parts: dict[str, list[Path]] = {"fit": [], "test": []}
    for path in sorted(midi):
        parts["fit" if series_of(path) in chosen else "test"].append(path)
    clips = []
    for part, count in counts.items():
        for number in range(count):
            kind = str(rng.choice(KINDS, p=SHARES))
            clips.append(Clip(part, number, kind, parts[part][rng.integers(len(parts[part]))], folder))
    return sorted(clips, key=lambda clip: clip.number)


def main() -> None:
    """Read the command line, make the clips, write their table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--midi", nargs="+", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fit", type=int, default=220)
    parser.add_argument("--test", type=int, default=180)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    midi = [path for folder in arguments.midi for path in folder.rglob("*.mid")]
    clips = plan(midi, {"fit": arguments.fit, "test": arguments.test}, arguments.out)
    with ProcessPoolExecutor(arguments.workers) as pool:
        rows = list(pool.map(make, clips))
    with (arguments.out / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "vocal", "part", "kind", "level_db", "program", "piece"])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

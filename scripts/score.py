"""A small notation for writing music as text, turned into MIDI, sound and Ogg Vorbis.

A line of music is a string of `pitch:beats` tokens, for example `"D5:1 F#5:.5 r:.5 A5:2!"`: `r` is a
rest, `+` joins the notes of a chord (`D4+F#4+A4:1`), a closing `!` is an accent and `~` a gentle note; a
bar line `|` is for the reader.
"""

import random
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mido
import numpy as np
import soundfile

TICKS = 480
SAMPLE_RATE = 44_100
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
DRUM_CHANNEL = 9
ACCENTS = {"!": 1.18, "~": 0.82}


@dataclass(frozen=True)
class Note:
    """One note: onset and length in beats, MIDI pitch, velocity 1–127."""

    beat: float
    beats: float
    pitch: int
    velocity: float


@dataclass(frozen=True)
class Part:
    """One instrument: General MIDI program, its place in the room and its notes."""

    program: int
    notes: Sequence[Note]
    level: int = 100
    pan: int = 64
    reverb: int = 40
    drums: bool = False


@dataclass(frozen=True)
class Piece:
    """A whole piece: tempo as (beat, beats a minute), instruments and the loudness it is stored at."""

    name: str
    tempo: Sequence[tuple[float, float]]
    parts: Sequence[Part]
    peak: float
    looseness: float = 0.006


def pitch(name: str) -> int:
    """MIDI number of a note name such as `F#5` or `Bb3` (middle C is C4 = 60)."""
    accidental = name.count("#") - name[1:].count("b")
    return 12 * (int(name.lstrip("ABCDEFG#b")) + 1) + STEPS[name[0]] + accidental


def line(
    text: str, start: float = 0.0, velocity: float = 80, legato: float = 0.95, shift: int = 0
) -> list[Note]:
    """Read a line of music from beat `start` on; `shift` transposes by semitones."""
    notes: list[Note] = []
    beat = start
    for token in text.replace("|", " ").split():
        names, _, length = token.partition(":")
        mark = length[-1] if length[-1] in ACCENTS else ""
        beats = float(length.rstrip("!~"))
        if names != "r":
            loud = velocity * ACCENTS.get(mark, 1.0)
            notes += [Note(beat, beats * legato, pitch(name) + shift, loud) for name in names.split("+")]
        beat += beats
    return notes


def each_bar(
    chords: str, pattern: str, first_bar: int, beats_a_bar: int, velocity: float, legato: float
) -> list[Note]:
    """Play `pattern` in every bar on that bar's chord.

    `chords` lists the notes of one bar, low to high, as `D3,F#3,A3`; `pattern` names them by place
    (`1:.5 2+3:.5`), where a number beyond the chord repeats it an octave up.
    """
    notes: list[Note] = []
    for bar, chord in enumerate(chords.split(), start=first_bar):
        names = chord.split(",")
        names += [f"{name[:-1]}{int(name[-1]) + 1}" for name in names]
        tokens = []
        for token in pattern.split():
            places, _, length = token.partition(":")
            played = (place if place == "r" else names[int(place) - 1] for place in places.split("+"))
            tokens.append("+".join(played) + ":" + length)
        notes += line(" ".join(tokens), bar * beats_a_bar, velocity, legato)
    return notes


def hits(pattern: str, key: int, start: float, velocity: float, step: float = 0.5) -> list[Note]:
    """Drum strokes from a grid: `x` a stroke, `X` an accent, `o` a ghost note, `.` none."""
    strength = {"x": 1.0, "X": 1.2, "o": 0.6}
    return [
        Note(start + place * step, step * 0.9, key, velocity * strength[mark])
        for place, mark in enumerate(pattern.replace(" ", ""))
        if mark in strength
    ]


def shaped(notes: Sequence[Note], *points: tuple[float, float]) -> list[Note]:
    """Scale velocities by a curve through `(beat, factor)` points: crescendo and diminuendo."""
    beats, factors = zip(*points, strict=True)
    return [
        replace(note, velocity=note.velocity * float(np.interp(note.beat, beats, factors))) for note in notes
    ]


def to_midi(piece: Piece, path: Path) -> None:
    """Write the piece as a MIDI file, its onsets loosened a little, always in the same way."""
    chance = random.Random(piece.name)  # noqa: S311  (music, not cryptography)
    file = mido.MidiFile(ticks_per_beat=TICKS)
    tempo = mido.MidiTrack()
    file.tracks.append(tempo)
    last = 0
    for beat, rate in piece.tempo:
        tick = round(beat * TICKS)
        tempo.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(rate), time=tick - last))
        last = tick
    channels = (channel for channel in range(16) if channel != DRUM_CHANNEL)
    loose_beats = piece.looseness * piece.tempo[0][1] / 60
    for part in piece.parts:
        channel = DRUM_CHANNEL if part.drums else next(channels)
        file.tracks.append(_track(part, channel, chance, loose_beats))
    file.save(path)


def _track(part: Part, channel: int, chance: random.Random, loose_beats: float) -> mido.MidiTrack:
    track = mido.MidiTrack()
    track.append(mido.Message("program_change", channel=channel, program=part.program))
    for control, value in ((7, part.level), (10, part.pan), (91, part.reverb)):
        track.append(mido.Message("control_change", channel=channel, control=control, value=value))
    events: list[tuple[int, int, int, int]] = []
    for note in part.notes:
        onset = max(0, round((note.beat + chance.gauss(0, loose_beats)) * TICKS))
        end = max(onset + 20, round((note.beat + note.beats) * TICKS))
        velocity = min(127, max(1, round(note.velocity + chance.gauss(0, 2.5))))
        events += [(onset, 1, note.pitch, velocity), (end, 0, note.pitch, 0)]
    last = 0
    for tick, on, key, velocity in sorted(events):
        kind = "note_on" if on else "note_off"
        track.append(mido.Message(kind, channel=channel, note=key, velocity=velocity, time=tick - last))
        last = tick
    return track


def render(piece: Piece, folder: Path, quality: float = 0.15) -> Path:
    """Play the piece by fluidsynth and store it as `folder/NAME.ogg`; `quality` 0 (small) to 1 (best)."""
    program = shutil.which("fluidsynth")
    if program is None or not SOUNDFONT.is_file():
        raise SystemExit("compose_examples: install fluidsynth and fluid-soundfont-gm (make examples does)")
    with tempfile.TemporaryDirectory() as scratch:
        midi, wave = Path(scratch, "piece.mid"), Path(scratch, "piece.wav")
        to_midi(piece, midi)
        command = [
            program,
            "-ni",
            "-q",
            "-g",
            "0.2",
            "-O",
            "float",
            "-r",
            str(SAMPLE_RATE),
            "-F",
            wave,
            SOUNDFONT,
            midi,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        samples, _ = soundfile.read(wave, dtype="float32", always_2d=True)
    samples = _finish(samples, piece.peak)
    target = folder / f"{piece.name}.ogg"
    with soundfile.SoundFile(
        target,
        "w",
        SAMPLE_RATE,
        samples.shape[1],
        format="OGG",
        subtype="VORBIS",
        compression_level=1 - quality,
    ) as out:
        for first in range(0, len(samples), SAMPLE_RATE):  # libsndfile's encoder fails on one long block
            out.write(samples[first : first + SAMPLE_RATE])
    return target


def _finish(samples: np.ndarray, peak: float) -> np.ndarray:
    """Cut the silence at both ends, let the last half second fade and set the highest peak."""
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > 10 ** (-45 / 20) * np.abs(samples).max())
    samples = samples[max(0, loud[0] - 441) : loud[-1] + 1].copy()
    fade = SAMPLE_RATE // 2
    samples[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade))[:, None] ** 2
    return samples * (peak / np.abs(samples).max())

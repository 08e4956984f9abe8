"""Music made up for tests: a few notes, a tone."""

from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
import soundfile


def write_midi(path: Path, notes: Sequence[tuple[int, float, float, int]], drums: bool = False) -> None:
    """Write notes (pitch, start s, length s, velocity) at 120 beats a minute; the first sets program 0."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=500_000, time=0))
    track.append(mido.Message("program_change", program=0, channel=0, time=0))
    channel = 9 if drums else 0
    events = []
    for pitch, start, length, velocity in notes:
        events.append((start, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)))
        events.append((start + length, mido.Message("note_off", note=pitch, velocity=0, channel=channel)))
    now = 0
    for time, message in sorted(events, key=lambda event: event[0]):
        tick = round(time * 960)
        track.append(message.copy(time=tick - now))
        now = tick
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)


def write_tone(path: Path, seconds: float, frequency: float = 440.0, rate: int = 22050) -> None:
    times = np.arange(round(seconds * rate)) / rate
    path.parent.mkdir(parents=True, exist_ok=True)
    form = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * frequency * times), rate, **form)


SCALE = [(60 + step, step * 0.5, 0.5, 80) for step in range(8)]

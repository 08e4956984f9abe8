"""Small synthetic copies of each corpus's layout; no note or label of the real ones."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
import pytest
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


@pytest.fixture
def vgmidi(tmp_path: Path) -> Path:
    """Two rounds; piece0 has raters of two lengths and an unsteady one, piece1 has no MIDI file."""
    root = tmp_path / "vgmidi"
    person = {"age": "21-25", "country": "XX", "gender": "Male", "ex1_valence": "1", "musicianship": 2}
    steady = [
        ([0.2, 0.4, 0.6, 0.8], [-0.2, -0.2, -0.4, -0.4]),
        ([0.0, 0.2, 0.4, 0.6], [0.0, 0.0, -0.2, -0.2]),
    ]
    unsteady = ([-1, 1, -1, 1], [-0.4, -0.4, -0.6, -0.6])
    first = {
        "pieces": {
            "piece0": {
                "midi": "Quest_NES_Quest II_Old Castle.mid",
                "name": "Old Castle",
                "duration": 8,
                "measures": 4,
                "audio": "x.wav",
            },
            "piece1": {
                "midi": "Quest_NES_Quest I_Gone.mid",
                "name": "Gone",
                "duration": 9.5,
                "measures": 3,
                "audio": "y.wav",
            },
        },
        "annotations": {
            **{
                f"piece0_{n}": {"valence": v, "arousal": a, **person}
                for n, (v, a) in enumerate([*steady, unsteady])
            },
            "piece0_7": {"valence": [1.0, 1.0], "arousal": [1.0, 1.0], **person},
            "piece1_0": {"valence": [0.1] * 3, "arousal": [0.1] * 3, **person},
            "piece9_0": {"valence": [0.1] * 3, "arousal": [0.1] * 3, **person},
            "piece9_1": {"valence": [0.1] * 3, "arousal": [0.1] * 3, **person},
        },
    }
    second = {
        "pieces": {
            "piece0": {
                "midi": "Space_SNES_Space Race_Start.mid",
                "name": "Start",
                "duration": 4.0,
                "measures": 2,
                "audio": "z.wav",
            }
        },
        "annotations": {"piece0_3": {"valence": [-0.5, -0.7], "arousal": [0.5, 0.9], **person}},
    }
    root.mkdir()
    for name, table in (("vgmidi_raw_1.json", first), ("vgmidi_raw_2.json", second)):
        (root / name).write_text(json.dumps(table))
    write_midi(root / "midi" / "Quest_NES_Quest II_Old Castle.mid", SCALE)
    write_midi(root / "midi" / "Space_SNES_Space Race_Start.mid", SCALE)
    return root


@pytest.fixture
def emopia(tmp_path: Path) -> Path:
    """Three clips of two songs, one song id full of `_` and `-`, one song in two quadrants."""
    root = tmp_path / "emopia"
    for name in ("Q1_a_-b_c-_0", "Q3_a_-b_c-_12", "Q2_plainSong_1"):
        write_midi(root / "midis" / f"{name}.mid", SCALE)
    (root / "label.csv").write_text(
        "ID,4Q,annotator\nQ1_a_-b_c-_0,1,A\nQ3_a_-b_c-_12,3,A\nQ2_plainSong_1,2,B\n"
    )
    return root


@pytest.fixture
def emotify(tmp_path: Path) -> Path:
    """Three tracks of two artists."""
    root = tmp_path / "emotify"
    write_tone(root / "audio/rock/1.opus", 3, rate=48000)
    soundfile.write(root / "audio/rock/2.mp3", np.zeros(44100), 44100)
    write_tone(root / "audio/pop/1.opus", 3, rate=48000)
    (root / "tracks.csv").write_text(
        "track_id,genre,path,artist,title,arousal_index,valence_index\n"
        '1,rock,data/emotifymusic/rock/1.mp3,"Band, The",One,-2.0,0.7\n'
        '2,rock,data/emotifymusic/rock/2.mp3,"Band, The",Two,1.0,-1.75\n'
        "3,pop,data/emotifymusic/pop/1.mp3,Singer,Three,0.5,3.5\n"
    )
    return root


@pytest.fixture
def real() -> Path:
    """The folder of the real corpora, for tests marked `data`."""
    folder = os.environ.get("DAMER_DATA")
    if not folder:
        pytest.skip("DAMER_DATA names no folder of corpora")
    return Path(folder)

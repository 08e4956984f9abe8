"""Small synthetic copies of each corpus's layout; no note or label of the real ones."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_copies import SCALE, write_midi, write_tone


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


@pytest.fixture
def fake_fluidsynth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in for fluidsynth on the PATH, and a file that passes for a soundfont."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "fluidsynth"
    program.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).parent / "fake_fluidsynth.py"}" "$@"\n'
    )
    program.chmod(0o755)
    (folder / "font.sf2").touch()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr("damer.datasets.rendering.SOUNDFONTS", (str(folder / "font.sf2"),))

"""The bundled pieces are sound, small, and what their names say, by independent measures."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import librosa
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import find_peaks

from damer.examples import QUADRANTS, example_path

SCRIPTS = Path(__file__).parents[1] / "scripts"
# Krumhansl & Kessler (1982): how well each pitch class fits a major and a minor key on C.
MAJOR = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
MINOR = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]


def samples(name: str) -> NDArray[np.float32]:
    """Mono at 22 050 Hz."""
    sound, rate = soundfile.read(example_path(name), dtype="float32", always_2d=True)
    assert rate == 44_100
    mono = sound.mean(axis=1)
    halved: NDArray[np.float32] = mono[: len(mono) // 2 * 2].reshape(-1, 2).mean(axis=1)
    return halved


def loudness(name: str) -> float:
    return float(np.sqrt(np.mean(samples(name) ** 2)))


@pytest.mark.parametrize("name", QUADRANTS)
def test_file_is_sound_and_small(name: str) -> None:
    path = example_path(name)
    sound, rate = soundfile.read(path, always_2d=True)
    about = soundfile.info(path)
    assert (about.format, about.subtype, about.channels) == ("OGG", "VORBIS", 2)
    assert path.stat().st_size <= 400_000
    assert 20 <= len(sound) / rate <= 40
    assert 0.3 < np.abs(sound).max() < 0.99
    level = np.sqrt(np.mean(sound[: len(sound) // rate * rate].reshape(-1, rate * 2) ** 2, axis=1))
    assert level[:-1].min() > 1e-3, "a second of silence within the piece"


def test_unknown_example_is_named() -> None:
    with pytest.raises(KeyError, match="'merry'; there are joyful, angry, sad, calm"):
        example_path("merry")


def test_excited_pieces_are_louder_and_busier() -> None:
    def onsets(name: str) -> float:
        sound = samples(name)
        # Peaks of the spectral flux. librosa's own peak picking is compiled and cached at its first call; two
        # test processes that did so at once have crashed.
        mel = librosa.feature.melspectrogram(y=sound, sr=22_050, hop_length=512)
        flux = np.maximum(np.diff(mel**0.25, axis=1), 0).mean(axis=0)
        peaks, _ = find_peaks(flux, height=np.median(flux) + flux.std(), distance=4)
        return len(peaks) / (len(sound) / 22_050)

    for high in ("joyful", "angry"):
        for low in ("sad", "calm"):
            assert loudness(high) > 1.5 * loudness(low)
            assert onsets(high) > 1.3 * onsets(low)


@pytest.mark.parametrize(("name", "mode"), [("joyful", "major"), ("calm", "major"), ("sad", "minor")])
def test_key_by_the_profiles_of_krumhansl_and_kessler(name: str, mode: str) -> None:
    # Tuned as they were rendered; librosa's estimate is compiled at its first call, as its peak picking is.
    chroma = librosa.feature.chroma_cqt(y=samples(name), sr=22_050, tuning=0.0).mean(axis=1)

    def fit(profile: list[float]) -> float:
        return max(float(np.corrcoef(np.roll(profile, key), chroma)[0, 1]) for key in range(12))

    assert ("major" if fit(MAJOR) > fit(MINOR) else "minor") == mode


@pytest.fixture(scope="module")
def score() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", SCRIPTS / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["score"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


def test_notation(score: ModuleType) -> None:
    assert [score.pitch(name) for name in ("C4", "A4", "F#5", "Bb3", "D1")] == [60, 69, 78, 58, 26]
    notes = score.line("C4:1 r:.5 | E4+G4:2!", start=4, velocity=100, legato=1.0, shift=12)
    assert [(note.beat, note.beats, note.pitch, round(note.velocity)) for note in notes] == [
        (4, 1, 72, 100),
        (5.5, 2, 76, 118),
        (5.5, 2, 79, 118),
    ]
    assert [(note.beat, note.velocity) for note in score.hits("X.o", 38, 8, 100)] == [(8, 120), (9, 60)]
    bars = score.each_bar("C3,E3 D3,F3", "1:1 3:1", 2, 2, 80, 1.0)
    assert [(note.beat, note.pitch) for note in bars] == [(4, 48), (5, 60), (6, 50), (7, 62)]
    assert [note.velocity for note in score.shaped(bars, (4, 1.0), (6, 0.5))] == [80, 60, 40, 40]


def test_midi_plays_the_written_notes(score: ModuleType, tmp_path: Path) -> None:
    import mido

    part = score.Part(40, score.line("C4:1 G4:1", velocity=90))
    score.to_midi(score.Piece("two notes", [(0, 120)], [part], peak=0.5, looseness=0.0), tmp_path / "a.mid")
    file = mido.MidiFile(tmp_path / "a.mid")
    assert [message.note for message in file if message.type == "note_on"] == [60, 67]
    assert file.length == pytest.approx(0.975, abs=0.005)  # two beats at 120, the last let go 5 % early

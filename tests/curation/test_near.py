"""Near duplicates in a whole run, with fingerprints as they are made: the same recording in two formats."""

import shutil
from pathlib import Path

import pytest
import soundfile
from curating import curate

from damer.curation import CurationSettings
from damer.curation.fingerprint import missing
from damer.examples import example_path

needs_chromaprint = pytest.mark.skipif(missing() is not None, reason="Chromaprint is not installed")


@needs_chromaprint
def test_the_same_recording_in_two_formats_and_another_one(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    song, rate = soundfile.read(example_path("joyful"), frames=15 * 44100)
    another, _ = soundfile.read(example_path("sad"), frames=15 * 44100)
    soundfile.write(source / "song.flac", song, rate)
    soundfile.write(source / "the same, softer.mp3", 0.3 * song, rate)
    soundfile.write(source / "another.flac", another, rate)
    shutil.copy(source / "song.flac", source / "z copy.flac")
    _, rows, _ = curate(source, tmp_path / "out", CurationSettings(min_s=5, screener="none"))
    found = {name: (row.status, row.duplicate_kind, row.duplicate_of) for name, row in rows.items()}
    assert found == {
        "another.flac": ("kept", "", ""),
        "song.flac": ("kept", "", ""),
        "the same, softer.mp3": ("kept", "near", "song.flac"),
        "z copy.flac": ("rejected", "exact", "song.flac"),
    }

"""What tests of whole runs share."""

import shutil
from pathlib import Path

import pytest
import soundfile
from curating import RATE
from sounds import tones

from damer.curation import fingerprint as prints


@pytest.fixture
def no_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near duplicates have tests of their own; making fingerprints takes a process a file."""
    monkeypatch.setattr(prints, "maker", lambda: "")
    monkeypatch.setattr(prints, "missing", lambda: "near duplicates are not looked for")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with three good files, a copy, and three that are turned away or cannot be read."""
    folder = tmp_path / "source"
    (folder / "below").mkdir(parents=True)
    soundfile.write(folder / "b.wav", tones(2, RATE, 1), RATE)
    soundfile.write(folder / "below" / "a.flac", tones(2, 22050, 2), 22050)
    soundfile.write(folder / "ü 音.ogg", tones(2, RATE, 3), RATE)
    shutil.copy(folder / "b.wav", folder / "copy of b.wav")
    soundfile.write(folder / "short.wav", tones(1, RATE), RATE)
    (folder / "empty.mp3").touch()
    (folder / "text.wav").write_text("no sound at all\n" * 500)
    (folder / "cover.jpg").write_bytes(b"\xff\xd8")
    (folder / ".hidden.wav").write_bytes(b"x")
    return folder

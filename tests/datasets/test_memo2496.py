import json
from pathlib import Path

import pytest
from corpus_layouts import arrays, memo2496

from damer.cli import main
from damer.core.errors import DamerError
from damer.datasets.memo2496 import Memo2496


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return memo2496(tmp_path / "memo")


def test_labels_artists_and_time(root: Path) -> None:
    one, two, three = Memo2496().tracks(root)
    assert (one.arousal, one.valence) == (0.5, -0.5)
    assert (two.arousal, two.valence) == (-0.25, 1.0)
    assert one.group == two.group == "The Larks"
    assert len(three.dynamic) == 33
    assert one.label_at("arousal", 20.0) == pytest.approx(0.3)
    assert Memo2496().check(root) == []


def test_short_tracks_keep_the_seconds_they_have(root: Path, tmp_path: Path) -> None:
    """Tracks of 30 to 300 s are allowed, and the window is 15 to 75 s."""
    out = tmp_path / "store"
    (root / "audio" / "1.wav").unlink()
    assert main(["dataset", "prepare", "memo2496", str(root), "--out", str(out), "--workers", "1"]) == 0
    records = [json.loads(line) for line in (out / "tracks.jsonl").read_text().splitlines()]
    assert [(line["clip_start"], line["clip_end"]) for line in records] == [(15, 40), (15, 33)]


def test_labels_over_time_alone(root: Path) -> None:
    (root / "annotations" / "annotations.csv").unlink()
    one = Memo2496().tracks(root)[0]
    assert (one.arousal, one.valence) == pytest.approx((0.3, -0.3))
    assert "names no artist; each track stands alone" in Memo2496().check(root)[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1,0.5,", "1,1.5,", r"line 2: labels \[-0\.5, 1\.5\] are not in \[-1, 1\]"),
        ("2,-0.25", "1,-0.25", "line 3: track 1 is there twice"),
        ("arousal", "energy", "column arousal is missing"),
    ],
)
def test_errors_are_exact(root: Path, old: str, new: str, message: str) -> None:
    table = root / "annotations" / "annotations.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DamerError, match=message):
        Memo2496().tracks(root)


def test_where_only_arrays_are_there_they_are_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays(tmp_path / "data", rows=6, frames=87)
    assert main(["dataset", "check", "memo2496", str(tmp_path), "--tracks", "3"]) == 0
    assert "memo2496, ready-made arrays: 3 tracks, 6 rows of 87 frames" in capsys.readouterr().out
    assert main(["dataset", "check", "Memo2496", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "a table of labels is missing" in said
    assert "6 rows; memo2496 has 2496 tracks" in said

import json
from pathlib import Path

import numpy as np
import pytest
from corpus_layouts import pmemo

from damer.cli import main
from damer.core.errors import DamerError
from damer.datasets.pmemo import Pmemo


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return pmemo(tmp_path / "PMEmo2019", sound=False)


def test_arousal_stands_first_and_shares_become_signed(root: Path) -> None:
    one, four, last = Pmemo().tracks(root)
    assert [track.id for track in (one, four, last)] == ["pmemo:1", "pmemo:4", "pmemo:1000"]
    assert (one.arousal, one.valence) == (0.5, -0.5)
    assert (four.arousal, four.valence) == pytest.approx((0.0, 0.2))
    assert (last.arousal, last.valence) == pytest.approx((-0.8, 1.0))
    assert one.group == four.group == "The Larks"
    assert one.dynamic[0] == pytest.approx((15.5, -0.4, 0.6))


def test_only_what_is_labelled_is_used(tmp_path: Path) -> None:
    """A clip of 17 s has two labelled seconds; one of 80 s is used for 60 s, the unlabelled not at all."""
    reading = Pmemo().read(pmemo(tmp_path / "PMEmo2019"))
    assert reading.notes == []
    assert reading.remarks == ["1 sound files have no labels and are not used: 9.mp3"]
    out = tmp_path / "store"
    assert main(["dataset", "prepare", "pmemo", str(tmp_path), "--out", str(out), "--workers", "1"]) == 0
    records = [json.loads(line) for line in (out / "tracks.jsonl").read_text().splitlines()]
    assert [(line["clip_start"], line["clip_end"]) for line in records] == [(15, 17), (15, 32), (15, 75)]


def test_a_copy_on_1_to_9(root: Path) -> None:
    """As one republisher wrote it: other names, the other order, another scale."""
    (root / "annotations" / "static_annotations.csv").write_text(
        "song_id,valence_mean,valence_std,arousal_mean,arousal_std\n1,3.0,0.1,7.0,0.1\n4,5.8,0.1,5.0,0.1\n"
    )
    one, four = Pmemo().tracks(root)
    assert (one.arousal, one.valence) == (0.5, -0.5)
    assert four.valence == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("static_annotations.csv", "0.75", "1.75", r"a label is 1\.75; all should lie in 0 to 1"),
        ("static_annotations.csv", "4,0.5", "1,0.5", "line 3: song 1 is there twice"),
        ("dynamic_annotations.csv", "1,16.0", "1,15.5", r"line 3: frameTime 15\.5 does not follow"),
        ("dynamic_annotations.csv", "0.8,0.3", "0.8,-0.3", r"a label is -0\.3"),
        ("dynamic_annotations.csv", "frameTime", "frame", "column frameTime is missing"),
    ],
)
def test_errors_are_exact(root: Path, table: str, old: str, new: str, message: str) -> None:
    path = root / "annotations" / table
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DamerError, match=message):
        Pmemo().tracks(root)


def test_what_is_missing(root: Path) -> None:
    (root / "metadata.csv").unlink()
    (root / "annotations" / "dynamic_annotations.csv").unlink()
    (root / "chorus" / "4.mp3").unlink()
    notes = "\n".join(Pmemo().check(root))
    assert "the table of labels over time is missing" in notes
    assert "metadata.csv is missing" in notes
    assert "1 of 3 sound files are missing: 4;" in notes
    tracks = Pmemo().tracks(root)
    assert {track.group for track in tracks} == {"song 1", "song 4", "song 1000"}
    assert {track.clip_start for track in tracks} == {0.0}


def test_a_song_without_labels_over_time_and_one_without_static_ones_are_told(root: Path) -> None:
    table = root / "annotations" / "dynamic_annotations.csv"
    table.write_text(table.read_text().replace("\n1000,", "\n999,"))
    notes = "\n".join(Pmemo().check(root))
    assert "1 songs have no labels over time: 1000; their static labels hold throughout" in notes
    assert "1 songs have labels over time and no static ones: 999; they are not used" in notes


@pytest.mark.data
def test_real_tables(real: Path) -> None:
    tracks = Pmemo().tracks(real / "labels" / "pmemo")
    assert len(tracks) == 767
    assert sum(len(track.dynamic) for track in tracks) == 36_434
    lengths = [len(track.dynamic) for track in tracks]
    assert (min(lengths), float(np.median(lengths)), max(lengths)) == (2, 42, 146)
    assert {track.dynamic[0][0] for track in tracks} == {15.5}
    steps = [step for track in tracks for step in track.dynamic]
    assert np.mean([a > 0 for _, _, a in steps]) == pytest.approx(0.772, abs=0.001)
    assert np.mean([v > 0 for _, v, _ in steps]) == pytest.approx(0.749, abs=0.001)
    # The static table is on 1 to 9, the other on 0 to 1: they agree, and not crosswise.
    static = np.array([(track.valence, track.arousal) for track in tracks], dtype=float)
    dynamic = np.array([np.mean(track.dynamic, axis=0)[1:] for track in tracks])
    agreement = np.corrcoef(static.T, dynamic.T)[:2, 2:]
    assert (np.diag(agreement) > 0.98).all()
    assert max(agreement[0, 1], agreement[1, 0]) < 0.8

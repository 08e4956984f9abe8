from pathlib import Path

import pytest
from corpus_layouts import deam

from damer.core.errors import DamerError
from damer.datasets.deam import Deam


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return deam(tmp_path / "deam", sound=False)


def test_both_tables_and_their_spaces(root: Path) -> None:
    assert Deam().check(root) == []
    two, three, long = Deam().tracks(root)
    assert [track.id for track in (two, three, long)] == ["deam:2", "deam:3", "deam:2001"]
    assert (two.valence, two.arousal) == (-0.5, 0.5)
    assert (long.valence, long.arousal) == (0.0, 1.0)  # valence_mean, not `valence_ max_mean`
    assert two.group == three.group == "The Larks"
    assert long.group == "Iron Weather"


def test_blank_cells_end_a_song(root: Path) -> None:
    two, _, long = Deam().tracks(root)
    assert (len(two.dynamic), two.dynamic[-1]) == (60, (45.0, -0.4, 0.4))
    assert (len(long.dynamic), long.dynamic[-1]) == (70, (50.0, 0.4, -0.4))


def test_what_is_missing(root: Path) -> None:
    static = root / "annotations" / "annotations averaged per song" / "song_level"
    (static / "static_annotations_averaged_songs_2000_2058.csv").unlink()
    (root / "MEMD_audio" / "3.mp3").unlink()
    notes = "\n".join(Deam().check(root))
    assert "static_annotations_averaged_songs_2000_2058.csv is missing" in notes
    assert "1 of 2 sound files are missing: 3;" in notes
    (static / "static_annotations_averaged_songs_1_2000.csv").unlink()
    with pytest.raises(DamerError, match=r"songs_1_2000\.csv is missing; looked for annotations"):
        Deam().tracks(root)


def test_a_damaged_table_is_an_error(root: Path) -> None:
    static = root / "annotations" / "annotations averaged per song" / "song_level"
    (static / "static_annotations_averaged_songs_1_2000.csv").write_text("song_id,valence_mean\n1,2\n")
    with pytest.raises(DamerError, match="column mean_arousal is missing"):
        Deam().tracks(root)


@pytest.mark.data
def test_real_tables(real: Path) -> None:
    tracks = Deam().tracks(real / "labels" / "deam_original")
    assert len(tracks) == 1802
    copied = {track.id: track for track in Deam().tracks(real / "labels" / "deam")}
    assert all(
        (one.valence, one.arousal) == (copied[one.id].valence, copied[one.id].arousal) for one in tracks
    )
    assert sum(int(track.id.partition(":")[2]) <= 1000 for track in tracks) == 744

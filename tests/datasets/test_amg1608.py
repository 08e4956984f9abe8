from pathlib import Path

import numpy as np
import pytest
from corpus_layouts import amg1608
from scipy.io import loadmat, savemat

from damer.cli import main
from damer.core.errors import DamerError
from damer.datasets.amg1608 import Amg1608


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return amg1608(tmp_path / "amg")


def change(path: Path, **values: object) -> None:
    kept = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    savemat(path, {**kept, **values})


def test_valence_is_the_first_place_and_nan_is_nobody(root: Path) -> None:
    one, two, storm = Amg1608().tracks(root)
    assert [track.id for track in (one, two, storm)] == ["amg1608:30001", "amg1608:5", "amg1608:777"]
    assert (one.valence, one.arousal) == pytest.approx((-0.6, 0.7))
    assert (two.valence, two.arousal) == pytest.approx((0.5, -0.5))
    assert (storm.valence, storm.arousal) == (1.0, -1.0)
    assert (one.group, two.group, storm.group) == ("The Larks", "The Larks", "Iron Weather")
    assert one.audio == str(root / "audio" / "30001.wav")
    assert not one.dynamic
    assert Amg1608().check(root) == []


def test_mechanical_turk_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = Amg1608(raters="amt").tracks(root)[1]
    assert (two.valence, two.arousal) == (0.25, -0.75)  # person 645 was on campus
    assert main(["dataset", "check", "amg1608", str(root), "--raters", "amt"]) == 0
    assert "3 tracks in 2 groups can be used, nothing is missing" in capsys.readouterr().out


def test_labels_stay_where_sound_is_missing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "audio" / "5.wav").unlink()
    assert main(["dataset", "check", "amg1608", str(root)]) == 1
    out = capsys.readouterr().out
    assert "1 of 3 sound files are missing: 5;" in out
    assert "3 tracks in 2 groups can be used, 2 of them with sound" in out
    for path in (root / "audio").iterdir():
        path.unlink()
    assert main(["dataset", "check", "amg1608", str(root)]) == 0
    assert "the music is not distributed: 3 tracks have labels only" in capsys.readouterr().out
    assert main(["dataset", "prepare", "amg1608", str(root), "--out", str(root / "s")]) == 1
    assert "none has sound" in capsys.readouterr().err


def test_without_the_table_of_ids_rows_are_numbered_from_1(root: Path) -> None:
    (root / "1608_song_id.mat").unlink()
    assert [track.id for track in Amg1608().tracks(root)] == ["amg1608:1", "amg1608:2", "amg1608:3"]
    assert "1608_song_id.mat is missing" in Amg1608().check(root)[0]


def test_ids_beside_their_row(root: Path) -> None:
    savemat(root / "1608_song_id.mat", {"mat_id2song_id": np.array([[1, 9.0], [2, 8.0], [3, 7.0]])})
    assert [track.id for track in Amg1608().tracks(root)] == ["amg1608:9", "amg1608:8", "amg1608:7"]
    savemat(root / "1608_song_id.mat", {"mat_id2song_id": np.array([[1], [1], [2]])})
    with pytest.raises(DamerError, match="has 3 ids, 2 different; there are 3 songs"):
        Amg1608().tracks(root)


def test_a_song_that_nobody_heard_is_left_out(root: Path) -> None:
    labels = loadmat(root / "AMG1608.mat")["song_label"]
    labels[1] = np.nan
    change(root / "AMG1608.mat", song_label=labels)
    assert len(Amg1608().tracks(root)) == 2
    assert "song 5 has no label" in Amg1608().check(root)[0]


def test_errors_are_exact(root: Path) -> None:
    labels = loadmat(root / "AMG1608.mat")["song_label"]
    change(root / "AMG1608.mat", song_label=labels[:, :, :1])
    with pytest.raises(DamerError, match=r"song_label has shape .*; it should be songs × people × 2"):
        Amg1608().tracks(root)
    labels[2, 600, 1] = 3
    change(root / "AMG1608.mat", song_label=labels)
    with pytest.raises(DamerError, match=r"song_label of song 3 holds a value outside \[-1, 1\]"):
        Amg1608().tracks(root)
    savemat(root / "AMG1608.mat", {"other": 1})
    with pytest.raises(DamerError, match="holds no variable song_label, song_info"):
        Amg1608().tracks(root)
    (root / "AMG1608.mat").write_bytes(b"text")
    with pytest.raises(DamerError, match="cannot be read as a MATLAB file"):
        Amg1608().tracks(root)
    (root / "AMG1608.mat").unlink()
    with pytest.raises(DamerError, match=r"AMG1608\.mat is missing"):
        Amg1608().tracks(root)


def test_matlab_7_3_is_said_to_be_so(root: Path) -> None:
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM"
    (root / "AMG1608.mat").write_bytes(head + bytes(384) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(DamerError, match=r"is a MATLAB file of version 7\.3; .* save\('-v7', …\)"):
        Amg1608().tracks(root)

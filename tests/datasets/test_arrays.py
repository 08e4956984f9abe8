import json
from pathlib import Path

import numpy as np
import pytest
from corpus_layouts import arrays

from damer.cli import main
from damer.core.errors import DamerError
from damer.datasets import CORPORA
from damer.datasets.arrays import Arrays, find_arrays, import_arrays, read_arrays
from damer.features import FeatureStore


def read(root: Path, name: str = "memo2496", tracks: int | None = 3) -> Arrays:
    return read_arrays(CORPORA[name], root, tracks)


def test_rows_of_a_track_stand_together(tmp_path: Path) -> None:
    found = read(arrays(tmp_path, rows=6, frames=87, tracks=3))
    assert found.starts.tolist() == [0, 2, 4, 6]
    assert [track.id for track in found.tracks] == [f"memo2496-arrays:{n}" for n in range(3)]
    assert {track.corpus for track in found.tracks} == {"memo2496-arrays"}
    assert len({track.group for track in found.tracks}) == 3
    valence = np.load(tmp_path / "label_v.npy")
    second = found.tracks[1]
    assert second.valence == pytest.approx(valence[2:4].mean())
    assert second.labels_per_second("valence", 2) == pytest.approx(valence[2:4])
    assert "6 rows of 3 tracks: 2 each" in found.remarks[0]


def test_the_number_of_tracks_is_the_corpus_own(tmp_path: Path) -> None:
    root = arrays(tmp_path, rows=744, frames=44)
    assert len(read(root, "1000songs", None).tracks) == 744
    with pytest.raises(
        DamerError, match="744 rows; memo2496 has 2496 tracks, so 2496 rows or a multiple of it"
    ):
        read(root, "memo2496", None)
    with pytest.raises(DamerError, match="744 rows; 1000songs has 500 tracks"):
        read(root, "1000songs", 500)


@pytest.mark.parametrize("frames", [87, 44])
def test_a_store_holds_the_same_values(tmp_path: Path, frames: int) -> None:
    found = read(arrays(tmp_path / "a", rows=6, frames=frames, tracks=3))
    assert found.spec.frames == frames
    outcome = import_arrays(found, tmp_path / "store")
    assert outcome.added == [track.id for track in found.tracks]
    assert import_arrays(found, tmp_path / "store").added == []
    store = FeatureStore.open(tmp_path / "store")
    mel, cochleagram = (np.load(tmp_path / "a" / f"{name}.npy") for name in ("mel_spec", "cochlegram"))
    views = store.views("memo2496-arrays:2")
    assert views.mel == pytest.approx(mel[4:6], abs=0.01)
    assert views.cochleagram == pytest.approx(cochleagram[4:6], abs=0.01)
    other = read(arrays(tmp_path / "b", rows=3, frames=frames, tracks=3))
    with pytest.raises(DamerError, match="was made from other arrays"):
        import_arrays(other, tmp_path / "store")


def test_an_import_goes_on_where_it_stopped(tmp_path: Path) -> None:
    found = read(arrays(tmp_path / "a", rows=6, frames=44, tracks=3))
    assert len(import_arrays(found, tmp_path / "store", limit=1).added) == 1
    (tmp_path / "store" / "tracks.jsonl").unlink()  # as where it was killed
    with (tmp_path / "store" / "mel.f16").open("ab") as file:
        file.write(b"half a row")
    assert import_arrays(found, tmp_path / "store").added == [track.id for track in found.tracks[1:]]
    store = FeatureStore.open(tmp_path / "store")
    assert store.verify() == []
    assert store.views("memo2496-arrays:2").mel == pytest.approx(np.asarray(found.mel[4:6]), abs=0.01)


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_values_beyond_half_precision_are_scaled(tmp_path: Path, factor: float) -> None:
    root = arrays(tmp_path / "a", rows=6, frames=44)
    mel = np.load(root / "mel_spec.npy")
    np.save(root / "mel_spec.npy", mel * np.float32(factor))
    import_arrays(read(root), tmp_path / "store")
    stored = np.asarray(FeatureStore.open(tmp_path / "store").arrays.mel, dtype=np.float64)
    assert np.corrcoef(stored.ravel(), mel.ravel())[0, 1] > 0.99999


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("memo2496", [-0.5, 0.25, 1.0], [-0.5, 0.25, 1.0]),
        ("pmemo", [0.25, 0.5, 1.0], [-0.5, 0.0, 1.0]),
        ("pmemo", [-0.5, 0.5, 1.0], [-0.5, 0.5, 1.0]),
        ("1000songs", [3.0, 5.0, 9.0], [-0.5, 0.0, 1.0]),
        ("deam", [0.0, 1.0, 0.0], [-1.0, 1.0, -1.0]),
    ],
)
def test_scales_of_the_labels(tmp_path: Path, name: str, values: list[float], expected: list[float]) -> None:
    root = arrays(tmp_path, rows=3, frames=44)
    np.save(root / "label_a.npy", np.array(values))
    np.save(root / "label_v.npy", np.array(values)[:, None])
    tracks = read(root, name).tracks
    assert [track.arousal for track in tracks] == pytest.approx(expected)
    assert [track.valence for track in tracks] == pytest.approx(expected)


def test_axes_of_length_one_and_joined_axes(tmp_path: Path) -> None:
    root = arrays(tmp_path, rows=3, frames=87)
    mel, cochleagram = np.load(root / "mel_spec.npy"), np.load(root / "cochlegram.npy")
    np.save(root / "mel_spec.npy", mel[:, None])
    np.save(root / "cochlegram.npy", cochleagram.reshape(3, -1))
    found = read(root)
    assert np.array_equal(found.mel, mel)
    assert np.array_equal(found.cochleagram, cochleagram)


def spoil(root: Path, name: str, value: object) -> None:
    np.save(root / f"{name}.npy", np.asarray(value))


ROWS = 6


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "mel_spec",
            np.zeros((ROWS, 87, 128)),
            r"mel_spec.npy: has shape \(6, 87, 128\); rows × 128 bands × 87 or 44",
        ),
        ("mel_spec", np.zeros((ROWS, 128, 60)), "rows × 128 bands × 87 or 44 frames are needed"),
        ("cochlegram", np.zeros((ROWS, 84, 44)), "has 44 frames, mel_spec.npy 87; they must agree"),
        ("cochlegram", np.zeros((ROWS + 1, 84, 87)), "cochlegram.npy: has 7 rows, mel_spec.npy 6"),
        ("label_v", np.zeros(ROWS - 1), "label_v.npy: has 5 rows, mel_spec.npy 6"),
        ("label_v", np.zeros((ROWS, 2)), r"has shape \(6, 2\); one label a row"),
        ("label_a", np.array([0, 0, np.nan, 0, 0, -1]), "label_a.npy: row 2 holds no number"),
        ("label_a", np.linspace(-2, 2, ROWS), r"labels go from -2 to 2, expected -1 to 1; say .* --scale"),
        ("label_a", np.array(["a"] * ROWS), "does not hold numbers"),
    ],
)
def test_errors_are_exact(tmp_path: Path, name: str, value: object, message: str) -> None:
    root = arrays(tmp_path, rows=ROWS, frames=87)
    spoil(root, name, value)
    with pytest.raises(DamerError, match=message):
        read(root)


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(
        DamerError, match=r"mel_spec\.npy is missing; looked for mel_spec\.npy, memo/mel_spec\.npy"
    ):
        read(tmp_path)
    root = arrays(tmp_path, rows=3, frames=87)
    (root / "label_a.npy").rename(root / "kept.npy")
    with pytest.raises(DamerError, match=r"label_a\.npy: is missing; all four arrays are needed"):
        read(root)
    (root / "label_a.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DamerError, match=r"is not a whole \.npy array"):
        read(root)
    with pytest.raises(DamerError, match="none are published for emopia"):
        read(root, "emopia")


def test_no_number_in_a_view_stops_the_import(tmp_path: Path) -> None:
    root = arrays(tmp_path / "a", rows=6, frames=87)
    mel = np.load(root / "mel_spec.npy")
    mel[5, 0, 0] = np.nan
    spoil(root, "mel_spec", mel)
    with pytest.raises(DamerError, match="rows 4 to 5: mel holds NaN"):
        import_arrays(read(root), tmp_path / "store")
    assert not (tmp_path / "store" / "tracks.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("memo2496", "memo"), ("memo2496", "data"), ("pmemo", "data_PMEmo"), ("1000songs", "data_1000songs"),
        ("deam", "DEAM/processed"),
    ],
)  # fmt: skip
def test_folders_of_the_authors(tmp_path: Path, name: str, folder: str) -> None:
    root = arrays(tmp_path / folder, rows=3, frames=44)
    assert find_arrays(name, tmp_path) == tmp_path / folder
    (root / "labels").mkdir()
    for label in ("label_a.npy", "label_v.npy"):
        (root / label).rename(root / "labels" / label)
    assert len(read(tmp_path, name).tracks) == 3


def test_pmemo_rows_as_its_table_has_them(tmp_path: Path) -> None:
    root = arrays(tmp_path, rows=7, frames=44)
    (root / "dynamic_annotations.csv").write_text(
        "musicId,frameTime,Arousal(mean),Valence(mean)\n" + "1,1,0,0\n" * 2 + "4,1,0,0\n" * 5
    )
    found = read(root, "pmemo", None)
    assert found.starts.tolist() == [0, 2, 7]
    assert "as many of each as dynamic_annotations.csv has" in found.remarks[0]


def test_rows_in_another_order_are_noticed(tmp_path: Path) -> None:
    root = arrays(tmp_path, rows=60, frames=44, tracks=20)
    assert len(read(root, tracks=20).remarks) == 1
    for name in ("mel_spec", "cochlegram"):  # the first rows of all tracks, then the second ones
        view = np.load(root / f"{name}.npy")
        spoil(root, name, view.reshape(20, 3, *view.shape[1:]).swapaxes(0, 1).reshape(view.shape))
    assert "no more alike than rows of two tracks" in read(root, tracks=20).remarks[1]


SMALL = ["dim=8", "fused_dim=8", "layers=1", "heads=2", "epochs=1", "memory_size=32", "learning_rate=0.01"]


@pytest.mark.parametrize(("name", "frames", "low"), [("memo2496", 87, -1.0), ("pmemo", 44, 0.0)])
def test_arrays_are_trained_on_by_the_command(
    tmp_path: Path, name: str, frames: int, low: float, capsys: pytest.CaptureFixture[str]
) -> None:
    root = arrays(tmp_path / "a", rows=40, frames=frames, tracks=20, low=low)
    store, out = tmp_path / "store", tmp_path / "run"
    where = [name, str(root), "--arrays", "--tracks", "20"]
    assert main(["dataset", "check", *where]) == 0
    assert f"20 tracks, 40 rows of {frames} frames can be used, nothing is missing" in capsys.readouterr().out
    assert main(["dataset", "prepare", *where, "--out", str(store)]) == 0
    settings = [word for one in [*SMALL, f"model.frames={frames}"] for word in ("--set", one)]
    call = ["train", "tiny", "--data", str(store), "--dimension", "arousal", "--quiet", "--device", "cpu"]
    assert main([*call, *settings, "--out", str(out)]) == 0
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert len(lines) == 6
    assert {len(line["seconds"]) for line in lines} == {2}
    capsys.readouterr()
    # The rows trained on are not judged, and neither is the corpus in its other form.
    saved = str(out / "arousal.safetensors")
    assert main(["evaluate", saved, "--data", str(store)]) == 1
    assert "14 of 20 tracks (14 groups" in capsys.readouterr().err
    assert main(["evaluate", saved, "--data", str(store), "--skip-seen"]) == 0


def test_options_that_do_not_belong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = arrays(tmp_path, rows=3, frames=87)
    out = str(tmp_path / "store")
    assert main(["dataset", "check", "emopia", str(root), "--tracks", "3"]) == 1
    assert "--arrays: none are published for emopia" in capsys.readouterr().err
    call = ["dataset", "prepare", "memo2496", str(root), "--arrays", "--out", out, "--window", "0:3"]
    assert main(call) == 1
    assert "leave out --spec, --window" in capsys.readouterr().err

"""From twelve sound files to a trained model and back, by the commands a user types.

Curate, annotate (simulated, by people of known noise, lag and care, through the real protocol), release,
check, prepare, train, predict. What comes out is compared with what was put in.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
import soundfile

from damer.annotation.protocol import StudySettings
from damer.annotation.records import Study
from damer.annotation.simulation import Annotator, KnownTrack, simulate, smooth_curve
from damer.annotation.tables import StudyTrack
from damer.audio.level import level_curve
from damer.cli import main
from damer.core.track import DIMENSIONS
from damer.examples import QUADRANTS, example_path

Values = npt.NDArray[np.float64]
Curve = Callable[[Values], Values]

RATE = 22050
FORMATS = ("wav", "flac", "ogg", "mp3")
LAGS_S = (1.0, 1.4, 1.8, 2.2, 2.6, 3.0, 2.0, 1.6, 2.4)
CARELESS = "a09"
ANNOTATORS = {
    f"a{number:02d}": Annotator(
        noise=0.06, lag_s=lag, bias=((number % 3 - 1) * 0.04, (1 - number % 3) * 0.04)
    )
    for number, lag in enumerate(LAGS_S)
} | {CARELESS: Annotator(careless=True)}


def composed(seconds: float, curve: Curve, seed: int) -> Values:
    """Notes of a pentatonic scale, one every eighth of a second, that swell and fade as arousal does."""
    rng = np.random.default_rng(seed)
    step = RATE // 8
    age = np.arange(4 * step) / RATE
    sound = 0.003 * rng.standard_normal(round(seconds * RATE))
    for start in range(0, len(sound) - 4 * step, step):
        pitch = 110 * 2 ** (rng.choice([0, 3, 5, 7, 10, 12, 15, 19]) / 12 + seed / 12)
        partials = sum(np.sin(2 * np.pi * pitch * partial * age) / partial for partial in range(1, 6))
        sound[start : start + 4 * step] += np.exp(-5 * age) * partials
    sound *= 10 ** (18 * curve(np.arange(len(sound)) / RATE)[:, 1] / 20)
    return np.asarray(0.5 * sound / np.abs(sound).max())


def heard_in(path: Path, seed: int) -> Curve:
    """A curve for a piece whose makers left none: its arousal is its own level over 3 s."""
    times, level = level_curve(path)
    smooth = np.convolve(np.pad(level, 15, mode="edge"), np.ones(31) / 31, "valid")
    arousal = np.clip(0.3 * (smooth - smooth.mean()) / smooth.std(), -0.65, 0.65)
    valence = smooth_curve(seed, slowest_s=10)
    return lambda seconds: np.column_stack([valence(seconds)[:, 0], np.interp(seconds, times, arousal)])


def write_music(folder: Path) -> dict[str, Curve]:
    """Write the four bundled pieces and eight composed ones in four formats; return the latter's curves."""
    folder.mkdir()
    for name in QUADRANTS:
        shutil.copy(example_path(name), folder / f"{name}.ogg")
    curves = {}
    for number in range(8):
        name, curve = f"piece{number}.{FORMATS[number % 4]}", smooth_curve(number, slowest_s=10)
        soundfile.write(folder / name, composed(32.0 + number, curve, number), RATE)
        curves[name] = curve
    return curves


def annotate(clean: Path, folder: Path, curves: dict[str, Curve]) -> dict[str, Curve]:
    """Let the simulated annotators hear what was kept; return each track's true curve by its id."""
    known = []
    for number, row in enumerate(pq.read_table(clean / "manifest.parquet").to_pylist()):
        path = clean / row["output"]
        track = StudyTrack(
            row["track_id"], str(path), row["duration_s"], group=Path(row["file"]).stem, sha256=row["sha256"],
            licence=row["licence"] or "", is_cc0=bool(row["is_cc0"]),
        )  # fmt: skip
        known.append(KnownTrack(track, curves.get(row["file"]) or heard_in(path, 100 + number)))
    settings = StudySettings(calibration_tracks=4, duplicate_every=4, duplicate_distance=3)
    simulate(folder, known, ANNOTATORS, settings=settings, seed=3)
    return {one.row.track_id: one.curve for one in known}


def concordance(truth: Values, found: Values) -> float:
    """Lin's concordance correlation coefficient, from its definition."""
    covariance = np.mean((truth - truth.mean()) * (found - found.mean()))
    return float(2 * covariance / (truth.var() + found.var() + (truth.mean() - found.mean()) ** 2))


def compare_labels(release: Path, truth: dict[str, Curve]) -> tuple[float, float]:
    """Concordance of the released labels of valence and arousal with the means of the true curves."""
    wanted, found = [], []
    for row in pq.read_table(release / "labels/dynamic.parquet").to_pylist():
        wanted.append(truth[row["track_id"]](row["second"] + np.arange(0.025, 1, 0.05)).mean(axis=0))
        found.append((row["valence"], row["arousal"]))
    (valence, arousal), (fused_valence, fused_arousal) = np.array(wanted).T, np.array(found).T
    return concordance(valence, fused_valence), concordance(arousal, fused_arousal)


@pytest.mark.e2e
def test_from_sound_files_to_a_model_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, clean, study, release, store, run = (
        tmp_path / name for name in ("raw", "clean", "study", "release", "store", "run")
    )
    curves = write_music(raw)

    # Curate. The built-in screener is judged elsewhere; here all twelve are to be kept.
    assert main(["curate", str(raw), "--out", str(clean), "--screener", "none", "--workers", "1"]) == 0
    manifest = pq.read_table(clean / "manifest.parquet").to_pylist()
    assert [row["status"] for row in manifest] == ["kept"] * 12
    assert all(abs(row["loudness_lufs"] + 23) < 0.5 or row["peak_limited"] for row in manifest)

    # Annotate. The careless one fails the calibration every time and gets no work.
    truth = annotate(clean, study, curves)
    people = {one.annotator: one for one in Study.open(study).annotators}
    assert not people[CARELESS].calibrated
    assert people[CARELESS].status == "paused"
    assert all(people[name].calibrated for name in ANNOTATORS if name != CARELESS)
    kinds = {trial.kind for trial in Study.open(study).trials if trial.annotator == CARELESS}
    assert "work" not in kinds

    # Release. The lag of each is found, and the fused labels are the curves that were put in.
    call = ["dataset", "release", str(study), "--out", str(release), "--name", "Round trip"]
    assert main([*call, "--licence", "CC0-1.0"]) == 0
    found = {
        row["annotator"]: row["lag_s"] for row in pq.read_table(release / "annotators.parquet").to_pylist()
    }
    assert found == {f"a{number:02d}": pytest.approx(lag, abs=0.3) for number, lag in enumerate(LAGS_S)}
    assert min(compare_labels(release, truth)) >= 0.9

    # Agreement, from the release alone.
    assert (
        main(["dataset", "agreement", str(release), "--bootstrap", "0", "--json", str(tmp_path / "a.json")])
        == 0
    )
    assert json.loads((tmp_path / "a.json").read_text())["lag"]["common_s"] == pytest.approx(2.0, abs=0.3)

    # Load: every file is what was released; the loader brings the labels to the features.
    assert main(["dataset", "check", "release", str(release)]) == 0
    call = ["dataset", "prepare", "release", str(release), "--out", str(store), "--window", "all"]
    assert main([*call, "--workers", "1"]) == 0

    # Train two epochs.
    call = ["train", "tiny", "--data", str(store), "--out", str(run), "--set", "epochs=2", "--quiet"]
    assert main([*call, "--device", "cpu"]) == 0
    assert json.loads((run / "summary.json").read_text())

    # Predict a file with the networks just trained.
    capsys.readouterr()
    call = ["predict", str(raw / "piece0.wav"), "--window", "all", "--format", "json"]
    call += [f"--{name}={run / name}.safetensors" for name in DIMENSIONS]
    assert main([*call, "--workers", "1"]) == 0
    (heard,) = json.loads(capsys.readouterr().out)
    assert len(heard["segments"]) == 32
    for name in DIMENSIONS:
        probabilities = [segment[name] for segment in heard["segments"]]
        assert 0 <= min(probabilities) < max(probabilities) <= 1
    # It was those networks that answered: the result carries the checksum of both files' checksums.
    digests = [hashlib.sha256((run / f"{name}.safetensors").read_bytes()).hexdigest() for name in DIMENSIONS]
    assert heard["model"]["sha256"] == hashlib.sha256("".join(digests).encode()).hexdigest()

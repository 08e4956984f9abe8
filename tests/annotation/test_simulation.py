"""Simulated annotators: their noise, lag, bias and care come out of the study folder as they were put in."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from damer.annotation.protocol import StudySettings
from damer.annotation.protocol.orders import generator
from damer.annotation.records import Study
from damer.annotation.simulation import Annotator, KnownTrack, hand, simulate, smooth_curve, still
from damer.annotation.tables import StudyTrack
from damer.core.errors import DamerError
from damer.core.trajectory import Trajectory

RULES = StudySettings(calibration_tracks=4, duplicate_every=4, duplicate_distance=3, calibration_attempts=2)
CORNERS = [(0.7, 0.7), (-0.7, 0.7), (-0.7, -0.7), (0.7, -0.7)]


def row(name: str, length: float = 40.0) -> StudyTrack:
    return StudyTrack(name, f"audio/{name}.wav", length)


TRACKS = [KnownTrack(row(f"t{number:02d}", 40.0 + number), smooth_curve(number)) for number in range(12)]
CALIBRATION = [KnownTrack(row(f"c{number}"), smooth_curve(100 + number)) for number in range(9)]
EXEMPLARS = [still(*corner, row(f"x{number}", 15.0)) for number, corner in enumerate(CORNERS)]
PEOPLE = {
    "steady": Annotator(noise=0.03, lag_s=1.0),
    "slow": Annotator(noise=0.08, lag_s=4.0, timezone="Asia/Tokyo"),
    "gloomy": Annotator(noise=0.05, bias=(-0.15, 0.1)),
    "broken": Annotator(interrupts=0.4, timezone="America/New_York"),
    "careless": Annotator(careless=True),
    "parked": Annotator(parked=True),
    "leaving": Annotator(leaves_after=3),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("simulated") / "study"
    simulate(folder, TRACKS, PEOPLE, settings=RULES, seed=3, exemplars=EXEMPLARS, calibration=CALIBRATION)
    return Study.open(folder)


@pytest.fixture(scope="module")
def said(study: Study) -> list[Trajectory]:
    return study.trajectories()


def residuals(said: list[Trajectory], name: str, lag_s: float) -> npt.NDArray[np.float64]:
    """What somebody said, less the known curve `lag_s` before, from 10 s on, ten times a second."""
    curves = {track.row.track_id: track for track in TRACKS}
    found = []
    for path in said:
        if path.annotator == name:
            moments = np.arange(10.0, curves[path.track].row.duration_s - 0.1, 0.1)
            found.append(np.stack(path.at(moments), axis=1) - curves[path.track].curve(moments - lag_s))
    return np.concatenate(found)


def test_who_gets_through(study: Study) -> None:
    status = {person.annotator: (person.calibrated, person.status) for person in study.annotators}
    done = (True, "finished")
    assert status == {
        "steady": done,
        "slow": done,
        "gloomy": done,
        "broken": done,
        "careless": (False, "paused"),
        "parked": (False, "paused"),
        "leaving": (True, "dropped"),
    }
    counts = Counter((trial.annotator, trial.kind) for trial in study.trials if trial.valid)
    assert {name: counts[name, "work"] for name in PEOPLE} == {
        **dict.fromkeys(["steady", "slow", "gloomy", "broken"], 8),
        **{"careless": 0, "parked": 0, "leaving": 3},
    }
    assert counts["careless", "calibration"] == counts["parked", "calibration"] == 2 * 4
    assert counts["steady", "duplicate"] == 2


@pytest.mark.parametrize("name", ["steady", "slow", "gloomy"])
def test_noise_and_bias_come_out_as_put_in(said: list[Trajectory], name: str) -> None:
    who = PEOPLE[name]
    left = residuals(said, name, who.lag_s)
    # A hand that wanders with a time constant of 2 s says something new some 8 times in 30 s.
    np.testing.assert_allclose(left.mean(axis=0), who.bias, atol=4 * who.noise / np.sqrt(8 * 8))
    np.testing.assert_allclose(left.std(axis=0), who.noise, rtol=0.35)


@pytest.mark.parametrize("name", ["steady", "slow"])
def test_the_lag_fits_best_where_it_was_put(said: list[Trajectory], name: str) -> None:
    lags = np.arange(0.0, 6.0, 0.5)
    spread = [residuals(said, name, lag).std() for lag in lags]
    assert lags[int(np.argmin(spread))] == pytest.approx(PEOPLE[name].lag_s, abs=0.51)


def test_interrupted_takes_are_kept_beside_the_valid_ones(study: Study) -> None:
    trials = [trial for trial in study.trials if trial.annotator == "broken"]
    broken = [trial for trial in trials if trial.interrupted]
    assert len(broken) > 3
    assert not any(trial.valid for trial in broken)
    valid = Counter((trial.track_id, trial.duplicate_of) for trial in trials if trial.valid)
    assert max(valid.values()) == 1
    for trial in broken:
        assert any((other.track_id, other.valid) == (trial.track_id, True) for other in trials)
        assert trial.finished_at is not None
    lengths = {track.track_id: track.duration_s for track in study.tracks}
    samples = {trial.trial_id: rows for trial, rows in study.samples()}
    for trial in trials:
        last = samples[trial.trial_id].position_ms[-1] / 1000
        assert (last > lengths[trial.track_id] - 0.2) == trial.valid


def test_times_of_the_trials_keep_the_rules(study: Study) -> None:
    for name in PEOPLE:
        trials = [trial for trial in study.trials if trial.annotator == name]
        for before, after in pairwise(trials):
            assert before.finished_at is not None
            assert after.started_at - before.finished_at >= 15.0 - 1e-5
            assert after.reset_s == pytest.approx(after.started_at - before.finished_at, abs=1e-5)


def test_samples_are_what_a_browser_sends(study: Study) -> None:
    for trial, samples in list(study.samples())[::10]:
        assert (np.diff(samples.seq) == 1).all()
        assert (np.diff(samples.position_ms) >= 0).all()
        assert np.median(np.diff(samples.position_ms)) == pytest.approx(50.0, abs=1.0)
        assert np.hypot(samples.valence, samples.arousal).max() <= 1 + 1e-6
        assert 0 < trial.jitter_p50_ms < trial.jitter_p95_ms < trial.jitter_max_ms < 20
        assert trial.dropped_share == 0
        assert (trial.protocol, trial.terms) == ("protocol-v1", "ring12-v1")


def test_the_same_seed_gives_the_same_study(tmp_path: Path) -> None:
    def told(folder: str, seed: int) -> list[object]:
        made = simulate(
            tmp_path / folder, TRACKS, [Annotator(), Annotator(interrupts=0.3)], settings=RULES, seed=seed
        )
        return [dataclasses.astuple(trial) for trial in made.trials] + [
            path.valence.tobytes() for path in made.trajectories()
        ]

    first = told("one", 1)
    assert first == told("two", 1)
    assert first != told("three", 2)


def test_noise_decides_about_calibration() -> None:
    """Two hearings differ by 1.77 times the noise: 0.08 is far inside a quarter, 0.25 far outside."""
    from damer.annotation.protocol import calibration_verdict
    from damer.annotation.samples import trajectory
    from damer.annotation.tables import Samples, Trial

    track = KnownTrack(row("t", 120.0), smooth_curve(4))
    trial = Trial(
        trial_id="x",
        annotator="a",
        track_id="t",
        kind="calibration",
        valid=True,
        started_at=0.0,
        finished_at=1.0,
    )

    def judged(who: Annotator) -> Sequence[float]:
        hearings: list[Samples] = [hand(who, track, 120.0, generator(5, who, time)) for time in range(20)]
        paths = [trajectory(trial, samples, 120.0) for samples in hearings]
        verdicts = [
            calibration_verdict(one, other, 120.0, StudySettings())
            for one, other in zip(paths[::2], paths[1::2], strict=True)
        ]
        passed = [verdict.passed for verdict in verdicts]
        return float(np.mean([verdict.distance for verdict in verdicts])), float(np.mean(passed))

    distance, passed = judged(Annotator(noise=0.08))
    assert distance == pytest.approx(1.77 * 0.08, rel=0.15)
    assert passed == 1.0
    distance, passed = judged(Annotator(noise=0.25))
    assert distance == pytest.approx(1.77 * 0.25, rel=0.15)
    assert passed == 0.0
    assert judged(Annotator(careless=True))[1] == 0.0
    assert judged(Annotator(parked=True))[1] == 0.0


def test_a_curve_is_smooth_and_inside_the_disc() -> None:
    moments = np.arange(0.0, 300.0, 0.05)
    for seed in range(20):
        points = smooth_curve(seed)(moments)
        assert np.linalg.norm(points, axis=1).max() < 1.0
        assert np.abs(np.diff(points, axis=0)).max() < 0.05 * 0.4  # well under one unit a second
        assert np.ptp(points, axis=0).min() > 0.1


def test_a_folder_with_a_study_is_left_alone(study: Study) -> None:
    with pytest.raises(DamerError, match="already"):
        simulate(study.folder, TRACKS, [Annotator(), Annotator()], settings=RULES)

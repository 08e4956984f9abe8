"""The verdict on a calibration, against distances worked out by hand, and each of its guards."""

import json
import math

import numpy as np
import pytest

from damer.annotation.protocol import Exemplar, StudySettings, Verdict, calibration_verdict, mean_distance
from damer.annotation.protocol.calibration import on_grid
from damer.core.errors import DamerError
from damer.core.trajectory import Trajectory

RULES = StudySettings()
LENGTH = 40.0


def path(valence: object, arousal: object, step: float = 0.05, start: float = 0.0) -> Trajectory:
    """A trajectory with a value every `step` seconds; one of the two may be a single number."""
    values = np.broadcast_arrays(np.asarray(valence, float), np.asarray(arousal, float))
    times = np.asarray(start + step * np.arange(len(values[0])), dtype=np.float64)
    return Trajectory("t", "a", times, values[0], values[1])


def moving(shift: float = 0.0, step: float = 0.05) -> Trajectory:
    """From left to right along a line in 40 s, `shift` above the middle."""
    return path(np.linspace(-0.5, 0.5, round(LENGTH / step)), shift, step)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2499, 0.25, 0.2501, 0.6])
def test_the_distance_decides_at_a_quarter(shift: float) -> None:
    verdict = calibration_verdict(moving(), moving(shift), LENGTH, RULES)
    assert verdict.distance == pytest.approx(shift, abs=1e-9)
    assert verdict.passed == (shift <= 0.25)
    assert verdict.passed == (not verdict.reasons)
    assert verdict.known == 1.0
    assert verdict.movement == pytest.approx(1.0, abs=0.01)
    assert math.isnan(verdict.extremes)


def test_the_distance_is_euclidean_and_averaged_over_time() -> None:
    """Half of the time 0.3 and 0.4 apart (0.5), the other half together: 0.25 on average."""
    half = np.arange(800) < 400
    one = path(np.linspace(-0.5, 0.3, 800), np.zeros(800))
    other = path(np.linspace(-0.5, 0.3, 800) + 0.3 * half, 0.4 * half)
    assert mean_distance(one, other, LENGTH) == pytest.approx(0.25, abs=1e-9)


def test_it_is_compared_on_one_grid_whatever_the_rates() -> None:
    """Hearings sampled at 20, 7 and 1.3 samples a second: a value holds until the next one."""
    for step in (0.05, 1 / 7, 1 / 1.3):
        count = math.ceil(LENGTH / step)
        rough = path(np.linspace(-0.5, 0.5, count), 0.1, step)
        speed = 1.0 / LENGTH  # of the fine path; the rough one lags half a step behind on average
        fine = calibration_verdict(moving(), rough, LENGTH, RULES)
        assert fine.distance == pytest.approx(math.hypot(0.1, speed * step / 2), abs=0.01)
        assert fine.passed


def test_the_grid_takes_the_middle_of_each_step() -> None:
    steps = on_grid(Trajectory("t", "a", np.arange(4.0), np.arange(4) / 10, np.zeros(4)), 4.0, 2.0)
    np.testing.assert_allclose(steps[:, 0], [0, 0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3])
    odd = on_grid(Trajectory("t", "a", np.arange(4.0), np.arange(4) / 10, np.zeros(4)), 3.3, 1.0)
    assert len(odd) == 3


def test_what_is_said_only_once_does_not_count_but_is_missed() -> None:
    late = path(np.linspace(-0.5, 0.5, 800)[200:], 0.0, start=10.0)
    verdict = calibration_verdict(moving(), late, LENGTH, RULES)
    assert verdict.distance == pytest.approx(0.0, abs=1e-3)
    assert verdict.known == pytest.approx(0.75, abs=0.01)
    assert not verdict.passed
    assert "75%" in verdict.reasons[0]
    assert calibration_verdict(moving(), late, LENGTH, StudySettings(calibration_known=0.7)).passed


def test_silence_fails_and_says_so() -> None:
    nothing = Trajectory("t", "a", np.empty(0), np.empty(0), np.empty(0))
    unknown = path(np.full(800, np.nan), np.full(800, np.nan))
    for said in (nothing, unknown):
        verdict = calibration_verdict(said, moving(), LENGTH, RULES)
        assert not verdict.passed
        assert math.isnan(verdict.distance)
        assert len(verdict.reasons) == 3
    assert math.isnan(mean_distance(nothing, moving(), LENGTH))


def test_a_parked_pointer_repeats_itself_and_fails() -> None:
    rng = np.random.default_rng(0)
    parked = path(np.full(800, 0.3), np.full(800, 0.2))
    trembling = path(0.3 + rng.normal(0, 0.005, 800), 0.2 + rng.normal(0, 0.005, 800))
    for still in (parked, trembling):
        verdict = calibration_verdict(still, still, LENGTH, RULES)
        assert verdict.distance == 0.0
        assert not verdict.passed
        assert len(verdict.reasons) == 1
        assert "moved" in verdict.reasons[0]
    # Moving in one of the two is not enough.
    assert not calibration_verdict(path(np.linspace(0.2, 0.4, 800), 0.2), parked, LENGTH, RULES).passed


JOY, GRIEF = Exemplar("joy", 20.0, 0.7, 0.7), Exemplar("grief", 20.0, -0.7, -0.7)
CALM = Exemplar("calm", 20.0, 0.1, -0.9)


def placed(valence: float, arousal: float) -> Trajectory:
    """From the middle to a place within 5 s, there until 20 s."""
    way = np.minimum(1.0, np.arange(400) / 100)
    return path(valence * way, arousal * way)


def corrected(after_s: float) -> Trajectory:
    """On the wrong side until some time, then on the right one."""
    side = np.where(np.arange(400) * 0.05 < after_s, -0.7, 0.5)
    return path(side, side)


@pytest.mark.parametrize(
    ("extremes", "share"),
    [
        ([(JOY, placed(0.6, 0.5)), (GRIEF, placed(-0.3, -0.2))], 1.0),
        ([(JOY, placed(0.6, 0.5)), (GRIEF, placed(0.3, -0.2))], 0.5),  # valence on the other side
        ([(JOY, placed(0.6, 0.5)), (GRIEF, placed(-0.3, -0.05))], 0.5),  # nearly in the middle
        ([(JOY, placed(-0.6, -0.5)), (GRIEF, placed(0.6, 0.5))], 0.0),  # the plane upside down
        ([(CALM, placed(-0.3, -0.5))], 1.0),  # its valence is too small to have a side
        ([(JOY, placed(0.0, 0.0))], 0.0),
        ([(JOY, corrected(9.0))], 1.0),  # found after a while
        ([(JOY, corrected(17.0))], 0.0),  # found at the very end
        ([(JOY, Trajectory("joy", "a", np.empty(0), np.empty(0), np.empty(0)))], 0.0),
    ],
)
def test_extremes_lie_on_their_side(extremes: list[tuple[Exemplar, Trajectory]], share: float) -> None:
    verdict = calibration_verdict(moving(), moving(0.1), LENGTH, RULES, extremes)
    assert verdict.extremes == share
    assert verdict.passed == (share == 1.0)
    if share < 1:
        assert "extremes" in verdict.reasons[0]
    half = StudySettings(extreme_share=0.5)
    assert calibration_verdict(moving(), moving(0.1), LENGTH, half, extremes).passed == (share >= 0.5)


def test_a_verdict_survives_json() -> None:
    for verdict in (
        calibration_verdict(moving(), moving(0.1), LENGTH, RULES, [(JOY, placed(0.6, 0.5))]),
        Verdict(False, 0.5, 1.0, 0.2, 0.25, ("a", "b")),
    ):
        assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict(), allow_nan=False))) == verdict
    unknown = Verdict(False, math.nan, 0.0, 0.0)
    again = Verdict.from_dict(json.loads(json.dumps(unknown.to_dict(), allow_nan=False)))
    assert again.to_dict() == unknown.to_dict()
    assert math.isnan(again.distance)
    with pytest.raises(DamerError, match="damaged"):
        Verdict.from_dict({"passed": True})

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damer.core.agreement import concordance
from damer.core.errors import DamerError
from damer.core.fusion import ewe_weights, fuse, resample, steps_of, tabulate
from damer.core.trajectory import Trajectory


def path(times: list[float], values: list[float], **more: object) -> Trajectory:
    return Trajectory("t1", str(more.pop("who", "a1")), times, values, [-v for v in values], **more)  # type: ignore[arg-type]


def test_a_step_is_the_mean_of_what_was_held_in_it() -> None:
    valence, arousal = resample(path([0.0, 0.25, 1.5], [0.0, 0.4, 0.8]), 1.0, 3.0)
    np.testing.assert_allclose(valence, [0.75 * 0.4, 0.5 * 0.4 + 0.5 * 0.8, 0.8])
    np.testing.assert_allclose(arousal, -valence)


def test_lag_moves_what_was_said_earlier_and_leaves_the_end_unknown() -> None:
    said = path([0.0, 2.0, 3.0], [0.1, 0.2, 0.3], end_s=5.0)
    valence, _ = resample(said, 1.0, 5.0, lag_s=2.0)
    np.testing.assert_allclose(valence, [0.2, 0.3, 0.3, np.nan, np.nan])
    valence, _ = resample(said, 1.0, 5.0, lag_s=-1.0)
    np.testing.assert_allclose(valence, [np.nan, 0.1, 0.1, 0.2, 0.3])


def test_unknown_is_not_zero() -> None:
    said = path([0.6, 2.0, 3.0], [0.5, np.nan, 0.1], end_s=4.0)
    # Of the first second 0.4 s is known, of the third nothing.
    np.testing.assert_allclose(resample(said, 1.0, 4.0)[0], [np.nan, 0.5, np.nan, 0.1])
    np.testing.assert_allclose(resample(said, 2.0, 2.0)[0], [np.nan, 0.5, 0.5, 0.5])
    assert np.isnan(resample(path([], []), 1.0, 2.0)).all()
    assert np.isnan(resample(path([5.0], [0.5]), 1.0, 2.0)).all()


def test_a_started_step_counts_and_is_the_mean_of_its_part() -> None:
    valence, _ = resample(path([0.0, 2.25], [0.2, 0.6]), 1.0, 2.5)
    np.testing.assert_allclose(valence, [0.2, 0.2, 0.4])
    assert steps_of(0.3 * 10, 10) == 30  # 0.3 * 10 * 10 is a little more than 30
    with pytest.raises(DamerError, match="no grid"):
        steps_of(0.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=20),
    rate=st.sampled_from([0.5, 1.0, 2.0, 10.0]),
    lag=st.floats(-2.0, 4.0),
    seed=st.integers(0, 1000),
)
def test_resampling_equals_a_fine_numerical_mean(
    gaps: list[float], rate: float, lag: float, seed: int
) -> None:
    times = np.cumsum(gaps)
    values = np.random.default_rng(seed).uniform(-1, 1, len(times))
    said = Trajectory("t", "a", times, values, values, end_s=float(times[-1]) + 1.0)
    duration = float(times[-1]) + 1.0
    got, _ = resample(said, rate, duration, lag)
    for step in range(len(got)):
        left, right = step / rate, min((step + 1) / rate, duration)
        middles = left + (np.arange(4000) + 0.5) / 4000 * (right - left) + lag
        fine = said.at(middles)[0]
        share = np.mean(~np.isnan(fine))
        if abs(share - 0.5) > 0.01:
            assert np.isnan(got[step]) == (share < 0.5)
        if share > 0.51:
            assert got[step] == pytest.approx(np.nanmean(fine), abs=0.005)


def test_tabulate_takes_first_hearings_and_the_last_take() -> None:
    said = [
        path([0.0], [0.1], who="b", take="1", end_s=2.0),
        path([0.0], [0.2], who="b", take="2", end_s=2.0),
        path([0.0], [0.9], who="b", take="3", duplicate_of="2", end_s=2.0),
        path([0.0, 1.0], [0.4, 0.5], who="a", end_s=2.0),
    ]
    (track,) = tabulate(said, lags={"a": 1.0})
    assert track.annotators == ("a", "b")
    np.testing.assert_allclose(track.valence, [[0.5, 0.2], [np.nan, 0.2]])
    (track,) = tabulate(said, durations={"t1": 1.0}, rate_hz=2.0)
    np.testing.assert_allclose(track.arousal, [[-0.4, -0.2], [-0.4, -0.2]])


RATINGS = np.array([[0.1, 0.3, np.nan], [0.2, 0.2, 0.8], [np.nan] * 3, [np.nan, -0.4, np.nan]])


def test_mean_and_median_with_missing_ratings() -> None:
    mean, median = fuse(RATINGS), fuse(RATINGS, "median")
    np.testing.assert_allclose(mean.value, [0.2, 0.4, np.nan, -0.4])
    np.testing.assert_allclose(median.value, [0.2, 0.2, np.nan, -0.4])
    np.testing.assert_allclose(
        mean.spread, [np.std([0.1, 0.3], ddof=1), np.std([0.2, 0.2, 0.8], ddof=1)] + [np.nan] * 2
    )
    assert mean.count.tolist() == [2, 3, 0, 1]


def test_weights_are_the_correlation_with_the_mean_of_the_others() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(200, 1)) * 0.3
    table = truth + rng.normal(size=(200, 4)) * [0.05, 0.1, 0.3, 0.2]
    table[:, 3] = rng.normal(size=200) - truth[:, 0]  # goes against everybody
    weights = ewe_weights(table)
    for rater in range(3):
        others = np.delete(table, rater, axis=1).mean(axis=1)
        assert weights[rater] == pytest.approx(np.corrcoef(table[:, rater], others)[0, 1])
    assert weights[3] == 0.0
    fused = fuse(table, "ewe")
    np.testing.assert_allclose(fused.value, (table * weights).sum(axis=1) / weights.sum())
    assert concordance(fused.value, truth[:, 0]) > concordance(fuse(table).value, truth[:, 0]) + 0.1


def test_where_all_who_rated_weigh_nothing_the_mean_is_taken() -> None:
    fused = fuse([[0.2, 0.4], [np.nan, 0.4]], "ewe", weights=[0.5, 0.0])
    np.testing.assert_allclose(fused.value, [0.2, 0.4])
    with pytest.raises(DamerError, match="weights"):
        fuse(RATINGS, "ewe", weights=[1.0])
    with pytest.raises(DamerError, match="no fusion"):
        fuse(RATINGS, "mode")  # type: ignore[arg-type]

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter1d

from damer.core.agreement import concordance
from damer.core.fusion import ewe_weights, fuse, tabulate
from damer.core.lag import Lags, covariances, estimate_lag, quick
from damer.core.trajectory import Trajectory

Values = npt.NDArray[np.float64]
RATE = 20


def smooth(rng: np.random.Generator, seconds: int, width_s: float) -> Values:
    series = gaussian_filter1d(rng.normal(size=(2, seconds * RATE + 40 * RATE)), width_s * RATE, axis=1)
    series = series[:, 20 * RATE : 20 * RATE + seconds * RATE]
    return np.asarray(series / series.std())


def study(
    lags: list[float],
    noise: float,
    tracks: int,
    seconds: int = 45,
    careless: int | None = None,
    seed: int = 0,
) -> tuple[list[Trajectory], dict[str, Values]]:
    """Annotators who say a known curve late, with slow noise of their own and a habitual level each."""
    seconds, rng = 45, np.random.default_rng(seed)
    times = np.arange(seconds * RATE) / RATE
    said, truth = [], {}
    for track in range(tracks):
        known = 0.25 * smooth(rng, seconds, 2.5)
        truth[f"t{track:03}"] = known
        for number, lag in enumerate(lags):
            own = np.stack([np.interp(times - lag, times, one) for one in known])
            own = own + noise * 0.25 * smooth(rng, seconds, 1.0) + rng.normal() * 0.05
            if number == careless:
                own = 0.4 * smooth(rng, seconds, 2.5)
            own = np.clip(own, -1, 1)
            said.append(Trajectory(f"t{track:03}", f"a{number}", times, own[0], own[1], end_s=float(seconds)))
    return said, truth


def curves(truth: dict[str, Values]) -> dict[str, tuple[Values, Values]]:
    """Return something that arousal follows, in another unit: as loudness would be."""
    return {
        track: (np.arange(known.shape[1]) / RATE, -30 + 12 * known[1] + 4 * known[1] ** 3)
        for track, known in truth.items()
    }


TRUE = [1.3, 2.1, 2.6, 3.4, 1.8, 2.9]


def off(found: Lags, true: list[float]) -> Values:
    return np.array([found.seconds[f"a{number}"] - lag for number, lag in enumerate(true)])


def test_lags_behind_the_music_are_recovered_to_a_third_of_a_second() -> None:
    said, truth = study(TRUE, noise=0.5, tracks=12)
    found = estimate_lag(said, curves(truth))
    assert np.abs(off(found, TRUE)).max() < 0.3
    assert found.common == pytest.approx(np.median(TRUE), abs=0.25)
    assert set(found.error) == {f"a{number}" for number in range(6)}
    # What it says of its own error is not far from the truth.
    assert max(found.error.values()) < 0.4
    assert found.common_error < 0.4


def test_without_the_music_only_differences_are_told() -> None:
    said, _ = study(TRUE, noise=0.5, tracks=12)
    found = estimate_lag(said)
    assert found.common is None
    assert np.abs(off(found, TRUE) + np.median(TRUE)).max() < 0.3
    # Everybody a second later: nothing changes.
    later = [Trajectory(o.track, o.annotator, o.times_s + 1, o.valence, o.arousal) for o in said]
    moved = estimate_lag(later)
    np.testing.assert_allclose(off(moved, TRUE), off(found, TRUE), atol=0.05)


def test_someone_careless_gets_the_lag_of_the_others_and_spoils_nobodys() -> None:
    said, truth = study(TRUE, noise=0.4, tracks=12, careless=2)
    found = estimate_lag(said, curves(truth))
    assert "a2" not in found.error
    others = [number for number in range(6) if number != 2]
    assert np.abs(off(found, TRUE)[others]).max() < 0.3
    assert found.seconds["a2"] == pytest.approx(found.common)


def test_compensated_and_weighted_the_known_curves_come_back() -> None:
    said, truth = study(TRUE, noise=0.5, tracks=12, careless=2)
    known = {track: one.reshape(2, -1, RATE).mean(axis=2) for track, one in truth.items()}

    def recovered(lags: dict[str, float]) -> list[float]:
        tables = tabulate(said, lags=lags)
        found = []
        for row in (0, 1):
            parts = [(table.valence, table.arousal)[row] for table in tables]
            weights = ewe_weights(np.concatenate(parts))
            fused = np.concatenate([fuse(part, "ewe", weights).value for part in parts])
            found.append(concordance(fused, np.concatenate([known[table.track][row] for table in tables])))
        return found

    assert min(recovered(estimate_lag(said, curves(truth)).seconds)) > 0.9
    assert max(recovered({})) < 0.85


def test_in_a_large_study_the_tracks_with_a_curve_are_those_that_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some tracks do for everybody's lag; if only others had a curve, the common one would be lost."""
    monkeypatch.setattr("damer.core.lag.MOST_TRACKS", 6)
    said, truth = study(TRUE[:4], noise=0.3, tracks=14)
    known = curves(truth)
    last = {track: known[track] for track in sorted(known)[-6:]}
    assert estimate_lag(said, last).common == pytest.approx(np.median(TRUE[:4]), abs=0.3)


def test_noise_has_no_lag() -> None:
    rng = np.random.default_rng(3)
    times = np.arange(40 * RATE) / RATE
    said = [
        Trajectory(f"t{track}", f"a{number}", times, *np.clip(0.3 * smooth(rng, 40, 1.5), -1, 1))
        for track in range(8)
        for number in range(4)
    ]
    music = {f"t{track}": (times, smooth(rng, 40, 1.5)[0]) for track in range(8)}
    found = estimate_lag(said, music)
    assert len(found.error) <= 1
    assert found.common is None


def test_a_few_tracks_or_one_annotator_give_no_own_lag() -> None:
    said, truth = study(TRUE, noise=0.1, tracks=3)
    found = estimate_lag(said, curves(truth))
    assert found.error == {}
    assert set(found.seconds.values()) == {found.common or 0.0}
    alone = [one for one in said if one.annotator == "a0"]
    assert estimate_lag(alone).seconds == {"a0": 0.0}
    assert estimate_lag([]).seconds == {}


def test_covariances_at_each_lag_the_long_way() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 200))
    x[10:30] = np.nan
    y[:5] = np.nan
    found = covariances(x, y)
    for place, lag in ((0, -40), (33, -7), (40, 0), (62, 22), (80, 40)):
        late = np.roll(x, -lag)
        late[slice(-lag, None) if lag > 0 else slice(0, -lag)] = np.nan
        both = ~(np.isnan(late) | np.isnan(y))
        a, b = late[both] - late[both].mean(), y[both] - y[both].mean()
        np.testing.assert_allclose(found[:, place], [a @ b, a @ a, b @ b])


def test_quick_takes_slow_movement_off() -> None:
    steps = np.arange(300)
    series = np.column_stack([0.001 * steps, np.sin(2 * np.pi * steps / 25)])  # a drift; a wave of 5 s
    series[100:110, 1] = np.nan
    moved = quick(series)
    np.testing.assert_allclose(moved[50:-50, 0], 0.0, atol=1e-12)
    assert np.isnan(moved[100:110, 1]).all()
    assert np.nanstd(moved[150:, 1]) == pytest.approx(np.nanstd(series[150:, 1]), rel=0.05)

"""The record of a whole study, its bootstrap, and second hearings."""

import numpy as np
import numpy.typing as npt
import pytest

from damer.core.agreement import (
    cronbach_alpha,
    icc,
    intra_annotator,
    krippendorff_alpha,
    leave_one_out,
    pairwise,
)
from damer.core.agreement.bootstrap import bootstrap_mean, bootstrap_tracks, draws, pooled_statistics
from damer.core.agreement.summary import STATISTICS, agreement
from damer.core.agreement.sums import sums
from damer.core.fusion import TrackRatings
from damer.core.trajectory import Trajectory

Table = npt.NDArray[np.float64]


def tracks(count: int = 15, people: int = 9, seed: int = 0, steps: int = 12) -> list[TrackRatings]:
    """Tracks of unequal length, each rated by two of three cohorts, the first step unknown to some."""
    rng = np.random.default_rng(seed)
    names = np.array([f"a{number}" for number in range(people)])
    level = 0.15 * rng.normal(size=people)
    found = []
    for track in range(count):
        there = np.arange(people) * 3 // people != track % 3
        length = steps + track % 4
        both = []
        for _ in range(2):
            truth = 0.3 * rng.normal() + 0.1 * np.cumsum(rng.normal(size=(length, 1)), axis=0) / 2
            values = np.clip(truth + level[there] + 0.15 * rng.normal(size=(length, there.sum())), -1, 1)
            values[0, : track % 3] = np.nan
            both.append(values)
        found.append(TrackRatings(f"t{track:02}", tuple(names[there]), 1.0, both[0], both[1]))
    return found


def seated(study: list[TrackRatings], people: int = 9) -> list[Table]:
    tables = []
    for track in study:
        table = np.full((len(track.arousal), people), np.nan)
        table[:, [int(name[1:]) for name in track.annotators]] = track.arousal
        tables.append(table)
    return tables


def test_scopes_are_of_means_of_steps_and_of_tracks() -> None:
    study = tracks()
    found = agreement(study)
    tables = seated(study)
    with np.errstate(invalid="ignore"):
        static = np.array([np.nansum(t, axis=0) / (~np.isnan(t)).sum(axis=0) for t in tables])
    dynamic = np.concatenate(tables)
    for scope, table in (("static", static), ("dynamic", dynamic)):
        values = {name: one.value for name, one in found.table(scope, "arousal").estimates.items()}  # type: ignore[arg-type]
        expected = icc(table)
        assert values["icc_a1"] == pytest.approx(expected.a1)
        assert values["icc_ck"] == pytest.approx(expected.ck)
        assert values["krippendorff_alpha"] == pytest.approx(krippendorff_alpha(table))
        assert values["cronbach_alpha"] == pytest.approx(cronbach_alpha(table))
        assert values["pairwise_spearman"] == pytest.approx(np.nanmean(pairwise(table, "spearman")))
        assert values["leave_one_out_ccc"] == pytest.approx(np.nanmean(leave_one_out(table, "ccc")))
    within = found.table("within", "arousal")
    each = [icc(track.arousal).a1 for track in study]
    np.testing.assert_allclose(found.per_track["arousal"]["icc_a1"], each)
    assert within.estimates["icc_a1"].value == pytest.approx(np.mean(each))
    assert within.targets == sum(len(track.arousal) for track in study)
    assert found.crossed
    assert found.table("static", "arousal").k == pytest.approx(6.0)
    np.testing.assert_allclose(
        [found.per_annotator[f"a{n}"]["arousal"] for n in range(9)], leave_one_out(dynamic, "ccc")
    )


def test_nothing_hangs_on_the_names_of_annotators() -> None:
    study = tracks()
    renamed = [
        TrackRatings(t.track, tuple(f"z{9 - int(n[1:])}" for n in t.annotators), 1.0, t.valence, t.arousal)
        for t in study
    ]
    before, after = agreement(study), agreement(renamed)
    for one, two in zip(before.tables, after.tables, strict=True):
        for name in STATISTICS:
            assert one.estimates[name].value == pytest.approx(two.estimates[name].value, nan_ok=True)


def test_without_persons_there_is_only_what_needs_none() -> None:
    study = [
        TrackRatings(t.track, tuple(f"{t.track}-{n}" for n in t.annotators), 1.0, t.valence, t.arousal)
        for t in tracks()
    ]
    found = agreement(study, bootstrap=50)
    static = found.table("static", "valence")
    assert not found.crossed
    assert static.design == "nested"
    known = {name for name, one in static.estimates.items() if np.isfinite(one.value)}
    assert known == {"icc_a1", "icc_ak", "krippendorff_alpha", "rmse"}
    low, high = static.estimates["icc_a1"].interval
    assert low < static.estimates["icc_a1"].value < high
    # Within a track persons are known, whatever they are called.
    crossed = agreement(tracks()).table("within", "valence").estimates
    for name, one in found.table("within", "valence").estimates.items():
        assert one.value == pytest.approx(crossed[name].value)


def test_a_draw_is_the_statistics_of_the_tracks_drawn() -> None:
    """The sums of tracks, weighted by how often each was drawn, against the tracks written out so often."""
    tables = seated(tracks())
    drawn = draws(len(tables), 3, seed=1)
    for row in drawn:
        (low, high) = bootstrap_tracks(tables, row[None])["icc_a1"]
        written = np.concatenate([table for table, n in zip(tables, row, strict=True) for _ in range(int(n))])
        expected = pooled_statistics(sums(written))
        assert low == high == pytest.approx(expected["icc_a1"])
        intervals = bootstrap_tracks(tables, row[None])
        for name, value in expected.items():
            assert intervals[name][0] == pytest.approx(value), name


def test_rank_correlations_deviate_as_if_ranked_anew() -> None:
    """Ranks are kept over the draws; the width is then close to that of ranking each draw."""
    tables = seated(tracks(count=30))
    drawn = draws(30, 120, seed=2)
    low, high = bootstrap_tracks(tables, drawn)["leave_one_out_spearman"]
    whole = np.nanmean(leave_one_out(np.concatenate(tables), "spearman"))
    anew = [
        np.nanmean(leave_one_out(np.repeat(np.concatenate(tables), n, axis=0), "spearman"))
        for n in (np.repeat(row.astype(int), [len(table) for table in tables]) for row in drawn)
    ]
    left, right = np.quantile(anew, [0.025, 0.975])
    assert whole + low == pytest.approx(left, abs=0.04)
    assert whole + high == pytest.approx(right, abs=0.04)
    assert (high - low) == pytest.approx(right - left, rel=0.25)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Static agreement of tracks drawn from one population, whose ICC(C,1) is known."""
    held, truth = [], 1.0 / 1.64
    for seed in range(80):
        rng = np.random.default_rng(seed)
        table = rng.normal(size=(60, 1)) + 0.5 * rng.normal(size=(1, 8)) + 0.8 * rng.normal(size=(60, 8))
        low, high = bootstrap_tracks([row[None] for row in 0.1 * table], draws(60, 200, seed))["icc_c1"]
        held.append(low <= truth <= high)
    assert np.mean(held) == pytest.approx(0.93, abs=0.06)


def test_a_mean_over_tracks_leaves_out_what_is_unknown() -> None:
    drawn = np.array([[2.0, 0, 0], [0, 3, 0], [1, 1, 1]])
    low, high = bootstrap_mean(np.array([0.2, np.nan, 0.6]), drawn)
    assert (low, high) == pytest.approx((0.2 + 0.025 * 0.2, 0.4 - 0.025 * 0.2))
    assert np.isnan(bootstrap_mean(np.array([np.nan]), np.ones((2, 1)))).all()


def test_one_track_one_annotator_and_none() -> None:
    assert agreement([]).tables == []
    (one,) = tracks(count=1)
    found = agreement([one], bootstrap=10)
    assert np.isnan(found.table("static", "arousal").estimates["icc_a1"].value)
    assert np.isfinite(found.table("within", "arousal").estimates["icc_a1"].value)
    alone = TrackRatings("t", ("a",), 1.0, np.zeros((5, 1)), np.ones((5, 1)))
    found = agreement([alone])
    assert found.flat == {"arousal": 1.0, "valence": 1.0}
    assert np.isnan(found.table("within", "valence").estimates["rmse"].value)


# -- second hearings -----------------------------------------------------------------------------------------


def hearing(take: str, shift: float, first: str = "", who: str = "a1") -> Trajectory:
    times = np.arange(0, 10, 0.05)
    valence = 0.5 * np.sin(times)
    return Trajectory("t1", who, times, valence + shift, np.full(200, 0.2), take, first, end_s=10.0)


def test_second_hearings_against_the_definition() -> None:
    (found,) = intra_annotator([hearing("2", 0.3, "1"), hearing("1", 0.0), hearing("9", 0.0, "8")])
    assert found.distance == pytest.approx(0.3)
    var = np.var(0.5 * np.sin(np.arange(0, 10, 0.1)))
    assert found.valence_ccc == pytest.approx(2 * var / (2 * var + 0.09), abs=3e-3)
    assert np.isnan(found.arousal_ccc)  # neither moved
    assert (found.annotator, found.track) == ("a1", "t1")


def test_second_hearings_that_never_coincide() -> None:
    early = Trajectory("t1", "a1", [0.0, 1.0], [0.1, np.nan], [0.1, np.nan], "1", end_s=10.0)  # type: ignore[arg-type]
    late = Trajectory("t1", "a1", [5.0], [0.1], [0.1], "2", "1", end_s=10.0)  # type: ignore[arg-type]
    assert np.isnan(intra_annotator([early, late])[0].distance)

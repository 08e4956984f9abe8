"""Who hears what, proved by counting: the paper's design in full, odd sizes by search for counterexamples."""

import dataclasses
import json
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damer.annotation.protocol import Assignment, Exemplar, StudySettings, assign, cohort_groups, succeed
from damer.annotation.protocol.assignment import Plan, _cohorts
from damer.annotation.protocol.orders import Place, generator, with_duplicates
from damer.core.errors import DamerError

NAMES = [f"a{number:02d}" for number in range(30)]


def lengths(count: int) -> dict[str, float]:
    """Seconds of so many tracks: 30 to 300, in no order."""
    return {f"t{number:04d}": 30.0 + number * 7919 % 271 for number in range(count)}


@pytest.fixture(scope="module")
def paper() -> Assignment:
    return assign(StudySettings(), lengths(2496), NAMES, seed=0)


def spread(counts: Counter[str] | list[int]) -> int:
    values = list(counts.values()) if isinstance(counts, Counter) else counts
    return max(values) - min(values)


def check_list(places: tuple[Place, ...], distance: int) -> None:
    """Every track once; second hearings marked as such, each of its own track, at their distance."""
    firsts = [place.track for place in places if place.repeats < 0]
    assert len(set(firsts)) == len(firsts)
    repeated = [place.repeats for place in places if place.repeats >= 0]
    assert len(set(repeated)) == len(repeated)
    for number, place in enumerate(places):
        if place.repeats >= 0:
            assert places[place.repeats] == Place(place.track)
            assert number - place.repeats - 1 >= distance


# -- the paper's design, whole -------------------------------------------------------------------------------


def test_the_papers_numbers(paper: Assignment) -> None:
    assert [len(group) for group in paper.groups] == [832, 832, 832]
    assert Counter(plan.cohort for plan in paper.plans.values()) == {0: 10, 1: 10, 2: 10}
    assert {len(plan.tracks) for plan in paper.plans.values()} == {1664}
    heard = Counter(track for plan in paper.plans.values() for track in plan.tracks)
    assert len(heard) == 2496
    assert set(heard.values()) == {20}
    assert heard.total() == 49_920


def test_nobody_hears_a_track_twice_but_for_covert_duplicates(paper: Assignment) -> None:
    for plan in paper.plans.values():
        check_list(plan.work, 20)
        assert sum(place.repeats >= 0 for place in plan.work) == 1664 // 50
        calibration = [place.track for places in plan.calibration for place in places if place.repeats < 0]
        everything = [*plan.tracks, *calibration]
        assert len(set(everything)) == len(everything)
        assert set(everything) <= set(lengths(2496))


def test_each_group_goes_to_two_cohorts_and_an_annotator_hears_two_whole_groups(paper: Assignment) -> None:
    cohorts_of: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}
    for plan in paper.plans.values():
        own = [number for number, group in enumerate(paper.groups) if set(group) <= set(plan.tracks)]
        assert tuple(own) == cohort_groups(StudySettings(), plan.cohort)
        assert set(plan.tracks) == {track for number in own for track in paper.groups[number]}
        for number in own:
            cohorts_of[number].add(plan.cohort)
    assert [len(cohorts) for cohorts in cohorts_of.values()] == [2, 2, 2]


def test_duplicates_are_spread_through_the_work(paper: Assignment) -> None:
    for plan in paper.plans.values():
        seconds = [number for number, place in enumerate(plan.work) if place.repeats >= 0]
        stretch = (len(plan.work) - 21) / len(seconds)
        for number, here in enumerate(seconds):  # one in each equal stretch
            assert 21 + number * stretch - 1 <= here <= 21 + (number + 1) * stretch
        assert max(late - early for early, late in pairwise(seconds)) <= 2 * stretch + 1


def test_calibration_sets_are_nineteen_and_one_far_apart(paper: Assignment) -> None:
    for plan in paper.plans.values():
        assert len(plan.calibration) == 832 // 19
        for places in plan.calibration:
            assert len(places) == 20
            check_list(places, 9)
            assert sum(place.repeats >= 0 for place in places) == 1
    extra = assign(StudySettings(calibration_duplicate="extra"), lengths(2496), NAMES, seed=0)
    for plan in extra.plans.values():
        assert {len(places) for places in plan.calibration} == {21}
        assert {len({place.track for place in places}) for places in plan.calibration} == {20}


def test_every_place_in_the_order_is_shared_out(paper: Assignment) -> None:
    """Of a cohort's ten annotators each hears a track in another tenth of the work, as in a Latin square."""
    group_of = {track: number for number, group in enumerate(paper.groups) for track in group}
    for cohort in range(3):
        found: dict[str, list[int]] = {}
        for plan in paper.plans.values():
            if plan.cohort != cohort:
                continue
            shares: Counter[tuple[int, int]] = Counter()
            for number, track in enumerate(plan.tracks):
                found.setdefault(track, []).append(number)
                shares[number * 10 // 1664, group_of[track]] += 1
            assert all(
                abs(count - 83.2) <= 3 for count in shares.values()
            )  # each tenth has half of each group
        for numbers in found.values():
            assert len(numbers) == 10
            # Four tenths have 167 tracks, six have 166: the k-th begins at 166 k to 166 k + 4.
            assert all(166 * k <= number < 166 * k + 171 for k, number in enumerate(sorted(numbers)))


@pytest.mark.parametrize("done", [100, 500, 832, 1500])
def test_a_study_that_ends_early_has_heard_all_tracks_about_equally_often(
    paper: Assignment, done: int
) -> None:
    """By chance alone the counts of 2 496 tracks would spread over ten and more."""
    heard = Counter(dict.fromkeys(lengths(2496), 0))
    for plan in paper.plans.values():
        heard.update(plan.tracks[:done])
    assert spread(heard) <= 4
    assert abs(sum(heard.values()) / 2496 - 20 * done / 1664) < 1e-9


def test_groups_are_alike_in_length(paper: Assignment) -> None:
    means = [sum(paper.durations[track] for track in group) / len(group) for group in paper.groups]
    assert max(means) - min(means) < 1.0


def test_orders_are_random_and_seeded(paper: Assignment) -> None:
    again = assign(StudySettings(), dict(reversed(lengths(2496).items())), NAMES, seed=0)
    assert again == paper
    other = assign(StudySettings(), lengths(2496), NAMES, seed=1)
    assert other.groups != paper.groups
    orders = {plan.tracks for plan in paper.plans.values()}
    assert len(orders) == 30
    neighbours: Counter[tuple[str, str]] = Counter()
    for plan in paper.plans.values():
        neighbours.update(pairwise(plan.tracks))
    # By chance a pair of neighbours is shared by few; a rotated or copied order would share them all.
    assert max(neighbours.values()) <= 5
    assert sum(count > 2 for count in neighbours.values()) < 0.01 * len(neighbours)


def test_an_assignment_survives_json(paper: Assignment) -> None:
    assert Assignment.from_dict(json.loads(json.dumps(paper.to_dict()))) == paper
    with pytest.raises(DamerError, match="assignment-v9"):
        Assignment.from_dict({**paper.to_dict(), "version": "assignment-v9"})
    with pytest.raises(DamerError, match="damaged"):
        Assignment.from_dict({"version": "assignment-v1", "seed": 0})


# -- odd sizes -----------------------------------------------------------------------------------------------

SMALL = {"calibration_tracks": 3, "duplicate_distance": 3}


@given(
    tracks=st.integers(9, 70), people=st.integers(2, 40), every=st.integers(0, 20), seed=st.integers(0, 2**32)
)
@settings(deadline=None, max_examples=60)
def test_odd_sizes_are_balanced_within_one(tracks: int, people: int, every: int, seed: int) -> None:
    rules = StudySettings(**SMALL, duplicate_every=every)  # type: ignore[arg-type]
    names = [f"a{number}" for number in range(people)]
    drawn = assign(rules, lengths(tracks), names, seed)
    assert list(drawn.plans) == names
    assert spread([len(group) for group in drawn.groups]) <= 1
    assert sorted(track for group in drawn.groups for track in group) == sorted(lengths(tracks))
    cohorts = Counter({str(number): 0 for number in range(3)})
    cohorts.update(str(plan.cohort) for plan in drawn.plans.values())
    assert spread(cohorts) <= 1
    heard = Counter(dict.fromkeys(lengths(tracks), 0))
    for plan in drawn.plans.values():
        heard.update(plan.tracks)
        check_list(plan.work, rules.duplicate_distance)
        calibration = {place.track for places in plan.calibration for place in places}
        assert not calibration & set(plan.tracks)
        for places in plan.calibration:
            check_list(places, 1)
    assert spread(heard) <= 1
    assert min(heard.values()) >= 1
    assert spread([len(plan.tracks) for plan in drawn.plans.values()]) <= 1


@given(
    groups=st.integers(1, 7),
    cohorts=st.integers(1, 7),
    wide=st.integers(1, 7),
    people=st.integers(1, 30),
    tracks=st.integers(7, 60),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=80)
def test_any_design_gives_every_track_the_same_number_of_annotators(
    groups: int, cohorts: int, wide: int, people: int, tracks: int, seed: int
) -> None:
    wide = min(wide, cohorts)
    people = max(people, -(-cohorts // wide))
    rules = StudySettings(**SMALL, groups=groups, cohorts=cohorts, cohorts_per_group=wide)  # type: ignore[arg-type]
    pool = {f"c{number}": 30.0 for number in range(5)}
    names = [f"a{number}" for number in range(people)]
    drawn = assign(rules, lengths(tracks), names, seed, calibration=pool)
    heard = Counter(dict.fromkeys(lengths(tracks), 0))
    for plan in drawn.plans.values():
        check_list(plan.work, rules.duplicate_distance)
        heard.update(plan.tracks)
        assert {place.track for places in plan.calibration for place in places} <= set(pool)
    assert spread(heard) <= 1
    assert people * wide // cohorts <= min(heard.values())
    teams = [
        sum(group in cohort_groups(rules, cohort) for cohort in range(cohorts)) for group in range(groups)
    ]
    assert set(teams) == {wide}


@pytest.mark.parametrize("cohorts", range(1, 9))
def test_teams_of_groups_differ_by_one_in_every_design(cohorts: int) -> None:
    """All designs of up to 8 groups and 8 cohorts with up to 24 annotators, one by one."""
    for people in range(1, 25):
        dealt = _cohorts([f"a{number}" for number in range(people)], cohorts, generator(people))
        sizes = [len(members) for members in dealt]
        assert sum(sizes) == people
        assert spread(sizes) <= 1
        for wide in range(1, cohorts + 1):
            rules = StudySettings(groups=8, cohorts=cohorts, cohorts_per_group=wide)
            teams = [0] * 8
            for cohort, size in enumerate(sizes):
                for group in cohort_groups(rules, cohort):
                    teams[group] += size
            assert spread(teams) <= 1
            for groups in range(1, 9):
                fewer = dataclasses.replace(rules, groups=groups)
                assert spread([len(cohort_groups(fewer, cohort)) for cohort in range(cohorts)]) <= 1
            assert (min(teams) >= 1) == (people >= -(-cohorts // wide))


@given(
    tracks=st.integers(1, 300), every=st.integers(1, 60), distance=st.integers(1, 40), seed=st.integers(0, 99)
)
@settings(deadline=None, max_examples=100)
def test_as_many_duplicates_as_there_is_room_for(tracks: int, every: int, distance: int, seed: int) -> None:
    names = [f"t{number}" for number in range(tracks)]
    places = with_duplicates(names, every, distance, generator(seed))
    check_list(places, distance)
    assert [place.track for place in places if place.repeats < 0] == names
    assert len(places) - tracks == max(0, min(tracks // every, tracks - distance - 1))


# -- who leaves, who comes -----------------------------------------------------------------------------------


def test_a_newcomer_takes_over_what_is_left() -> None:
    rules = StudySettings(duplicate_every=10, duplicate_distance=5)
    drawn = assign(rules, lengths(200), NAMES[:6], 3)
    left = drawn.plans["a02"]
    remaining = left.tracks[50:]
    now = succeed(rules, drawn, "a02", "new", remaining)
    assert now.plans["a02"] == left
    newcomer: Plan = now.plans["new"]
    assert (newcomer.replaces, newcomer.cohort) == ("a02", left.cohort)
    assert sorted(newcomer.tracks) == sorted(remaining)
    assert newcomer.tracks != remaining
    check_list(newcomer.work, 5)
    assert Assignment.from_dict(json.loads(json.dumps(now.to_dict()))) == now
    for arguments, message in (
        (("a02", "other", remaining), "replaced already"),
        (("a03", "new", drawn.plans["a03"].tracks), "is in this study already"),
        (("a09", "other", remaining), "not in this study"),
        (("a03", "other", []), "left open"),
        (("a03", "other", ["nothing"]), "left open"),
    ):
        with pytest.raises(DamerError, match=message):
            succeed(rules, now, *arguments)


# -- designs that cannot be ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tracks", "people", "rules", "message"),
    [
        (lengths(100), ["a", "a"], {}, "same name"),
        (lengths(100), ["a"], {}, "2 or more"),
        (lengths(2), ["a", "b"], {}, "too few for 3 groups"),
        (lengths(12), ["a", "b"], {}, "4 tracks are left for calibration, one set needs 19"),
        ({**lengths(9), "long": 4000.0}, ["a", "b"], {}, "track long: 4000 s never fit"),
        ({**lengths(9), "long": 3590.0}, ["a", "b"], {"cap_counts_reset": True}, "never fit"),
        ({**lengths(9), "empty": 0.0}, ["a", "b"], {}, "track empty"),
        ({**lengths(9), "nan": float("nan")}, ["a", "b"], {}, "track nan"),
    ],
)
def test_impossible_designs_are_explained(
    tracks: dict[str, float], people: list[str], rules: dict[str, bool], message: str
) -> None:
    with pytest.raises(DamerError, match=message):
        assign(StudySettings(**rules), tracks, people, 0)  # type: ignore[arg-type]


def test_a_track_has_one_role() -> None:
    with pytest.raises(DamerError, match="twice"):
        assign(StudySettings(), lengths(90), NAMES[:3], 0, [Exemplar("t0001", 30.0, 0.7, 0.7)])
    with pytest.raises(DamerError, match="twice"):
        assign(StudySettings(), lengths(90), NAMES[:3], 0, calibration={"t0001": 30.0})

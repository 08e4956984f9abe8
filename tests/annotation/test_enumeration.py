"""The paper's whole study through the real state machine: 2 496 tracks, 30 annotators, 49 920 hearings."""

import datetime
import time
from collections import Counter

import pytest
from annotation_player import Player, never

from damer.annotation.protocol import (
    Assignment,
    StudySettings,
    TrialFinished,
    TrialStarted,
    assign,
    coverage,
    decide,
    event_from_json,
    event_to_json,
    heard_tracks,
    replay,
)

RULES = StudySettings()
NAMES = [f"a{number:02d}" for number in range(30)]


@pytest.fixture(scope="module")
def drawn() -> Assignment:
    lengths = {f"t{number:04d}": 30.0 + number * 7919 % 271 for number in range(2496)}
    return assign(RULES, lengths, NAMES, seed=2)


def through(drawn: Assignment, name: str) -> Player:
    """Let one annotator do everything, and judge the events by counting."""
    player = Player(RULES, drawn, name)
    player.enter("Europe/Berlin")
    player.go(never)
    assert player.next.step == "finished"
    starts = [event for event in player.events if isinstance(event, TrialStarted)]
    ends = [event for event in player.events if isinstance(event, TrialFinished)]
    plan = drawn.plans[name]
    assert [event.track for event in starts] == [place.track for place in (*plan.calibration[0], *plan.work)]
    assert Counter(event.track for event in starts).most_common(35)[33][1] == 2  # 1 + 33 covert duplicates
    assert Counter(event.track for event in starts).most_common(35)[34][1] == 1
    assert all(late.at - early.at >= 15.0 for early, late in zip(ends, starts[1:], strict=False))
    days: Counter[datetime.date] = Counter()
    for event in starts:
        # No track runs over midnight here: everybody begins at 0:00 and is done by 2:00.
        days[datetime.datetime.fromtimestamp(event.at + 7200, datetime.UTC).date()] += int(
            drawn.durations[event.track]
        )
    assert max(days.values()) <= 3600
    assert min(list(days.values())[:-1]) > 3600 - 300  # a day ends only where the next track would overrun
    return player


@pytest.fixture(scope="module")
def players(drawn: Assignment) -> list[Player]:
    """One annotator of each cohort, who has done everything."""
    one_of_each = {plan.cohort: name for name, plan in drawn.plans.items()}
    return [through(drawn, name) for name in one_of_each.values()]


def test_one_annotator_of_each_cohort(drawn: Assignment, players: list[Player]) -> None:
    assert len(players) == 3
    heard = Counter(track for player in players for track in heard_tracks(player.state))
    assert set(heard.values()) == {2}
    assert sorted(heard) == sorted(track for group in drawn.groups for track in group)


def test_a_server_follows_at_once(drawn: Assignment, players: list[Player]) -> None:
    """After 1 664 tracks a whole replay, JSON included, takes 0.2 s; a decision some microseconds."""
    player = players[0]
    stored = [event_to_json(event) for event in player.events]
    start = time.process_time()
    state = replay(RULES, drawn, player.annotator, map(event_from_json, stored))
    assert time.process_time() - start < 2.0
    assert state == player.state
    start = time.process_time()
    for moment in range(1000):
        decide(state, state.clock + moment)
    assert time.process_time() - start < 1.0


@pytest.mark.slow
def test_the_whole_study(drawn: Assignment) -> None:
    states = {name: through(drawn, name).state for name in NAMES}
    covered = coverage(drawn, states)
    assert len(covered) == 2496
    assert {(cover.done, cover.to_come, cover.open) for cover in covered.values()} == {(20, 0, 0)}
    assert sum(cover.done for cover in covered.values()) == 49_920
    pairs = Counter((name, track) for name, state in states.items() for track in heard_tracks(state))
    assert len(pairs) == 49_920
    assert set(pairs.values()) == {1}

"""Search for counterexamples: whatever annotator, network, researcher and clock may do, the rules hold.

A walk is a list of random deeds. What `check` allows is stored; afterwards the stored events alone are
judged, by plain counting that shares no code with the rules.
"""

import datetime
from collections import Counter
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest
from annotation_player import FAILED, PASSED, Player
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damer.annotation.protocol import (
    AnnotatorState,
    Assignment,
    CalibrationJudged,
    ClockSetBack,
    Consented,
    DroppedOut,
    Event,
    Exemplar,
    Invited,
    Paused,
    ProtocolError,
    Readmitted,
    StudySettings,
    TimezoneSet,
    TrainingDone,
    TrialFinished,
    TrialInterrupted,
    TrialStarted,
    Verdict,
    VolumeChecked,
    apply,
    assign,
    check,
    decide,
    event_from_json,
    event_to_json,
    heard_tracks,
    open_tracks,
    replay,
)

RULES = StudySettings(
    calibration_tracks=3, duplicate_every=3, duplicate_distance=2, calibration_attempts=2, daily_cap_s=240.0
)
LENGTHS = {f"t{number:02d}": float(30 + number * 7 % 40) for number in range(18)}
DRAWN = assign(RULES, LENGTHS, ["a", "b", "c"], 5, [Exemplar("joy", 30.0, 0.7, 0.7)])
# Noon before a change of the clocks.
ZONES = {
    "Europe/Berlin": "2026-03-28T12:00",
    "America/Havana": "2026-10-31T12:00",
    "Asia/Kolkata": "2026-06-01T12:00",
    "America/Santiago": "2026-09-05T12:00",
}

DEEDS = st.one_of(
    st.tuples(st.just("on"), st.integers(1, 12)),
    st.tuples(st.just("on"), st.integers(1, 12)),
    st.tuples(st.just("on"), st.integers(1, 12)),
    st.tuples(st.just("wait"), st.integers(0, 40)),
    st.tuples(st.just("sleep"), st.integers(3600, 60000)),
    st.tuples(st.just("start"), st.integers(0, 2)),
    st.tuples(st.just("start wrong"), st.integers(0, 17)),
    st.tuples(st.just("finish"), st.integers(0, 90)),
    st.tuples(st.just("interrupt"), st.integers(0, 90)),
    st.tuples(st.just("fail"), st.just(0)),
    st.tuples(st.just("pause"), st.just(0)),
    st.tuples(st.just("readmit"), st.just(0)),
)
# A busy machine is no finding.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
WALKS = st.lists(DEEDS, min_size=15, max_size=60)


@dataclass
class Walk:
    """A player who does whatever is drawn, and the state after every event that was stored."""

    player: Player
    states: list[AnnotatorState] = field(default_factory=list)

    def store(self, event: Event) -> bool:
        """Offer an event; what is refused and impossible, `apply` refuses too."""
        before = self.player.state
        refusal = self.player.attempt(event)
        if refusal is None:
            self.states.append(self.player.state)
        elif refusal.until is None:
            with pytest.raises(ProtocolError):
                apply(before, event)
        else:  # only time is in the way: then, and not a moment before, it is allowed
            assert refusal.until > event.at
            later = type(event)(**{**vars(event), "at": refusal.until})
            assert check(before, later) is None
            sooner = type(event)(**{**vars(event), "at": (event.at + refusal.until) / 2})
            assert check(before, sooner) is not None
        return refusal is None

    def do(self, deed: str, number: int) -> None:
        player = self.player
        if deed in ("wait", "sleep"):
            player.now += number
        elif deed == "on":
            for _ in range(number):
                self.follow(PASSED)
        elif deed == "fail" and player.next.step == "judgement":
            self.follow(FAILED)
        elif deed == "start":
            self.start(player.next.track)
        elif deed == "start wrong":
            self.start(sorted(LENGTHS)[number])
        elif deed in ("finish", "interrupt"):
            player.now += number
            kind = TrialFinished if deed == "finish" else TrialInterrupted
            self.store(kind(player.now, f"x{player.trials}"))
        elif deed == "pause":
            self.store(Paused(player.now))
        elif deed == "readmit":
            self.store(Readmitted(player.now))

    def start(self, track: str) -> bool:
        self.player.trials += 1
        stored = self.store(TrialStarted(self.player.now, f"x{self.player.trials}", track))
        self.player.trials -= not stored
        return stored

    def follow(self, verdict: Verdict) -> None:
        """Do what comes next, which must be allowed."""
        player, following = self.player, self.player.next
        if following.step in ("training", "retrain", "calibrate", "work"):
            assert self.start(following.track)
        elif following.step == "listening":
            assert following.until is not None
            player.now = max(player.now, following.until)
            assert self.store(TrialFinished(player.now, f"x{player.trials}"))
        elif following.until is not None:
            player.now = following.until
        elif following.step == "training_done":
            assert self.store(TrainingDone(player.now))
        elif following.step == "judgement":
            assert self.store(CalibrationJudged(player.now, verdict))


def walk(zone: str, deeds: list[tuple[str, int]]) -> Walk:
    noon = datetime.datetime.fromisoformat(ZONES[zone]).replace(tzinfo=ZoneInfo(zone)).timestamp()
    walker = Walk(Player(RULES, DRAWN, "a", noon))
    for event in (Invited(noon, zone), Consented(noon), VolumeChecked(noon)):
        assert walker.store(event)
    for deed, number in deeds:
        walker.do(deed, number)
    return walker


def spans(events: list[Event]) -> list[tuple[str, str, float, float, bool]]:
    """Return (trial, track, start, end, finished) of every hearing that has ended, from the raw events."""
    found, running = [], {}
    for event in events:
        if isinstance(event, TrialStarted):
            running[event.trial_id] = event
        elif isinstance(event, TrialFinished | TrialInterrupted):
            start = running.pop(event.trial_id)
            finished = isinstance(event, TrialFinished)
            found.append((event.trial_id, start.track, start.at, event.at, finished))
    assert len(running) <= 1
    return found


def check_time(events: list[Event], zone: str) -> None:
    """Rests are whole; no date of the local calendar has more listening than the cap, second by second."""
    hearings = spans(events)
    starts = [event for event in events if isinstance(event, TrialStarted)]
    for (_, _, _, end, _), start in zip(hearings, starts[1:], strict=False):
        assert start.at >= end + RULES.reset_s
    heard: Counter[datetime.date] = Counter()
    for _, track, start_s, end, finished in hearings:
        length = DRAWN.durations[track]
        if finished:
            assert end - start_s >= length - RULES.early_s
        for second in range(int(min(end - start_s, length))):
            heard[datetime.datetime.fromtimestamp(start_s + second, ZoneInfo(zone)).date()] += 1
    assert all(seconds <= RULES.daily_cap_s for seconds in heard.values())


def check_order(state: AnnotatorState, events: list[Event], drawn: Assignment) -> None:
    """What was heard is what the plan says, in its order; each place once, broken takes beside it."""
    plan = drawn.plans["a"]
    broken, rounds = 0, 0
    training, calibration, work = [], [], []
    for event, (_, track, *_, finished) in zip(
        [event for event in events if isinstance(event, TrialFinished | TrialInterrupted)],
        spans(events),
        strict=True,
    ):
        before = [other for other in events[: events.index(event)] if isinstance(other, CalibrationJudged)]
        rounds = sum(not judged.verdict.passed for judged in before)
        if not finished:
            broken += 1
        elif any(judged.verdict.passed for judged in before):
            work.append(track)
        elif track == "joy":
            training.append(rounds)
        else:
            calibration.append((rounds, track))
    assert work == [place.track for place in plan.work[: len(work)]]
    assert training == list(range(len(training)))
    expected = [(number, place.track) for number, places in enumerate(plan.calibration) for place in places]
    assert calibration == expected[: len(calibration)]
    assert len(state.takes) == broken + len(work) + len(training) + len(calibration)
    assert sum(not take.valid for take in state.takes) == broken
    assert set(heard_tracks(state)) == set(work)
    assert sorted([*heard_tracks(state), *open_tracks(state)]) == sorted(plan.tracks)
    counts = Counter(track for _, track in calibration) + Counter(work)
    covert = Counter(place.track for places in (*plan.calibration, plan.work) for place in places)
    assert all(counts[track] <= covert[track] <= 2 for track in counts)


@given(zone=st.sampled_from(sorted(ZONES)), deeds=WALKS)
@settings(PATIENT, max_examples=60)
def test_rules_hold_whatever_is_done(zone: str, deeds: list[tuple[str, int]]) -> None:
    walker = walk(zone, deeds)
    check_time(walker.player.events, zone)
    check_order(walker.player.state, walker.player.events, DRAWN)


@given(zone=st.sampled_from(sorted(ZONES)), deeds=WALKS, back=st.integers(0, 10**6), place=st.integers(0, 59))
@settings(PATIENT, max_examples=40)
def test_any_prefix_of_the_stored_events_gives_the_state_that_was(
    zone: str, deeds: list[tuple[str, int]], back: int, place: int
) -> None:
    """Events go through JSON, the assignment and the settings too, as after a restart of a server."""
    walker = walk(zone, deeds[:place])
    walker.player.now -= back
    walker.store(ClockSetBack(walker.player.now))
    walker.store(TimezoneSet(walker.player.now, "Pacific/Auckland"))
    for deed, number in deeds[place:]:
        walker.do(deed, number)
    walker.store(DroppedOut(walker.player.now))
    stored = [event_to_json(event) for event in walker.player.events]
    rules = StudySettings.from_dict(RULES.to_dict())
    drawn = Assignment.from_dict(DRAWN.to_dict())
    assert len(stored) == len(walker.states)
    for length in range(0, len(stored) + 1, max(1, len(stored) // 8)):
        again = replay(rules, drawn, "a", map(event_from_json, stored[:length]))
        if length:
            was = walker.states[length - 1]
            assert again == was
            for later in (0.0, 20.0, 90000.0):
                assert decide(again, again.clock + later) == decide(was, was.clock + later)


@given(deeds=WALKS)
@settings(PATIENT, max_examples=20)
def test_whoever_follows_what_is_next_gets_to_the_end(deeds: list[tuple[str, int]]) -> None:
    """From any state that a walk can lead to: no dead end, and all work is done."""
    player = walk("Europe/Berlin", deeds).player
    if player.state.open is not None:
        player.now += 1
        player.do(TrialInterrupted(player.now, player.state.open.trial_id))
    if player.state.status == "paused" and player.attempt(Readmitted(player.now)) is not None:
        return  # no fresh calibration set is left
    player.annotator = "finally"
    player.go(lambda _: False)
    assert player.next.step == "finished"
    assert open_tracks(player.state) == ()

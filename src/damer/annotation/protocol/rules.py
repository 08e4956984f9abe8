"""What comes next and what may happen now: the questions that a server asks before it stores an event.

All functions are pure: they take a state and the present time. Where `now` lies before the last event, the
clock was set back; `clock_event` then gives the event to be stored first.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from damer.annotation.protocol import events as e
from damer.annotation.protocol.assignment import Exemplar
from damer.annotation.protocol.calibration import Verdict, calibration_verdict
from damer.annotation.protocol.changes import impossible, rebased
from damer.annotation.protocol.days import day_bounds
from damer.annotation.protocol.state import AnnotatorState, Take
from damer.core.trajectory import Trajectory

_TOLERANCE_S = 1e-3  # sums of times are exact to a microsecond; nobody hears a millisecond

Step = Literal[
    "invitation",
    "consent",
    "volume_check",
    "training",
    "retrain",
    "training_done",
    "calibrate",
    "judgement",
    "work",
    "listening",
    "rest",
    "done_for_today",
    "finished",
    "paused",
    "dropped",
]
Code = Literal["order", "listening", "rest", "cap", "early", "paused", "dropped", "phase", "over"]


@dataclass(frozen=True)
class Next:
    """What an annotator does next.

    Attributes:
        step: invitation, consent, volume_check: that event is waited for. training, retrain (after a failed
            calibration), calibrate, work: `track` may start now. training_done: all exemplars are heard.
            judgement: the server judges the calibration. listening: a track plays. rest: `track` may start at
            `until`. done_for_today: the same, on another day. finished, paused, dropped: nothing to do.
        track: what is to be heard next (also during rests, so that it can be loaded), or plays.
        until: UTC seconds; for listening the end of the track; None where there is nothing to wait for.
        number, total: place in the present list, from 1, and its length. Covert duplicates count like others.
        reason: why paused or dropped.
    """

    step: Step
    track: str = ""
    until: float | None = None
    number: int = 0
    total: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Refusal:
    """Why something may not happen now.

    Attributes:
        code: one word for programs: order, listening, rest, cap, early, paused, dropped, phase or over.
        message: one sentence for people.
        until: when it may, UTC seconds; None where time alone will not help.
    """

    code: Code
    message: str
    until: float | None = None


@dataclass(frozen=True)
class Judgement:
    """What a calibration is judged by.

    Attributes:
        first: the first hearing of the covert duplicate.
        second: the second one.
        extremes: the exemplars with the take of each in the last training.
    """

    first: Take
    second: Take
    extremes: tuple[tuple[Exemplar, Take], ...]


def decide(state: AnnotatorState, now: float) -> Next:
    """Return what comes next at a time, UTC seconds. The time zone is the one that the events name."""
    state = rebased(state, now)
    if state.status == "dropped":
        return Next("dropped", reason=state.reason)
    number, total = min(state.place + 1, len(state.places)), len(state.places)
    if state.open is not None:
        end = state.open_since + state.course.durations[state.open.track]
        return Next("listening", state.open.track, end, number, total)
    if state.status == "paused":
        return Next("paused", reason=state.reason)
    place = state.next_place
    if place is None or state.phase not in _HEARING:
        return Next(_WAITING[state.phase])
    start = starts_from(state, place.track, now)
    if start > now:
        step: Step = "rest" if start <= state.rest_until else "done_for_today"
        return Next(step, place.track, start, number, total)
    step = "retrain" if state.phase == "training" and state.attempt else _HEARING[state.phase]
    return Next(step, place.track, None, number, total)


def may_start(state: AnnotatorState, track: str, now: float) -> Refusal | None:
    """Return why a track may not start now, or None where it may.

    It may when it is the next one, the rest after the last one is over, and it ends before the day's
    listening is used up, in the annotator's own time zone. (A track that runs past midnight must fit into
    what is left of the day in which it starts; what is played after midnight counts for the new day.)
    """
    return check(state, e.TrialStarted(now, trial_id="", track=track))


def check(state: AnnotatorState, event: e.Event) -> Refusal | None:
    """Return why an event may not happen at its time, or None where it may and can be stored and applied."""
    state = rebased(state, event.at)
    problem = impossible(state, event)
    if problem:
        return Refusal(_code(state, event), problem)
    if isinstance(event, e.TrialStarted):
        start = starts_from(state, event.track, event.at)
        if event.at < start <= state.rest_until:
            return Refusal("rest", "the rest is not over", start)
        if start > event.at:
            return Refusal("cap", "the track does not fit into what is left of today's listening", start)
    if isinstance(event, e.TrialFinished) and state.open is not None:
        end = state.open_since + state.course.durations[state.open.track] - state.course.settings.early_s
        if event.at < end - _TOLERANCE_S:
            return Refusal("early", "the track cannot have been heard to its end yet", end)
    return None


def clock_event(state: AnnotatorState, now: float) -> e.ClockSetBack | None:
    """Return the event to be stored before anything else where the clock was set back, else None."""
    return e.ClockSetBack(now) if now < state.clock else None


def starts_from(state: AnnotatorState, track: str, now: float) -> float:
    """Return the earliest time, `now` or later, at which rest and cap let a track start, UTC seconds."""
    return fits_from(state, track, max(now, state.rest_until))


def fits_from(state: AnnotatorState, track: str, now: float) -> float:
    """Return from when on a track fits into the day's listening: `now`, or the start of a later day."""
    cap = state.course.settings.daily_cap_s + _TOLERANCE_S
    needed = state.charge(track, math.inf)
    if needed > cap:
        return math.inf
    moment, settled = now, False
    while not settled:
        settled = True
        for zone in state.zones:
            start, end = day_bounds(moment, zone.name)
            if moment < zone.until and state.listened_s(start, end, moment) + needed > cap:
                moment, settled = min(end, zone.until), False
    return moment


def listened_today(state: AnnotatorState, now: float) -> float:
    """Return the seconds that count for today's cap so far, in the annotator's present time zone."""
    state = rebased(state, now)
    if not state.zones:
        return 0.0
    return state.listened_s(*day_bounds(now, state.zones[0].name), now)


def judgement(state: AnnotatorState) -> Judgement:
    """Return the takes by which the calibration is to be judged, in phase "judgement".

    Raises:
        ValueError: in another phase.
    """
    if state.phase != "judgement":
        raise ValueError(f"there is nothing to judge in phase {state.phase}")
    takes = [take for take in state.takes if take.attempt == state.attempt and take.valid]
    second = next(take for take in takes if take.kind == "calibration" and take.duplicate_of)
    first = next(take for take in takes if take.trial_id == second.duplicate_of)
    trained = {take.place: take for take in takes if take.kind == "training"}
    extremes = tuple((exemplar, trained[n]) for n, exemplar in enumerate(state.course.exemplars))
    return Judgement(first, second, extremes)


def judge(state: AnnotatorState, said: Callable[[Take], Trajectory]) -> Verdict:
    """Return the verdict on the calibration that was just heard.

    Args:
        state: in phase "judgement".
        said: gives the trajectory that was recorded in a take.

    Raises:
        ValueError: in another phase.
    """
    by = judgement(state)
    return calibration_verdict(
        said(by.first),
        said(by.second),
        state.course.durations[by.first.track],
        state.course.settings,
        [(exemplar, said(take)) for exemplar, take in by.extremes],
    )


def heard_tracks(state: AnnotatorState) -> tuple[str, ...]:
    """Return the tracks of the work with a valid first hearing, in order."""
    return tuple(take.track for take in state.takes if take.kind == "work" and take.valid)


def open_tracks(state: AnnotatorState) -> tuple[str, ...]:
    """Return the tracks of the work that have no valid take yet: what a newcomer takes over."""
    heard = set(heard_tracks(state))
    return tuple(track for track in state.course.plan.tracks if track not in heard)


_HEARING: dict[str, Step] = {"training": "training", "calibration": "calibrate", "work": "work"}
_WAITING: dict[str, Step] = {
    "new": "invitation",
    "invited": "consent",
    "consented": "volume_check",
    "training": "training_done",
    "judgement": "judgement",
    "finished": "finished",
}


def _code(state: AnnotatorState, event: e.Event) -> Code:
    if state.status == "dropped":
        return "dropped"
    if isinstance(event, e.TrialFinished | e.TrialInterrupted):
        ended = any(take.trial_id == event.trial_id for take in state.takes)
        return "over" if ended else "order"
    if isinstance(event, e.TrialStarted):
        if state.status == "paused":
            return "paused"
        if state.open is not None:
            return "listening"
        return "order" if state.next_place is not None else "phase"
    return "phase"

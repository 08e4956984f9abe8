"""How each event changes an annotator's state. State follows from the events alone.

`apply` takes a fact: something that happened and was stored. It refuses only what cannot have happened (a
track that is not the next one, an end without a start). Whether something may happen now is asked of
`rules.check` before it is stored; so a stored history can always be read again, also under other settings.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

from damer.annotation.protocol import events as e
from damer.annotation.protocol.assignment import Assignment
from damer.annotation.protocol.days import day_bounds, zone
from damer.annotation.protocol.orders import Place
from damer.annotation.protocol.settings import StudySettings
from damer.annotation.protocol.state import AnnotatorState, Phase, Take, TakeKind, Zone, begin
from damer.core.errors import DamerError

_KEPT_S = 3 * 86400.0  # listening that ended longer ago is in no day that can still be going on


class ProtocolError(DamerError):
    """An event that cannot have happened in this state."""


def replay(
    settings: StudySettings, assignment: Assignment, annotator: str, events: Iterable[e.Event]
) -> AnnotatorState:
    """Return the state after some events; `apply` one by one gives the same.

    Raises:
        ProtocolError: the events cannot have happened in this order.
    """
    state = begin(settings, assignment, annotator)
    for event in events:
        state = apply(state, event)
    return state


def apply(state: AnnotatorState, event: e.Event) -> AnnotatorState:
    """Return the state after one more event.

    An event whose time is before the last one's means that the clock was set back: what was measured on the
    old clock is moved with it, so that no rest is lost, none is lengthened, and listening counts once.

    Raises:
        ProtocolError: it cannot have happened in this state.
    """
    problem = impossible(state, event)
    if problem:
        raise ProtocolError(f"annotator {state.course.plan.annotator}: {problem}")
    state = rebased(state, event.at)
    state = _CHANGES[type(event)](state, event)
    return dataclasses.replace(state, clock=event.at)


def rebased(state: AnnotatorState, now: float) -> AnnotatorState:
    """Return the state on a clock that was set back to `now`; the state itself where it was not."""
    if now >= state.clock:
        return state
    by = state.clock - now
    return dataclasses.replace(
        state,
        clock=now,
        open_since=state.open_since - by,
        rest_until=state.rest_until - by,
        zones=tuple(Zone(zone.name, zone.until - by) for zone in state.zones),
        listened=tuple((at - by, length) for at, length in state.listened),
    )


def impossible(state: AnnotatorState, event: e.Event) -> str:
    """Return why an event cannot have happened in this state, whatever the time is; "" where it can."""
    if type(event) not in _CHANGES:
        return f"{type(event).__name__} is no event of this protocol"
    if isinstance(event, e.ClockSetBack):
        return ""
    if state.status == "dropped":
        return "has dropped out"
    if isinstance(event, e.TrialStarted):
        return _no_start(state, event)
    if isinstance(event, e.TrialFinished | e.TrialInterrupted):
        if state.open is None or state.open.trial_id != event.trial_id:
            return f"trial {event.trial_id} is not playing"
        return ""
    if isinstance(event, e.Readmitted):
        if state.status != "paused":
            return "is not paused"
        return "" if _has_fresh_set(state) else "has no fresh calibration set left"
    expected = _NEEDS_PHASE.get(type(event))
    if expected and state.phase != expected:
        return f"{type(event).__name__} in phase {state.phase}, not {expected}"
    if isinstance(event, e.TrainingDone) and (state.open or state.next_place is not None):
        return "has not heard all exemplars"
    if isinstance(event, e.TimezoneSet) and state.phase == "new":
        return "was not invited yet"
    if isinstance(event, e.Invited | e.TimezoneSet):
        return _no_zone(event.timezone)
    return ""


def _no_start(state: AnnotatorState, event: e.TrialStarted) -> str:
    place = state.next_place
    if state.status == "paused":
        return "is paused"
    if state.open is not None:
        return f"trial {state.open.trial_id} is still playing"
    if state.phase not in ("training", "calibration", "work") or place is None:
        return "has no track to hear now"
    if event.track != place.track:
        return f"track {event.track} is not the next one"
    if any(take.trial_id == event.trial_id for take in state.takes[-1:]):
        return f"trial {event.trial_id} is over already"
    return ""


def _no_zone(name: str) -> str:
    try:
        zone(name)
    except DamerError as error:
        return str(error)
    return ""


def _has_fresh_set(state: AnnotatorState) -> bool:
    return state.calibrated or state.attempt < len(state.course.plan.calibration)


def _invited(state: AnnotatorState, event: e.Invited) -> AnnotatorState:
    return dataclasses.replace(state, phase="invited", zones=(Zone(event.timezone, math.inf),))


def _timezone_set(state: AnnotatorState, event: e.TimezoneSet) -> AnnotatorState:
    former = [
        Zone(old.name, min(old.until, day_bounds(event.at, old.name)[1]))
        for old in state.zones
        if old.name != event.timezone and event.at < old.until
    ]
    return dataclasses.replace(state, zones=(Zone(event.timezone, math.inf), *former))


def _consented(state: AnnotatorState, _: e.Event) -> AnnotatorState:
    return dataclasses.replace(state, phase="consented")


def _volume_checked(state: AnnotatorState, _: e.Event) -> AnnotatorState:
    return dataclasses.replace(state, phase="training", place=0)


def _training_done(state: AnnotatorState, _: e.Event) -> AnnotatorState:
    return dataclasses.replace(state, phase="calibration", place=0)


def _started(state: AnnotatorState, event: e.TrialStarted) -> AnnotatorState:
    place = state.places[state.place]
    kind: TakeKind = state.phase  # type: ignore[assignment]  # `impossible` saw to it
    if state.phase == "work" and place.repeats >= 0:
        kind = "duplicate"
    last = state.takes[-1].ended_at if state.takes else None
    take = Take(
        event.trial_id,
        event.track,
        kind,
        state.attempt,
        state.place,
        _first_hearing(state, place),
        event.at,
        reset_s=None if last is None else max(0.0, event.at - last),
    )
    return dataclasses.replace(state, open=take, open_since=event.at)


def _first_hearing(state: AnnotatorState, place: Place) -> str:
    if place.repeats < 0:
        return ""
    for take in reversed(state.takes):
        if take.valid and (take.attempt, take.place, take.track) == (
            state.attempt,
            place.repeats,
            place.track,
        ):
            return take.trial_id
    raise ProtocolError(f"annotator {state.course.plan.annotator}: {place.track} was not heard before")


def _finished(state: AnnotatorState, event: e.TrialFinished) -> AnnotatorState:
    ended = dataclasses.replace(_ended(state, event.at, valid=True), place=state.place + 1)
    if ended.place < len(ended.places):
        return ended
    if ended.phase == "calibration":
        return dataclasses.replace(ended, phase="judgement")
    return dataclasses.replace(ended, phase="finished") if ended.phase == "work" else ended


def _interrupted(state: AnnotatorState, event: e.TrialInterrupted) -> AnnotatorState:
    return _ended(state, event.at, valid=False)


def _ended(state: AnnotatorState, at: float, valid: bool) -> AnnotatorState:
    if state.open is None:
        return state
    span = (state.open_since, state.charge(state.open.track, at - state.open_since))
    recent = tuple(one for one in state.listened if sum(one) > at - _KEPT_S)
    take = dataclasses.replace(state.open, ended_at=at, valid=valid)
    return dataclasses.replace(
        state,
        open=None,
        takes=(*state.takes, take),
        listened=(*recent, span),
        rest_until=at + state.course.settings.reset_s,
    )


def _judged(state: AnnotatorState, event: e.CalibrationJudged) -> AnnotatorState:
    if event.verdict.passed:
        phase: Phase = "work" if state.course.plan.work else "finished"
        return dataclasses.replace(state, phase=phase, place=0)
    failed = dataclasses.replace(state, phase="training", place=0, attempt=state.attempt + 1)
    if failed.attempt < failed.granted and _has_fresh_set(failed):
        return failed
    return dataclasses.replace(failed, status="paused", reason=f"{failed.attempt} calibrations failed")


def _paused(state: AnnotatorState, event: e.Paused) -> AnnotatorState:
    return dataclasses.replace(state, status="paused", reason=event.reason)


def _readmitted(state: AnnotatorState, _: e.Event) -> AnnotatorState:
    granted = max(state.granted, state.attempt + state.course.settings.calibration_attempts)
    return dataclasses.replace(state, status="active", reason="", granted=granted)


def _dropped_out(state: AnnotatorState, event: e.DroppedOut) -> AnnotatorState:
    return dataclasses.replace(_ended(state, event.at, valid=False), status="dropped", reason=event.reason)


def _unchanged(state: AnnotatorState, _: e.Event) -> AnnotatorState:
    return state


_CHANGES: dict[type[e.Event], Callable[[AnnotatorState, Any], AnnotatorState]] = {
    e.Invited: _invited,
    e.TimezoneSet: _timezone_set,
    e.Consented: _consented,
    e.VolumeChecked: _volume_checked,
    e.TrainingDone: _training_done,
    e.TrialStarted: _started,
    e.TrialInterrupted: _interrupted,
    e.TrialFinished: _finished,
    e.CalibrationJudged: _judged,
    e.Paused: _paused,
    e.Readmitted: _readmitted,
    e.DroppedOut: _dropped_out,
    e.ClockSetBack: _unchanged,
}
_NEEDS_PHASE: dict[type[e.Event], Phase] = {
    e.Invited: "new",
    e.Consented: "invited",
    e.VolumeChecked: "consented",
    e.TrainingDone: "training",
    e.CalibrationJudged: "judgement",
}

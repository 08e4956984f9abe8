"""What can happen to an annotator: events, stored in order for good; the state follows from them alone."""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from damer.annotation.protocol.calibration import Verdict
from damer.core.errors import DamerError

EVENTS_VERSION = 1


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        at: server time, UTC seconds.
    """

    at: float


@dataclass(frozen=True)
class Invited(Event):
    """An invitation was opened; `timezone` is the annotator's, an IANA name."""

    timezone: str


@dataclass(frozen=True)
class TimezoneSet(Event):
    """The annotator lives by another time zone from now on."""

    timezone: str


@dataclass(frozen=True)
class Consented(Event):
    """Consent was given and the instructions were read."""


@dataclass(frozen=True)
class VolumeChecked(Event):
    """Headphones are on and the volume is set."""


@dataclass(frozen=True)
class TrainingDone(Event):
    """All exemplars were heard and the annotator wants to go on."""


@dataclass(frozen=True)
class TrialStarted(Event):
    """A track began to play; `trial_id` is unique in the study."""

    trial_id: str
    track: str


@dataclass(frozen=True)
class TrialInterrupted(Event):
    """The track was broken off, or the client was lost; it will be played again from its start."""

    trial_id: str
    reason: str = ""


@dataclass(frozen=True)
class TrialFinished(Event):
    """The track was heard to its end and everything recorded has arrived."""

    trial_id: str


@dataclass(frozen=True)
class CalibrationJudged(Event):
    """The calibration set was heard and judged."""

    verdict: Verdict


@dataclass(frozen=True)
class Paused(Event):
    """The researcher stopped the annotator for the time being."""

    reason: str = ""


@dataclass(frozen=True)
class Readmitted(Event):
    """The researcher lets the annotator go on; after failed calibrations, with as many new attempts."""


@dataclass(frozen=True)
class DroppedOut(Event):
    """The annotator left for good."""

    reason: str = ""


@dataclass(frozen=True)
class ClockSetBack(Event):
    """The server's clock was found to be before the last event; `at` is the new time."""


_NAMES: dict[str, type[Event]] = {
    "invited": Invited,
    "timezone_set": TimezoneSet,
    "consented": Consented,
    "volume_checked": VolumeChecked,
    "training_done": TrainingDone,
    "trial_started": TrialStarted,
    "trial_interrupted": TrialInterrupted,
    "trial_finished": TrialFinished,
    "calibration_judged": CalibrationJudged,
    "paused": Paused,
    "readmitted": Readmitted,
    "dropped_out": DroppedOut,
    "clock_set_back": ClockSetBack,
}
_NAME_OF = {kind: name for name, kind in _NAMES.items()}


def event_to_dict(event: Event) -> dict[str, Any]:
    """Return plain values for JSON: the event's name, the format's version, and its fields."""
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    if isinstance(event, CalibrationJudged):
        values["verdict"] = event.verdict.to_dict()
    return {"event": _NAME_OF[type(event)], "version": EVENTS_VERSION, **values}


def event_from_dict(record: Mapping[str, Any]) -> Event:
    """Return the event that `event_to_dict` wrote.

    Raises:
        DamerError: an unknown event, another version, or a field that is missing, unknown or of the wrong
            kind.
    """
    values = dict(record)
    name, version = values.pop("event", None), values.pop("version", None)
    kind = _NAMES.get(name) if isinstance(name, str) else None
    if kind is None or version != EVENTS_VERSION:
        raise DamerError(
            f"event {name!r} of version {version!r}: is not known; use the version of damer that wrote it"
        )
    expected = {field.name: field for field in dataclasses.fields(kind)}
    optional = {name for name, field in expected.items() if field.default is not dataclasses.MISSING}
    if not set(expected) - optional <= set(values) <= set(expected):
        raise DamerError(f"event {name}: has fields {sorted(values)}, not {sorted(expected)}")
    at = values["at"]
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise DamerError(f"event {name}: at {at!r} is not a time in seconds")
    for field, value in values.items():
        if field == "verdict":
            values[field] = Verdict.from_dict(value)
        elif field != "at" and not isinstance(value, str):
            raise DamerError(f"event {name}: {field} {value!r} is not text")
    return kind(**{**values, "at": float(at)})


def event_to_json(event: Event) -> str:
    """Return the event as one line of JSON."""
    return json.dumps(event_to_dict(event), ensure_ascii=False, allow_nan=False)


def event_from_json(line: str) -> Event:
    """Return the event that `event_to_json` wrote.

    Raises:
        DamerError: it is none.
    """
    try:
        record = json.loads(line)
    except ValueError as error:
        raise DamerError(f"event: is no JSON ({error})") from error
    if not isinstance(record, dict):
        raise DamerError("event: is no JSON object")
    return event_from_dict(record)

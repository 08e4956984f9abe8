"""Events as they are stored: every kind through JSON and back, and what is no event is named."""

import dataclasses
import json

import pytest

from damer.annotation.protocol import (
    CalibrationJudged,
    Event,
    TrialInterrupted,
    Verdict,
    event_from_dict,
    event_from_json,
    event_to_dict,
    event_to_json,
)
from damer.annotation.protocol import events as module
from damer.core.errors import DamerError

KINDS = [
    kind
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
]


def example(kind: type[Event]) -> Event:
    texts = {field.name: f"Ünï «{field.name}»" for field in dataclasses.fields(kind)}
    if kind is CalibrationJudged:
        return CalibrationJudged(1.5e9, Verdict(False, 0.3, 1.0, 0.2, reasons=("too far",)))
    return kind(**{**texts, "at": 1_780_311_600.123456})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_survives_json(kind: type[Event]) -> None:
    event = example(kind)
    line = event_to_json(event)
    assert "\n" not in line
    # A missing value (no extremes) is not equal to itself as a number, so records are compared.
    assert event_to_dict(event_from_json(line)) == event_to_dict(event)
    assert type(event_from_json(line)) is kind
    record = json.loads(line)
    assert record["version"] == 1
    assert record["at"] == event.at


def test_thirteen_kinds_with_names_of_their_own() -> None:
    names = [event_to_dict(example(kind))["event"] for kind in KINDS]
    assert len(set(names)) == len(names) == 13


def test_what_may_be_left_out() -> None:
    record = {"event": "trial_interrupted", "version": 1, "at": 5, "trial_id": "x"}
    assert event_from_dict(record) == TrialInterrupted(5.0, "x", "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"event": "consented", "version": 2, "at": 1}', "version 2"),
        ('{"event": "danced", "version": 1, "at": 1}', "'danced'"),
        ('{"event": ["consented"], "version": 1, "at": 1}', "not known"),
        ('{"version": 1, "at": 1}', "None"),
        ('{"event": "consented", "version": 1}', "fields"),
        ('{"event": "consented", "version": 1, "at": 1, "by": "me"}', "fields"),
        ('{"event": "consented", "version": 1, "at": "noon"}', "'noon'"),
        ('{"event": "consented", "version": 1, "at": NaN}', "nan"),
        ('{"event": "consented", "version": 1, "at": true}', "True"),
        ('{"event": "paused", "version": 1, "at": 1, "reason": 3}', "reason 3"),
        ('{"event": "calibration_judged", "version": 1, "at": 1, "verdict": "yes"}', "verdict"),
        ('{"event": "calibration_judged", "version": 1, "at": 1, "verdict": {"passed": true}}', "verdict"),
        ("[1, 2]", "no JSON object"),
        ("consented", "no JSON"),
    ],
)
def test_what_is_no_event_is_named(line: str, message: str) -> None:
    with pytest.raises(DamerError, match=message):
        event_from_json(line)

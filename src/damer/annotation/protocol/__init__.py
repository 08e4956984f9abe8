"""The protocol of a study as pure code: no clock, no file, no network; whoever calls brings the time.

`assign` draws who hears what. What happens to an annotator is a list of events, stored for good; `replay` (or
`apply`, one event after another) gives the state. `decide` says what comes next, `may_start` and `check`
whether something may happen now, `calibration_verdict` whether a calibration is passed.
"""

from damer.annotation.protocol.assignment import Assignment, Exemplar, Plan, assign, cohort_groups, succeed
from damer.annotation.protocol.calibration import Verdict, calibration_verdict, mean_distance
from damer.annotation.protocol.changes import ProtocolError, apply, replay
from damer.annotation.protocol.coverage import Coverage, coverage
from damer.annotation.protocol.events import (
    CalibrationJudged,
    ClockSetBack,
    Consented,
    DroppedOut,
    Event,
    Invited,
    Paused,
    Readmitted,
    TimezoneSet,
    TrainingDone,
    TrialFinished,
    TrialInterrupted,
    TrialStarted,
    VolumeChecked,
    event_from_dict,
    event_from_json,
    event_to_dict,
    event_to_json,
)
from damer.annotation.protocol.orders import Place
from damer.annotation.protocol.rules import (
    Judgement,
    Next,
    Refusal,
    check,
    clock_event,
    decide,
    heard_tracks,
    judge,
    judgement,
    listened_today,
    may_start,
    open_tracks,
)
from damer.annotation.protocol.settings import PROTOCOL, StudySettings
from damer.annotation.protocol.state import AnnotatorState, Take, begin

__all__ = [
    "PROTOCOL",
    "AnnotatorState",
    "Assignment",
    "CalibrationJudged",
    "ClockSetBack",
    "Consented",
    "Coverage",
    "DroppedOut",
    "Event",
    "Exemplar",
    "Invited",
    "Judgement",
    "Next",
    "Paused",
    "Place",
    "Plan",
    "ProtocolError",
    "Readmitted",
    "Refusal",
    "StudySettings",
    "Take",
    "TimezoneSet",
    "TrainingDone",
    "TrialFinished",
    "TrialInterrupted",
    "TrialStarted",
    "Verdict",
    "VolumeChecked",
    "apply",
    "assign",
    "begin",
    "calibration_verdict",
    "check",
    "clock_event",
    "cohort_groups",
    "coverage",
    "decide",
    "event_from_dict",
    "event_from_json",
    "event_to_dict",
    "event_to_json",
    "heard_tracks",
    "judge",
    "judgement",
    "listened_today",
    "may_start",
    "mean_distance",
    "open_tracks",
    "replay",
    "succeed",
]

"""What only researchers see and say; times are UTC seconds, values of the plane lie in the unit disc."""

from typing import Any

from pydantic import Field

from damer.annotation.protocol.rules import Step
from damer.annotation.server.schemas import Answer, Request


class PersonProgress(Answer):
    """How far one annotator is."""

    annotator: str
    cohort: int
    phase: str
    status: str = Field(description="active, paused or dropped")
    step: Step
    reason: str
    done: int = Field(description="hearings of the work that are done, covert duplicates included")
    total: int
    calibrated: bool
    attempts: int = Field(description="calibrations failed so far")
    interrupted: int = Field(description="takes that were broken off")
    listened_s: float = Field(description="seconds heard in all")
    listened_today_s: float
    until: float | None
    last_seen: float | None
    entered: bool = Field(description="whether the invitation was ever opened")
    replaces: str = Field(description="whose remaining tracks these are; empty for those of the start")


class CohortProgress(Answer):
    """How far a cohort is."""

    cohort: int
    annotators: int
    active: int
    done: int
    total: int


class Progress(Answer):
    """How far the study is."""

    name: str
    created_at: float
    server_time: float
    tracks: int
    done: int
    total: int
    to_come: int = Field(description="hearings that somebody still has before them")
    open: int = Field(description="hearings that nobody will make: of people who dropped out")
    listened_s: float
    cohorts: list[CohortProgress]
    annotators: list[PersonProgress]


class CalibrationResult(Answer):
    """One judged calibration."""

    annotator: str
    attempt: int = Field(description="from 1")
    at: float
    passed: bool
    distance: float | None = Field(description="mean distance of the two hearings, 0 to 2")
    known: float | None = Field(description="share of the track that both hearings cover")
    movement: float | None = Field(description="extent of the pointer's path, 0 to 2")
    extremes: float | None = Field(description="share of the extremes on their side")
    reasons: list[str]


class Calibrations(Answer):
    """All judged calibrations, oldest first, and what passes."""

    largest_distance: float
    results: list[CalibrationResult]


class AgreementValue(Answer):
    """A statistic with its 95 % interval where it is known."""

    value: float | None
    low: float | None
    high: float | None


class AgreementTable(Answer):
    """All statistics of one dimension in one scope."""

    dimension: str = Field(description="arousal or valence")
    scope: str = Field(description="static, dynamic or within")
    design: str
    targets: int
    ratings: int
    raters: float | None = Field(description="raters a target, harmonic mean")
    estimates: dict[str, AgreementValue]


class PersonAgreement(Answer):
    """One annotator against the mean of the others."""

    annotator: str
    tracks: int
    arousal: float | None
    valence: float | None


class AgreementNow(Answer):
    """Agreement of what has been heard to its end so far."""

    at: float
    trajectories: int
    tracks: int
    tables: list[AgreementTable]
    annotators: list[PersonAgreement]
    note: str = Field(description="what is missing for more; empty where nothing is")


class Count(Answer):
    """How many people said a thing."""

    name: str
    people: int


class Instruments(Answer):
    """What the annotators said of themselves, counted; no person is told apart."""

    people: int
    answered: int
    instruments: list[Count]
    training: list[Count] = Field(description="years of training in bands")
    gender: list[Count]
    age_bands: list[Count]


class TrackProgress(Answer):
    """One track of the study and how often it was heard."""

    track_id: str
    title: str
    group: str
    duration_s: float
    licence: str
    takes: int = Field(description="valid hearings, covert duplicates included")
    annotators: int = Field(description="people with a valid hearing")
    total: int = Field(description="people who have it in their plan")


class Trajectory(Answer):
    """What one annotator said of one track; values are null where nothing was said yet."""

    trial_id: str
    annotator: str
    kind: str
    valid: bool
    started_at: float
    time_s: list[float]
    valence: list[float | None]
    arousal: list[float | None]


class Trajectories(Answer):
    """All that was said of one track, each take on a common grid."""

    track_id: str
    title: str
    duration_s: float
    rate_hz: float
    takes: list[Trajectory]


class LogEntry(Answer):
    """One thing that a researcher did."""

    at: float
    who: str
    what: str
    detail: dict[str, Any]


class Replacement(Request):
    """Who takes over what a dropped annotator has left; without a name one is given."""

    newcomer: str | None = Field(None, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


class Invitation(Answer):
    """A new link, shown this once; older links of this person no longer work."""

    annotator: str
    link_path: str = Field(description="as /#/enter/TOKEN: what stands behind # never reaches a server's log")

"""The state of one annotator: small immutable values, from which everything else follows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from damer.annotation.protocol.assignment import Assignment, Exemplar, Plan
from damer.annotation.protocol.orders import Place
from damer.annotation.protocol.settings import StudySettings
from damer.core.errors import DamerError

Phase = Literal["new", "invited", "consented", "training", "calibration", "judgement", "work", "finished"]
Status = Literal["active", "paused", "dropped"]
TakeKind = Literal["training", "calibration", "work", "duplicate"]


@dataclass(frozen=True)
class Course:
    """What does not change about one annotator: the rules and what there is to hear.

    Attributes:
        settings: of the study.
        plan: of this annotator.
        exemplars: of the training.
        durations: seconds of every track.
    """

    settings: StudySettings
    plan: Plan
    exemplars: tuple[Exemplar, ...]
    durations: Mapping[str, float]


@dataclass(frozen=True)
class Take:
    """One hearing, ended or not.

    Attributes:
        trial_id: unique in the study.
        track: what was heard.
        kind: training, calibration, work, or duplicate (a covert second hearing in the work).
        attempt: number of the calibration attempt that it belongs to, from 0.
        place: its place in the training, calibration set or work, from 0.
        duplicate_of: trial_id of the valid first hearing, for covert duplicates; else "".
        started_at: server time, UTC seconds.
        ended_at: the same; None while it plays.
        valid: whether it counts: heard to the end. Of the takes of one place at most one does.
        reset_s: rest since the end of the take before it, seconds; None for the first one.
    """

    trial_id: str
    track: str
    kind: TakeKind
    attempt: int
    place: int
    duplicate_of: str
    started_at: float
    ended_at: float | None = None
    valid: bool = False
    reset_s: float | None = None


@dataclass(frozen=True)
class Zone:
    """A time zone whose days count for the daily cap; a former one until its day is over."""

    name: str
    until: float


@dataclass(frozen=True)
class AnnotatorState:
    """Where one annotator stands.

    Attributes:
        course: what does not change.
        phase: how far they are.
        status: active, paused by the researcher or after failed calibrations, or dropped out.
        reason: why paused or dropped.
        attempt: calibrations failed so far.
        granted: failed calibrations after which the researcher is asked.
        place: number of places of the present list that are done.
        open: the take that plays, or None.
        open_since: when it started, on the clock as it goes now.
        takes: every take that has ended, in order; interrupted ones too.
        clock: time of the last event.
        rest_until: no track starts before.
        zones: time zones whose days count now, the present one first.
        listened: (start, seconds) of what was heard in the last days.
    """

    course: Course = field(repr=False, compare=False)
    phase: Phase = "new"
    status: Status = "active"
    reason: str = ""
    attempt: int = 0
    granted: int = 1
    place: int = 0
    open: Take | None = None
    open_since: float = -math.inf
    takes: tuple[Take, ...] = field(default=(), repr=False)
    clock: float = -math.inf
    rest_until: float = -math.inf
    zones: tuple[Zone, ...] = ()
    listened: tuple[tuple[float, float], ...] = field(default=(), repr=False)

    @property
    def calibrated(self) -> bool:
        """Whether a calibration was passed."""
        return self.phase in ("work", "finished")

    @property
    def places(self) -> tuple[Place, ...]:
        """What there is to hear in this phase, in order: exemplars, calibration set or work."""
        if self.phase == "training":
            return tuple(Place(exemplar.track) for exemplar in self.course.exemplars)
        if self.phase in ("calibration", "judgement"):
            return self.course.plan.calibration[self.attempt]
        return self.course.plan.work if self.phase in ("work", "finished") else ()

    @property
    def next_place(self) -> Place | None:
        """The place whose turn it is, or None where there is none to be heard."""
        places = self.places
        return places[self.place] if self.place < len(places) else None

    def charge(self, track: str, elapsed: float) -> float:
        """Return the seconds a take counts for the cap: what was heard of it, and by setting the rest."""
        settings = self.course.settings
        rest = settings.reset_s if settings.cap_counts_reset else 0.0
        return max(0.0, min(elapsed, self.course.durations[track])) + rest

    def listened_s(self, start: float, end: float, until: float) -> float:
        """Return the seconds that count for the cap between two times, the open take up to `until`."""
        spans = self.listened
        if self.open is not None:
            spans = (*spans, (self.open_since, self.charge(self.open.track, until - self.open_since)))
        total = 0.0
        for at, length in reversed(spans):  # in order of time: those before one that is too early are, too
            if at + length <= start:
                break
            total += max(0.0, min(at + length, end) - max(at, start))
        return total


def begin(settings: StudySettings, assignment: Assignment, annotator: str) -> AnnotatorState:
    """Return the state before the first event.

    Raises:
        DamerError: the annotator is not in the assignment.
    """
    if annotator not in assignment.plans:
        raise DamerError(f"annotator {annotator}: is not in this study; check the name")
    course = Course(settings, assignment.plans[annotator], assignment.exemplars, assignment.durations)
    return AnnotatorState(course, granted=settings.calibration_attempts)

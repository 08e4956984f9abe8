"""What the study service answers, and how it says no."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from damer.annotation.protocol import Assignment, Exemplar, Refusal, StudySettings
from damer.annotation.tables import StudyTrack
from damer.core.errors import DamerError

ListName = Literal["training", "calibration", "work"]
Role = Literal["annotator", "researcher"]


class ServiceError(DamerError):
    """The service says no; the classes below say what to.

    They are answers, most of them to ordinary requests, and named so: no "Error" at their end (N818).
    """


class Refused(ServiceError):  # noqa: N818
    """The protocol does not allow it now.

    Attributes:
        refusal: code, sentence, and until when.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class UnknownPerson(ServiceError):  # noqa: N818
    """Nobody of this name is in the study."""


class NotYours(ServiceError):  # noqa: N818
    """There is no such trial of this annotator."""


class Conflict(ServiceError):  # noqa: N818
    """Something else is stored under this name or number already."""


class BadBatch(ServiceError):  # noqa: N818
    """Samples or events that cannot have been recorded."""


class MissingBatches(ServiceError):  # noqa: N818
    """A trial cannot be finished: batches of it have not arrived.

    Attributes:
        missing: their numbers, ascending, the first hundred.
    """

    def __init__(self, missing: Sequence[int]) -> None:
        super().__init__(f"{len(missing)} batches of this trial have not arrived, the first is {missing[0]}")
        self.missing = list(missing[:100])


@dataclass(frozen=True)
class About:
    """How a study is run, beside its protocol.

    Attributes:
        languages: of the pages.
        sample_rate_hz: samples a second that a client takes, at least.
        batch_interval_s: how often it sends them.
        consent_version: of the text that annotators agree to.
        made_by: version of damer that made the study.
    """

    languages: tuple[str, ...] = ("en", "zh")
    sample_rate_hz: float = 20.0
    batch_interval_s: float = 2.0
    consent_version: str = "1"
    made_by: str = ""


@dataclass(frozen=True)
class StudyInfo:
    """What a study is.

    Attributes:
        name: its name.
        created_at: when it was made, UTC seconds.
        settings: the protocol's.
        assignment: who hears what; grows when somebody is replaced.
        about: how it is run.
        revision: counts the changes of the assignment.
    """

    name: str
    created_at: float
    settings: StudySettings
    assignment: Assignment
    about: About
    revision: int


@dataclass(frozen=True)
class Track:
    """One track of the study.

    Attributes:
        row: what is known of it.
        path: the sound file, absolute.
    """

    row: StudyTrack
    path: Path

    @property
    def track_id(self) -> str:
        """Its id in the study."""
        return self.row.track_id

    @property
    def duration_s(self) -> float:
        """Its length, seconds."""
        return self.row.duration_s

    @property
    def gain_db(self) -> float:
        """With which it is to be played."""
        return self.row.gain_db

    @property
    def sha256(self) -> str:
        """Digest of the file; "" where not known."""
        return self.row.sha256


@dataclass(frozen=True)
class Audio:
    """A hearing that plays or comes next.

    Attributes:
        name: opaque, another one for each place, also for a covert duplicate.
        track: what is heard.
        list: of which list it is; a covert duplicate is "work" or "calibration" like any other.
        exemplar: the track's place in the plane, in training; else None.
    """

    name: str
    track: Track
    list: ListName
    exemplar: Exemplar | None = None


@dataclass(frozen=True)
class StartedTrial:
    """A trial that has just begun; `started_at` is server time, UTC seconds."""

    trial_id: str
    started_at: float


@dataclass(frozen=True)
class OpenTrial:
    """A trial that has not ended; `next_batch` is the lowest number that has not arrived."""

    trial_id: str
    started_at: float
    next_batch: int


@dataclass(frozen=True)
class BatchReceipt:
    """A batch is in the database, for good.

    Attributes:
        number: of the batch.
        duplicate: whether it had arrived before.
        next_missing: lowest number of the trial that has not arrived.
    """

    number: int
    duplicate: bool
    next_missing: int


@dataclass(frozen=True)
class Today:
    """Listening of the annotator's own day; `ends_at` is None before the time zone is known."""

    listened_s: float
    cap_s: float
    ends_at: float | None


@dataclass(frozen=True)
class Session:
    """Who is logged in.

    Attributes:
        annotator: pseudonym, of a researcher too.
        role: annotator or researcher.
        csrf: token that requests which change something must carry.
        cookie: the session's secret.
        expires_at: UTC seconds.
    """

    annotator: str
    role: Role
    csrf: str
    cookie: str
    expires_at: float


@dataclass(frozen=True)
class Invitation:
    """A new link of a person: the token is told once and kept as a hash only."""

    annotator: str
    role: Role
    token: str

    @property
    def path(self) -> str:
        """What comes after the server's address; the part behind `#` reaches no log."""
        return f"/#/enter/{self.token}"

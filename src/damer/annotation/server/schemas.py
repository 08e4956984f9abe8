"""What travels between client and server: every body of a request and of an answer to an annotator.

Times are UTC seconds. Requests with an unknown field are refused. What only researchers see is in
`researcher_schemas`. The TypeScript client's types are generated from these classes.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from damer.annotation.protocol.rules import Step

Role = Literal["annotator", "researcher"]
ROLES: tuple[Role, ...] = get_args(Role)
StepDone = Literal["invitation", "consent", "volume_check", "training_done"]
ListName = Literal["training", "calibration", "work"]
Device = Literal["mouse", "touch", "pen", "keyboard", "gamepad", ""]
EventKind = Literal[
    "play",
    "pause",
    "ended",
    "stall",
    "seek_attempt",
    "visibility",
    "focus",
    "device",
    "latency",
    "error",
]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)

MOST_SAMPLES = 2000
"""Samples in one batch, at most."""
MOST_EVENTS = 200
"""Events in one batch, at most."""
OUTERMOST = 1.001
"""Largest coordinate: clients round; a point just outside the disc is put onto the circle."""
LAST_BATCH = 99_999
"""Highest number of a batch: a day of the shortest batches."""

NO_NUL = r"^[^\x00]*$"
"""What text must match: PostgreSQL keeps every character but this one."""

Milliseconds = Annotated[float, Field(ge=-1e13, le=1e13, strict=False)]
Line = Annotated[str, Field(max_length=200, pattern=NO_NUL)]
Short = Annotated[str, Field(max_length=40, pattern=NO_NUL)]


class Answer(BaseModel):
    """What the server says."""

    model_config = ConfigDict(frozen=True)


class Request(BaseModel):
    """What the client says: nothing unknown, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Error(Answer):
    """What went wrong, in one shape for every status from 400 on."""

    code: str = Field(description="one word for programs")
    message: str = Field(description="one sentence for people")
    until: float | None = Field(None, description="when it may happen, UTC seconds; null: waiting is no help")
    missing: list[int] | None = Field(None, description="numbers of batches that have not arrived")


class Health(Answer):
    """The server is up and its database answers."""

    status: Literal["ok"]
    version: str


class Entry(Request):
    """The token of an invitation, which the link carries behind `#`."""

    token: str = Field(min_length=1, max_length=200)


class StudyName(Answer):
    """The study's name and the languages that its pages are shown in."""

    name: str
    languages: list[str]


class Session(Answer):
    """Who is logged in. `csrf_token` goes into the header X-CSRF-Token of every request but GET."""

    annotator: str
    role: Role
    csrf_token: str
    study: StudyName


class ServerTime(Answer):
    """The server's clock, UTC seconds."""

    server_time: float


class TermPlace(Answer):
    """One of the twelve terms on the unit circle."""

    name: str
    degrees: int
    valence: float
    arousal: float


class StudyInfo(Answer):
    """What the client needs to know of the study."""

    name: str
    languages: list[str]
    protocol: str
    terms_version: str
    terms: list[TermPlace]
    sample_rate_hz: float = Field(description="samples a second that are taken at least")
    batch_interval_s: float
    reset_s: float
    daily_cap_s: float
    consent_version: str


class ExemplarPlace(Answer):
    """Where an exemplar of the training lies."""

    valence: float
    arousal: float


class Audio(Answer):
    """The track that plays or comes next. A covert duplicate looks like any other track."""

    name: str = Field(description="opaque, another one for each hearing")
    url: str
    duration_s: float = Field(description="length in whole seconds, rounded up")
    gain_db: float = Field(description="what the client has to add; 0 where the server has applied it")
    list: ListName
    exemplar: ExemplarPlace | None = Field(None, description="its place, in training only")


class OpenTrial(Answer):
    """A trial that has not ended."""

    trial_id: str
    started_at: float
    next_batch: int = Field(description="lowest number of a batch that has not arrived")


class Today(Answer):
    """Listening of the annotator's own day."""

    listened_s: float
    cap_s: float
    day_ends_at: float | None


class VerdictSeen(Answer):
    """What an annotator is told of the last calibration: no numbers."""

    passed: bool
    attempt: int = Field(description="number of the calibration that was judged, from 1")


class Me(Answer):
    """Where the annotator stands and what comes next."""

    annotator: str
    step: Step
    number: int = Field(description="place in the present list, from 1; 0 where there is none")
    total: int
    until: float | None
    server_time: float
    audio: Audio | None
    open_trial: OpenTrial | None
    today: Today
    verdict: VerdictSeen | None
    timezone: str | None
    profile_done: bool
    paused_reason: str | None


class StepRequest(Request):
    """A step of the way that the annotator has taken."""

    step: StepDone
    timezone: Short | None = Field(None, description="IANA name; needed for `invitation`")
    consent_version: Short | None = Field(None, description="what was agreed to; needed for `consent`")


class TimezoneRequest(Request):
    """Where the annotator lives now."""

    timezone: str = Field(
        min_length=1, max_length=40, pattern=NO_NUL, description="IANA name, as Europe/Berlin"
    )


class Profile(Request):
    """What annotators may say of themselves, all of it if they want; kept apart from what they annotate."""

    age_band: Literal["under_18", "18_24", "25_34", "35_44", "45_54", "55_64", "65_plus"] | None = None
    gender: Short | None = None
    training_years: Annotated[float, Field(ge=0, le=100, strict=False)] | None = None
    instruments: list[Annotated[str, Field(min_length=1, max_length=40, pattern=NO_NUL)]] = Field(
        default_factory=list, max_length=20
    )
    language: Short | None = None


class Client(Request):
    """The program and the machine that a trial is made with."""

    program: Line = Field("", description="name and version of the client")
    device: Device = ""
    language: Short = ""
    output_latency_ms: Annotated[float, Field(ge=0, le=60_000, strict=False)] | None = None
    clock_offset_ms: Milliseconds | None = Field(None, description="server's clock minus the client's")
    round_trip_ms: Annotated[float, Field(ge=0, le=3_600_000, strict=False)] | None = None
    user_agent: Annotated[str, Field(max_length=500, pattern=NO_NUL)] = ""
    screen: Line = ""
    instance: Line = Field("", description="of the page: tells two tabs apart")


class TrialRequest(Request):
    """Start the track whose sound has been loaded."""

    audio_name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    client: Client


class Trial(Answer):
    """A trial that has just begun."""

    trial_id: str
    started_at: float


Sample = tuple[
    Annotated[int, Field(ge=0, le=2**31 - 1, description="seq")],
    Annotated[float, Field(ge=0, le=1e8, description="position_ms")],
    Annotated[float, Field(ge=0, le=1e13, description="client_ms")],
    Annotated[float, Field(ge=-OUTERMOST, le=OUTERMOST, description="valence")] | None,
    Annotated[float, Field(ge=-OUTERMOST, le=OUTERMOST, description="arousal")] | None,
    Annotated[int, Field(ge=0, le=1, description="inside, 0 or 1")],
]


class ClientEvent(Request):
    """Something that happened to the player during a trial."""

    kind: EventKind
    position_ms: Annotated[float, Field(ge=0, le=1e8, strict=False)]
    client_ms: Annotated[float, Field(ge=0, le=1e13, strict=False)]
    detail: Line = ""


class Batch(Request):
    """Samples and events of a trial.

    A sample is `[seq, position_ms, client_ms, valence, arousal, inside]`: its number, ascending from 0 in the
    trial; the place in the sound by the media clock; the client's monotonic clock; a point of the unit disc,
    both null where nothing was said yet; 1 where the pointer was in the disc, 0 where the last point is held.
    """

    samples: list[Sample] = Field(max_length=MOST_SAMPLES)
    events: list[ClientEvent] = Field(default_factory=list, max_length=MOST_EVENTS)


class BatchReceipt(Answer):
    """The batch is in the database."""

    number: int
    duplicate: bool = Field(description="it had arrived before")
    next_missing: int = Field(description="lowest number that has not arrived")


class FinishRequest(Request):
    """The track was heard to its end; so many batches were made."""

    batches: int = Field(ge=0, le=LAST_BATCH + 1)


class Reason(Request):
    """Why."""

    reason: Annotated[str, Field(max_length=500, pattern=NO_NUL)] = ""

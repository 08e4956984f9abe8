"""The tables of a study folder: the one place that names their columns, units and ranges."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from damer.core.errors import DamerError

Kind = Literal["training", "calibration", "work", "duplicate"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_TIME = pa.timestamp("us", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class StudyTrack:
    """One track of a study, one row of `tracks.parquet`.

    Attributes:
        track_id: unique.
        file: sound file, relative to the study folder, or absolute.
        duration_s: length in seconds, above 0.
        group: artist, album or song: a group later lies on one side of every split.
        title, licence, source: as the curation manifest has them; "" where not known.
        is_cc0: whether the recording is CC0.
        sha256: of the sound file; "" where not known.
        gain_db: with which the annotators hear it.
    """

    track_id: str
    file: str
    duration_s: float
    group: str = ""
    title: str = ""
    licence: str = ""
    is_cc0: bool = False
    source: str = ""
    sha256: str = ""
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        """Check the row.

        Raises:
            DamerError: no id, or a length that is none.
        """
        if not self.track_id:
            raise DamerError(f"track of file {self.file!r}: has no track_id; give each track its own")
        if not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise DamerError(f"track {self.track_id}: duration_s {self.duration_s} is not above 0")


@dataclass(frozen=True)
class StudyAnnotator:
    """One annotator, one row of `annotators.parquet`: a pseudonym, and nothing about the person.

    Attributes:
        annotator: pseudonym.
        cohort: cohort of the design, "" where there is none.
        calibrated: whether a calibration was passed.
        status: what the annotator is doing, e.g. "calibration", "work", "finished", "paused" or "dropped".
    """

    annotator: str
    cohort: str = ""
    calibrated: bool = False
    status: str = ""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One hearing of one track, one row of `trials.parquet`. Interrupted takes are rows as well.

    Attributes:
        trial_id: unique in the study.
        annotator, track_id: who heard what.
        kind: training, calibration, work, or duplicate (a covert second hearing in the work). The covert
            duplicate of a calibration has kind "calibration".
        duplicate_of: trial_id of the first hearing, for covert duplicates; else "".
        valid: whether this take counts. Of the takes of one place at most one does.
        started_at, finished_at: server time, UTC seconds; kept to the microsecond. None: it never ended.
        interrupted: whether it was broken off.
        device: mouse, touch, keyboard, gamepad, or "" where not known.
        jitter_p50_ms, jitter_p95_ms, jitter_max_ms: deviation of the samples' spacing from the nominal one;
            NaN where not known.
        dropped_share: share of samples that were expected and are not there, in [0, 1]; NaN where not known.
        reset_s: rest that was really served before it, seconds; NaN for the first one.
        protocol, terms, client: versions.
        output_latency_ms: from the media clock to the ear, as the client tells it; NaN where not known.
        clock_offset_ms: server's clock minus the client's monotonic one: `client_ms` of a sample and this are
            milliseconds UTC; NaN where not known.
    """

    trial_id: str
    annotator: str
    track_id: str
    kind: Kind
    duplicate_of: str = ""
    valid: bool
    started_at: float
    finished_at: float | None
    interrupted: bool = False
    device: str = ""
    jitter_p50_ms: float = math.nan
    jitter_p95_ms: float = math.nan
    jitter_max_ms: float = math.nan
    dropped_share: float = math.nan
    reset_s: float = math.nan
    protocol: str = ""
    terms: str = ""
    client: str = ""
    output_latency_ms: float = math.nan
    clock_offset_ms: float = math.nan

    def __post_init__(self) -> None:
        """Check the row.

        Raises:
            DamerError: an unknown kind, a valid take that was interrupted, or an end before its start.
        """
        if self.kind not in KINDS:
            raise DamerError(f"trial {self.trial_id}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if self.valid and (self.interrupted or self.finished_at is None):
            raise DamerError(f"trial {self.trial_id}: a take that was broken off cannot be the valid one")
        if self.kind == "duplicate" and not self.duplicate_of:
            raise DamerError(f"trial {self.trial_id}: a duplicate names the trial of the first hearing")


def _floats() -> npt.NDArray[np.floating[Any]]:
    return np.empty(0, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Samples:
    """What was recorded in one trial, in order of arrival at the pointer; rows of `samples.parquet`.

    Attributes:
        position_ms: float64 [n], position in the audio on the media clock, milliseconds, 0 or more.
        valence, arousal: float64 [n], a point of the unit disc; both NaN where nothing was said yet. Kept as
            float32.
        inside: bool [n], whether the pointer was inside the disc; where not, the point is the last one held.
        client_ms: float64 [n], the client's monotonic clock, milliseconds; empty becomes NaN.
        seq: int64 [n], number of the sample, ascending from 0; empty becomes 0, 1, 2, …
    """

    position_ms: npt.NDArray[np.floating[Any]]
    valence: npt.NDArray[np.floating[Any]]
    arousal: npt.NDArray[np.floating[Any]]
    inside: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    client_ms: npt.NDArray[np.floating[Any]] = field(default_factory=_floats)
    seq: npt.NDArray[np.integer[Any]] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __post_init__(self) -> None:
        """Bring every column to its type and check it once.

        Raises:
            DamerError: columns of several lengths, positions below 0, or points outside the unit disc.
        """
        count = len(self.position_ms)
        defaults = {"inside": np.ones(count), "client_ms": np.full(count, np.nan), "seq": np.arange(count)}
        for column in SAMPLE_COLUMNS:
            values = np.asarray(getattr(self, column.name))
            values = (
                np.asarray(defaults[column.name]) if column.name in defaults and not len(values) else values
            )
            object.__setattr__(self, column.name, values.astype(column.type.to_pandas_dtype()))
            if getattr(self, column.name).shape != (count,):
                raise DamerError(f"samples: {column.name} has {len(values)} values, position_ms {count}")
        if not (np.isfinite(self.position_ms) & (self.position_ms >= 0)).all():
            raise DamerError("samples: position_ms is not 0 or more everywhere")
        if (np.isnan(self.valence) != np.isnan(self.arousal)).any():
            raise DamerError("samples: valence and arousal are known together or not at all")
        if (np.hypot(self.valence, self.arousal) > 1 + 1e-6).any():  # NaN is greater than nothing
            raise DamerError("samples: a point lies outside the unit disc; scale it onto the circle")

    def __len__(self) -> int:
        return len(self.position_ms)


TRACKS = pa.schema(
    [
        ("track_id", pa.string()),
        ("file", pa.string()),
        ("duration_s", pa.float64()),
        ("group", pa.string()),
        ("title", pa.string()),
        ("licence", pa.string()),
        ("is_cc0", pa.bool_()),
        ("source", pa.string()),
        ("sha256", pa.string()),
        ("gain_db", pa.float64()),
    ]
)

ANNOTATORS = pa.schema(
    [("annotator", pa.string()), ("cohort", pa.string()), ("calibrated", pa.bool_()), ("status", pa.string())]
)

TRIALS = pa.schema(
    [
        ("trial_id", pa.string()),
        ("annotator", _WORD),
        ("track_id", _WORD),
        ("kind", _WORD),
        ("duplicate_of", pa.string()),
        ("valid", pa.bool_()),
        ("started_at", _TIME),
        ("finished_at", _TIME),
        ("interrupted", pa.bool_()),
        ("device", _WORD),
        ("jitter_p50_ms", pa.float64()),
        ("jitter_p95_ms", pa.float64()),
        ("jitter_max_ms", pa.float64()),
        ("dropped_share", pa.float64()),
        ("reset_s", pa.float64()),
        ("protocol", _WORD),
        ("terms", _WORD),
        ("client", _WORD),
        ("output_latency_ms", pa.float64()),
        ("clock_offset_ms", pa.float64()),
    ]
)
ADDED_LATER = ("output_latency_ms", "clock_offset_ms")
"""Columns that a folder of an earlier damer does not have; their values are not known then."""

SAMPLE_COLUMNS = (
    pa.field("seq", pa.int32()),
    pa.field("position_ms", pa.float64()),
    pa.field("client_ms", pa.float64()),
    pa.field("valence", pa.float32()),
    pa.field("arousal", pa.float32()),
    pa.field("inside", pa.bool_()),
)
SAMPLES = pa.schema([pa.field("trial_id", _WORD), *SAMPLE_COLUMNS])
"""The rows of one trial stand together and lie in one row group."""

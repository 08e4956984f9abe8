"""The tables of a released dataset: the one place that names their columns, units and ranges.

Writer, loader, Croissant description and dataset card all follow from it.
"""

from dataclasses import dataclass
from typing import Any, Literal

FORMAT = "damer-release-v1"
DESCRIPTION_FILE = "dataset.json"

Kind = Literal["text", "number", "whole", "flag", "numbers"]


@dataclass(frozen=True)
class Column:
    """One column: its name, what kind of value it holds, and what that means to a reader."""

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True)
class Table:
    """One table: its name, its file (or pattern of files), what a row is, its key and its columns."""

    name: str
    path: str
    rows: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]


_TRACK = Column("track_id", "text", "the track")
_VALENCE = Column("valence", "number", "fused valence, in [-1, 1]")
_AROUSAL = Column("arousal", "number", "fused arousal, in [-1, 1]")
_SPREADS = (
    Column("valence_sd", "number", "standard deviation of the annotators' valence: how sure the label is"),
    Column("arousal_sd", "number", "standard deviation of the annotators' arousal"),
    Column("raters", "whole", "annotators behind the label"),
)

TRACKS = Table(
    "tracks",
    "tracks.parquet",
    "one track",
    ("track_id",),
    (
        _TRACK,
        Column(
            "file", "text", "sound file, relative to this folder; empty where the audio is not distributed"
        ),
        Column("duration_s", "number", "length, seconds"),
        Column("group", "text", "artist, album or song; a group lies on one side of every split"),
        Column("title", "text", "title, where known"),
        Column("licence", "text", "licence of the recording, where known"),
        Column("is_cc0", "flag", "whether the recording is CC0"),
        Column("source", "text", "where the recording comes from"),
        Column("sha256", "text", "SHA-256 of the sound file that was annotated"),
        Column(
            "gain_db", "number", "gain, dB, that is to be put on the file to hear it as the annotators did"
        ),
        Column("split", "text", "train, validation or test"),
        Column("fold", "whole", "in which of the folds the track is tested, from 0"),
    ),
)

ANNOTATORS = Table(
    "annotators",
    "annotators.parquet",
    "one annotator",
    ("annotator",),
    (
        Column("annotator", "text", "pseudonym"),
        Column("cohort", "text", "cohort of the study's design"),
        Column("tracks", "whole", "tracks heard for the labels"),
        Column(
            "lag_s", "number", "seconds by which the annotator follows the music, taken off before fusion"
        ),
        Column(
            "valence_weight",
            "number",
            "weight in the fusion of valence, in [0, 1]; 1 for all unless it is ewe",
        ),
        Column("arousal_weight", "number", "weight in the fusion of arousal"),
    ),
)

TRAJECTORIES = Table(
    "trajectories",
    "trajectories/*.parquet",
    "one moment at which an annotator's pointer was recorded; a value holds until the next one",
    ("take", "time_s"),
    (
        _TRACK,
        Column("annotator", "text", "pseudonym"),
        Column("take", "text", "one hearing of one track by one annotator"),
        Column(
            "duplicate_of", "text", "take of the first hearing, where this one is a covert second; else empty"
        ),
        Column("time_s", "number", "position in the audio, seconds, as recorded: no lag is taken off"),
        Column("valence", "number", "in [-1, 1]; missing where unknown"),
        Column("arousal", "number", "in [-1, 1]; missing where unknown"),
    ),
)

DYNAMIC = Table(
    "dynamic",
    "labels/dynamic.parquet",
    "one step of one track; with one label a second, the second [second, second + 1)",
    ("track_id", "second"),
    (
        _TRACK,
        Column("second", "number", "start of the step, seconds from the start of the file"),
        _VALENCE,
        _AROUSAL,
        *_SPREADS,
    ),
)

STATIC = Table(
    "static", "labels/static.parquet", "one track", ("track_id",), (_TRACK, _VALENCE, _AROUSAL, *_SPREADS)
)

# What `datasets.load_dataset` gives first: everything about a track in one row.
SPLIT_NAMES = ("train", "validation", "test")
EXAMPLES = Table(
    "examples",
    "data/*.parquet",
    "one track with its labels over time as lists",
    ("track_id",),
    (
        _TRACK,
        Column(
            "audio", "text", "sound file, relative to this folder; empty where the audio is not distributed"
        ),
        *(column for column in TRACKS.columns if column.name in ("duration_s", "group", "title", "licence")),
        *STATIC.columns[1:],
        Column("second", "numbers", "starts of the steps, seconds from the start of the file"),
        Column("valence_curve", "numbers", "fused valence of each step"),
        Column("arousal_curve", "numbers", "fused arousal of each step"),
        Column("valence_curve_sd", "numbers", "spread of valence in each step"),
        Column("arousal_curve_sd", "numbers", "spread of arousal in each step"),
    ),
)

TABLES = (TRACKS, ANNOTATORS, TRAJECTORIES, DYNAMIC, STATIC, EXAMPLES)


def schema(table: Table) -> Any:
    """Return the pyarrow schema of a table; what each column means travels in the file.

    Times are float64, so that steps of a tenth of a second stay what they are. All other numbers are float32.
    """
    import pyarrow

    times = ("time_s", "duration_s", "second")

    kinds = {
        "text": pyarrow.string(),
        "number": pyarrow.float32(),
        "whole": pyarrow.int32(),
        "flag": pyarrow.bool_(),
        "numbers": pyarrow.list_(pyarrow.float32()),
    }
    return pyarrow.schema(
        [
            pyarrow.field(
                column.name,
                pyarrow.float64() if column.kind == "number" and column.name in times else kinds[column.kind],
                metadata={"meaning": column.meaning},
            )
            for column in table.columns
        ]
    )

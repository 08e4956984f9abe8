"""What recognition returns: a file's emotion, second by second, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from damer.core import plane, text
from damer.core.errors import DamerError


@dataclass(frozen=True)
class Model:
    """Which weights answered.

    Attributes:
        name: the name of the weights.
        version: their version.
        sha256: SHA-256 over the SHA-256 of the arousal checkpoint and that of the valence checkpoint, in hex.
    """

    name: str
    version: str
    sha256: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON object."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


@dataclass(frozen=True)
class Segment:
    """One second of music.

    Attributes:
        start_s: where the second starts in the file, in seconds.
        arousal: probability of high arousal, in [0, 1].
        valence: probability of positive valence, in [0, 1].
        arousal_sd: how far the networks disagree on arousal: standard deviation, in [0, 0.5].
        valence_sd: the same for valence.
    """

    start_s: float
    arousal: float
    valence: float
    arousal_sd: float = 0.0
    valence_sd: float = 0.0

    @property
    def quadrant(self) -> str:
        """Return Q1 to Q4."""
        return plane.quadrant(plane.coordinate(self.valence), plane.coordinate(self.arousal))

    @property
    def term(self) -> str:
        """Return the nearest of the twelve terms."""
        return plane.nearest_term(plane.coordinate(self.valence), plane.coordinate(self.arousal))

    @property
    def uncertainty(self) -> float:
        """Return the mean binary entropy of both probabilities, in bits, in [0, 1]."""
        return plane.uncertainty(self.arousal, self.valence)

    def to_dict(self) -> dict[str, float]:
        """Return the JSON object."""
        return {
            "start_s": self.start_s,
            "arousal": self.arousal,
            "valence": self.valence,
            "arousal_sd": self.arousal_sd,
            "valence_sd": self.valence_sd,
        }


@dataclass(frozen=True)
class Emotion:
    """The emotion of one file.

    Attributes:
        file: the file as the caller named it.
        duration_s: length of the file in seconds.
        window_s: the part that was heard, [start, end] in seconds.
        arousal: probability of high arousal, in [0, 1]: the mean over the seconds.
        valence: probability of positive valence, in [0, 1]: the mean over the seconds.
        segments: one a second, in order.
        model: which weights answered.
    """

    file: str
    duration_s: float
    window_s: tuple[float, float]
    arousal: float
    valence: float
    segments: tuple[Segment, ...]
    model: Model

    @property
    def arousal_label(self) -> str:
        """Return `high` or `low`: high from a probability of one half."""
        return "high" if self.arousal >= 0.5 else "low"

    @property
    def valence_label(self) -> str:
        """Return `positive` or `negative`: positive from a probability of one half."""
        return "positive" if self.valence >= 0.5 else "negative"

    @property
    def quadrant(self) -> str:
        """Return Q1 to Q4, of the file's two probabilities."""
        return plane.quadrant(plane.coordinate(self.valence), plane.coordinate(self.arousal))

    @property
    def term(self) -> str:
        """Return the nearest of the twelve terms to the file's two probabilities."""
        return plane.nearest_term(plane.coordinate(self.valence), plane.coordinate(self.arousal))

    @property
    def uncertainty(self) -> float:
        """Return the mean binary entropy of both probabilities, in bits, in [0, 1]."""
        return round(plane.uncertainty(self.arousal, self.valence), 6)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of `damer predict --format json`."""
        return {
            "file": text.valid(self.file),
            "duration_s": self.duration_s,
            "window_s": list(self.window_s),
            "arousal": {"probability": self.arousal, "label": self.arousal_label},
            "valence": {"probability": self.valence, "label": self.valence_label},
            "quadrant": self.quadrant,
            "term": self.term,
            "uncertainty": self.uncertainty,
            "segments": [segment.to_dict() for segment in self.segments],
            "model": self.model.to_dict(),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Emotion":
        """Read back what `to_dict` wrote.

        Raises:
            DamerError: when a field is missing or of the wrong kind.
        """
        try:
            start, end = value["window_s"]
            return cls(
                file=str(value["file"]),
                duration_s=float(value["duration_s"]),
                window_s=(float(start), float(end)),
                arousal=float(value["arousal"]["probability"]),
                valence=float(value["valence"]["probability"]),
                segments=tuple(Segment(**segment) for segment in value["segments"]),
                model=Model(**value["model"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DamerError(f"this is not a result of `damer predict`: {error!r}") from error


@dataclass(frozen=True)
class Failure:
    """A file that could not be recognised.

    Attributes:
        file: the file as the caller named it.
        error: one line: what is wrong with it and what to do.
    """

    file: str
    error: str

    def __post_init__(self) -> None:
        """Keep the message to one line, whatever the file is called."""
        object.__setattr__(self, "error", text.one_line(self.error))

    def to_dict(self) -> dict[str, str]:
        """Return the JSON object."""
        return {"file": text.valid(self.file), "error": self.error}

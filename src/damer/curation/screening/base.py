"""What every vocal screener offers, and the thresholds that turn its score into a verdict.

No screener ever says "instrumental": the absence of evidence is all that can be reported.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from damer.core.errors import DamerError
from damer.core.files import replacing

Verdict = Literal["likely-vocal", "review", "no-evidence"]

THRESHOLD_FORMAT = "damer-vocal-threshold-v1"


@dataclass(frozen=True)
class Thresholds:
    """Where a score turns into a verdict.

    Attributes:
        review: From this score on a person should listen, in [0, 1].
        likely: From this score on the track counts as vocal and is rejected; review ≤ likely ≤ 1.
    """

    review: float
    likely: float

    def __post_init__(self) -> None:
        if not (0 <= self.review <= self.likely <= 1):
            raise DamerError(
                f"vocal thresholds {self.review} and {self.likely}: give numbers with 0 ≤ review ≤ likely ≤ 1"
            )

    def verdict(self, score: float) -> Verdict:
        """Return the verdict on a score in [0, 1]; a score that is not a number asks for a listener."""
        if math.isnan(score):
            return "review"
        if score >= self.likely:
            return "likely-vocal"
        return "review" if score >= self.review else "no-evidence"


class Screener(Protocol):
    """Something that hears voices."""

    @property
    def name(self) -> str:
        """Name on the command line."""

    @property
    def version(self) -> str:
        """Version of the method and of what computes it."""

    @property
    def weights_sha256(self) -> str:
        """Hex digest of the weights that decide."""

    @property
    def thresholds(self) -> Thresholds:
        """Where its score turns into a verdict."""

    def score(self, samples: NDArray[np.float32], rate: int) -> float:
        """Return the evidence of a voice in [0, 1].

        Args:
            samples: float32 (n, 2), full scale ±1.
            rate: Samples a second.

        Raises:
            DamerError: What the screener needs is not installed, or it failed on this sound.
        """

    def verdict(self, score: float) -> Verdict:
        """Return what the score says."""

    def close(self) -> None:
        """Let go of processes and files; the screener can be used again afterwards."""


def write_thresholds(path: Path, name: str, thresholds: Thresholds, **details: object) -> None:
    """Write the file that `damer curate --threshold-file` reads, with what is known of its making.

    Raises:
        DamerError: The file cannot be written.
    """
    content = {"format": THRESHOLD_FORMAT, "screener": name, **asdict(thresholds), **details}
    with replacing(path, "choose another place") as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_thresholds(path: Path, name: str) -> Thresholds:
    """Return the thresholds that `damer curate calibrate` wrote for the screener of this name.

    Raises:
        DamerError: Not such a file, or one for another screener.
    """
    again = "make it with `damer curate calibrate`"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DamerError(f"{path}: cannot be read ({error.strerror}): {again}") from error
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("format") != THRESHOLD_FORMAT:
        raise DamerError(f"{path}: not a file of vocal thresholds: {again}")
    if content.get("screener") != name:
        raise DamerError(
            f"{path}: thresholds for the screener {content.get('screener')}, not {name}: "
            f"{again} --screener {name}"
        )
    try:
        return Thresholds(float(content["review"]), float(content["likely"]))
    except (KeyError, TypeError, ValueError):
        raise DamerError(f"{path}: review and likely must be numbers: {again}") from None

"""One piece of music and what people felt in it: the record that every corpus is brought to."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from damer.core.errors import DamerError

Dimension = Literal["arousal", "valence"]
Threshold = Literal["zero", "train_median"]
Step = tuple[float, float, float]

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


@dataclass(frozen=True, kw_only=True)
class Track:
    """A track or clip with its labels. All valence and arousal values lie in [−1, 1].

    There is one clock: seconds from the start of the sound file (or of the rendered MIDI file). `clip_start`,
    `clip_end`, the steps of `dynamic` and the argument of `label_at` are all read on it. In a prepared store
    `clip_start` is where the stored features begin, so stored second `s` is the time `clip_start + s`.

    Attributes:
        id: Unique over corpora and variants, `corpus:name`, e.g. `emopia:Q1_0vLPYiPN7qY_0`; a variant `n` ≥ 1
            has `@n` at its end.
        group: Artist, song or series. Tracks of one group never lie on two sides of a split.
        corpus: Name of the corpus.
        audio: Path of the sound file, or None where the track is to be rendered.
        midi: Path of the MIDI file, or None.
        clip_start: Start of the clip, seconds.
        clip_end: End of the clip, seconds; None is the end of the file.
        valence: Static label, or None where unknown.
        arousal: Static label, or None where unknown.
        dynamic: Labels over time, `(t_end, valence, arousal)` in ascending order; a step holds from the end
            of the one before it. May be empty. Before the first and after the last, the nearest one holds.
        variant: 0 for the track itself, 1, 2, … for its augmented renderings.
        threshold: How the labels become two classes: above 0, or above the training part's median.
        licence: Terms of the music and labels.
        source: Where they come from.
    """

    id: str
    group: str
    corpus: str
    audio: str | None = None
    midi: str | None = None
    clip_start: float = 0.0
    clip_end: float | None = None
    valence: float | None = None
    arousal: float | None = None
    dynamic: tuple[Step, ...] = ()
    variant: int = 0
    threshold: Threshold = "zero"
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Check once, here, so that everything behind may rely on it.

        Raises:
            DamerError: a value is out of range, not finite, or steps are not in ascending order.
        """
        for name, value in (("valence", self.valence), ("arousal", self.arousal)):
            if value is not None and not -1.0 <= value <= 1.0:
                raise DamerError(f"track {self.id}: {name} {value} is not in [-1, 1]")
        if not (math.isfinite(self.clip_start) and self.clip_start >= 0):
            raise DamerError(f"track {self.id}: clip_start {self.clip_start} is not a time of 0 s or more")
        if self.clip_end is not None and not self.clip_start < self.clip_end < math.inf:
            raise DamerError(f"track {self.id}: clip_end {self.clip_end} is not after {self.clip_start}")
        if self.threshold not in get_args(Threshold):
            raise DamerError(
                f"track {self.id}: threshold {self.threshold!r} is neither zero nor train_median"
            )
        if self.variant < 0 or (self.variant > 0 and not self.id.endswith(f"@{self.variant}")):
            raise DamerError(f"track {self.id}: a variant n > 0 ends in @n, this is variant {self.variant}")
        last = 0.0
        for end, valence, arousal in self.dynamic:
            if not last < end < math.inf:
                raise DamerError(f"track {self.id}: labels over time must ascend, {end} follows {last}")
            if not (-1.0 <= valence <= 1.0 and -1.0 <= arousal <= 1.0):
                raise DamerError(f"track {self.id}: label at {end} s is not in [-1, 1]")
            last = end

    @property
    def base_id(self) -> str:
        """The id of the track this one is a variant of (its own id for variant 0)."""
        return self.id.removesuffix(f"@{self.variant}") if self.variant else self.id

    def as_variant(self, variant: int) -> "Track":
        """Return the same track under the id of its variant `variant` ≥ 1 (0: itself)."""
        if variant == self.variant:
            return self
        identifier = f"{self.base_id}@{variant}" if variant else self.base_id
        return replace(self, id=identifier, variant=variant)

    def label(self, dimension: Dimension) -> float | None:
        """Return the static label of one dimension in [−1, 1], None where the track is unlabelled."""
        return self.arousal if dimension == "arousal" else self.valence

    def label_at(self, dimension: Dimension, seconds: float) -> float | None:
        """Return the label of the one second that starts at `seconds` (on the file's clock).

        Where the corpus has labels over time this is their mean over [seconds, seconds + 1), each step
        weighted by its share of that second; else it is the static label.
        """
        if not self.dynamic:
            return self.label(dimension)
        return float(self._means(dimension, np.array([seconds]))[0])

    def labels_per_second(self, dimension: Dimension, count: int) -> npt.NDArray[np.float64]:
        """Return the labels of the clip's seconds: entry `s` is `label_at(dimension, clip_start + s)`.

        Args:
            dimension: arousal or valence.
            count: Number of seconds, as stored.

        Returns:
            float64 [count] in [−1, 1], NaN where the track is unlabelled.
        """
        if self.dynamic:
            return self._means(dimension, self.clip_start + np.arange(count, dtype=np.float64))
        static = self.label(dimension)
        return np.full(count, np.nan if static is None else static)

    def _means(self, dimension: Dimension, starts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Mean of the labels over [start, start + 1), by the curve's running integral (piecewise linear)."""
        steps = np.array(self.dynamic)
        values = steps[:, 2 if dimension == "arousal" else 1]
        ends = steps[:, 0]
        first, last = min(0.0, float(starts.min())), max(float(ends[-1]), float(starts.max()) + 1.0) + 1.0
        knots = np.concatenate([[first], ends, [last]])
        integral = np.concatenate([[0.0], np.cumsum(np.diff(knots) * np.append(values, values[-1]))])
        means: npt.NDArray[np.float64] = np.interp(starts + 1.0, knots, integral)
        means -= np.interp(starts, knots, integral)
        # Differences of a running sum may step over the border by a rounding error.
        return np.clip(means, -1.0, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the track as plain values for JSON."""
        record = asdict(self)
        record["dynamic"] = [list(step) for step in self.dynamic]
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Track":
        """Return the track that `to_dict` wrote.

        Raises:
            DamerError: an unknown or missing field, or a value out of range.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(record) - known)
        missing = sorted({"id", "group", "corpus"} - set(record))
        if unknown or missing:
            raise DamerError(f"track record {record.get('id', '')!r}: unknown {unknown}, missing {missing}")
        steps = tuple(
            (float(end), float(valence), float(arousal))
            for end, valence, arousal in record.get("dynamic", ())
        )
        return cls(**{**record, "dynamic": steps})

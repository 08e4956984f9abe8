"""One annotator's path through the plane while one track played; every source of ratings is read into it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from damer.core.errors import DamerError

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What one annotator said about one track, moment by moment. A value holds until the next one.

    Attributes:
        track: Id of the track.
        annotator: Pseudonym of the annotator; the same person has the same one on every track.
        times_s: float64 [n], position in the audio in seconds, strictly ascending, 0 or more. May be empty.
        valence: float64 [n], in [-1, 1]; NaN where unknown.
        arousal: float64 [n], in [-1, 1]; NaN where unknown.
        take: Id of the trial, "" where there are no trials.
        duplicate_of: Id of the trial of the first hearing, for a covert duplicate; else "".
        end_s: Until when the last value holds, seconds: the end of the track. None: not known.
    """

    track: str
    annotator: str
    times_s: Values
    valence: Values
    arousal: Values
    take: str = ""
    duplicate_of: str = ""
    end_s: float | None = None

    def __post_init__(self) -> None:
        """Check once, here, so that everything behind may rely on it.

        Raises:
            DamerError: lengths differ, times do not ascend, or a value is out of range.
        """
        for name in ("times_s", "valence", "arousal"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        where = f"trajectory of {self.annotator} on {self.track}"
        if self.times_s.ndim != 1 or not self.times_s.shape == self.valence.shape == self.arousal.shape:
            raise DamerError(f"{where}: times, valence and arousal are not three series of one length")
        times = self.times_s
        if len(times) and not (np.isfinite(times).all() and times[0] >= 0 and (np.diff(times) > 0).all()):
            raise DamerError(f"{where}: times are not strictly ascending from 0 s or more")
        for name, values in (("valence", self.valence), ("arousal", self.arousal)):
            if (np.abs(values) > 1).any():  # NaN is greater than nothing
                raise DamerError(f"{where}: {name} leaves [-1, 1]")
        if self.end_s is not None and not (self.end_s > 0 and np.isfinite(self.end_s)):
            raise DamerError(f"{where}: end_s {self.end_s} is not a length of more than 0 s")

    def at(self, seconds: npt.ArrayLike) -> tuple[Values, Values]:
        """Return valence and arousal at some times, seconds: the last value said; NaN before the first one.

        After `end_s`, where it is known, they are NaN too.
        """
        wanted = np.asarray(seconds, dtype=np.float64)
        if not len(self.times_s):
            return np.full(wanted.shape, np.nan), np.full(wanted.shape, np.nan)
        last = np.searchsorted(self.times_s, wanted, side="right") - 1
        outside = (last < 0) | (wanted >= (np.inf if self.end_s is None else self.end_s))
        return np.where(outside, np.nan, self.valence[last]), np.where(outside, np.nan, self.arousal[last])

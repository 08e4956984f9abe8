"""How late each annotator is, and what is said of it in the release."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from damer.annotation.release.gather import Material
from damer.annotation.tables import StudyTrack
from damer.audio.level import level_curve
from damer.core.errors import DamerError
from damer.core.lag import Curve, estimate_lag

Lag = float | Literal["auto", "none"]

# A lag is one number a person; some hundred tracks tell it as well as thousands.
_MOST_TRACKS = 300
_MOST_CURVES = 100


@dataclass(frozen=True)
class TakenOff:
    """What is taken off before the fusion.

    Attributes:
        seconds: Lag of each annotator.
        words: What was done, in a sentence.
    """

    seconds: dict[str, float]
    words: str


def lags_of(material: Material, lag: Lag, curve: Callable[[Path], Curve] = level_curve) -> TakenOff:
    """Return what is to be taken off.

    Args:
        material: Whose annotators these are.
        lag: "none", the same seconds for everybody, or "auto": estimated for each, against the others and,
            where the sound is there, against its level, which arousal follows.
        curve: Reads a curve that arousal follows from a sound file.
    """
    names = [annotator.annotator for annotator in material.annotators]
    if lag == "none":
        return TakenOff(dict.fromkeys(names, 0.0), "not estimated, nothing taken off")
    if lag != "auto":
        return TakenOff(dict.fromkeys(names, float(lag)), f"{lag:g} s taken off for everybody, as given")
    tracks = [track.track_id for track in _some(material, _MOST_TRACKS)]
    heard = [one for one in material.trajectories() if one.track in set(tracks)]
    durations = {track.track_id: track.duration_s for track in material.tracks}
    found = estimate_lag(heard, _curves(material, curve), durations)
    seconds = {name: found.seconds.get(name, found.common or 0.0) for name in names}
    spread = f"each from {min(seconds.values()):.2f} to {max(seconds.values()):.2f} s"
    if found.common is None:
        words = (
            f"estimated against one another and taken off ({spread}); how late all of them are could not be "
            "told from the sound's level, so nothing common is taken off"
        )
    else:
        words = (
            f"estimated and taken off: {found.common:.2f} s behind the music (standard error "
            f"{found.common_error:.2f}), {spread}"
        )
    return TakenOff(seconds, words)


def _some(material: Material, most: int) -> list[StudyTrack]:
    """Return at most so many tracks, spread evenly over the study."""
    rows = np.unique(np.linspace(0, len(material.tracks) - 1, most).round().astype(int))
    return [material.tracks[row] for row in rows]


def _curves(material: Material, curve: Callable[[Path], Curve]) -> Mapping[str, Curve]:
    """Read the curves of some of the tracks that are heard; a sound that cannot be read tells nothing."""
    found: dict[str, Curve] = {}
    heard = _some(material, _MOST_TRACKS)
    for track in heard[:: max(1, len(heard) // _MOST_CURVES)]:
        with suppress(DamerError):
            found[track.track_id] = curve(material.study.audio(track.track_id))
    return found

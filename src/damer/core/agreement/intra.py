"""Whether annotators agree with themselves: the same track heard twice without knowing it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from damer.core.agreement.concordance import concordance
from damer.core.trajectory import Trajectory

STEP_S = 0.1


@dataclass(frozen=True)
class Repeat:
    """Two hearings of one track by one annotator.

    Attributes:
        annotator: Pseudonym.
        track: Id of the track.
        distance: Mean Euclidean distance of the two paths, a tenth of a second at a time, in [0, 2√2]; NaN
            where they never coincide in time.
        valence_ccc: Concordance of the two, in [-1, 1]; NaN where neither moves.
        arousal_ccc: The same of arousal.
    """

    annotator: str
    track: str
    distance: float
    valence_ccc: float
    arousal_ccc: float


def intra_annotator(
    trajectories: Iterable[Trajectory], durations: Mapping[str, float] | None = None
) -> list[Repeat]:
    """Compare every covert duplicate with the first hearing it names, in order of annotator and track.

    Args:
        trajectories: First and second hearings; a second one whose first is not among them is left out.
        durations: Length of each track in seconds; by default until the later of the two ends.
    """
    said = list(trajectories)
    first = {one.take: one for one in said if one.take and not one.duplicate_of}
    pairs = [(first[one.duplicate_of], one) for one in said if one.duplicate_of in first]
    found = [_repeat(one, two, (durations or {}).get(one.track)) for one, two in pairs]
    return sorted(found, key=lambda repeat: (repeat.annotator, repeat.track))


def _repeat(one: Trajectory, two: Trajectory, duration_s: float | None) -> Repeat:
    last = [float(path.times_s[-1]) for path in (one, two) if len(path.times_s)]
    end = duration_s or max(
        [path.end_s for path in (one, two) if path.end_s] or [max(last, default=0) + STEP_S]
    )
    times = np.arange(STEP_S / 2, end, STEP_S)
    (v1, a1), (v2, a2) = one.at(times), two.at(times)
    apart = np.hypot(v1 - v2, a1 - a2)
    known = apart[~np.isnan(apart)]
    return Repeat(
        one.annotator,
        one.track,
        float(known.mean()) if len(known) else np.nan,
        concordance(v1, v2),
        concordance(a1, a2),
    )

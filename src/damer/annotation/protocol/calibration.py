"""Does an annotator say the same of the same music twice, and do they use the plane as it is meant?"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from damer.annotation.protocol.assignment import Exemplar
from damer.annotation.protocol.settings import StudySettings
from damer.core.errors import DamerError
from damer.core.trajectory import Trajectory

_CLEARLY = 0.3  # an exemplar closer to an axis than this does not tell on which side of it it lies


@dataclass(frozen=True)
class Verdict:
    """What a calibration came to.

    Attributes:
        passed: whether the work may begin.
        distance: mean Euclidean distance of the two hearings, in [0, 2]; NaN where nothing could be compared.
        known: share of the track for which both hearings have a value, in [0, 1].
        movement: extent of the pointer's path in the hearing where it moved less, in [0, 2].
        extremes: share of the extremes that lie on their side, in [0, 1]; NaN where there were none.
        reasons: one plain sentence for each condition that was not met.
    """

    passed: bool
    distance: float
    known: float
    movement: float
    extremes: float = math.nan
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN, which JSON does not have, becomes None."""
        values = dataclasses.asdict(self)
        for name, value in values.items():
            if isinstance(value, float) and math.isnan(value):
                values[name] = None
        return {**values, "reasons": list(self.reasons)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Verdict":
        """Return the verdict that `to_dict` wrote.

        Raises:
            DamerError: a field is missing, unknown or of the wrong kind.
        """
        try:
            numbers = {
                name: math.nan if record[name] is None else float(record[name])
                for name in ("distance", "known", "movement", "extremes")
            }
            return cls(passed=bool(record["passed"]), reasons=tuple(map(str, record["reasons"])), **numbers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamerError(f"calibration verdict: is damaged ({error!r})") from error


def calibration_verdict(
    first: Trajectory,
    second: Trajectory,
    duration_s: float,
    settings: StudySettings,
    extremes: Sequence[tuple[Exemplar, Trajectory]] = (),
) -> Verdict:
    """Judge a calibration.

    It passes when the two hearings of the covert duplicate are close (mean Euclidean distance, sample by
    sample, at most `calibration_distance`) and say something: both cover the track, the pointer moved in
    both, and the extremes lie on their sides.

    Args:
        first: the first hearing of the duplicate.
        second: the second hearing.
        duration_s: length of that track, seconds.
        settings: the rules.
        extremes: the exemplars of the training with what the annotator said of them; the mean over the second
            half of each must lie beyond `extreme_margin` on the exemplar's side of each axis.
    """
    one, other = (on_grid(path, duration_s, settings.calibration_rate_hz) for path in (first, second))
    distance, known = _distance(one, other)
    movement = min(_extent(one), _extent(other))
    sides = [_on_its_side(exemplar, path, settings) for exemplar, path in extremes]
    share = sum(sides) / len(sides) if sides else math.nan
    reasons = []
    if known < settings.calibration_known:
        reasons.append(f"only {known:.0%} of the track was answered both times")
    # Also where nothing can be compared and the distance is NaN.
    if not distance <= settings.calibration_distance:
        reasons.append(
            f"the two hearings differ by {distance:.2f}, more than {settings.calibration_distance:g}"
        )
    if movement < settings.calibration_movement:
        reasons.append(f"the pointer moved by {movement:.2f}, less than {settings.calibration_movement:g}")
    if share < settings.extreme_share:
        reasons.append(f"{share:.0%} of the extremes lie on their side, not {settings.extreme_share:.0%}")
    return Verdict(not reasons, distance, known, movement, share, tuple(reasons))


def mean_distance(first: Trajectory, second: Trajectory, duration_s: float, rate_hz: float = 10.0) -> float:
    """Return the mean Euclidean distance of two trajectories of one track, sample by sample on a common grid.

    Args:
        first: what was said; moments unknown in either are left out.
        second: what was said the other time, or by somebody else.
        duration_s: length of the track, seconds.
        rate_hz: of the grid.

    Returns:
        A distance in [0, 2]; NaN where they have no moment in common.
    """
    return _distance(on_grid(first, duration_s, rate_hz), on_grid(second, duration_s, rate_hz))[0]


def on_grid(path: Trajectory, duration_s: float, rate_hz: float) -> npt.NDArray[np.float64]:
    """Return a trajectory at the middle of each step of a grid, float64 [steps, 2], NaN where unknown."""
    steps = max(1, round(duration_s * rate_hz))
    moments = (np.arange(steps) + 0.5) * (duration_s / steps)
    return np.stack(path.at(moments), axis=1)


def _distance(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> tuple[float, float]:
    distances = np.linalg.norm(one - other, axis=1)
    known = ~np.isnan(distances)
    return (float(distances[known].mean()) if known.any() else math.nan), float(known.mean())


def _extent(points: npt.NDArray[np.float64]) -> float:
    """Diagonal of the box around the path: a hand that trembles in one place does not add up."""
    said = points[~np.isnan(points).any(axis=1)]
    return float(np.linalg.norm(np.ptp(said, axis=0))) if len(said) else 0.0


def _on_its_side(exemplar: Exemplar, path: Trajectory, settings: StudySettings) -> bool:
    points = on_grid(path, exemplar.duration_s, settings.calibration_rate_hz)
    points = points[len(points) // 2 :]
    said = points[~np.isnan(points).any(axis=1)]
    if not len(said):
        return False
    place = np.array([exemplar.valence, exemplar.arousal])
    clear = np.abs(place) >= _CLEARLY
    return bool((said.mean(axis=0) * np.sign(place) >= settings.extreme_margin)[clear].all())

"""Every value of a study's protocol, each with its default; a study keeps its own copy for good."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from damer.core.errors import DamerError

PROTOCOL = "protocol-v1"
"""Version of the rules; every trial names the one that it was made under."""

CalibrationDuplicate = Literal["within", "extra"]


@dataclass(frozen=True)
class StudySettings:
    """The rules of one study. The defaults are the paper's design where it gives one.

    Who hears what
        groups, cohorts, cohorts_per_group: tracks are dealt into groups, annotators into cohorts, and each
            group goes to so many cohorts. With 3, 3 and 2, 2 496 tracks and 30 annotators: 1 664 tracks an
            annotator, 20 annotators a track.
        duplicate_every: one covert second hearing for so many tracks of an annotator's work; 0: none.
        duplicate_distance: at least so many other tracks lie between the two hearings.

    Calibration
        calibration_tracks: 20.
        calibration_duplicate: whether the covert duplicate is one of those 20 hearings ("within": 19 tracks,
            one of them twice) or comes on top ("extra": 20 tracks, one of them twice).
        calibration_distance: largest mean Euclidean distance of the two hearings that passes, 0.25.
        calibration_attempts: failed calibrations after which the researcher is asked, 1 or more.
        calibration_rate_hz: grid on which the two hearings are compared.
        calibration_known: smallest share of the track for which both hearings have a value, in (0, 1].
        calibration_movement: smallest extent of the pointer's path in a hearing: a parked pointer repeats
            itself perfectly and says nothing.
        extreme_margin: how far on its side of an axis an extreme must be placed on average, in [0, 1).
        extreme_share: smallest share of the extremes that must lie on their sides, in (0, 1].

    Time
        reset_s: rest after each track, seconds.
        daily_cap_s: listening a day, in the annotator's own time zone, seconds.
        cap_counts_reset: whether the rests count as well; the paper does not say.
        early_s: by how much a track may be reported finished before its whole length has passed, seconds:
            the two clocks are never quite the same.
    """

    version: ClassVar[str] = PROTOCOL

    groups: int = 3
    cohorts: int = 3
    cohorts_per_group: int = 2
    duplicate_every: int = 50
    duplicate_distance: int = 20
    calibration_tracks: int = 20
    calibration_duplicate: CalibrationDuplicate = "within"
    calibration_distance: float = 0.25
    calibration_attempts: int = 3
    calibration_rate_hz: float = 10.0
    calibration_known: float = 0.8
    calibration_movement: float = 0.1
    extreme_margin: float = 0.1
    extreme_share: float = 1.0
    reset_s: float = 15.0
    daily_cap_s: float = 3600.0
    cap_counts_reset: bool = False
    early_s: float = 1.0

    def __post_init__(self) -> None:
        """Check once, here.

        Raises:
            DamerError: a value is of the wrong kind or outside its range.
        """
        for field in dataclasses.fields(self):
            _check_kind(field.name, getattr(self, field.name), type(field.default))
        for name, (allowed, words) in _RANGES.items():
            if not allowed(getattr(self, name)):
                raise DamerError(f"study settings: {name} must be {words}, not {getattr(self, name)!r}")
        if not 1 <= self.cohorts_per_group <= self.cohorts:
            raise DamerError(
                f"study settings: cohorts_per_group must be 1 to {self.cohorts} (cohorts), "
                f"not {self.cohorts_per_group}"
            )

    @property
    def calibration_distinct(self) -> int:
        """Number of different tracks in a calibration set: 19 of "19 + 1"."""
        return self.calibration_tracks - (1 if self.calibration_duplicate == "within" else 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the version of the rules."""
        return {"version": PROTOCOL, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "StudySettings":
        """Return the settings that `to_dict` wrote; a value that is not there has its default.

        Raises:
            DamerError: another version, an unknown name or a value out of range.
        """
        values = dict(record)
        version = values.pop("version", None)
        if version != PROTOCOL:
            raise DamerError(
                f"study settings: version {version!r}, this damer knows {PROTOCOL}; use the version of damer "
                "that wrote them"
            )
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise DamerError(f"study settings: unknown {', '.join(map(repr, unknown))}; check the spelling")
        return cls(**values)


def _check_kind(name: str, value: object, kind: type) -> None:
    if kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    else:
        fits = type(value) is kind
    if not fits:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}[kind]
        raise DamerError(f"study settings: {name} must be {words}, not {value!r}")


_RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "groups": (lambda value: value >= 1, "1 or more"),
    "cohorts": (lambda value: value >= 1, "1 or more"),
    "duplicate_every": (lambda value: value >= 0, "0 or more"),
    "duplicate_distance": (lambda value: value >= 1, "1 or more"),
    "calibration_tracks": (lambda value: value >= 3, "3 or more"),
    "calibration_duplicate": (
        lambda value: value in get_args(CalibrationDuplicate),
        " or ".join(get_args(CalibrationDuplicate)),
    ),
    "calibration_distance": (lambda value: 0 < value <= 2, "above 0 and at most 2"),
    "calibration_attempts": (lambda value: value >= 1, "1 or more"),
    "calibration_rate_hz": (lambda value: 0 < value <= 100, "above 0 and at most 100"),
    "calibration_known": (lambda value: 0 < value <= 1, "above 0 and at most 1"),
    "calibration_movement": (lambda value: 0 <= value <= 2, "0 to 2"),
    "extreme_margin": (lambda value: 0 <= value < 1, "0 or more and below 1"),
    "extreme_share": (lambda value: 0 < value <= 1, "above 0 and at most 1"),
    "reset_s": (lambda value: value >= 0, "0 or more"),
    "daily_cap_s": (lambda value: 0 < value <= 86400, "above 0 and at most 86400"),
    "early_s": (lambda value: value >= 0, "0 or more"),
}

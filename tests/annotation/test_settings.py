"""Settings of a study: the table of the design is the default, every value may be set, nonsense is named."""

import dataclasses
import json

import pytest

from damer.annotation.protocol import StudySettings
from damer.core.errors import DamerError


def test_defaults_are_the_papers_design() -> None:
    rules = StudySettings()
    assert (rules.groups, rules.cohorts, rules.cohorts_per_group) == (3, 3, 2)
    assert (rules.calibration_tracks, rules.calibration_distinct, rules.calibration_distance) == (
        20,
        19,
        0.25,
    )
    assert (rules.reset_s, rules.daily_cap_s) == (15.0, 3600.0)
    assert StudySettings(calibration_duplicate="extra").calibration_distinct == 20


def test_settings_survive_json() -> None:
    changed = StudySettings(groups=5, reset_s=20, cap_counts_reset=True, calibration_duplicate="extra")
    record = json.loads(json.dumps(changed.to_dict()))
    assert record["version"] == "protocol-v1"
    assert StudySettings.from_dict(record) == changed
    assert StudySettings.from_dict({"version": "protocol-v1"}) == StudySettings()


@pytest.mark.parametrize("record", [{}, {"version": "protocol-v2"}, {"version": "protocol-v1", "rest_s": 3}])
def test_other_versions_and_names_are_refused(record: dict[str, object]) -> None:
    with pytest.raises(DamerError, match=r"protocol-v2|None|rest_s"):
        StudySettings.from_dict(record)


WRONG: dict[str, list[object]] = {
    "groups": [0, 1.5, "3", True],
    "cohorts": [0],
    "cohorts_per_group": [0, 4],
    "duplicate_every": [-1],
    "duplicate_distance": [0],
    "calibration_tracks": [2],
    "calibration_duplicate": ["both", 1],
    "calibration_distance": [0.0, 2.5, float("nan")],
    "calibration_attempts": [0],
    "calibration_rate_hz": [0.0, 1000.0],
    "calibration_known": [0.0, 1.1],
    "calibration_movement": [-0.1],
    "extreme_margin": [-0.1, 1.0],
    "extreme_share": [0.0, 1.1],
    "reset_s": [-1.0, float("inf"), "15"],
    "daily_cap_s": [0.0, 1e6],
    "cap_counts_reset": [1],
    "early_s": [-1.0],
}


def test_every_setting_is_checked() -> None:
    assert set(WRONG) == {field.name for field in dataclasses.fields(StudySettings)}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_nonsense_is_named(name: str, value: object) -> None:
    with pytest.raises(DamerError, match=name):
        StudySettings(**{name: value})  # type: ignore[arg-type]

"""Study folders that an earlier version wrote are still read."""

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from damer.annotation.records import Study
from damer.annotation.tables import ADDED_LATER, Samples, StudyAnnotator, StudyTrack, Trial
from damer.core.errors import DamerError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    study = Study.create(tmp_path / "study", "old", [StudyTrack("t", "t.wav", 3.0)])
    study.annotators = (StudyAnnotator("a", "1", True, "work"),)
    trial = Trial(
        trial_id="x", annotator="a", track_id="t", kind="work", valid=True, started_at=1.0, finished_at=4.0,
        client="damer 0", output_latency_ms=12.5, clock_offset_ms=1.7e12,
    )  # fmt: skip
    study.append_trial(trial, Samples(np.array([0.0]), np.array([0.5]), np.array([-0.5])))
    study.write()
    return tmp_path / "study"


def without(folder: Path, *columns: str) -> None:
    table = pq.read_table(folder / "trials.parquet")
    pq.write_table(table.drop_columns(list(columns)), folder / "trials.parquet")


def test_latency_and_offset_are_kept(folder: Path) -> None:
    (trial,) = Study.open(folder).trials
    assert (trial.output_latency_ms, trial.clock_offset_ms) == (12.5, 1.7e12)


def test_columns_that_were_added_later_are_unknown_in_an_old_folder(folder: Path) -> None:
    without(folder, *ADDED_LATER)
    study = Study.open(folder)
    (trial,) = study.trials
    assert math.isnan(trial.output_latency_ms)
    assert math.isnan(trial.clock_offset_ms)
    assert (trial.trial_id, trial.client, trial.started_at) == ("x", "damer 0", 1.0)
    study.write()  # and from then on it has them
    assert set(ADDED_LATER) <= set(pq.read_table(folder / "trials.parquet").column_names)
    assert [len(samples) for _, samples in Study.open(folder).samples()] == [1]


def test_any_other_missing_column_is_still_told(folder: Path) -> None:
    without(folder, "reset_s")
    with pytest.raises(DamerError, match=r"trials.parquet: is no table of a study"):
        Study.open(folder)

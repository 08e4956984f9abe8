"""The study folder: what is written is read back; a failure leaves what was there."""

import errno
import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from damer.annotation import samples as sample_file
from damer.annotation.protocol import StudySettings
from damer.annotation.records import Study
from damer.annotation.tables import TRACKS, TRIALS, Samples, StudyAnnotator, StudyTrack, Trial
from damer.core.errors import DamerError

TRACK = StudyTrack(
    "t1", "audio/t1.wav", 30.0, group="g", title="Lied für Élise", licence="CC0-1.0", is_cc0=True
)
OTHER = StudyTrack(
    "t2", "/elsewhere/t2.wav", 12.5, gain_db=-2.5, sha256="ab" * 32, source="https://example.org"
)


def trial(trial_id: str, track: str = "t1", **values: object) -> Trial:
    usual = {"kind": "work", "valid": True, "started_at": 1.7e9, "finished_at": 1.7e9 + 30.25}
    return Trial(trial_id=trial_id, annotator="a01", track_id=track, **{**usual, **values})  # type: ignore[arg-type]


def samples(count: int, shift: float = 0.0) -> Samples:
    angle = np.linspace(0, 3, count) + shift
    return Samples(np.arange(count) * 50.0, 0.5 * np.cos(angle), 0.5 * np.sin(angle))


def study_in(folder: Path) -> Study:
    settings = StudySettings(daily_cap_s=1800.0, calibration_duplicate="extra")
    study = Study.create(folder, "Prüfung", [TRACK, OTHER], settings, seed=7)
    study.annotators = (StudyAnnotator("a01", "1", True, "work"), StudyAnnotator("a02"))
    broken = {"valid": False, "interrupted": True, "finished_at": None}
    study.append_trial(trial("one"), samples(5))
    study.append_trial(trial("two", "t2", **broken), samples(3, 1.0))
    study.append_trial(
        trial("three", kind="duplicate", duplicate_of="one", dropped_share=0.25), samples(4, 2.0)
    )
    return study


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    written = study_in(tmp_path / "study")
    written.write()
    read = Study.open(tmp_path / "study")
    assert read.header() == written.header()
    assert (read.tracks, read.annotators) == (written.tracks, written.annotators)
    # NaN, which stands for "not known", is not equal to itself; pandas compares it as a table does.
    before, after = (pd.DataFrame(asdict(row) for row in study.trials) for study in (written, read))
    pd.testing.assert_frame_equal(before, after)
    found = list(read.samples())
    assert [row.trial_id for row, _ in found] == ["one", "two", "three"]
    np.testing.assert_array_equal(found[1][1].position_ms, [0, 50, 100])
    np.testing.assert_allclose(found[1][1].valence, 0.5 * np.cos(np.linspace(0, 3, 3) + 1.0), atol=1e-7)
    np.testing.assert_array_equal(found[1][1].seq, [0, 1, 2])
    assert np.isnan(found[1][1].client_ms).all()
    assert read.audio("t1") == tmp_path / "study" / "audio" / "t1.wav"
    assert read.audio("t2") == Path("/elsewhere/t2.wav")


def test_tables_are_plain_for_other_programs(tmp_path: Path) -> None:
    study_in(tmp_path).write()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("annotators.parquet", "samples.parquet", "study.json", "tracks.parquet", "trials.parquet")
    ]
    header = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    assert (header["format"], header["terms"], header["name"]) == ("damer-study-v1", "ring12-v1", "Prüfung")
    assert header["settings"]["version"] == "protocol-v1"
    frame = pd.read_parquet(tmp_path / "trials.parquet")
    assert list(frame.columns) == TRIALS.names
    assert frame.started_at[0] == pd.Timestamp("2023-11-14 22:13:20", tz="UTC")
    assert frame.finished_at[1] is pd.NaT
    assert frame.dropped_share[2] == 0.25
    assert math.isnan(frame.jitter_p50_ms[0])
    assert list(pd.read_parquet(tmp_path / "tracks.parquet").columns) == TRACKS.names


def test_trajectories_are_chosen_by_kind_and_validity(tmp_path: Path) -> None:
    study_in(tmp_path).write()
    study = Study.open(tmp_path)
    assert [path.take for path in study.trajectories()] == ["one"]
    assert [path.take for path in study.trajectories(valid_only=False)] == ["one", "two"]
    both = study.trajectories(("work", "duplicate"))
    assert [(path.take, path.duplicate_of, path.track) for path in both] == [
        *(("one", "", "t1"), ("three", "one", "t1"))
    ]
    np.testing.assert_allclose(both[0].times_s, [0, 0.05, 0.1, 0.15, 0.2])
    assert both[0].end_s == 30.0


def test_rows_can_be_added_later_and_large_studies_leave_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_file, "_FLUSH_ROWS", 6)
    study_in(tmp_path).write()
    again = Study.open(tmp_path)
    for number in range(5):
        again.append_trial(trial(f"new{number}"), samples(4, number))
    with pytest.raises(DamerError, match="not written yet"):
        again.trajectories()
    again.write()
    read = Study.open(tmp_path)
    lengths = {row.trial_id: len(rows) for row, rows in read.samples()}
    assert lengths == {"one": 5, "two": 3, "three": 4, **{f"new{number}": 4 for number in range(5)}}
    assert pq.ParquetFile(tmp_path / "samples.parquet").num_row_groups > 3
    for row, rows in read.samples():
        if row.trial_id.startswith("new"):
            expected = 0.5 * np.cos(np.linspace(0, 3, 4) + int(row.trial_id[3:]))
            np.testing.assert_allclose(rows.valence, expected, atol=1e-7)


def test_a_media_clock_that_stands_or_steps_back(tmp_path: Path) -> None:
    study = Study.create(tmp_path, "s", [TRACK])
    position = np.array([0, 50, 50, 40, 50, 100, 90, 110.0])
    study.append_trial(trial("one"), Samples(position, np.arange(8) / 10, np.zeros(8)))
    study.write()
    (path,) = study.trajectories()
    np.testing.assert_allclose(path.times_s, [0, 0.05, 0.1, 0.11])
    np.testing.assert_allclose(path.valence, [0, 0.4, 0.5, 0.7], atol=1e-7)


def test_a_trial_without_samples_and_one_without_a_word(tmp_path: Path) -> None:
    study = Study.create(tmp_path, "s", [TRACK])
    study.annotators = (StudyAnnotator("a01"),)
    study.append_trial(trial("silent"), samples(0))
    study.append_trial(trial("mute"), Samples(np.array([0.0]), np.array([np.nan]), np.array([np.nan])))
    study.write()
    (path,) = Study.open(tmp_path).trajectories()
    assert path.take == "mute"
    assert np.isnan(path.valence).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Samples(np.zeros(2), np.zeros(3), np.zeros(2)), "valence has 3 values, position_ms 2"),
        (lambda: Samples(np.array([-1.0]), np.zeros(1), np.zeros(1)), "0 or more"),
        (lambda: Samples(np.zeros(1), np.array([0.8]), np.array([0.8])), "outside the unit disc"),
        (lambda: Samples(np.zeros(1), np.array([np.nan]), np.array([0.8])), "together"),
        (lambda: trial("x", kind="rehearsal"), "'rehearsal' is not one of"),
        (lambda: trial("x", interrupted=True), "broken off"),
        (lambda: trial("x", kind="duplicate"), "names the trial"),
        (lambda: StudyTrack("t", "f.wav", 0.0), "not above 0"),
        (lambda: StudyTrack("", "f.wav", 1.0), "'f.wav'"),
        (lambda: Study.create("nowhere", "s", [TRACK, TRACK]), "same track_id"),
    ],
)
def test_wrong_rows_are_named(make: object, message: str) -> None:
    with pytest.raises(DamerError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (trial("one"), "one is there already"),
        (trial("x", "t9"), "t9, not in tracks"),
        (trial("x", kind="duplicate", duplicate_of="none"), "no earlier trial"),
        (trial("x", "t2", kind="duplicate", duplicate_of="one"), "no earlier trial"),
    ],
)
def test_trials_that_do_not_belong(tmp_path: Path, row: Trial, message: str) -> None:
    study = study_in(tmp_path)
    with pytest.raises(DamerError, match=message):
        study.append_trial(row, samples(1))


def test_a_full_disk_leaves_the_old_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study_in(tmp_path).write()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    study = Study.open(tmp_path)
    study.append_trial(trial("late"), samples(9))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(DamerError, match="No space left"):
            study.write()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(DamerError, match="open the study again"):  # and never a file without those samples
        study.write()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_study_is_written_as_often_as_one_likes(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    study.write()
    untouched = (tmp_path / "samples.parquet").stat().st_ino
    study.annotators = (StudyAnnotator("a01", "1", True, "finished"),)
    study.write()
    assert (tmp_path / "samples.parquet").stat().st_ino == untouched  # nothing new to say: not written again
    for number in range(3):
        study.append_trial(trial(f"new{number}"), samples(2))
        study.write()
    read = Study.open(tmp_path)
    assert read.annotators == study.annotators
    lengths = {row.trial_id: len(rows) for row, rows in read.samples()}
    assert lengths == {"one": 5, "two": 3, "three": 4, "new0": 2, "new1": 2, "new2": 2}


def test_a_run_killed_between_two_files_leaves_the_old_study(tmp_path: Path) -> None:
    """Samples are put in place first: rows that no trial names do not count; a later run may add them."""
    study_in(tmp_path).write()
    old = (tmp_path / "trials.parquet").read_bytes()
    study = Study.open(tmp_path)
    study.append_trial(trial("late"), samples(9))
    study.write()
    (tmp_path / "trials.parquet").write_bytes(old)
    read = Study.open(tmp_path)
    assert [row.trial_id for row, _ in read.samples()] == ["one", "two", "three"]
    read.append_trial(trial("late"), samples(7, 1.0))
    read.write()
    lengths = {row.trial_id: len(rows) for row, rows in Study.open(tmp_path).samples()}
    assert lengths == {"one": 5, "two": 3, "three": 4, "late": 7}


@pytest.mark.parametrize("name", ["study.json", "trials.parquet", "tracks.parquet", "samples.parquet"])
@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut"])
def test_damaged_folders_are_named(tmp_path: Path, name: str, damage: str) -> None:
    study_in(tmp_path).write()
    path = tmp_path / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "text": b'{"a": 1}', "cut": content[: len(content) // 2]}[damage])
    with pytest.raises(DamerError, match=name) as caught:
        Study.open(tmp_path).trajectories()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "column", "values", "message"),
    [
        ("tracks", "duration_s", [np.nan, 3.0], "tracks.parquet: track t1: duration_s nan is not above 0"),
        ("tracks", "track_id", [None, "t2"], "tracks.parquet: column track_id has empty cells"),
        ("annotators", "annotator", [None, "a02"], "annotators.parquet: column annotator has empty cells"),
        ("annotators", "annotator", ["b01", "a02"], "trials.parquet: trial one is of annotator a01, not in"),
        ("trials", "kind", ["work", "play", "work"], "trials.parquet: trial two: kind 'play' is not one of"),
        ("samples", "valence", [2.0] * 12, "samples.parquet: samples: a point lies outside the unit disc"),
    ],
)
def test_rows_that_cannot_be_are_named_with_their_file(
    tmp_path: Path, name: str, column: str, values: list[object], message: str
) -> None:
    study_in(tmp_path).write()
    table = pq.read_table(tmp_path / f"{name}.parquet")
    place = table.column_names.index(column)
    changed = table.set_column(place, column, pa.array(values))
    pq.write_table(changed, tmp_path / f"{name}.parquet")
    with pytest.raises(DamerError, match=f"{tmp_path}/{message}"):
        Study.open(tmp_path).trajectories()


@pytest.mark.parametrize("change", [{"settings": None}, {"seed": "seven"}, {"name": 3}])
def test_a_header_that_cannot_be(tmp_path: Path, change: dict[str, object]) -> None:
    study_in(tmp_path).write()
    path = tmp_path / "study.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    (name,) = change
    with pytest.raises(DamerError, match=f"study.json: {name} cannot be right; export the study again"):
        Study.open(tmp_path)


def test_a_study_is_not_overwritten(tmp_path: Path) -> None:
    study_in(tmp_path).write()
    with pytest.raises(DamerError, match="holds a study already"):
        Study.create(tmp_path, "again", [TRACK])


def test_settings_of_another_version_are_refused(tmp_path: Path) -> None:
    study_in(tmp_path).write()
    header = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    header["settings"]["version"] = "protocol-v9"
    (tmp_path / "study.json").write_text(json.dumps(header), encoding="utf-8")
    with pytest.raises(DamerError, match="protocol-v9"):
        Study.open(tmp_path)


def test_a_flipped_bit_never_changes_a_sample(tmp_path: Path) -> None:
    written = study_in(tmp_path / "study")
    written.append_trial(trial("four"), samples(400))
    written.write()
    path = tmp_path / "study" / "samples.parquet"
    content = path.read_bytes()
    good = {name.trial_id: rows for name, rows in Study.open(tmp_path / "study").samples()}
    messages: list[str] = []
    for place in np.random.default_rng(0).choice(len(content), 60, replace=False):
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        try:
            read = {name.trial_id: rows for name, rows in Study.open(tmp_path / "study").samples()}
        except DamerError as error:
            messages.append(str(error))
            continue
        for name, rows in read.items():
            np.testing.assert_array_equal(rows.valence, good[name].valence)
            np.testing.assert_array_equal(rows.position_ms, good[name].position_ms)
    assert len(messages) > 30
    assert all("samples.parquet" in message for message in messages)

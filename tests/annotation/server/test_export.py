"""What leaves a running study is what was said in it: a simulated study, by itself and by the service."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from annotation_study import (
    CLIENT,
    SETTINGS,
    Clock,
    draft,
    enter,
    extremes,
    hear,
    known,
    place,
    running,
    start,
    through,
)

from damer.annotation.protocol import StudySettings, TrainingDone, assign
from damer.annotation.protocol.assignment import Exemplar
from damer.annotation.records import Study
from damer.annotation.release.gather import gather
from damer.annotation.release.labels import fuse_study
from damer.annotation.release.lags import TakenOff
from damer.annotation.server.export import write_study
from damer.annotation.simulation import Annotator, KnownTrack, Session, simulate
from damer.cli import main

pytestmark = pytest.mark.anyio

PEOPLE = {
    "a01": Annotator(noise=0.04, lag_s=1.0, interrupts=0.2),
    "a02": Annotator(noise=0.06, lag_s=1.5, bias=(0.1, 0.0), timezone="Asia/Shanghai"),
    "a03": Annotator(careless=True),
    "a04": Annotator(noise=0.05, lag_s=1.2, leaves_after=3, interrupts=0.5),
}


def labels(study: Study) -> dict[str, object]:
    material = gather(study)
    off = TakenOff({one.annotator: 0.0 for one in material.annotators}, "")
    made = fuse_study(material, material.trajectories(), 1.0, "ewe", off)
    return {
        "dynamic": made.dynamic,
        "static": made.static,
        "people": made.annotators,
        "agreement": made.agreement,
    }


def without_ids(study: Study) -> list[tuple[object, ...]]:
    """Return every trial with its samples; ids, which differ, become places in the list."""
    number = {trial.trial_id: str(n) for n, trial in enumerate(study.trials)}
    rows = []
    for trial, samples in study.samples():
        first = number.get(trial.duplicate_of, "")
        row = dataclasses.replace(trial, trial_id=number[trial.trial_id], duplicate_of=first)
        times = f"{row.started_at:.4f} {row.finished_at:.4f} {row.reset_s:.4f}"
        kept = dataclasses.replace(row, started_at=0.0, finished_at=0.0, reset_s=0.0)
        rows.append((times, repr(kept), *(getattr(samples, name).tobytes() for name in vars(samples))))
    return rows


async def exported(url: str, out: Path, simulated: Study, tracks: Mapping[str, KnownTrack]) -> Study:
    """Make the study of a simulation again through the service, and export it."""
    clock = Clock()
    work, kept = ([one for name, one in tracks.items() if name.startswith(kind)] for kind in "tc")
    what = draft(list(PEOPLE), simulated.settings, work, kept, extremes(), simulated.seed)
    service, _ = await running(url, clock, what)
    assert service.info.assignment == assignment(simulated.settings, tracks, simulated.seed)
    for name, annotator in PEOPLE.items():
        session = Session(simulated.settings, service.info.assignment, name, annotator, tracks)
        state = await through(session, service, clock)
        assert (state.phase, state.status, state.attempt) == (
            session.state.phase,
            session.state.status,
            session.state.attempt,
        )
    await write_study(service, out)
    await service.close()
    return Study.open(out)


def assignment(settings: StudySettings, tracks: Mapping[str, KnownTrack], seed: int) -> object:
    lengths = {name: one.row.duration_s for name, one in tracks.items()}
    kinds = {kind: {name: s for name, s in lengths.items() if name.startswith(kind)} for kind in "tc"}
    shown = [Exemplar(one.row.track_id, one.row.duration_s, *place(one)) for one in extremes()]
    return assign(settings, kinds["t"], list(PEOPLE), seed, shown, kinds["c"])


async def test_a_study_by_the_service_has_the_labels_of_the_same_study_simulated(
    url: str, tmp_path: Path
) -> None:
    work, kept = known("t", 6, 12.0), known("c", 8, 12.0)
    tracks = {one.row.track_id: one for one in (*work, *kept, *extremes())}
    simulated = simulate(
        tmp_path / "simulated",
        work,
        PEOPLE,
        settings=dataclasses.replace(SETTINGS, calibration_attempts=1),
        seed=3,
        exemplars=extremes(),
        calibration=kept,
    )
    served = await exported(url, tmp_path / "served", simulated, tracks)
    assert served.annotators == simulated.annotators
    assert {row.status for row in served.annotators} >= {"finished", "paused", "dropped"}
    assert {trial.kind for trial in served.trials} == {"training", "calibration", "work", "duplicate"}
    assert any(trial.interrupted for trial in served.trials)
    assert without_ids(served) == without_ids(simulated)
    ours, theirs = labels(served), labels(simulated)
    for name in ("dynamic", "static", "people"):
        mine, other = ours[name], theirs[name]
        assert isinstance(mine, dict)
        assert isinstance(other, dict)
        for column, values in mine.items():
            np.testing.assert_array_equal(values, other[column], err_msg=f"{name} {column}")
    assert ours["agreement"] == theirs["agreement"]


async def test_an_export_is_the_same_bytes_each_time_and_the_commands_read_it(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    work = [
        KnownTrack(dataclasses.replace(one.row, file=str(tmp_path / one.row.file[1:])), one.curve)
        for one in known("t", 8)
    ]
    (tmp_path / "music").mkdir()
    for one in work:
        Path(one.row.file).write_bytes(one.row.track_id.encode())  # a release tells its checksum
    service, _ = await running(url, clock, draft(tracks=work))
    tracks = {one.row.track_id: one for one in (*work, *known("c", 8))}
    for name in ("a01", "a02"):
        session = Session(SETTINGS, service.info.assignment, name, PEOPLE["a01"], tracks)
        await through(session, service, clock)
    await service.set_profile("a01", {"gender": "woman-of-the-test", "instruments": ["theremin"]})
    first = await write_study(service, tmp_path / "one")
    await write_study(service, tmp_path / "two")
    await service.close()
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in files:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "two" / name).read_bytes(), name
        assert b"theremin" not in content
        assert b"woman-of-the-test" not in content
    study = Study.open(tmp_path / "one")
    assert first.trials == len(study.trials)
    assert first.samples == sum(len(samples) for _, samples in study.samples())
    assert main(["dataset", "agreement", str(tmp_path / "one"), "--bootstrap", "0", "--lag", "none"]) == 0
    assert "8 tracks" in capsys.readouterr().out
    command = ["dataset", "release", str(tmp_path / "one"), "--out", str(tmp_path / "release")]
    assert main([*command, "--audio", "none", "--licence", "CC0-1.0", "--lag", "none"]) == 0
    assert json.loads((tmp_path / "release" / "dataset.json").read_text())["tracks"] == 8


async def test_what_a_client_says_of_itself_is_kept_with_the_trial(url: str, tmp_path: Path) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await enter(service, "a01")
    await service.record("a01", TrainingDone(0.0))
    first = await hear(service, clock, "a01")
    clock.now += 20
    trial = await start(service, "a01")
    device = [{"kind": "device", "position_ms": 5.0, "client_ms": 1005.0, "detail": "touch"}]
    await service.add_batch(
        "a01", trial.trial_id, 0, [(0, 0.0, 1000.0, None, None, 0), (1, 50.0, 1050.0, 0.5, 0, 1)], device
    )
    await service.interrupt_trial("a01", trial.trial_id, "telephone")
    clock.now += 20
    playing = await start(service, "a01")
    done = await write_study(service, tmp_path / "study")
    await service.close()
    assert (done.trials, done.valid, done.open) == (2, 1, 1)
    study = Study.open(tmp_path / "study")
    trials = {one.trial_id: one for one in study.trials}
    assert set(trials) == {first, trial.trial_id}
    assert playing.trial_id not in trials
    assert trials[first].device == "mouse"
    assert trials[trial.trial_id].device == "touch"
    assert (trials[first].valid, trials[trial.trial_id].valid) == (True, False)
    assert trials[trial.trial_id].interrupted
    assert trials[first].output_latency_ms == CLIENT["output_latency_ms"]
    assert trials[first].clock_offset_ms == CLIENT["clock_offset_ms"]
    assert math.isnan(trials[first].reset_s)
    assert trials[trial.trial_id].reset_s == 20.0
    assert trials[first].jitter_max_ms == 0.0
    assert trials[first].protocol == "protocol-v1"
    assert trials[first].terms == "ring12-v1"
    said = {one.trial_id: samples for one, samples in study.samples()}[trial.trial_id]
    assert np.isnan(said.valence[0])
    assert said.valence[1] == np.float32(0.5)


async def test_a_batch_that_comes_after_the_end_counts_for_a_broken_off_take_only(
    url: str, tmp_path: Path
) -> None:
    """What was heard to its end was whole then, and was judged: nothing that comes later changes it."""
    clock = Clock()
    service, _ = await running(url, clock)
    await enter(service, "a01")
    await service.record("a01", TrainingDone(0.0))
    finished = await hear(service, clock, "a01")
    clock.now += 20
    broken = (await start(service, "a01")).trial_id
    await service.interrupt_trial("a01", broken)
    rows = [(n, n * 50.0, 9000.0 + n * 50.0, 0.1, 0.1, 1) for n in range(100, 110)]
    for trial_id in (finished, broken):
        assert not (await service.add_batch("a01", trial_id, 1, rows)).duplicate
    await write_study(service, tmp_path / "study")
    await service.close()
    counts = {trial.trial_id: len(samples) for trial, samples in Study.open(tmp_path / "study").samples()}
    assert counts == {finished: 40, broken: 10}

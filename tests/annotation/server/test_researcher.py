"""What researchers see is what happened, and what they do is allowed, logged, and noticed everywhere."""

import dataclasses

import numpy as np
import pytest
from annotation_study import (
    CLIENT,
    SETTINGS,
    Clock,
    at_calibration,
    draft,
    hear,
    known,
    running,
    some_rows,
    start,
    through,
)

from damer.annotation.protocol import Paused
from damer.annotation.samples import trajectory
from damer.annotation.server.answers import Conflict, Refused, UnknownPerson
from damer.annotation.server.service import StudyService
from damer.annotation.simulation import Annotator, Session
from damer.core.agreement.summary import agreement
from damer.core.fusion import tabulate
from damer.core.trajectory import Trajectory

pytestmark = pytest.mark.anyio

GOOD = Annotator(noise=0.05, lag_s=1.0)


async def went(service: StudyService, clock: Clock, name: str, who: Annotator = GOOD) -> Session:
    tracks = {one.row.track_id: one for one in (*known("t", 8), *known("c", 8))}
    session = Session(service.info.settings, service.info.assignment, name, who, tracks)
    await through(session, service, clock)
    return session


async def test_progress_counts_every_planned_hearing_once(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock, draft(["a01", "a02", "a03"]))
    await went(service, clock, "a01")
    await went(service, clock, "a02", dataclasses.replace(GOOD, leaves_after=3))
    seen = await service.researcher.progress()
    assert (seen.done, seen.to_come, seen.open, seen.total) == (8 + 3, 8, 5, 24)
    first, second, third = seen.annotators
    assert (first.phase, first.done, first.total, first.step) == ("finished", 10, 10, "finished")
    assert (second.status, second.calibrated, second.entered) == ("dropped", True, True)
    assert (third.phase, third.done, third.entered, third.last_seen) == ("new", 0, False, None)
    assert first.listened_s == pytest.approx(13 * 20.0)
    assert seen.listened_s == sum(one.listened_s for one in seen.annotators)
    assert [(one.cohort, one.annotators, one.done) for one in seen.cohorts] == [(1, 3, 10 + second.done)]
    tracks = {one.track_id: one for one in await service.researcher.tracks()}
    assert sum(tracks[f"t{n}"].annotators for n in range(8)) == 8 + 3
    assert {tracks[f"t{n}"].total for n in range(8)} == {3}
    await service.close()


async def test_calibrations_are_told_with_their_numbers(url: str) -> None:
    clock = Clock()
    service, _ = await running(
        url, clock, draft(settings=dataclasses.replace(SETTINGS, calibration_attempts=2))
    )
    await went(service, clock, "a01", Annotator(parked=True))
    await went(service, clock, "a02")
    told = await service.researcher.calibrations()
    assert told.largest_distance == 0.25
    found = {(one.annotator, one.attempt): one for one in told.results}
    assert set(found) == {("a01", 1), ("a01", 2), ("a02", 1)}
    assert found["a02", 1].passed
    assert not found["a01", 1].passed
    assert found["a01", 1].movement == pytest.approx(0.0)
    assert "the pointer moved by 0.00, less than 0.1" in found["a01", 1].reasons
    assert found["a01", 1].extremes is None  # there were none: JSON has no NaN
    await service.close()


async def test_agreement_so_far_is_that_of_the_released_trajectories(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    assert (await service.researcher.agreement()).note.startswith("nobody has heard a track")
    sessions = [await went(service, clock, "a01"), await went(service, clock, "a02")]
    told = await service.researcher.agreement()
    assert (told.trajectories, told.tracks, told.note) == (16, 8, "")
    said: list[Trajectory] = []
    for session in sessions:
        takes = Session(SETTINGS, session.assignment, session.name, GOOD, session.known)
        said += [trajectory(*take, 20.0) for take in takes.run() if take[0].kind == "work" and take[0].valid]
    expected = agreement(tabulate(said, 1.0, dict.fromkeys(service.tracks, 20.0)))
    for table in told.tables:
        known_values = next(
            one for one in expected.tables if (one.scope, one.dimension) == (table.scope, table.dimension)
        )
        for name, estimate in table.estimates.items():
            value = known_values.estimates[name].value
            assert (estimate.value is None) == bool(np.isnan(value)), name
            if estimate.value is not None:
                assert estimate.value == pytest.approx(value, abs=1e-4), name
    assert await service.researcher.agreement() == told  # nothing new, nothing computed
    await service.close()


async def test_trajectories_of_a_track_are_what_was_said(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service)
    trial = await start(service, "a01")
    track = (await service.audio("a01")).track.track_id  # type: ignore[union-attr]
    rows = [(n, 1000.0 * n + 500.0, 1000.0 * n, n / 20, -n / 20, 1) for n in range(5)]
    await service.add_batch("a01", trial.trial_id, 0, rows)
    clock.now += 5
    await service.interrupt_trial("a01", trial.trial_id, "door bell")
    clock.now += 15
    await hear(service, clock, "a01")
    told = await service.researcher.trajectories(track)
    assert told is not None
    assert [(one.annotator, one.kind, one.valid) for one in told.takes] == [
        ("a01", "calibration", False), ("a01", "calibration", True),
    ]  # fmt: skip
    broken, whole = told.takes
    assert broken.time_s[-1] == 4.5
    assert broken.valence[:3] == [None, None, 0.0]  # nothing was said in the first half second
    assert broken.valence[-1] == 0.2
    assert broken.arousal[-1] == -0.2
    assert len(whole.time_s) == 80
    assert set(whole.valence) == {0.3}
    assert await service.researcher.trajectories("unknown") is None
    unheard = await service.researcher.trajectories("t0")
    assert unheard is not None
    assert unheard.takes == []
    await service.close()


async def test_actions_are_checked_and_logged(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    boss = service.researcher
    await at_calibration(service)
    with pytest.raises(Refused):
        await boss.readmit("ada", "a01")
    with pytest.raises(UnknownPerson):
        await boss.pause("ada", "a99", "why")
    clock.now += 1
    await boss.pause("ada", "a01", "away")
    assert (await service.following("a01")).reason == "away"
    await boss.readmit("bob", "a01")
    link = await boss.invite("bob", "a01")
    token = link.link_path.removeprefix("/#/enter/")
    assert (await service.open_session(token)).annotator == "a01"  # type: ignore[union-attr]
    with pytest.raises(UnknownPerson):
        await boss.invite("bob", "researcher")
    await boss.drop("ada", "a01", "left")
    with pytest.raises(Refused):
        await boss.drop("ada", "a01", "left")
    entries = [(one.who, one.what, one.detail) for one in await boss.log()]
    assert entries == [
        ("ada", "drop", {"annotator": "a01", "reason": "left"}),
        ("bob", "invite", {"annotator": "a01"}),
        ("bob", "readmit", {"annotator": "a01"}),
        ("ada", "pause", {"annotator": "a01", "reason": "away"}),
    ]
    assert token not in repr(entries)
    assert [one.what for one in await boss.log(limit=1)] == ["drop"]
    await service.close()


async def test_a_newcomer_takes_over_what_is_left_and_every_server_knows(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock, serving=False)
    other = await StudyService.open(url, clock=clock, serving=False)
    await went(service, clock, "a01", dataclasses.replace(GOOD, leaves_after=3))
    with pytest.raises(Conflict, match="has not dropped out"):
        await service.researcher.replace("ada", "a02")
    for taken in ("a02", "researcher"):
        with pytest.raises(Conflict):
            await service.researcher.replace("ada", "a01", taken)
    link = await service.researcher.replace("ada", "a01")
    assert link.annotator == "a01-2"
    with pytest.raises(Conflict, match="is replaced already"):
        await other.researcher.replace("ada", "a01")
    heard = {take.track for take in (await service.state("a01")).takes if take.kind == "work"}
    plan = (await other.info_for("a01-2")).assignment.plans["a01-2"]
    assert set(plan.tracks) == {f"t{n}" for n in range(8)} - heard
    assert len(plan.tracks) == 5
    session = await other.open_session(link.link_path.removeprefix("/#/enter/"))
    assert session is not None
    assert (await other.following("a01-2")).step == "invitation"
    seen = await other.researcher.progress()
    assert (seen.done, seen.to_come, seen.open, seen.total) == (3, 5 + 8, 0, 16)
    assert [one.replaces for one in seen.annotators] == ["", "", "a01"]
    await service.close()
    await other.close()


async def test_instruments_are_counted_and_small_groups_are_not_told(url: str) -> None:
    names = [f"a{n:02d}" for n in range(1, 8)]
    service, _ = await running(url, Clock(), draft(names))
    for number, name in enumerate(names[:6]):
        await service.set_profile(
            name,
            {
                "instruments": [["Piano ", "PIANO"], ["piano", "viola"], ["piano"], ["viola"], ["oboe"], []][
                    number
                ],
                "training_years": [0, 0.5, 4, 5, 3, None][number],
                "gender": ["woman", "Woman", "woman ", "man", None, None][number],
                "age_band": "25_34" if number < 4 else None,
            },
        )
    told = await service.researcher.instruments()
    assert (told.people, told.answered) == (7, 5)
    assert [(one.name, one.people) for one in told.instruments] == [("piano", 3), ("other", 3)]
    assert [(one.name, one.people) for one in told.training] == [("3 to 5", 3)]
    assert [(one.name, one.people) for one in told.gender] == [("woman", 3)]
    assert [(one.name, one.people) for one in told.age_bands] == [("25_34", 4)]
    await service.close()


async def test_many_states_are_read_with_one_question(url: str) -> None:
    """Looking at everybody notices what another server stored."""
    clock = Clock()
    service, _ = await running(url, clock, serving=False)
    other = await StudyService.open(url, clock=clock, serving=False)
    await service.researcher.progress()
    await at_calibration(other)
    trial = await start(other, "a01")
    await other.add_batch("a01", trial.trial_id, 0, some_rows())
    await other.record("a02", Paused(0.0, "why"))
    seen = await service.researcher.progress()
    assert [(one.step, one.status) for one in seen.annotators] == [
        ("listening", "active"),
        ("paused", "paused"),
    ]
    assert CLIENT["device"] == "mouse"
    await service.close()
    await other.close()

"""The study service: every rule holds, whatever a client says, on both databases."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from annotation_study import (
    CLIENT,
    NOON,
    SETTINGS,
    Clock,
    at_calibration,
    draft,
    enter,
    hear,
    running,
    some_rows,
    start,
)
from sqlalchemy import text

from damer.annotation.protocol import (
    Consented,
    DroppedOut,
    Paused,
    Readmitted,
    StudySettings,
    TimezoneSet,
    TrainingDone,
    TrialFinished,
    VolumeChecked,
)
from damer.annotation.server.answers import (
    BadBatch,
    Conflict,
    NotYours,
    Refused,
    UnknownPerson,
)

pytestmark = pytest.mark.anyio


# -- the way -------------------------------------------------------------------------------------------------


async def test_steps_come_in_their_order_and_with_the_servers_time(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    with pytest.raises(Refused) as refused:
        await service.record("a01", Consented(0.0))
    assert refused.value.refusal.code == "phase"
    await service.enter("a01", "Asia/Shanghai")
    with pytest.raises(Refused, match="time zone 'Nowhere/At all'"):
        await service.record("a01", TimezoneSet(0.0, "Nowhere/At all"))
    clock.now += 5
    await service.record("a01", Consented(at=1.0), consent_version="v7")
    await service.record("a01", VolumeChecked(math.inf))
    assert [event.at for event in await service.histories.events("a01")] == [NOON, NOON + 5, NOON + 5]
    assert (await service.following("a01")).step == "training_done"
    rows = await service.database.read(
        lambda c: c.execute(text("SELECT annotator, version FROM consents")).all()
    )
    assert [tuple(row) for row in rows] == [("a01", "v7")]
    with pytest.raises(UnknownPerson):
        await service.following("a99")
    with pytest.raises(TypeError):
        await service.record("a01", TrialFinished(0.0, "x"))
    await service.close()


async def test_only_the_next_hearing_starts_and_only_by_its_own_name(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await enter(service, "a01")
    with pytest.raises(Refused) as refused:
        await service.start_trial("a01", "0" * 32, CLIENT)
    assert refused.value.refusal.code == "phase"  # there are no exemplars, so nothing is to be heard
    await service.record("a01", TrainingDone(0.0))
    await at_calibration(service, "a02")
    own, other = await service.audio("a01"), await service.audio("a02")
    assert own is not None
    assert other is not None
    assert await service.audio_of("a01", own.name) == own
    for name in (other.name, service.place_name("a01", "calibration", 0, 1), "é" * 32, ""):
        assert await service.audio_of("a01", name) is None
        with pytest.raises(Refused) as refused:
            await service.start_trial("a01", name, CLIENT)
        assert refused.value.refusal.code == "order"
    trial = await service.start_trial("a01", own.name, CLIENT)
    assert trial.started_at == clock.now
    with pytest.raises(Refused) as refused:
        await service.start_trial("a01", own.name, CLIENT)
    assert refused.value.refusal.code == "listening"
    await service.close()


async def test_names_of_hearings_tell_nothing_of_the_track(url: str) -> None:
    service, _ = await running(url, Clock())
    places = service.info.assignment.plans["a01"].calibration[0]
    second = next(number for number, one in enumerate(places) if one.repeats >= 0)
    names = [service.place_name("a01", "calibration", 0, number) for number in range(len(places))]
    assert len(set(names)) == len(names)
    assert names[second] != names[places[second].repeats]
    others = {
        service.place_name("a02", "calibration", 0, 0),
        service.place_name("a01", "work", 0, 0),
        service.place_name("a01", "calibration", 1, 0),
    }
    assert not others & set(names)
    assert len({*others, *names}) == len(names) + 3
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in names)
    await service.close()


async def test_rest_length_and_cap_are_the_servers(url: str) -> None:
    clock = Clock()
    settings = StudySettings(**{**vars(SETTINGS), "daily_cap_s": 50.0})
    service, _ = await running(url, clock, draft(settings=settings))
    await at_calibration(service)
    trial = await start(service, "a01")
    await service.add_batch("a01", trial.trial_id, 0, some_rows())
    clock.now += 18.9
    with pytest.raises(Refused) as refused:
        await service.finish_trial("a01", trial.trial_id, 1)
    assert (refused.value.refusal.code, refused.value.refusal.until) == ("early", trial.started_at + 19.0)
    clock.now += 1.1
    await service.finish_trial("a01", trial.trial_id, 1)
    audio = await service.audio("a01")
    assert audio is not None
    clock.now += 14.9
    with pytest.raises(Refused) as refused:
        await service.start_trial("a01", audio.name, CLIENT)
    assert (refused.value.refusal.code, refused.value.refusal.until) == ("rest", trial.started_at + 35.0)
    clock.now += 0.1
    await hear(service, clock, "a01")
    assert (await service.today("a01")).listened_s == 40.0
    clock.now += 15
    with pytest.raises(Refused) as refused:
        await start(service, "a01")
    midnight = 1_780_351_200.0  # 2 June 2026 in Berlin
    assert (refused.value.refusal.code, refused.value.refusal.until) == ("cap", midnight)
    assert (await service.following("a01")).step == "done_for_today"
    assert (await service.today("a01")).ends_at == midnight
    clock.now = midnight
    await hear(service, clock, "a01")
    await service.close()


async def test_paused_and_dropped_people_hear_nothing_more(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service)
    await service.record("a01", Paused(0.0, "holiday"))
    assert await service.audio("a01") is None
    with pytest.raises(Refused) as refused:
        await service.start_trial("a01", service.place_name("a01", "calibration", 0, 0), CLIENT)
    assert refused.value.refusal.code == "paused"
    await service.record("a01", Readmitted(0.0))
    trial = await start(service, "a01")
    await service.record("a01", Paused(0.0, "holiday"))
    assert (await service.audio("a01")) is not None  # what plays may be heard to its end
    clock.now += 20
    await service.finish_trial("a01", trial.trial_id, 0)
    await service.record("a01", DroppedOut(0.0, "moved away"))
    with pytest.raises(Refused) as refused:
        await service.start_trial("a01", service.place_name("a01", "calibration", 0, 1), CLIENT)
    assert refused.value.refusal.code == "dropped"
    await service.close()


# -- batches -------------------------------------------------------------------------------------------------


async def test_a_batch_counts_once_however_often_and_in_whatever_order_it_comes(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service)
    trial_id = (await start(service, "a01")).trial_id
    opened = await service.open_trial("a01")
    assert opened is not None
    assert (opened.trial_id, opened.next_batch) == (trial_id, 0)
    answers = []
    for number in (2, 0, 2, 1, 1):
        rows = some_rows(10, 10 * number)
        answers.append(
            await service.add_batch("a01", trial_id, number, rows, [{"kind": "focus", "detail": "ü"}])
        )
    assert [(one.number, one.duplicate, one.next_missing) for one in answers] == [
        (2, False, 0), (0, False, 1), (2, True, 1), (1, False, 3), (1, True, 3),
    ]  # fmt: skip
    for rows, events in (
        (some_rows(10, 11), [{"kind": "focus", "detail": "ü"}]),
        (some_rows(10, 10), [{"kind": "focus", "detail": "u"}]),
        (some_rows(10, 10), []),
    ):
        with pytest.raises(Conflict, match="batch 1 "):
            await service.add_batch("a01", trial_id, 1, rows, events)
    found = (await service.recordings.read([trial_id]))[trial_id]
    assert found.samples.seq.tolist() == list(range(30))
    assert [event["detail"] for event in found.events] == ["ü", "ü", "ü"]
    await service.close()


async def test_many_at_once_are_stored_once_each(url: str) -> None:
    """Every batch comes three times at the same moment, half of the last ones with other content."""
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service)
    trial_id = (await start(service, "a01")).trial_id
    sent = [(number, some_rows(5, 5 * number)) for number in range(40)] * 3
    answers = await asyncio.gather(*(service.add_batch("a01", trial_id, *one) for one in sent))
    assert sum(not one.duplicate for one in answers) == 40
    same = [service.add_batch("a01", trial_id, 40, some_rows(5, 200)) for _ in range(3)]
    other = [service.add_batch("a01", trial_id, 40, some_rows(4, 200)) for _ in range(3)]
    outcomes = await asyncio.gather(*same, *other, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in outcomes) == 3
    assert (await service.open_trial("a01")).next_batch == 41  # type: ignore[union-attr]
    found = (await service.recordings.read([trial_id]))[trial_id]
    assert found.samples.seq.tolist() == list(range(205))
    await service.close()


async def test_trials_of_others_are_out_of_reach(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service, "a01")
    trial_id = (await start(service, "a01")).trial_id
    for who, trial in (("a02", trial_id), ("a01", "unknown"), ("a01", "")):
        with pytest.raises(NotYours):
            await service.add_batch(who, trial, 0, some_rows())
        with pytest.raises(NotYours):
            await service.finish_trial(who, trial, 0)
        with pytest.raises(NotYours):
            await service.interrupt_trial(who, trial)
    await service.close()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((1, 50.0, 1050.0, math.nan, 0.0, 1), "not finite"),
        ((1, 50.0, 1050.0, math.inf, 0.0, 1), "not finite"),
        ((1, math.nan, 1050.0, 0.0, 0.0, 1), "not finite"),
        ((1, 50.0, math.inf, 0.0, 0.0, 1), "not finite"),
        ((1, 50.0, 1050.0, None, 0.0, 1), "together"),
        ((1, 50.0, 1050.0, 0.8, 0.7, 1), "outside the unit disc"),
        ((0, 50.0, 1050.0, 0.0, 0.0, 1), "do not ascend"),
        ((1, -0.1, 1050.0, 0.0, 0.0, 1), "outside the track"),
        ((1, 25_001.0, 1050.0, 0.0, 0.0, 1), "outside the track"),
        ((1, 50.0, 999.0, 0.0, 0.0, 1), "runs back"),
        ((2**40, 50.0, 1050.0, 0.0, 0.0, 1), "not six numbers"),
        ((1, 50.0, 1050.0, 0.0, 0.0), "not six numbers"),
        ((1, "x", 1050.0, 0.0, 0.0, 1), "not six numbers"),
    ],
)
async def test_samples_that_cannot_be_are_refused_and_nothing_is_stored(
    tmp_path: Path, row: tuple[float, ...], problem: str
) -> None:
    service, _ = await running(str(tmp_path / "study.sqlite3"), Clock())
    await at_calibration(service)
    trial_id = (await start(service, "a01")).trial_id
    first = (0, 0.0, 1000.0, 0.6, 0.8000001, 1)
    with pytest.raises(BadBatch, match=problem):
        await service.add_batch("a01", trial_id, 0, [first, row])
    assert await service.next_batch(trial_id) == 0
    await service.add_batch("a01", trial_id, 0, [first])
    said = (await service.recordings.read([trial_id]))[trial_id].samples
    assert math.hypot(said.valence[0], said.arousal[0]) == pytest.approx(1.0, abs=1e-6)
    await service.close()


async def test_numbers_and_events_have_limits(tmp_path: Path) -> None:
    service, _ = await running(str(tmp_path / "study.sqlite3"), Clock())
    await at_calibration(service)
    trial_id = (await start(service, "a01")).trial_id
    for number in (-1, 100_000):
        with pytest.raises(BadBatch, match="numbers go from"):
            await service.add_batch("a01", trial_id, number, [])
    with pytest.raises(BadBatch, match="more than 2000"):
        await service.add_batch("a01", trial_id, 0, some_rows(2001))
    details: list[list[Any]] = [[""] * 201, ["x" * 2001], [math.nan], [object()]]
    for some in details:
        with pytest.raises(BadBatch):
            await service.add_batch("a01", trial_id, 0, [], [{"detail": one} for one in some])
    await service.close()

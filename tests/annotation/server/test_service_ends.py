"""How trials end, how calibration is judged, and what a crash, a clock or a second server does to it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from annotation_study import (
    CLIENT,
    Clock,
    at_calibration,
    draft,
    extremes,
    hear,
    known,
    running,
    some_rows,
    start,
    through,
)

from damer.annotation.protocol import (
    CalibrationJudged,
    ClockSetBack,
    TrialFinished,
    TrialStarted,
    replay,
)
from damer.annotation.server.answers import (
    Conflict,
    MissingBatches,
    Refused,
)
from damer.annotation.server.service import StudyService
from damer.annotation.simulation import Annotator, Session
from damer.core.errors import DamerError

pytestmark = pytest.mark.anyio


# -- ends ----------------------------------------------------------------------------------------------------


async def test_a_trial_is_finished_when_all_of_it_is_there(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service)
    trial_id = (await start(service, "a01")).trial_id
    clock.now += 20
    for number in (0, 3):
        await service.add_batch("a01", trial_id, number, some_rows(5, number * 5))
    with pytest.raises(MissingBatches) as missing:
        await service.finish_trial("a01", trial_id, 5)
    assert missing.value.missing == [1, 2, 4]
    with pytest.raises(MissingBatches) as missing:
        await service.finish_trial("a01", trial_id, 100_000_000)
    assert missing.value.missing[:3] == [1, 2, 4]
    await service.add_batch("a01", trial_id, 1, some_rows(5, 5))
    with pytest.raises(Conflict, match="has batch 3"):
        await service.finish_trial("a01", trial_id, 2)
    await service.add_batch("a01", trial_id, 2, some_rows(5, 10))
    state = await service.finish_trial("a01", trial_id, 4)
    assert [take.valid for take in state.takes] == [True]
    again = await service.finish_trial("a01", trial_id, 4)  # the answer was lost on its way
    assert again == state
    with pytest.raises(Refused) as refused:
        await service.interrupt_trial("a01", trial_id)
    assert refused.value.refusal.code == "over"
    await service.close()


async def test_a_broken_off_track_comes_again_and_its_samples_may_come_late(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service)
    audio = await service.audio("a01")
    trial_id = (await start(service, "a01")).trial_id
    clock.now += 3
    await service.interrupt_trial("a01", trial_id, "tab closed")
    await service.interrupt_trial("a01", trial_id, "tab closed")
    with pytest.raises(Refused) as refused:
        await service.finish_trial("a01", trial_id, 0)
    assert refused.value.refusal.code == "over"
    assert await service.audio("a01") == audio
    clock.now += 86400
    assert not (await service.add_batch("a01", trial_id, 0, some_rows())).duplicate
    assert len((await service.recordings.read([trial_id]))[trial_id].samples) == 40
    await hear(service, clock, "a01")
    assert [take.valid for take in (await service.state("a01")).takes] == [False, True]
    await service.close()


# -- calibration ---------------------------------------------------------------------------------------------


async def simulated(service: StudyService, clock: Clock, who: Annotator) -> Session:
    tracks = {one.row.track_id: one for one in (*known("t", 8), *known("c", 8), *extremes())}
    session = Session(service.info.settings, service.info.assignment, "a01", who, tracks)
    await through(session, service, clock)
    return session


@pytest.mark.parametrize(
    ("who", "passes"),
    [
        (Annotator(noise=0.03, lag_s=1.0), True),
        (Annotator(parked=True), False),
        (Annotator(careless=True), False),
    ],
)
async def test_the_server_judges_by_what_it_has_stored(url: str, who: Annotator, passes: bool) -> None:
    clock = Clock()
    service, _ = await running(url, clock, draft(exemplars=extremes()))
    session = await simulated(service, clock, who)
    stored = [e.verdict for e in await service.histories.events("a01") if isinstance(e, CalibrationJudged)]
    expected = [e.verdict for e in session.events if isinstance(e, CalibrationJudged)]
    assert [one.passed for one in stored] == ([True] if passes else [False] * 3)
    assert stored == expected
    state = await service.state("a01")
    assert (state.phase, state.status) == (("finished", "active") if passes else ("training", "paused"))
    await service.close()


async def test_a_verdict_that_the_server_died_over_is_given_later(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service)
    for _ in range(2):
        await hear(service, clock, "a01")
        clock.now += 15

    async def died(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(service, "_settled", died)
    with pytest.raises(ConnectionError):
        await hear(service, clock, "a01")
    assert (await service.state("a01")).phase == "judgement"
    await service.close()
    service = await StudyService.open(url, clock=clock)
    assert (await service.following("a01")).step in ("training_done", "rest")
    state = await service.state("a01")
    assert (state.phase, state.attempt) == ("training", 1)  # a pointer that never moved says nothing
    await service.close()


# -- clocks, crashes, several servers ------------------------------------------------------------------------


async def test_a_clock_set_back_is_noted_and_takes_no_rest_away(url: str) -> None:
    clock = Clock()
    service, _ = await running(url, clock)
    await at_calibration(service)
    await hear(service, clock, "a01")
    clock.now -= 7200
    assert (await service.following("a01")).until == clock.now + 15
    assert isinstance((await service.histories.events("a01"))[-1], ClockSetBack)
    clock.now -= 60
    with pytest.raises(Refused):
        await start(service, "a01")
    clock.now += 15
    await hear(service, clock, "a01")
    events = await service.histories.events("a01")
    assert sum(isinstance(event, ClockSetBack) for event in events) == 2
    again = replay(service.info.settings, service.info.assignment, "a01", events)
    assert again == await service.state("a01")
    await service.close()


async def test_several_servers_never_store_two_starts_of_one_track(tmp_path: Path, url: str) -> None:
    clock = Clock()
    first, _ = await running(url, clock, serving=False)
    servers = [first, *[await StudyService.open(url, clock=clock, serving=False) for _ in range(3)]]
    await at_calibration(first)
    for server in servers:
        await server.state("a01")  # each has its own idea of where a01 stands
    audio = await first.audio("a01")
    assert audio is not None
    tries = [server.start_trial("a01", audio.name, CLIENT) for server in servers for _ in range(3)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Refused) for one in outcomes) == len(tries) - 1
    clock.now += 20
    opened = await first.open_trial("a01")
    assert opened is not None
    batches = [
        server.add_batch("a01", opened.trial_id, number, some_rows(5, 5 * number))
        for number in range(20)
        for server in servers
    ]
    assert sum(not one.duplicate for one in await asyncio.gather(*batches)) >= 20
    ends = [server.finish_trial("a01", opened.trial_id, 20) for server in servers]
    ended = await asyncio.gather(*ends, return_exceptions=True)
    assert not [one for one in ended if isinstance(one, BaseException) and not isinstance(one, Refused)]
    histories = [await server.histories.events("a01") for server in servers]
    assert all(one == histories[0] for one in histories)
    assert sum(isinstance(event, TrialStarted) for event in histories[0]) == 1
    assert sum(isinstance(event, TrialFinished) for event in histories[0]) == 1
    found = (await servers[2].recordings.read([opened.trial_id]))[opened.trial_id]
    assert found.samples.seq.tolist() == list(range(100))
    for server in servers:
        await server.close()


async def test_an_open_trial_and_all_that_was_acknowledged_survive_a_kill(tmp_path: Path) -> None:
    """The server is killed in the middle of storing; what it had acknowledged is there, once, and goes on."""
    path = str(tmp_path / "study.sqlite3")
    service, _ = await running(path, Clock())
    await at_calibration(service)
    await service.close()
    code = (
        "import asyncio, os, signal, sys, annotation_study as A\n"
        "from damer.annotation.server.service import StudyService\n"
        "async def main():\n"
        "    service = await StudyService.open(sys.argv[1], clock=A.Clock())\n"
        "    trial = await A.start(service, 'a01')\n"
        "    print(trial.trial_id, flush=True)\n"
        "    async def add(n):\n"
        "        await service.add_batch('a01', trial.trial_id, n, A.some_rows(5, 5 * n))\n"
        "        print(n, flush=True)\n"
        "        if n == 30:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "    for start in range(0, 200, 10):\n"
        "        await asyncio.gather(*(add(n) for n in range(start, start + 10)))\n"
        "asyncio.run(main())\n"
    )
    helpers = str(Path(__file__).parents[2] / "helpers")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {helpers!r})\n{code}", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
    trial_id, *acknowledged = done.stdout.split()
    assert len(acknowledged) >= 31 or "30" in acknowledged
    clock = Clock()
    service = await StudyService.open(path, clock=clock)
    opened = await service.open_trial("a01")
    assert opened is not None
    assert opened.trial_id == trial_id
    there = (await service.recordings.read([trial_id]))[trial_id].samples.seq.tolist()
    assert len(there) == len(set(there))
    assert {5 * int(number) for number in acknowledged} <= set(there)
    for number in range(60):
        await service.add_batch("a01", trial_id, number, some_rows(5, 5 * number))
    clock.now += 20
    state = await service.finish_trial("a01", trial_id, 60)
    assert state.takes[-1].valid
    assert (await service.recordings.read([trial_id]))[trial_id].samples.seq.tolist() == list(range(300))
    await service.close()


async def test_a_database_without_a_study_is_told(url: str) -> None:
    service, _ = await running(url, Clock())
    await service.close()
    with pytest.raises(DamerError, match="holds a study already"):
        await running(url, Clock())


async def test_a_study_that_cannot_be_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    with pytest.raises(DamerError, match="too few"):
        await running(str(path), Clock(), draft(people=[]))
    with pytest.raises(DamerError, match="is no pseudonym"):
        await running(str(path), Clock(), draft(people=["Ada Lovelace", "a02"]))
    assert not path.exists()

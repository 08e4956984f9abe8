"""Nothing is lost: the server is killed again and again while thirty people annotate over a bad line.

Afterwards every sample that was acknowledged is in the database and in the export, once, in order. The people
send batches twice and in any order; one answer in fifty is lost after the server has acted on it; and after
some restarts the machine's clock is an hour behind.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import postgres
import pytest
from annotate_server import BadLine, RunningServer, damer, invitations, write_exemplars, write_tracks
from fault_check import MischievousOutbox, check_database, check_export, stored_batches

from damer.annotation.records import Study
from damer.annotation.robots import Connection, Ear, Pace, Robot
from damer.annotation.simulation import Annotator

SETTINGS = (
    "groups=1", "cohorts=1", "cohorts_per_group=1", "duplicate_every=3", "duplicate_distance=2",
    "calibration_tracks=3", "calibration_attempts=2", "reset_s=0.2", "early_s=0.3", "batch_interval_s=0.25",
)  # fmt: skip
CLOCKS = (0.0, 0.0, -3600.0, 0.0, -90.0)


@dataclass(frozen=True)
class Ordeal:
    """How hard it gets.

    Attributes:
        people: robots at work at once.
        kills: how often the server is killed.
        tracks: of each person's work, 1 to 2 s each.
        lives: a server is killed after so many acknowledged batches, at least and at most.
    """

    people: int
    kills: int
    tracks: int
    lives: tuple[int, int] = (20, 200)


def make_study(folder: Path, ordeal: Ordeal, url: str | None) -> Path:
    """Write sounds and make a study of them by the command that a researcher uses."""
    work = write_tracks(folder, "work", [1.0 + 0.1 * (number % 10) for number in range(ordeal.tracks)])
    calibration = write_tracks(folder, "calibration", [1.5] * 4, seed=500)
    words = ["--tracks", work, "--calibration", calibration, "--exemplars", write_exemplars(folder, 1.0)]
    words += ["--annotators", str(ordeal.people), "--settings", *SETTINGS, "--seed", "7"]
    study = folder / "study"
    damer("annotate", "init", study, *words, *(["--db", url] if url else []))
    return study


async def torment(server: RunningServer, robots: Sequence[Robot], ordeal: Ordeal) -> None:
    """Kill the server in the midst of its work and start it again, as often as asked."""
    rng = random.Random(1)  # noqa: S311
    for _ in range(ordeal.kills):
        enough = acknowledged(robots) + rng.randint(*ordeal.lives)
        while acknowledged(robots) < enough:
            await asyncio.sleep(0.005)
        server.kill()
        await asyncio.to_thread(server.start, rng.choice(CLOCKS))


def acknowledged(robots: Sequence[Robot]) -> int:
    return sum(len(robot.outbox.acknowledged) for robot in robots)


async def live(server: RunningServer, tokens: dict[str, str], ordeal: Ordeal) -> tuple[list[Robot], BadLine]:
    """Let everybody work until they have finished, through a bad line, while the server is killed."""
    line = BadLine(server.port, loses=0.02)
    base = await line.start()
    ear = Ear()
    robots = [
        Robot(
            Connection(base, timeout_s=10.0),
            token,
            Annotator(noise=0.03, lag_s=0.2, interrupts=0.05),
            seed,
            ear=ear,
            outbox=MischievousOutbox(seed),
            pace=Pace(),
        )
        for seed, token in enumerate(tokens.values())
    ]
    try:
        async with asyncio.timeout(60.0 * ordeal.kills), asyncio.TaskGroup() as group:
            group.create_task(torment(server, robots, ordeal))
            lives = [group.create_task(robot.run()) for robot in robots]
    finally:
        await line.close()
    assert {life.result() for life in lives} == {"finished"}
    return robots, line


def survive(folder: Path, ordeal: Ordeal, url: str | None, *options: str) -> None:
    """Go through an ordeal and look at what is left."""
    study = make_study(folder, ordeal, url)
    tokens = invitations(study)
    server = RunningServer(study, options)
    server.start()
    begun = time.monotonic()
    try:
        robots, line = asyncio.run(live(server, tokens, ordeal))
        lived = time.monotonic() - begun
    finally:
        server.kill()
    assert server.starts == ordeal.kills + 1
    stored = stored_batches(url or str(study / "study.sqlite3"))
    samples = check_database(stored, robots)
    damer("annotate", "export", study, "--out", folder / "export")
    finished = check_export(folder / "export", robots)
    assert {one.status for one in Study.open(folder / "export").annotators} == {"finished"}
    repeated = sum(robot.outbox.repeated for robot in robots)
    assert repeated
    assert line.lost
    words = f"{ordeal.people} people, {ordeal.kills} kills in {lived:.0f} s, {line.lost} answers lost, "
    words += f"{repeated} batches twice; {len(stored)} batches stored, {samples} samples acknowledged, "
    print(f"\n{words}{finished} in finished tracks: all found, once, in order")


ORDEAL = Ordeal(people=30, kills=6, tracks=4)
FULL = Ordeal(people=30, kills=50, tracks=60)


@pytest.mark.e2e
def test_no_acknowledged_sample_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    survive(tmp_path, ORDEAL, None)


@pytest.mark.e2e
@pytest.mark.slow
def test_fifty_kills(tmp_path: Path, url: str) -> None:
    survive(tmp_path, FULL, url if "://" in url else None)


@pytest.mark.e2e
@pytest.mark.slow
def test_two_workers_are_killed(tmp_path: Path, cluster: postgres.Cluster) -> None:
    survive(tmp_path, ORDEAL, cluster.database(), "--workers", "2")

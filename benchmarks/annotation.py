"""How many people can annotate at once: a real server under simulated annotators who work over HTTP.

    python benchmarks/annotation.py [--annotators 300] [--seconds 60] [--postgresql | --db URL] [--workers N]

A study is made in a temporary folder and served as `damer annotate serve` does, with the options given here
and nothing tuned. The annotators enter one after another; each fetches the sound of a track, plays it, sends
20 samples a second in batches as the client does, finishes it and goes on with the next. Times are taken
once all of them play. In the end every batch that was acknowledged is looked up in the database.

With --db the study lies in PostgreSQL: an empty database, as postgresql://USER@HOST:PORT/NAME. --postgresql
makes one in a temporary folder, with the server's own defaults: a commit is on the disk when it returns.
"""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import platform
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import soundfile

from damer.annotation.robots import Connection, Ear, Pace, Robot
from damer.annotation.simulation import Annotator, KnownTrack, smooth_curve
from damer.annotation.tables import StudyTrack

RATE = 44100
SAMPLE_BYTES = 29
SETTINGS = (
    "groups=1", "cohorts=1", "cohorts_per_group=1", "duplicate_every=0", "calibration_tracks=3",
    "reset_s=0.5", "daily_cap_s=86400", "calibration_distance=2", "calibration_movement=0",
)  # fmt: skip


def damer(*words: object) -> None:
    command = [sys.executable, "-m", "damer", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def make_study(folder: Path, options: argparse.Namespace) -> list[str]:
    """Make a study and return everybody's token."""
    for kind, count in (("work", 4), ("calibration", 2)):
        (folder / kind).mkdir()
        with (folder / f"{kind}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["file"])
            for number in range(count):
                path = folder / kind / f"{kind}{number}.flac"
                noise = 0.002 * np.random.default_rng(number).standard_normal((options.track_s * RATE, 2))
                soundfile.write(path, noise, RATE)
                writer.writerow([path])
    words = ["--tracks", folder / "work.csv", "--calibration", folder / "calibration.csv"]
    words += [
        "--annotators",
        options.annotators,
        "--settings",
        *SETTINGS,
        f"batch_interval_s={options.interval}",
    ]
    words += ["--db", options.db] if options.db else []
    damer("annotate", "init", folder / "study", *words)
    damer("annotate", "invite", folder / "study", "--all", "--csv", folder / "links.csv")
    with (folder / "links.csv").open(encoding="utf-8") as file:
        return [row["link"].rpartition("/")[2] for row in csv.DictReader(file)]


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server of this benchmark's own and yield the URL of an empty database."""
    found = shutil.which("initdb") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))
    programs = Path(found).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="damer-postgresql-"))
    user = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        entry = pwd.getpwnam("postgres")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def run(*words: object) -> None:
        command = [str(word) for word in words]
        subprocess.run([programs / command[0], *command[1:]], check=True, stdout=subprocess.DEVNULL, **user)

    port, data = free_port(), folder / "data"
    run("initdb", "-D", data, "-U", "damer", "-A", "trust", "-E", "UTF8", "--locale=C")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run("pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", port, "-U", "damer", "study")
        yield f"postgresql://damer@127.0.0.1:{port}/study"
    finally:
        run("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """`damer annotate serve` in a process group of its own."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        words = ["annotate", "serve", str(folder), "--port", str(port)]
        words += ["--workers", str(options.workers)] if options.workers > 1 else []
        self.process = subprocess.Popen([sys.executable, "-m", "damer", *words], start_new_session=True)
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.base}/api/v1/health", timeout=5)  # noqa: S310
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise SystemExit("the server did not start") from None
                time.sleep(0.1)

    def cpu_s(self) -> float:
        """Return the CPU time of the server and its workers so far, seconds (Linux)."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parts = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(parts[3]) == self.process.pid:  # session
                ticks += int(parts[11]) + int(parts[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@dataclass
class Book:
    """What was measured, while `open`."""

    open: bool = False
    times: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)

    def note(self, kind: str, seconds: float, status: int) -> None:
        """Note a request."""
        if not 200 <= status < 300:
            self.errors[f"{kind} {status or 'no answer'}"] += 1
        if self.open:
            self.times.setdefault(kind, []).append(seconds)

    async def watch_myself(self) -> None:
        """Note by how much this process is late itself: times are longer by that."""
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.02)
            if self.open:
                self.lags.append(time.perf_counter() - begun - 0.02)


class Deaf(Ear):
    """Does not decode what it gets: that would load this machine with what happens on the annotators'."""

    def __init__(self, seconds: float) -> None:
        self._track = KnownTrack(StudyTrack("noise", "", seconds), smooth_curve(0))

    def hear(self, sound: bytes) -> KnownTrack:
        """Return what all tracks convey."""
        assert len(sound) > 10_000
        return self._track


async def load(
    server: Server, tokens: list[str], options: argparse.Namespace
) -> tuple[dict[str, Any], list[Robot]]:
    """Let everybody work, and return what was measured once all do."""
    book, ear = Book(), Deaf(float(options.track_s))
    robots = [
        Robot(Connection(server.base), token, Annotator(), seed, ear=ear, pace=Pace(), watch=book.note)
        for seed, token in enumerate(tokens)
    ]
    tasks = [asyncio.create_task(book.watch_myself())]
    for robot in robots:
        tasks.append(asyncio.create_task(robot.run()))
        await asyncio.sleep(options.enter_s / len(robots))
    await asyncio.sleep(2 * options.interval)
    book.open, cpu, own, begun = True, server.cpu_s(), time.process_time(), time.perf_counter()
    await asyncio.sleep(options.seconds)
    book.open = False
    wall = time.perf_counter() - begun
    result = summary(book, options) | {
        "wall_s": wall,
        "server_cpu": (server.cpu_s() - cpu) / wall,
        "generator_cpu": (time.process_time() - own) / wall,
    }
    failed = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    result["stopped_early"] = len(failed)
    for outcome in {repr(one) for one in outcomes if not isinstance(one, asyncio.CancelledError)}:
        print(f"an annotator stopped: {outcome}")
    return result, robots


def summary(book: Book, options: argparse.Namespace) -> dict[str, Any]:
    batches = 1000 * np.array(book.times.get("batch", [np.nan]))
    kinds = {
        kind: [len(found), *(1000 * np.percentile(found, [50, 99]))] for kind, found in book.times.items()
    }
    return {
        "batches_a_second": len(batches) / options.seconds,
        "batch_ms": dict(
            zip(("p50", "p95", "p99", "max"), np.percentile(batches, [50, 95, 99, 100]), strict=True)
        ),
        "requests": {
            kind: dict(zip(("count", "p50", "p99"), found, strict=True)) for kind, found in kinds.items()
        },
        "errors": dict(book.errors),
        "generator_late_ms_p99": float(1000 * np.percentile(book.lags, 99)),
    }


def look_up(url: str, robots: list[Robot]) -> dict[str, int]:
    """Count the acknowledged samples, and those of them that are in the database."""
    query = "SELECT trial_id, number, length(samples) AS size FROM batches"
    ask = _asked if "://" in url else _asked_file
    rows = asyncio.run(ask(url, query))
    stored = {(trial, number): size // SAMPLE_BYTES for trial, number, size in rows}
    acknowledged = [batch for robot in robots for batch in robot.outbox.acknowledged]
    return {
        "samples_acknowledged": sum(len(batch.samples) for batch in acknowledged),
        "samples_found": sum(stored.get((batch.trial_id, batch.number), 0) for batch in acknowledged),
        "samples_stored": sum(stored.values()),
    }


async def _asked(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url, ssl=False)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def _asked_file(path: str, query: str) -> list[Any]:
    return sqlite3.connect(path).execute(query).fetchall()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    option = parser.add_argument
    option("--annotators", type=int, default=300)
    option("--seconds", type=int, default=60, help="how long times are taken")
    option("--enter-s", type=float, default=30.0, help="in how many seconds they enter")
    option("--interval", type=float, default=2.0, help="the study's batch_interval_s")
    option("--track-s", type=int, default=60)
    option("--db", help="postgresql://…; default: SQLite")
    option("--postgresql", action="store_true", help="make a PostgreSQL server for this run")
    option("--workers", type=int, default=1)
    option("--json", type=Path)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="damer-annotation-"))
        if options.postgresql:
            options.db = stack.enter_context(postgresql())
        tokens = make_study(Path(name), options)
        server = Server(Path(name) / "study", options)
        try:
            result, robots = asyncio.run(load(server, tokens, options))
        finally:
            server.stop()
        database = Path(name) / "study" / "study.sqlite3"
        size = database.stat().st_size if database.exists() else None
        result |= look_up(options.db or str(database), robots)
    result |= {"python": platform.python_version(), "database_bytes": size, "cores": os.cpu_count()}
    result |= {name: value for name, value in vars(options).items() if name not in ("json", "db")}
    report(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def report(result: dict[str, Any]) -> None:
    times = "   ".join(f"{name} {value:.1f}" for name, value in result["batch_ms"].items())
    print(f"{result['annotators']} annotators, {result['batches_a_second']:.0f} batches a second")
    print(f"a batch takes (ms): {times}")
    print(f"this program itself was late by up to {result['generator_late_ms_p99']:.1f} ms (p99)")
    for kind, one in result["requests"].items():
        print(
            f"  {kind:10} {one['count']:8.0f} requests   p50 {one['p50']:7.1f} ms   p99 {one['p99']:7.1f} ms"
        )
    print(f"CPU, cores: server {result['server_cpu']:.2f}, annotators {result['generator_cpu']:.2f}")
    print(f"errors: {result['errors'] or 'none'}; annotators that stopped early: {result['stopped_early']}")
    found, wanted = result["samples_found"], result["samples_acknowledged"]
    lost = "" if found == wanted else ": LOST"
    print(f"samples acknowledged {wanted}, of these in the database {found}{lost}")


if __name__ == "__main__":
    main()

"""A real annotation server in a process of its own, to be started, killed and started again; a bad line."""

import asyncio
import contextlib
import csv
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile

from damer.cli import main

RATE = 8000
T = TypeVar("T")
# Starts the command with a clock that is wrong by some seconds, as a machine's may be after a restart.
_LAUNCHER = (
    "import sys, time; real, off = time.time, float(sys.argv.pop(1)); time.time = lambda: real() + off;"
    "from damer.cli import main; sys.exit(main())"
)


def apart(work: Callable[[], T]) -> T:
    """Do something in another thread, where it may have an event loop: Playwright has one in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def damer(*words: object) -> str:
    """Run a command of damer, in this process, and return what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = apart(lambda: main([str(word) for word in words]))
    assert status == 0, f"damer {' '.join(map(str, words))}\n{printed.getvalue()}"
    return printed.getvalue()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def write_sound(path: Path, seconds: float, seed: int) -> None:
    """Write music of a kind: a chord that swells in its own way, so that an ear can tell it."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    swell = sum(np.sin(2 * np.pi * times * rng.uniform(0.2, 1.5) + rng.uniform(0, 6)) for _ in range(3))
    chord = sum(np.sin(2 * np.pi * times * pitch) for pitch in rng.uniform(110, 880, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.05 * np.exp(swell / 2) * chord, RATE)


def write_tracks(folder: Path, name: str, lengths_s: Sequence[float], seed: int = 0) -> Path:
    """Write sounds and a CSV that names them, and return the CSV."""
    rows = []
    for number, seconds in enumerate(lengths_s):
        path = folder / name / f"{name}{number:03}.flac"
        write_sound(path, seconds, seed + number)
        rows.append([path, f"artist {number // 2}", f"Piece {number}", "CC0-1.0", "true"])
    return _table(folder / f"{name}.csv", ["file", "group", "title", "licence", "is_cc0"], rows)


def write_exemplars(folder: Path, seconds: float, seed: int = 900) -> Path:
    """Write a sound for each of four extremes, and a CSV with their places."""
    places = ((0.6, 0.6), (-0.6, 0.6), (-0.6, -0.6), (0.6, -0.6))
    rows: list[list[object]] = []
    for number, (valence, arousal) in enumerate(places):
        path = folder / "exemplars" / f"exemplar{number}.flac"
        write_sound(path, seconds, seed + number)
        rows.append([path, valence, arousal])
    return _table(folder / "exemplars.csv", ["file", "valence", "arousal"], rows)


def _table(path: Path, columns: list[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def invitations(folder: Path) -> dict[str, str]:
    """Invite everybody and return the token of each, by pseudonym."""
    target = folder / "links.csv"
    damer("annotate", "invite", folder, "--all", "--url", "http://127.0.0.1", "--csv", target)
    with target.open(encoding="utf-8") as file:
        return {row["name"]: row["link"].rpartition("/")[2] for row in csv.DictReader(file)}


@dataclass
class RunningServer:
    """`damer annotate serve` in a process of its own.

    Attributes:
        folder: the study's.
        options: further words of the command.
        port: on loopback.
        starts: how often it was started.
    """

    folder: Path
    options: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    starts: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder.parent / f"{self.folder.name}-server.log"

    def start(self, clock_off_s: float = 0.0, within_s: float = 40.0) -> None:
        """Start it and wait until it answers."""
        words = ["annotate", "serve", str(self.folder), "--port", str(self.port), *self.options]
        command = [sys.executable, "-c", _LAUNCHER, str(clock_off_s), *words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=os.environ | dict(self.environment),
                start_new_session=True,
            )
        self.starts += 1
        until = time.monotonic() + within_s
        while not self.healthy():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise AssertionError(f"the server did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.02)

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/api/v1/health", timeout=2) as answer:  # noqa: S310
                return bool(json.load(answer)["status"] == "ok")
        except (OSError, ValueError):
            return False

    def kill(self) -> None:
        """End it as `kill -9` does, with its workers."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """End it as Ctrl-C does and return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(20)
        finally:
            self.kill()
        return status


class BadLine:
    """A proxy that sometimes hangs up after the server has answered: the work is done, but nobody is told.

    Args:
        port: of the server.
        loses: share of the answers that are lost.
        seed: of the chance.

    Attributes:
        lost: answers that were lost so far.
        open: where False, there is no network: connections break and none is made.
    """

    def __init__(self, port: int, loses: float = 0.0, seed: int = 0) -> None:
        self.lost = 0
        self.open = True
        self.loses = loses
        self._target = port
        self._rng = random.Random(seed)  # noqa: S311
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Begin to listen on a free port and return the address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection; none is made until `open` is True again."""
        self.open = False
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        """Stop."""
        self.cut()
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back = None
        self._writers.add(writer)
        try:
            if self.open:
                there, back = await asyncio.open_connection("127.0.0.1", self._target)
                self._writers.add(back)
                up, down = (
                    asyncio.create_task(_pump(reader, back)),
                    asyncio.create_task(self._answer(there, writer)),
                )
                await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        except (OSError, asyncio.CancelledError):  # the loop ends with the test
            pass
        finally:
            for one in (writer, back):
                if one is not None:
                    self._writers.discard(one)
                    one.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if data.startswith(b"HTTP/") and self._rng.random() < self.loses:
                self.lost += 1
                return
            writer.write(data)
            await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()

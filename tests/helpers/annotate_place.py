"""A study of short tracks that is served, with annotators who are already at work."""

import asyncio
import contextlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate_server import RunningServer, apart, damer, invitations, write_exemplars, write_tracks
from fault_check import Stored, stored_batches

from damer.annotation.robots import Connection, Ear, Robot
from damer.annotation.simulation import Annotator

RULES = (
    "groups=1", "cohorts=1", "cohorts_per_group=1", "duplicate_every=0", "calibration_tracks=3",
    "reset_s=0.5", "batch_interval_s=0.5", "early_s=0.5",
)  # fmt: skip


class Beginner(Robot):
    """Leaves where the work begins."""

    async def _next(self) -> bool:
        return await super()._next() or self.step == "work"

    async def _hear(self, audio: dict[str, Any]) -> None:
        if self.step != "work":
            await super()._hear(audio)


@dataclass
class Place:
    """A study that is served.

    Attributes:
        folder: of the study.
        server: that serves it.
        tokens: of everybody's invitation.
    """

    folder: Path
    server: RunningServer
    tokens: dict[str, str]

    def stored(self) -> dict[tuple[str, int], Stored]:
        """Return every batch in the database, by trial and number."""
        return stored_batches(str(self.folder / "study.sqlite3"))

    def client_of(self, trial_id: str) -> dict[str, Any]:
        """Return by what a trial was made, as the database has it."""
        with contextlib.closing(sqlite3.connect(self.folder / "study.sqlite3")) as connection:
            query = "SELECT client FROM trials WHERE trial_id = ?"
            found: dict[str, Any] = json.loads(connection.execute(query, [trial_id]).fetchone()[0])
        return found

    def lead_to_work(self, names: list[str], timezone: str) -> None:
        """Bring some annotators through training and calibration."""
        ear = Ear()

        async def lead() -> None:
            who = Annotator(noise=0.02, lag_s=0.2, timezone=timezone)
            robots = [
                Beginner(Connection(self.server.base), self.tokens[name], who, seed, ear=ear)
                for seed, name in enumerate(names)
            ]
            await asyncio.wait_for(asyncio.gather(*(robot.run() for robot in robots)), 120)
            assert {robot.step for robot in robots} == {"work"}

        apart(lambda: asyncio.run(lead()))


def make_place(folder: Path, people: int, lengths_s: list[float], *rules: str) -> Place:
    """Make and serve a study of short tracks."""
    work = write_tracks(folder, "work", lengths_s)
    calibration = write_tracks(folder, "calibration", [1.5] * 6, seed=500)
    words = ["--tracks", work, "--calibration", calibration, "--exemplars", write_exemplars(folder, 1.2)]
    words += ["--annotators", str(people), "--settings", *RULES, *rules, "--seed", "3"]
    damer("annotate", "init", folder / "study", *words)
    server = RunningServer(folder / "study")
    tokens = invitations(folder / "study")
    server.start()
    return Place(folder / "study", server, tokens)

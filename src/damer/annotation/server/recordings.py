"""What was recorded in trials: samples of their batches, and by what."""

import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from damer.annotation.protocol import Take
from damer.annotation.rows import Client, trial_row
from damer.annotation.samples import trajectory
from damer.annotation.server import models
from damer.annotation.server.database import Database
from damer.annotation.server.packing import unpack
from damer.annotation.tables import Samples, Trial
from damer.core.trajectory import Trajectory

_TRIALS_A_QUERY = 50


@dataclass(frozen=True)
class Recording:
    """What was recorded in one trial.

    Attributes:
        client: what it said of itself when the trial began, with versions and sound.
        samples: in order of their numbers.
        events: of the player, in order of the batches.
    """

    client: Mapping[str, Any]
    samples: Samples
    events: Sequence[Mapping[str, Any]]


class Recordings:
    """Reads recordings. What was heard to its end has the batches that it had then, and no later ones."""

    def __init__(self, database: Database, rate_hz: float) -> None:
        """Read from a database, of clients that mean to send so many samples a second."""
        self._database = database
        self._rate_hz = rate_hz

    async def read(self, trial_ids: Sequence[str]) -> dict[str, Recording]:
        """Return the recordings of some trials, by id, in their order."""
        return {trial_id: recording async for trial_id, recording in self.iterate(trial_ids)}

    async def iterate(self, trial_ids: Sequence[str]) -> AsyncIterator[tuple[str, Recording]]:
        """Yield the recordings of some trials, in their order, some in memory at a time."""
        for start in range(0, len(trial_ids), _TRIALS_A_QUERY):
            some = trial_ids[start : start + _TRIALS_A_QUERY]
            for found in (await self._read(some)).items():
                yield found

    async def trajectories(
        self, annotator: str, takes: Sequence[Take], durations: Mapping[str, float]
    ) -> dict[str, Trajectory]:
        """Return what an annotator said in some takes that have ended, by trial_id."""
        said = {}
        by_id = {take.trial_id: take for take in takes}
        async for trial_id, recording in self.iterate(list(by_id)):
            take = by_id[trial_id]
            row = self.row(annotator, take, recording)
            said[trial_id] = trajectory(row, recording.samples, durations[take.track])
        return said

    def row(self, annotator: str, take: Take, recording: Recording) -> Trial:
        """Return the row of a study's trials.parquet of a take that has ended."""
        return trial_row(annotator, take, recording.samples, _client(recording, self._rate_hz))

    async def _read(self, trial_ids: Sequence[str]) -> dict[str, Recording]:
        trials, ends, batches = models.trials, models.ends, models.batches
        about = (
            select(trials.c.trial_id, trials.c.client, ends.c.batches)
            .join(ends, ends.c.trial_id == trials.c.trial_id, isouter=True)
            .where(trials.c.trial_id.in_(trial_ids))
        )
        stored = (
            select(batches.c.trial_id, batches.c.number, batches.c.samples, batches.c.events)
            .where(batches.c.trial_id.in_(trial_ids))
            .order_by(batches.c.trial_id, batches.c.number)
        )
        first, rows = await self._database.read(
            lambda connection: (connection.execute(about).all(), connection.execute(stored).all())
        )
        opened = {row.trial_id: row for row in first}
        parts: dict[str, list[Any]] = {trial_id: [] for trial_id in opened}
        for row in rows:
            most = opened[row.trial_id].batches
            if most is None or row.number < most:
                parts[row.trial_id].append(row)
        return {
            trial_id: Recording(
                opened[trial_id].client,
                unpack(bytes(part.samples) for part in parts[trial_id]),
                [event for part in parts[trial_id] for event in json.loads(part.events)],
            )
            for trial_id in trial_ids
            if trial_id in opened
        }


def _client(recording: Recording, rate_hz: float) -> Client:
    client = recording.client
    # Which device is in the hand comes out when it is used, and may change while a track plays.
    used = [str(event.get("detail", "")) for event in recording.events if event.get("kind") == "device"]
    return Client(
        name=str(client.get("program", "")),
        device=next((one for one in reversed(used) if one), "") or str(client.get("device", "")),
        rate_hz=rate_hz,
        output_latency_ms=_number(client.get("output_latency_ms")),
        clock_offset_ms=_number(client.get("clock_offset_ms")),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan

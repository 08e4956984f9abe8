"""What a server must have kept of what it acknowledged: database and export against the robots' own books."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt

from damer.annotation.records import Study
from damer.annotation.robots import Batch, Outbox, Robot

# As the table `batches` describes itself; written out again here, so that the test reads what is on the disk.
_SAMPLE = [("seq", "<i4"), ("position_ms", "<f8"), ("client_ms", "<f8")]
SAMPLE = np.dtype([*_SAMPLE, ("valence", "<f4"), ("arousal", "<f4"), ("inside", "?")])


Stored = npt.NDArray[np.void]
"""Samples as they lie in the database, one row each."""


class MischievousOutbox(Outbox):
    """Sends what waits in any order, several batches at a time, and some that were acknowledged long ago.

    Attributes:
        seen: every batch that was ever put in.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._rng = random.Random(seed)  # noqa: S311
        self.seen: list[Batch] = []

    async def put(self, batch: Batch) -> None:
        self.seen.append(batch)
        await super().put(batch)

    def choose(self) -> Sequence[Batch]:
        chosen = list(self.waiting)
        self._rng.shuffle(chosen)
        if self.acknowledged and self._rng.random() < 0.1:
            chosen.append(self._rng.choice(self.acknowledged))
        return chosen


def stored_batches(url: str) -> dict[tuple[str, int], Stored]:
    """Return every row of the table of batches by trial and number.

    Args:
        url: a file of SQLite, or of PostgreSQL.
    """
    query = "SELECT trial_id, number, samples FROM batches"
    if "://" in url:
        rows = asyncio.run(_asked(url, query))
    else:
        with contextlib.closing(sqlite3.connect(f"file:{url}?mode=ro", uri=True)) as connection:
            rows = connection.execute(query).fetchall()
    found = {(str(trial), int(number)): np.frombuffer(samples, SAMPLE) for trial, number, samples in rows}
    assert len(found) == len(rows), "a batch is stored twice"
    return found


async def _asked(url: str, query: str) -> Sequence[Sequence[Any]]:
    connection = await asyncpg.connect(url, ssl=False)
    try:
        rows: Sequence[Sequence[Any]] = await connection.fetch(query)
    finally:
        await connection.close()
    return rows


def table(rows: Sequence[Sequence[Any]]) -> Stored:
    """Return samples as they travel as the database has them."""
    return np.array([tuple(row) for row in rows], dtype=SAMPLE)


def check_database(stored: dict[tuple[str, int], Stored], robots: Sequence[Robot]) -> int:
    """Check that every acknowledged batch is stored once, as it was sent, and nothing that nobody sent.

    Returns:
        The number of acknowledged samples.
    """
    acknowledged: set[tuple[str, int]] = set()
    sent: dict[tuple[str, int], Batch] = {}
    samples = 0
    for robot in robots:
        assert isinstance(robot.outbox, MischievousOutbox)
        assert not robot.outbox.refused, robot.outbox.refused[:3]
        assert not robot.outbox.waiting
        sent |= {(batch.trial_id, batch.number): batch for batch in robot.outbox.seen}
        for batch in robot.outbox.acknowledged:
            key = (batch.trial_id, batch.number)
            assert key not in acknowledged
            acknowledged.add(key)
            samples += len(batch.samples)
    lost = acknowledged - set(stored)
    assert not lost, f"{len(lost)} acknowledged batches are not in the database: {sorted(lost)[:5]}"
    invented = set(stored) - set(sent)
    assert not invented, f"{len(invented)} batches were sent by nobody: {sorted(invented)[:5]}"
    for key, found in stored.items():
        np.testing.assert_array_equal(found, table(sent[key].samples), err_msg=str(key))
    return samples


def check_export(folder: Path, robots: Sequence[Robot]) -> int:
    """Check that every track acknowledged as finished is a valid trial with each sample once, in order.

    Returns:
        The number of those samples.
    """
    found = {trial.trial_id: (trial, samples) for trial, samples in Study.open(folder).samples()}
    count = 0
    for robot in robots:
        for trial_id, rows in robot.finished.items():
            trial, samples = found[trial_id]
            assert trial.annotator == robot.name
            assert trial.valid
            wanted = table(rows)
            for column in SAMPLE.names or ():
                np.testing.assert_array_equal(getattr(samples, column), wanted[column], err_msg=trial_id)
            count += len(rows)
        valid = {
            trial.trial_id for trial, _ in found.values() if trial.annotator == robot.name and trial.valid
        }
        assert valid == set(robot.finished), f"{robot.name}: the export has other finished trials"
    return count

"""Batches of samples on their way into the database: many requests wait, one transaction takes them all.

A batch is acknowledged when it is committed, which on SQLite means: on the disk. One commit takes
milliseconds whether it holds one batch or a hundred, so all that arrive during one go into the next.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, tuple_

from damer.annotation.server import models
from damer.annotation.server.answers import BatchReceipt, Conflict, ServiceError
from damer.annotation.server.database import Database

_MOST_AT_ONCE = 200
_MOST_WAITING = 5000
_TRIALS_KEPT = 5000

Key = tuple[str, int]
Stored = dict[Key, tuple[bytes, bool]]
"""Digest of what is stored under a key, and whether it is new."""


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch as it will be stored.

    Attributes:
        trial_id: of a trial that is there.
        number: from 0.
        digest: of samples and events.
        samples, events: packed.
    """

    trial_id: str
    number: int
    digest: bytes
    samples: bytes
    events: str

    @property
    def key(self) -> Key:
        """What no two batches share."""
        return self.trial_id, self.number


@dataclass(eq=False)
class _Waiting:
    batch: Batch
    answer: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Recorder:
    """Stores batches, in groups."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        """Begin with nothing to store."""
        self._database = database
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._arrived: dict[str, _Numbers] = {}

    async def add(self, batch: Batch) -> BatchReceipt:
        """Store a batch; return when it is committed. The same one may come any number of times.

        Raises:
            Conflict: another batch is stored under this number.
            ServiceError: the database cannot take it, or too many are waiting; it may be sent again.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise ServiceError("the server is too busy to store this now; send it again")
        waiting = _Waiting(batch)
        self._waiting.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_groups())
        new = await waiting.answer
        return BatchReceipt(batch.number, not new, await self.next_missing(batch.trial_id, batch.number))

    async def next_missing(self, trial_id: str, arrived: int = -1) -> int:
        """Return the lowest number of a trial that is not stored.

        Args:
            trial_id: of the trial.
            arrived: a number that is known to be stored.
        """
        numbers = self._arrived.get(trial_id)
        if numbers is not None and arrived >= 0:
            numbers.add(arrived)
        # Another server may have the ones that seem to be missing here.
        if numbers is None or numbers.gaps or arrived < 0:
            numbers = _Numbers(await self.numbers(trial_id))
            while len(self._arrived) >= _TRIALS_KEPT:
                del self._arrived[next(iter(self._arrived))]
            self._arrived[trial_id] = numbers
        return numbers.next

    async def numbers(self, trial_id: str) -> set[int]:
        """Return the numbers of a trial's batches that are stored."""
        table = models.batches
        query = select(table.c.number).where(table.c.trial_id == trial_id)
        return await self._database.read(lambda connection: set(connection.execute(query).scalars()))

    async def close(self) -> None:
        """Store what is waiting."""
        if self._task is not None:
            await self._task

    async def _write_groups(self) -> None:
        while self._waiting:
            group = self._waiting[:_MOST_AT_ONCE]
            del self._waiting[:_MOST_AT_ONCE]
            await self._settle(group)

    async def _settle(self, group: Sequence[_Waiting]) -> None:
        """Store a group and answer everybody who waits for it."""
        try:
            outcome = await self._store([waiting.batch for waiting in group])
        except Exception as error:
            if len(group) > 1:  # whose fault it is comes out one by one
                for waiting in group:
                    await self._settle([waiting])
                return
            problem = ServiceError("the database could not store this; send it again")
            problem.__cause__ = error
            _answer(group[0], problem)
            return
        seen: set[Key] = set()
        for waiting in group:
            batch = waiting.batch
            stored, new = outcome[batch.key]
            if stored != batch.digest:
                _answer(waiting, Conflict(f"batch {batch.number} of this trial is stored with other content"))
            else:
                _answer(waiting, new and batch.key not in seen)
                seen.add(batch.key)

    async def _store(self, batches: Sequence[Batch]) -> Stored:
        """Store those that are not there; return each one's stored digest, and whether it is new."""
        first: dict[Key, Batch] = {}
        for batch in sorted(batches, key=lambda one: one.key):  # all servers in one order: no deadlock
            first.setdefault(batch.key, batch)
        now = self._clock()
        rows = [{**vars(batch), "received_at": now} for batch in first.values()]
        store = _store_in_file if self._database.dialect == "sqlite" else _store_in_server
        return await self._database.write(lambda connection: store(connection, rows))


def _answer(waiting: _Waiting, outcome: bool | Exception) -> None:
    if waiting.answer.done():  # who asked has gone
        return
    if isinstance(outcome, Exception):
        waiting.answer.set_exception(outcome)
    else:
        waiting.answer.set_result(outcome)


_COLUMNS = ("trial_id", "number", "digest", "received_at", "samples", "events")
_B = models.batches.c
_THERE = select(_B.trial_id, _B.number, _B.digest).where(
    tuple_(_B.trial_id, _B.number).in_(bindparam("keys", expanding=True))
)
# Whole columns as arrays: one statement however many rows there are.
_INSERT = text(
    f"INSERT INTO batches ({', '.join(_COLUMNS)}) SELECT * FROM unnest(CAST(:trial_id AS varchar[]), "
    "CAST(:number AS integer[]), CAST(:digest AS bytea[]), CAST(:received_at AS double precision[]), "
    "CAST(:samples AS bytea[]), CAST(:events AS text[])) ON CONFLICT DO NOTHING RETURNING trial_id, number"
)


def _store_in_file(connection: Connection, rows: Sequence[dict[str, Any]]) -> Stored:
    """SQLite: nobody else writes during the transaction."""
    stored = _there(connection, [(row["trial_id"], row["number"]) for row in rows])
    missing = [row for row in rows if (row["trial_id"], row["number"]) not in stored]
    if missing:
        connection.execute(models.batches.insert(), missing)
    return stored | {(row["trial_id"], row["number"]): (row["digest"], True) for row in missing}


def _store_in_server(connection: Connection, rows: Sequence[dict[str, Any]]) -> Stored:
    """PostgreSQL: another server may store the same at the same time."""
    columns = {name: [row[name] for row in rows] for name in _COLUMNS}
    new = {(row.trial_id, row.number) for row in connection.execute(_INSERT, columns)}
    digests = {(row["trial_id"], row["number"]): row["digest"] for row in rows}
    old = [key for key in digests if key not in new]
    return {key: (digests[key], True) for key in new} | (_there(connection, old) if old else {})


def _there(connection: Connection, keys: Sequence[Key]) -> Stored:
    found = connection.execute(_THERE, {"keys": keys})
    return {(row.trial_id, row.number): (bytes(row.digest), False) for row in found}


class _Numbers:
    """Which numbers of a trial have arrived: all below `next`, and some beyond it."""

    def __init__(self, numbers: set[int]) -> None:
        self.next = 0
        self._beyond = set(numbers)
        self._advance()

    @property
    def gaps(self) -> bool:
        """Whether a number is missing below one that is there."""
        return bool(self._beyond)

    def add(self, number: int) -> None:
        if number >= self.next:
            self._beyond.add(number)
            self._advance()

    def _advance(self) -> None:
        while self.next in self._beyond:
            self._beyond.remove(self.next)
            self.next += 1

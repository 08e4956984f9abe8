"""How functions of a connection are run: in threads on SQLite, on the event loop with PostgreSQL.

On both, writing functions that wait while others are committed share the next transaction.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

T = TypeVar("T")
Work = Callable[[Connection], Any]

_BUSY_MS = 15_000
_READERS = 4
_READERS_TEAM = 8
_MOST_TOGETHER = 200


@dataclass(eq=False)
class _Waiting:
    work: Work
    answer: "asyncio.Future[Any]"


class Together:
    """Runs writing functions in groups, one transaction a group.

    Where a function fails, the transaction is undone and each of its group has one of its own: so it fails
    alone. Functions may therefore run more than once.
    """

    def __init__(self, transaction: Callable[[Sequence[Work]], Awaitable[list[Any]]]) -> None:
        """Begin with nothing to do.

        Args:
            transaction: runs functions in one transaction and returns what they say when it is committed.
        """
        self._transaction = transaction
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run a function; return when what it did is committed."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run_all())
        return await answer

    async def close(self) -> None:
        """Run what is waiting."""
        if self._task is not None:
            await self._task

    async def _run_all(self) -> None:
        while self._waiting:
            group = [one for one in self._waiting[:_MOST_TOGETHER] if not one.answer.done()]
            del self._waiting[:_MOST_TOGETHER]
            for one, outcome in zip(group, await self._outcomes(group), strict=True):
                if one.answer.done():  # who asked has gone
                    continue
                if isinstance(outcome, BaseException):
                    one.answer.set_exception(outcome)
                else:
                    one.answer.set_result(outcome)

    async def _outcomes(self, group: Sequence[_Waiting]) -> list[Any]:
        try:
            return await self._transaction([one.work for one in group])
        except BaseException as error:  # nobody may be left waiting
            if len(group) == 1:
                return [error]
        return [(await self._outcomes([one]))[0] for one in group]


class Server:
    """PostgreSQL."""

    def __init__(self, url: URL) -> None:
        """Connect when it is first asked."""
        from sqlalchemy.ext.asyncio import create_async_engine  # SQLite starts faster without it

        # A server that was started anew meanwhile is noticed before something is written: pre_ping.
        self._writer = create_async_engine(
            url, pool_size=2, max_overflow=0, hide_parameters=True, pool_pre_ping=True
        )
        self._reader = create_async_engine(
            url, pool_size=_READERS_TEAM, max_overflow=0, hide_parameters=True, isolation_level="AUTOCOMMIT"
        )
        self._together = Together(self._transaction)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function that changes nothing; once more where the connection was lost meanwhile."""
        try:
            return await self._read(work)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return await self._read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function in a transaction, which others may share; return when it is committed."""
        return await self._together.run(work)

    async def close(self) -> None:
        """Write what is waiting, then close every connection."""
        await self._together.close()
        await self._writer.dispose()
        await self._reader.dispose()

    async def _read(self, work: Callable[[Connection], T]) -> T:
        async with self._reader.connect() as connection:
            return await connection.run_sync(work)

    async def _transaction(self, works: Sequence[Work]) -> list[Any]:
        async with self._writer.begin() as connection:
            return await connection.run_sync(lambda shared: [work(shared) for work in works])


class Files:
    """SQLite: one thread writes, some read."""

    def __init__(self, url: URL) -> None:
        """Open the file when it is first asked."""
        self._writer, self._reader = _engine(url, writes=True), _engine(url, writes=False)
        self._writing = ThreadPoolExecutor(1, "damer-writes")
        self._reading = ThreadPoolExecutor(_READERS, "damer-reads")
        self._together = Together(self._transaction)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function that changes nothing."""

        def run() -> T:
            with self._reader.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._reading, run)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function in a transaction, which others may share; return when it is on the disk."""
        return await self._together.run(work)

    async def close(self) -> None:
        """Write what is waiting, then close every connection."""
        await self._together.close()
        for pool in (self._writing, self._reading):
            pool.shutdown()
        self._writer.dispose()
        self._reader.dispose()

    async def _transaction(self, works: Sequence[Work]) -> list[Any]:
        def run() -> list[Any]:
            with self._writer.begin() as connection:
                return [work(connection) for work in works]

        return await asyncio.get_running_loop().run_in_executor(self._writing, run)


def _engine(url: URL, writes: bool) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1 if writes else _READERS,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
    )

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says when a transaction begins, not the driver
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}").close()
        _write_ahead(connection)
        # FULL: a commit is on the disk, also when the power fails. Triggers see REPLACE as a deletion.
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            f"query_only = {'OFF' if writes else 'ON'}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    def begun(connection: Connection) -> None:
        # IMMEDIATE: who means to write waits at the beginning, and never fails half way.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Whoever turns the log on needs the whole file for a moment, and SQLite does not wait for that: where two
    # would wait for each other it says "locked" at once, whatever the busy timeout is.
    end = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)

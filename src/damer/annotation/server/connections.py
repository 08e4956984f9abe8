"""How functions of a connection are run: in threads on SQLite, on the event loop with PostgreSQL."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

T = TypeVar("T")

_BUSY_MS = 15_000
_READERS = 4
_CONNECTIONS = 10
_MOST_TOGETHER = 200


class Server:
    """PostgreSQL: every function has a connection of its own for as long as it runs."""

    def __init__(self, url: URL) -> None:
        """Connect when it is first asked."""
        from sqlalchemy.ext.asyncio import create_async_engine  # SQLite starts faster without it

        self._engine = create_async_engine(
            url, pool_size=_CONNECTIONS, max_overflow=0, pool_pre_ping=True, hide_parameters=True
        )

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function that changes nothing."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function in a transaction of its own."""
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


@dataclass(eq=False)
class _Waiting:
    work: Callable[[Connection], Any]
    answer: "asyncio.Future[Any]"


class Files:
    """SQLite: one thread writes, some read. Functions that wait while it commits share the next commit."""

    def __init__(self, url: URL) -> None:
        """Open the file when it is first asked."""
        self._writer, self._reader = _engine(url, writes=True), _engine(url, writes=False)
        self._writing = ThreadPoolExecutor(1, "damer-writes")
        self._reading = ThreadPoolExecutor(_READERS, "damer-reads")
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function that changes nothing."""

        def run() -> T:
            with self._reader.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._reading, run)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function in a transaction, which others may share; return when it is on the disk."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_all())
        return await answer

    async def close(self) -> None:
        """Write what is waiting, then close every connection."""
        if self._task is not None:
            await self._task
        for pool in (self._writing, self._reading):
            pool.shutdown()
        self._writer.dispose()
        self._reader.dispose()

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group = [one for one in self._waiting[:_MOST_TOGETHER] if not one.answer.done()]
            del self._waiting[:_MOST_TOGETHER]
            works = [one.work for one in group]
            try:
                outcomes = await loop.run_in_executor(self._writing, self._run, works)
            except BaseException as error:  # nobody may be left waiting
                outcomes = [error] * len(works)
            for one, outcome in zip(group, outcomes, strict=True):
                if one.answer.done():  # who asked has gone
                    continue
                if isinstance(outcome, BaseException):
                    one.answer.set_exception(outcome)
                else:
                    one.answer.set_result(outcome)

    def _run(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        """Run functions in one transaction; where one fails each has its own, so that it fails alone."""
        try:
            with self._writer.begin() as connection:
                return [work(connection) for work in works]
        except Exception as error:
            if len(works) == 1:
                return [error]
        return [self._run([work])[0] for work in works]


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
        # FULL: a commit is on the disk, also when the power fails. Triggers see REPLACE as a deletion.
        for pragma in (
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = WAL",
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

"""The database of a study: SQLite in its folder, or PostgreSQL for a team; the same tables on both.

SQLite runs with a write-ahead log, and a commit is on the disk when it returns. One connection writes, some
read. One server at a time may serve a file; PostgreSQL takes as many as there are.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from damer.core.errors import DamerError

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MS = 15_000
_READERS = 4
_POSTGRESQL_CONNECTIONS = 10
_MIGRATION_LOCK = 5_701_337  # any number, always the same: whoever migrates holds it


def database_url(text: str) -> URL:
    """Return what a user gives as a database: a file of SQLite, or `postgresql://user@host/name`.

    Raises:
        DamerError: it is neither.
    """
    if "://" not in text:
        return URL.create("sqlite+aiosqlite", database=str(Path(text)))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DamerError(f"database {text.partition('@')[2] or 'URL'}: is no URL of a database") from error
    drivers = {
        "sqlite": "sqlite+aiosqlite",
        "postgresql": "postgresql+asyncpg",
        "postgres": "postgresql+asyncpg",
    }
    kind = url.drivername.partition("+")[0]
    if kind not in drivers:
        raise DamerError(
            f"database {kind}: is not known; use a file of SQLite or postgresql://user@host/name"
        )
    if not url.database:
        raise DamerError(f"database {_shown(url)}: names no database; write postgresql://user@host/name")
    return url.set(drivername=drivers[kind])


def _shown(url: URL) -> str:
    """Return a URL as it may be printed: without its password."""
    if url.drivername.startswith("sqlite"):
        return str(url.database)
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


class Database:
    """Connections to one study's database.

    Attributes:
        name: for people: the file, or the URL without its password.
        dialect: "sqlite" or "postgresql".
    """

    def __init__(self, url: str) -> None:
        """Use `open`."""
        self.url = database_url(url)
        self.name = _shown(self.url)
        self.dialect = "sqlite" if self.url.drivername.startswith("sqlite") else "postgresql"
        self._lock: IO[bytes] | None = None
        if self.dialect == "sqlite":
            self._writer = _sqlite_engine(self.url, writes=True)
            self._reader = _sqlite_engine(self.url, writes=False)
        else:
            self._writer = self._reader = create_async_engine(
                self.url,
                pool_size=_POSTGRESQL_CONNECTIONS,
                max_overflow=0,
                pool_pre_ping=True,
                hide_parameters=True,
            )

    @classmethod
    async def open(cls, url: str, serving: bool = False, make: bool = False) -> "Database":
        """Connect, and bring the tables up to date.

        Args:
            url: a file of SQLite, or a URL of PostgreSQL.
            serving: whether this is a server: a file of SQLite has one at a time.
            make: whether a file of SQLite that is not there is made.

        Raises:
            DamerError: it cannot be reached, is served already, or is of a newer version of damer.
        """
        database = cls(url)
        try:
            if database.dialect == "sqlite":
                database._take_file(serving, make)
            await database._upgrade()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close every connection and let another server in."""
        await self._writer.dispose()
        await self._reader.dispose()
        if self._lock is not None:
            self._lock.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that sees one state of the database."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose changes are committed together when the block ends well."""
        async with self._writer.begin() as connection:
            yield connection

    def insert(self, table: Table) -> Any:
        """Return an INSERT that can leave out rows that are there already: `.on_conflict_do_nothing()`."""
        return sqlite.insert(table) if self.dialect == "sqlite" else postgresql.insert(table)

    def _take_file(self, serving: bool, make: bool) -> None:
        path = Path(str(self.url.database))
        if not make and not path.is_file():
            raise DamerError(f"{path}: is missing; make the study with `damer annotate init`")
        if serving:
            with suppress(ImportError):  # no fcntl on Windows: there the user must see to it
                import fcntl

                try:
                    self._lock = path.with_name(f"{path.name}.lock").open("ab")
                    fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise DamerError(
                        f"{path}: is served already; stop the other server, or use PostgreSQL for several"
                    ) from error
                except OSError as error:
                    raise DamerError(
                        f"{path}: cannot be locked ({error.strerror}); check its folder"
                    ) from error

    async def _upgrade(self) -> None:
        try:
            async with self._writer.begin() as connection:
                await connection.run_sync(_migrate, self.name)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise DamerError(
                f"database {self.name}: cannot be opened ({reason(error)}); check that it is there and yours"
            ) from error
        except Exception as error:  # asyncpg's own, before SQLAlchemy has a connection
            if type(error).__module__.startswith("asyncpg"):
                raise DamerError(f"database {self.name}: cannot be opened ({reason(error)})") from error
            raise


def reason(error: BaseException) -> str:
    """Return what went wrong in one line, without the statement and its values."""
    cause: object = error.orig if isinstance(error, DBAPIError) else error
    words = str(cause).strip().partition("\n")[0]
    return words.rpartition(">: ")[2] or type(cause).__name__


def _migrate(connection: Connection, name: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = set(MigrationContext.configure(connection).get_current_heads())
    if present - known:
        raise DamerError(
            f"database {name}: was made by a newer damer (its tables have version "
            f"{', '.join(sorted(present - known))}, which is not known here); install that one"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _sqlite_engine(url: URL, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=1 if writes else _READERS,
        max_overflow=0,
        pool_timeout=_BUSY_MS / 1000,
        hide_parameters=True,
    )

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says when a transaction begins, not the driver
        cursor = connection.cursor()
        # FULL: a commit is on the disk, also when the power fails. Triggers see REPLACE as a deletion.
        for pragma in (
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            f"query_only = {'OFF' if writes else 'ON'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Connection) -> None:
        # IMMEDIATE: who means to write waits at the beginning, and never fails half way.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
    return engine

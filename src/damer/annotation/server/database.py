"""The database of a study: SQLite in its folder, or PostgreSQL for a team; the same tables on both.

SQLite runs with a write-ahead log, and a commit is on the disk when it returns. One connection writes, some
read. One server at a time may serve a file; PostgreSQL takes as many as there are.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Connection, Executable, Table, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from damer.annotation.server.answers import ServiceError
from damer.annotation.server.connections import Files, Server
from damer.annotation.server.migrations import HEAD
from damer.core.errors import DamerError

_MIGRATIONS = Path(__file__).parent / "migrations"
T = TypeVar("T")

_MIGRATION_LOCK = 5_701_337  # any number, always the same: whoever migrates holds it


def database_url(text: str) -> URL:
    """Return what a user gives as a database: a file of SQLite, or `postgresql://user@host/name`.

    Raises:
        DamerError: it is neither.
    """
    if "://" not in text:
        return URL.create("sqlite+pysqlite", database=str(Path(text)))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DamerError(f"database {text.partition('@')[2] or 'URL'}: is no URL of a database") from error
    drivers = {
        "sqlite": "sqlite+pysqlite",
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
    shown = url.set(drivername="postgresql").difference_update_query(["password"])
    return shown.render_as_string(hide_password=True)


class Database:
    """Connections to one study's database.

    What is asked of it is a function of a connection, with everything in it: it runs in one transaction, may
    run again, and does nothing but ask the database. On SQLite such functions run in threads: reading ones
    beside one another, writing ones one after another, and all that wait while one commits share the next
    commit.

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
        self._way: Files | Server = Files(self.url) if self.dialect == "sqlite" else Server(self.url)

    @classmethod
    async def open(cls, url: str, serving: bool = False, make: bool = False) -> "Database":
        """Connect; a server brings the tables up to date, and so does whoever makes a study.

        Args:
            url: a file of SQLite, or a URL of PostgreSQL.
            serving: whether this is a server: a file of SQLite has one at a time.
            make: whether a file of SQLite that is not there is made.

        Raises:
            DamerError: it cannot be reached, is served already, or is of another version of damer.
        """
        database = cls(url)
        try:
            if database.dialect == "sqlite":
                database._take_file(serving, make)
            await database._look(upgrade=serving or make)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Store what is waiting, close every connection and let another server in."""
        await self._way.close()
        if self._lock is not None:
            self._lock.close()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what a function finds out; it sees one state of the database."""
        with _busy():
            return await self._way.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what a function answers when everything that it changed is committed."""
        with _busy():
            return await self._way.write(work)

    async def execute(self, statement: Executable, values: Mapping[str, Any] | None = None) -> None:
        """Run one statement that changes something; return when it is committed."""
        await self.write(lambda connection: connection.execute(statement, values).close())

    def insert(self, table: Table) -> Any:
        """Return an INSERT that can leave out rows that are there already: `.on_conflict_do_nothing()`."""
        if self.dialect == "sqlite":
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

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

    async def _look(self, upgrade: bool) -> None:
        try:
            await self._way.write(lambda connection: _migrate(connection, self.name, upgrade))
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


@contextmanager
def _busy() -> Iterator[None]:
    """Say in plain words that the database cannot do something now: full, locked, gone."""
    try:
        yield
    except (OperationalError, InterfaceError, OSError, TimeoutError) as error:
        raise ServiceError(f"the database cannot do this now ({reason(error)}); try again") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise ServiceError("the database went away; try again") from error
        raise


def _migrate(connection: Connection, name: str, upgrade: bool) -> None:
    """Bring the tables up to date; a server that starts again after a crash loses no time with it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    version = None
    if inspect(connection).has_table("alembic_version"):
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if version == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise DamerError(
            f"database {name}: was made by a newer damer (its tables have version {version}, which is not "
            "known here); install that one"
        )
    if not upgrade:
        raise DamerError(
            f"database {name}: holds no study; make one with `damer annotate init`"
            if version is None
            else f"database {name}: was made by an older damer; `damer annotate serve` brings it up to date"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

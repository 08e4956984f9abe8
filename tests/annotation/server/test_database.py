"""The database: its tables, what can never be changed in it, and who may open it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import postgres
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from damer.annotation.server import migrations
from damer.annotation.server.answers import ServiceError
from damer.annotation.server.database import Database, database_url
from damer.annotation.server.models import APPEND_ONLY, metadata
from damer.core.errors import DamerError

pytestmark = pytest.mark.anyio

ROWS = (
    "INSERT INTO people VALUES ('a', 'annotator', 1)",
    "INSERT INTO tracks VALUES ('t', 1, 't.wav', 10, '{}')",
    "INSERT INTO trials VALUES ('x', 'a', 't', 1, '{}')",
    "INSERT INTO ends VALUES ('x', 1)",
    "INSERT INTO events VALUES ('a', 1, 1, '{}')",
    "INSERT INTO batches VALUES ('x', 0, {blob}, 1, {blob}, '[]')",
    "INSERT INTO consents VALUES (1, 'a', 1, '1')",
    "INSERT INTO log VALUES (1, 1, 'r', 'pause', '{}')",
)
CHANGE = {
    "events": "at = 2", "trials": "opened_at = 2", "ends": "batches = 2", "batches": "received_at = 2",
    "consents": "at = 2", "log": "at = 2",
}  # fmt: skip


async def filled(url: str) -> Database:
    database = await Database.open(url, make=True)
    blob = "x'00'" if database.dialect == "sqlite" else "'\\x00'::bytea"
    await run(database, *(row.replace("{blob}", blob) for row in ROWS))
    return database


async def run(database: Database, *statements: str) -> None:
    def work(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    await database.write(work)


async def count(database: Database, table: str) -> int:
    query = f"SELECT count(*) FROM {table}"
    return await database.read(lambda connection: int(connection.exec_driver_sql(query).scalar_one()))


async def test_migrations_make_the_tables_that_the_program_knows(url: str) -> None:
    database = await Database.open(url, make=True)

    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert await database.read(compare) == []
    await database.close()


def test_the_newest_version_is_the_one_that_is_asked_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_records_are_never_changed_nor_deleted(url: str, table: str) -> None:
    database = await filled(url)
    statements = [f"UPDATE {table} SET {CHANGE[table]}", f"DELETE FROM {table}"]
    if database.dialect == "postgresql":
        statements.append(f"TRUNCATE {table} CASCADE")
    for statement in statements:
        with pytest.raises(DBAPIError, match=f"{table} is append-only"):
            await run(database, statement)
    assert await count(database, table) == 1
    await database.close()


async def test_replace_is_a_change_too(tmp_path: Path) -> None:
    """SQLite has a way to write over a row that is neither UPDATE nor DELETE."""
    database = await filled(str(tmp_path / "study.sqlite3"))
    with pytest.raises(DBAPIError, match="events is append-only"):
        await run(database, "INSERT OR REPLACE INTO events VALUES ('a', 1, 9, '{}')")
    await database.close()


async def test_rows_of_nobody_are_refused(url: str) -> None:
    database = await Database.open(url, make=True)
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        await run(database, "INSERT INTO events VALUES ('nobody', 1, 1, '{}')")
    await database.close()


async def test_what_fails_half_way_leaves_nothing(url: str) -> None:
    database = await Database.open(url, make=True)

    def fail_half_way(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO people VALUES ('a', 'annotator', 1)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail_half_way)
    assert await count(database, "people") == 0
    await database.close()


async def test_who_fails_fails_alone_and_who_waits_with_them_does_not(url: str) -> None:
    """Functions that wait for the same commit share a transaction; one that fails takes no other with it."""
    database = await Database.open(url, make=True)
    statements = [f"INSERT INTO people VALUES ('p{n}', 'annotator', 1)" for n in range(20)]
    statements[7] = "INSERT INTO people VALUES (NULL, 'annotator', 1)"
    done = await asyncio.gather(*(run(database, one) for one in statements), return_exceptions=True)
    assert [n for n, one in enumerate(done) if one is not None] == [7]
    assert isinstance(done[7], DBAPIError)
    assert await count(database, "people") == 19
    await database.close()


async def test_a_server_that_was_started_anew_is_noticed(cluster: postgres.Cluster) -> None:
    """Every connection is gone; what is asked next is answered, over new ones."""
    database = await Database.open(await asyncio.to_thread(cluster.emptied), make=True)
    for number in range(3):
        await run(database, f"INSERT INTO people VALUES ('p{number}', 'annotator', 1)")
        assert await count(database, "people") == number + 1
        await cluster.disconnect()
    await database.close()


async def test_a_database_that_is_gone_is_told_in_plain_words(tmp_path: Path) -> None:
    database = await Database.open(str(tmp_path / "study.sqlite3"), make=True)
    await run(database, "PRAGMA max_page_count = 1")  # a disk that is full
    with pytest.raises(ServiceError, match=r"cannot do this now \(.*full\); try again"):
        await run(database, *(f"INSERT INTO people VALUES ('{'x' * 90}{n}', 'a', 1)" for n in range(500)))
    assert await count(database, "people") == 0
    await database.close()


async def test_what_nobody_waits_for_any_more_keeps_nobody_else_waiting(url: str) -> None:
    database = await Database.open(url, make=True)
    gone = asyncio.create_task(run(database, "INSERT INTO people VALUES ('gone', 'annotator', 1)"))
    others = [
        asyncio.create_task(run(database, f"INSERT INTO people VALUES ('p{n}', 'annotator', 1)"))
        for n in range(5)
    ]
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(*others)
    assert await count(database, "people") in (5, 6)
    await database.close()


async def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    database = await Database.open(url, make=True)
    await run(database, "UPDATE alembic_version SET version_num = '9999'")
    await database.close()
    with pytest.raises(DamerError, match=r"made by a newer damer .* 9999"):
        await Database.open(url)


async def test_only_a_server_brings_tables_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command beside a running server of an older version must not change its tables under it."""
    path = str(tmp_path / "study.sqlite3")
    await (await Database.open(path, make=True)).close()
    monkeypatch.setattr("damer.annotation.server.database.HEAD", "0002")
    with pytest.raises(DamerError, match="made by an older damer; `damer annotate serve` brings it up"):
        await Database.open(path)
    await (await Database.open(path, serving=True)).close()


async def test_an_empty_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    path.touch()
    with pytest.raises(DamerError, match="holds no study; make one with `damer annotate init`"):
        await Database.open(str(path))


async def test_opening_again_changes_nothing(url: str) -> None:
    await (await filled(url)).close()
    database = await Database.open(url)
    assert await count(database, "batches") == 1
    await database.close()


async def test_several_servers_may_migrate_at_once(url: str) -> None:
    opened = await asyncio.gather(*(Database.open(url, make=True) for _ in range(4)))
    for database in opened:
        await database.close()


async def test_several_servers_may_make_a_file_at_once(tmp_path: Path) -> None:
    for number in range(25):  # each server turns the write-ahead log on, and may meet another that does
        path = str(tmp_path / f"{number}.sqlite3")
        for database in await asyncio.gather(*(Database.open(path, make=True) for _ in range(8))):
            await database.close()


async def test_a_commit_on_sqlite_is_on_the_disk(tmp_path: Path) -> None:
    database = await Database.open(str(tmp_path / "study.sqlite3"), make=True)
    names = ("journal_mode", "synchronous", "foreign_keys")
    modes = await database.write(
        lambda connection: [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
    )
    assert modes == ["wal", 2, 1]
    await database.close()


async def test_one_server_at_a_time_serves_a_file(tmp_path: Path) -> None:
    path = str(tmp_path / "study.sqlite3")
    first = await Database.open(path, serving=True, make=True)
    with pytest.raises(DamerError, match="is served already"):
        await Database.open(path, serving=True)
    await (await Database.open(path)).close()  # a command that invites or exports may come along
    await first.close()
    await (await Database.open(path, serving=True)).close()


def test_a_server_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "study.sqlite3")
    code = (
        "import asyncio, os, sys\n"
        "from damer.annotation.server.database import Database\n"
        "asyncio.run(Database.open(sys.argv[1], serving=True, make=True))\n"
        "print('open', flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("open\n", -9)

    async def again() -> None:
        await (await Database.open(path, serving=True)).close()

    asyncio.run(again())


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("mysql://me:secret@host/name", "mysql: is not known"),
        ("postgresql://me:secret@host", "names no database"),
        (
            "postgresql://me:secret@127.0.0.1:1/name",
            r"postgresql://me:\*\*\*@127.0.0.1:1/name: cannot be opened",
        ),
        ("postgresql://me@127.0.0.1:1/name?password=secret", "me@127.0.0.1:1/name: cannot be opened"),
        ("nowhere/study.sqlite3", "is missing; make the study"),
        ("postgresql://me:secret@[::1", "is no URL"),
    ],
)
async def test_what_cannot_be_opened_is_told_in_one_line_without_the_password(
    given: str, problem: str
) -> None:
    with pytest.raises(DamerError, match=problem) as caught:
        await Database.open(given)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "study.sqlite3").write_text("not a database, but long enough to be taken for one " * 99)
    with pytest.raises(DamerError, match=r"cannot be opened .*not a database"):
        await Database.open(str(tmp_path / "study.sqlite3"))


def test_the_usual_forms_of_a_url_are_understood() -> None:
    assert database_url("postgres://me@h/n").drivername == "postgresql+asyncpg"
    assert database_url("postgresql://me@/n?host=/run/db").query["host"] == "/run/db"
    assert database_url("sqlite:////tmp/x.sqlite3").database == "/tmp/x.sqlite3"

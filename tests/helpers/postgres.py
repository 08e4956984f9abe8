"""A PostgreSQL server of the tests' own: made by initdb, on a free port of this machine, gone afterwards."""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

_USER = "damer"
_NOBODYS = ("postgres", "nobody")  # the server refuses to run as root


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl; None where PostgreSQL's server is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


class Cluster:
    """A private server. It is fast because it may forget: nothing of it is meant to outlive a test."""

    def __init__(self) -> None:
        found = programs()
        assert found is not None
        self._programs = found
        self._folder = Path(tempfile.mkdtemp(prefix="damer-postgres-"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = next(one for one in pwd.getpwall() if one.pw_name in _NOBODYS)
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._made = 0

    def __enter__(self) -> Self:
        data = self._folder / "data"
        try:
            self._run(
                "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
            )
            options = (
                f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} "
                "-c fsync=off -c full_page_writes=off -c max_connections=60"
            )
            log = self._folder / "log"
            self._run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start")
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self) -> str:
        """Make an empty database and return its URL."""
        self._made += 1
        name = f"study{self._made}"
        asyncio.run(self._command(f"CREATE DATABASE {name}"))
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}"

    def emptied(self) -> str:
        """Return the URL of one database, emptied: for test after test this is much quicker than new ones."""
        asyncio.run(self.disconnect())
        asyncio.run(self._command("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/postgres"

    async def disconnect(self) -> None:
        """End everybody's connections, as a server does that is started anew."""
        others = "datname = 'postgres' AND pid <> pg_backend_pid()"
        await self._command(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

    async def _command(self, statement: str) -> None:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self.port, user=_USER, database="postgres", ssl=False
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _run(self, program: str, *arguments: object) -> None:
        # Not through pipes: the server would inherit them and keep them open.
        words = [str(self._programs / program), *map(str, arguments)]
        with tempfile.TemporaryFile() as told:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=told, stderr=told, cwd="/", check=False, **self._as
            )
            told.seek(0)
            assert done.returncode == 0, told.read().decode(errors="replace")

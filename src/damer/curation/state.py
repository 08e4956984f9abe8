"""What a curated folder remembers between runs, in an SQLite file of its own: nothing of it stays in memory.

Each file's row is committed when its WAV file is in place, so a run killed at any moment goes on from there.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Self

from damer.core.errors import DamerError
from damer.curation.disk import CannotWriteError, writing
from damer.curation.row import Row
from damer.curation.tags import is_cc0
from damer.curation.track import Outcome

HIDDEN = ".curation"
"""Folder inside the output folder for what is no result."""

_FORMAT = 1
# One process holds the file, so that a write-ahead log needs no shared memory, which network drives lack.
_SETTINGS = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS files (
  file BLOB PRIMARY KEY,             -- path below the source folder, in the system's own bytes
  seen INTEGER NOT NULL,             -- number of the last run that found it
  size INTEGER, mtime_ns INTEGER, settings TEXT,   -- what its row depends on; NULL where there is none yet
  status TEXT, digest TEXT, output TEXT, output_bytes INTEGER, row TEXT, fingerprint BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_digest ON files (digest, file);
CREATE TABLE IF NOT EXISTS outputs (output TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sidecar (
  file TEXT PRIMARY KEY, licence TEXT, source TEXT, artist TEXT, title TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS near (file BLOB PRIMARY KEY, other BLOB NOT NULL) WITHOUT ROWID;
"""


class State:
    """The memory of one output folder, held by one process at a time.

    Args:
        folder: the output folder; made if missing.

    Raises:
        DamerError: another run is at work there, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.hidden = folder, folder / HIDDEN
        try:
            (folder / "audio").mkdir(parents=True, exist_ok=True)
            self.hidden.mkdir(exist_ok=True)
            self._lock = _locked(self.hidden / "lock")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DamerError(f"{folder}: cannot be written ({reason}); choose another --out") from error
        try:
            self._open()
        except DamerError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        with contextlib.suppress(sqlite3.Error):
            self._base.close()
        self._lock.close()

    # -- what is there ---------------------------------------------------------------------------------------

    def about(self, name: str, value: str) -> str:
        """Return what is remembered under a name; remember `value` if nothing is."""
        with writing(self.folder):
            self._base.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, value))
        return str(self._base.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()[0])

    def begin(self, found: Iterable[bytes]) -> int:
        """Take in the files that a search found; return how many there are."""
        with writing(self.folder), self._transaction():
            run = 1 + int(self._one("SELECT coalesce(max(seen), 0) FROM files"))
            self._base.executemany(
                "INSERT INTO files (file, seen) VALUES (?, ?) ON CONFLICT DO UPDATE SET seen = excluded.seen",
                ((file, run) for file in found),
            )
            self._base.execute("INSERT OR REPLACE INTO about VALUES ('run', ?)", (str(run),))
        return int(self._one(f"SELECT count(*) FROM files WHERE {_SEEN}"))

    def files(self) -> Iterator[tuple[bytes, tuple[int, int, str] | None, str, int]]:
        """Yield each file of this run: path, what its row depends on (None: no row), output and its size."""
        last = b""
        while page := self._base.execute(
            "SELECT file, size, mtime_ns, settings, output, output_bytes, status FROM files "
            f"WHERE {_SEEN} AND file > ? ORDER BY file LIMIT 500",
            (last,),
        ).fetchall():
            for file, size, changed, settings, output, length, status in page:
                known = None if status in (None, "failed") else (size, changed, settings)
                yield file, known, output or "", length or 0
            last = page[-1][0]

    # -- what comes in ---------------------------------------------------------------------------------------

    def add(self, file: bytes, known: tuple[int, int, str], outcome: Outcome) -> None:
        """Remember what became of a file; it is on the disk when this returns."""
        row = outcome.row
        assert row is not None
        with writing(self.folder), self._transaction():
            self._base.execute(
                "UPDATE files SET size = ?, mtime_ns = ?, settings = ?, status = ?, digest = ?, output = ?, "
                "output_bytes = ?, row = ?, fingerprint = ? WHERE file = ?",
                (*known, row.status, row.sha256_source or None, row.output or None, outcome.output_bytes,
                 json.dumps(asdict(row)), outcome.fingerprint, file),
            )  # fmt: skip
            if row.output:
                self._base.execute("INSERT OR IGNORE INTO outputs VALUES (?)", (row.output,))

    def set_sidecar(self, rows: Iterable[tuple[str, str, str, str, str]]) -> None:
        """Remember the table of licences: (file, licence, source, artist, title) each.

        Raises:
            DamerError: a file is named twice.
        """
        with writing(self.folder), self._transaction():
            self._base.execute("DELETE FROM sidecar")
            for row in rows:
                if (
                    self._base.execute("INSERT OR IGNORE INTO sidecar VALUES (?, ?, ?, ?, ?)", row).rowcount
                    == 0
                ):
                    raise DamerError(f"{row[0]}: stands twice in the table of licences; keep one line a file")

    def set_near(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Remember near duplicates: (file, the earlier file that it resembles) each; the first one counts."""
        with writing(self.folder), self._transaction():
            self._base.execute("DELETE FROM near")
            self._base.executemany("INSERT OR IGNORE INTO near VALUES (?, ?)", pairs)

    # -- what goes out ---------------------------------------------------------------------------------------

    def fingerprints(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield (file, fingerprint) of each kept file that has one, exact copies left out, in order."""
        yield from self._base.execute(
            f"SELECT file, fingerprint FROM files f WHERE {_SEEN} AND status = 'kept' "
            f"AND length(fingerprint) > 0 AND {_FIRST} ORDER BY file"
        )

    def rows(self) -> Iterator[Row]:
        """Yield the final row of each file of this run, in the order of their paths."""
        found = self._base.execute(
            "SELECT f.row, f.file, first.file, other.file, first.row, other.row, "
            "s.licence, s.source, s.artist, s.title FROM files f "
            "LEFT JOIN files first ON first.file = "
            f"(SELECT min(file) FROM files WHERE digest = f.digest AND {_SEEN}) "
            "LEFT JOIN near ON near.file = f.file LEFT JOIN files other ON other.file = near.other "
            f"LEFT JOIN sidecar s ON s.file = {_IN_TABLE} "
            f"WHERE f.{_SEEN} AND f.row IS NOT NULL ORDER BY f.file"
        )
        for text, file, first, other, first_row, other_row, *table in found:
            yield _final(
                Row(**json.loads(text)),
                _name_in(first_row) if first is not None and first != file else "",
                _name_in(other_row) if other is not None else "",
                dict(zip(("licence", "source", "artist", "title"), table, strict=True)),
            )

    def unused_table_rows(self) -> list[str]:
        """Return the first few names in the table of licences that are no file of this run."""
        return [
            name
            for (name,) in self._base.execute(
                f"SELECT file FROM sidecar WHERE file NOT IN (SELECT {_IN_TABLE} FROM files f "
                f"WHERE {_SEEN} AND row IS NOT NULL) ORDER BY file LIMIT 6"
            )
        ]

    def remove_stale(self) -> int:
        """Delete WAV files whose source is rejected by now; return how many belong to sources that are gone.

        Those are left alone: their sources may have been deleted on purpose.
        """
        stale = self._base.execute(
            "SELECT output FROM outputs o WHERE NOT EXISTS "
            f"(SELECT 1 FROM files WHERE output = o.output AND status = 'kept' AND {_SEEN})"
        ).fetchall()
        left = 0
        for (output,) in stale:
            if self._one("SELECT count(*) FROM files WHERE output = ? AND status = 'kept'", output):
                left += (self.folder / output).exists()
                continue
            with writing(self.folder):
                (self.folder / output).unlink(missing_ok=True)
                self._base.execute("DELETE FROM outputs WHERE output = ?", (output,))
        return left

    def _one(self, query: str, *values: object) -> int:
        return int(self._base.execute(query, values).fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back by itself
                self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    def _open(self) -> None:
        path = self.hidden / "state.sqlite"
        damaged = f"{path}: is damaged; delete it and run the same command again: every file is done again"
        try:
            with writing(self.folder):
                self._base = sqlite3.connect(path, isolation_level=None)
                self._base.executescript(_SETTINGS + _SCHEMA)
                sound = self._base.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except CannotWriteError as error:
            # SQLite's own class for a file that is no database; a disk that is full has one below it.
            if type(error.__cause__) is sqlite3.DatabaseError:
                raise DamerError(damaged) from error
            raise
        if not sound:
            raise DamerError(damaged)
        self._check_format()

    def _check_format(self) -> None:
        if self.about("format", str(_FORMAT)) != str(_FORMAT):
            raise DamerError(f"{self.folder}: was made by another version of damer; choose another --out")


# Conditions on rows of `files`: found by this run; the first of those with the same bytes.
_SEEN = "seen = (SELECT CAST(value AS INTEGER) FROM about WHERE name = 'run')"
_FIRST = f"file = (SELECT min(file) FROM files WHERE digest = f.digest AND {_SEEN})"

# A file as the table of licences has it: a backslash is read as a slash there, also one of an escape.
_IN_TABLE = r"replace(json_extract(f.row, '$.file'), '\', '/')"


def _name_in(row: str) -> str:
    return str(json.loads(row)["file"])


def _final(row: Row, first: str, other: str, table: dict[str, str | None]) -> Row:
    """Return a row with its duplicates and with what the table of licences says of it."""
    row = replace(row, **{name: value for name, value in table.items() if value})  # type: ignore[arg-type]
    row = replace(row, is_cc0=is_cc0(row.licence))
    if first:
        row = replace(row, duplicate_of=first, duplicate_kind="exact")
        if row.status == "kept":
            reason = f"exact duplicate of {first}"
            return replace(row, status="rejected", reason=reason, output="", sha256="", note="")
    elif other:
        row = replace(row, duplicate_of=other, duplicate_kind="near")
    return row


def _locked(path: Path) -> IO[bytes]:
    """Open a file and hold it alone; the lock goes with the process, however it ends.

    Raises:
        DamerError: another process holds it.
    """
    lock = path.open("wb")
    with contextlib.suppress(ImportError):  # no fcntl on Windows: there the user must see to it
        import fcntl

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise DamerError(
                f"{path.parents[1]}: another run is at work in it; wait for its end or choose another --out"
            ) from None
    return lock


def identity(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return size in bytes and time of last change in nanoseconds; zeros where there is no such file."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return 0, 0
    return status.st_size, status.st_mtime_ns

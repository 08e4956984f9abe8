"""One curation run: find the files, take each through the steps, write the manifest."""

import contextlib
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from damer import audio
from damer.collection.find import search
from damer.core.errors import DamerError
from damer.core.processes import Died, in_processes
from damer.core.result import Failure
from damer.core.text import one_line
from damer.curation import fingerprint as prints
from damer.curation.about import about
from damer.curation.disk import CannotWriteError, writing
from damer.curation.duplicates import near_duplicates
from damer.curation.manifest import write_about, write_manifest
from damer.curation.row import Row
from damer.curation.settings import NO_SCREENER, CurationSettings
from damer.curation.sidecar import read_sidecar
from damer.curation.state import State, identity
from damer.curation.track import Outcome, Task, curate_file, screener_of

_OF_FFMPEG = ".wma .wv .ape .tta .mpc .spx .ac3 .dts .amr .3gp .mka .mkv .webm .mov"
SUFFIXES = audio.SUFFIXES | frozenset(_OF_FFMPEG.split())
"""What counts as audio in a folder that is curated: also what only an installed ffmpeg reads."""

METHOD = 1
"""Raised when the steps change so that earlier results no longer hold."""

Arrived = Callable[[Row | None, bool], None]
"""Told of each file as it is done: its row (None where an earlier run's holds), and whether one does."""


@dataclass
class Result:
    """What a run came to.

    Attributes:
        counts: number of files by status.
        notes: what the user should know, one line each.
    """

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


class Curation:
    """A run from a source folder into an output folder; leaving its `with` block lets go of the folder.

    Args:
        source: folder to search for music, to any depth.
        folder: output folder; made if missing.
        settings: the rules.
        licences: CSV table of licences, or None.

    Raises:
        DamerError: a folder does not fit, is in use, cannot be written, or the screener is not installed.
    """

    def __init__(
        self, source: Path, folder: Path, settings: CurationSettings, licences: Path | None = None
    ) -> None:
        self.source, self.folder, self.settings = source, folder, settings
        self._inside = _checked(source, folder)
        screener = screener_of(settings) if settings.screener != NO_SCREENER else None
        heard_by = (screener.name, screener.version, screener.weights_sha256) if screener else ()
        self._maker = prints.maker()
        self._key = settings.key(repr((METHOD, heard_by, self._maker)))
        self._about = about(settings, heard_by, self._maker)
        self._licences = licences
        self._state = State(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        with contextlib.suppress(OSError):
            shutil.rmtree(self._scratch)
        self._state.close()

    @property
    def _scratch(self) -> Path:
        return self._state.hidden / "scratch"

    def find(self) -> tuple[int, list[str]]:
        """Look for the files; return how many there are, and which folders could not be searched.

        Raises:
            DamerError: there is none, or the folder was made from another source.
        """
        here = str(self.source.resolve())
        if (made_from := self._state.about("source", here)) != here:
            raise DamerError(
                f"{self.folder}: was made from {made_from}; choose another --out for {self.source}"
            )
        failures: list[str] = []
        count = self._state.begin(self._found(failures))
        if count == 0:
            raise DamerError(
                "; ".join(failures) or f"{self.source}: holds no sound files; name another folder"
            )
        self._state.set_sidecar(read_sidecar(self._licences) if self._licences else ())
        with writing(self.folder):
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch.mkdir()
        return count, failures

    def work(self, workers: int, arrived: Arrived) -> None:
        """Take every file through the steps that an earlier run has not done.

        Raises:
            CannotWriteError: the output folder takes no more; what is done stays done.
        """
        known: dict[bytes, tuple[int, int, str]] = {}
        tasks = self._tasks(known, arrived)
        done: Generator[tuple[Task, Outcome | Died], None, None]
        if workers > 1:
            done = in_processes(curate_file, tasks, workers)
        else:
            done = ((task, curate_file(task)) for task in tasks)
        with contextlib.closing(done):  # however this ends, the processes end before the scratch files go
            for task, outcome in done:
                if isinstance(outcome, Died):
                    reason = outcome.told("use fewer --workers")
                    outcome = Outcome(Row(file=one_line(task.file), reason=reason))
                if outcome.row is None:
                    raise CannotWriteError(outcome.fatal)
                self._state.add(os.fsencode(task.file), known.pop(os.fsencode(task.file)), outcome)
                arrived(outcome.row, False)

    def finish(self) -> Result:
        """Look for duplicates and write the manifest, `curation.json`, and nothing that is stale.

        Raises:
            CannotWriteError: the output folder takes no more.
        """
        result = Result()
        if (missing := prints.missing()) is not None:
            result.notes.append(missing)
        self._state.set_near(self._near())
        write_manifest(self.folder, self._counted(result.counts))
        write_about(self.folder, self._about | {"files": dict(sorted(result.counts.items()))})
        if left := self._state.remove_stale():
            result.notes.append(f"WAV files of sources that are gone, left where they are: {left}")
        if unused := self._state.unused_table_rows():
            names = ", ".join(unused[:5]) + (", …" if len(unused) > 5 else "")
            result.notes.append(f"{self._licences}: names what is no file here: {names}")
        return result

    def rows(self) -> Iterator[Row]:
        """Yield the final row of every file, in the order of their paths."""
        return self._state.rows()

    def _found(self, failures: list[str]) -> Iterator[bytes]:
        root = self.source.resolve()
        skipped = f"{self._inside}{os.sep}" if self._inside else None
        for entry in search(str(root), SUFFIXES):
            if isinstance(entry, Failure):
                failures.append(entry.error)
            elif skipped is None or not entry.startswith(skipped):
                yield os.fsencode(Path(entry).relative_to(root).as_posix())

    def _tasks(self, known: dict[bytes, tuple[int, int, str]], arrived: Arrived) -> Iterator[Task]:
        for number, (name, before, output, size) in enumerate(self._state.files()):
            file = os.fsdecode(name)
            path = self.source / file
            now = (*identity(path), self._key)
            if before == now and (not output or identity(self.folder / output)[0] == size):
                arrived(None, True)
                continue
            known[name] = now
            scratch = self._scratch / f"{number}.f32"
            yield Task(file, path, self.folder, scratch, self.settings, bool(self._maker))

    def _near(self) -> Iterator[tuple[bytes, bytes]]:
        items = (
            (name.hex(), np.frombuffer(found, "<u4").astype(np.uint32))
            for name, found in self._state.fingerprints()
        )
        for pair in near_duplicates(items):
            yield bytes.fromhex(pair.second), bytes.fromhex(pair.first)

    def _counted(self, counts: Counter[str]) -> Iterator[Row]:
        for row in self._state.rows():
            counts[row.status] += 1
            yield row


def _checked(source: Path, folder: Path) -> Path | None:
    """Return the output folder where it lies inside the source, else None.

    Raises:
        DamerError: the source is no folder, or they are the same, or the source lies among the results.
    """
    if not source.is_dir():
        raise DamerError(f"{source}: is not a folder; name the folder that holds the music")
    if folder.exists() and not folder.is_dir():
        raise DamerError(f"{folder}: is not a folder; choose another --out")
    inside, outside = folder.resolve(), source.resolve()
    if inside == outside or outside.is_relative_to(inside / "audio"):
        raise DamerError(f"{folder}: results cannot go where the sources are; choose another --out")
    return inside if inside.is_relative_to(outside) else None


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a small file, hex.

    Raises:
        DamerError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DamerError(f"{path}: cannot be read ({error.strerror}); check the name") from error

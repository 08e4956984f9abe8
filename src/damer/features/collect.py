"""A collection of sound files into a store: in parallel, going on after a kill, bad files left out."""

import dataclasses
import hashlib
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from damer.core.errors import DamerError
from damer.core.processes import Died, in_processes
from damer.features.extraction import Views, extract_file
from damer.features.spec import FeatureSpec
from damer.features.store import FeatureStore

_SCRATCH = "parts"
_AHEAD = 4


@dataclasses.dataclass(frozen=True)
class Task:
    """One file to extract.

    Attributes:
        id: its name in the store.
        file: its path.
        window: part of it, as `damer.audio.window` takes it.
        spec: the settings.
        scratch: folder for its views until the store has them.
    """

    id: str
    file: str
    window: str
    spec: FeatureSpec
    scratch: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        id: its name in the store.
        error: one line, if it failed.
        was_there: the store had it already.
    """

    id: str
    error: str | None = None
    was_there: bool = False


def collect(
    files: Sequence[tuple[str, str]], store: FeatureStore, window: str = "15:75", workers: int = 1
) -> Iterator[Outcome]:
    """Extract files into a store and yield what became of each, in order.

    Args:
        files: (id, path) of each.
        store: where the views go; files it has already are left alone.
        window: part of each file, as `damer.audio.window` takes it.
        workers: processes; with 1 everything happens in this one.

    Raises:
        DamerError: another process is writing to the store.
    """
    store.lock()
    scratch = store.folder / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    tasks = []
    for number, (track_id, file) in enumerate(files):
        if track_id in store:
            yield Outcome(track_id, _changed(store, track_id, file, window), was_there=True)
        else:
            tasks.append(Task(track_id, file, window, store.spec, str(scratch / str(number))))
    try:
        with closing(_results(tasks, workers)) as done:  # the processes end before the scratch files go
            for task, error in done:
                if error is None:
                    _take_over(store, task)
                yield Outcome(task.id, error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def extract_to(task: Task) -> str | None:
    """Leave the views of one file as a store of its own in its scratch folder, or return what is wrong."""
    try:
        status = Path(task.file).stat()
        start, parts = extract_file(task.file, task.window, task.spec)
        with Path(task.file).open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        meta = {
            "file": task.file,
            "start_s": start,
            "window": task.window,
            "bytes": status.st_size,
            "mtime_ns": status.st_mtime_ns,
        }
        with FeatureStore.create(task.scratch, task.spec) as part:
            part.append(task.id, parts, meta, checksum)
    except DamerError as error:
        return str(error)
    except FileNotFoundError:
        return f"{task.file}: there is no such file; check the name"
    except MemoryError:
        return f"{task.file}: not enough memory; use fewer --workers or a shorter --window"
    except Exception as error:  # one file must not end a run of thousands; the kind of error is kept
        return f"{task.file}: unexpected {type(error).__name__} ({error}); please report this with the file"
    return None


def _take_over(store: FeatureStore, task: Task) -> None:
    """Move the views of a file from its scratch folder into the store, a minute at a time."""
    part = FeatureStore.open(task.scratch)
    entry, (mel, cochleagram) = part.entry(task.id), part.views(task.id)
    minutes = (Views(mel[at : at + 60], cochleagram[at : at + 60]) for at in range(0, entry.seconds, 60))
    store.append(task.id, minutes, entry.meta, entry.source_sha256)
    shutil.rmtree(task.scratch, ignore_errors=True)


def _changed(store: FeatureStore, track_id: str, file: str, window: str) -> str | None:
    """Say what is no longer as it was when the store took a file; None if nothing is."""
    entry = store.entry(track_id)
    if entry.meta.get("window", window) != window:
        return (
            f"{file}: the store has it with window {entry.meta['window']}; choose another folder for {window}"
        )
    with suppress(OSError):
        status = Path(file).stat()
        if (entry.meta.get("bytes"), entry.meta.get("mtime_ns")) == (status.st_size, status.st_mtime_ns):
            return None
        with Path(file).open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != entry.source_sha256:
                return (
                    f"{file}: has changed since the store took it; choose another folder for the new version"
                )
    return None


def _results(tasks: Sequence[Task], workers: int) -> Generator[tuple[Task, str | None], None, None]:
    """Yield each task and what is wrong with it, in order; a task that kills its process fails alone."""
    if workers <= 1:
        yield from ((task, extract_to(task)) for task in tasks)
        return
    for task, error in in_processes(extract_to, tasks, workers, ahead=_AHEAD * workers):
        if isinstance(error, Died):
            error = f"{task.file}: {error.told('use fewer --workers or a shorter --window')}"
        yield task, error

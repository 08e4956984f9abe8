"""A collection of sound files into a store: in parallel, going on after a kill, bad files left out."""

import dataclasses
import hashlib
import os
import shutil
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from damer.core.errors import DamerError
from damer.features.extraction import Views, extract_file
from damer.features.spec import FeatureSpec
from damer.features.store import FeatureStore

_SCRATCH = "parts"
_AHEAD = 4
_THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


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
        for task, error in _in_processes(tasks, workers) if workers > 1 else _here(tasks):
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


def _here(tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
    for task in tasks:
        yield task, extract_to(task)


def _in_processes(tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, str | None]]:
    """Yield each task and what is wrong with it, in order; a task that kills its process fails alone."""
    queue = deque(tasks)
    while queue:
        waiting: deque[tuple[Task, Future[str | None]]] = deque()
        with _pool(workers) as pool:
            try:
                while queue or waiting:
                    while queue and len(waiting) < _AHEAD * workers:
                        waiting.append((queue[0], pool.submit(extract_to, queue[0])))
                        queue.popleft()
                    error = waiting[0][1].result()
                    yield waiting.popleft()[0], error
                continue
            except BrokenProcessPool:
                queue.extendleft(task for task, _ in reversed(waiting))
        # Some process died, and nobody says over which file: each that was in work gets one to itself.
        for _ in range(min(len(queue), _AHEAD * workers)):
            task = queue.popleft()
            yield task, _alone(task)


def _alone(task: Task) -> str | None:
    shutil.rmtree(task.scratch, ignore_errors=True)
    with _pool(1) as pool:
        try:
            return pool.submit(extract_to, task).result()
        except BrokenProcessPool:
            return f"{task.file}: its process died, most likely for want of memory; use a shorter --window"


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each; the libraries read these variables as they are loaded."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin) as pool:
            yield pool
            pool.shutdown(wait=True, cancel_futures=True)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _begin() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is killed: a pool's workers would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()

"""Recognising many files, in this process or in several that may die without harm to the rest.

A pool of its own rather than `concurrent.futures`: there one killed process breaks the whole pool and
names no file; here each process holds one file at a time, so that its death costs that file alone.
"""

import signal
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from damer.core.errors import DamerError
from damer.core.processes import Died
from damer.core.result import Emotion, Failure, Model
from damer.core.threads import one_thread_for_children

if TYPE_CHECKING:
    from damer.inference import Recognizer

AHEAD = 128
"""How many files may be finished while an earlier one is still heard: bounds what waits in memory."""


@dataclass(frozen=True)
class Settings:
    """What every file of a run shares.

    Attributes:
        arousal: arousal checkpoint; None is the one in the package.
        valence: valence checkpoint; None is the one in the package.
        device: "auto", "cpu" or "cuda".
        window: "15:75", "all" or "A:B", in seconds.
    """

    arousal: str | None = None
    valence: str | None = None
    device: str = "auto"
    window: str = "15:75"


@dataclass(frozen=True)
class Task:
    """One file of a run.

    Attributes:
        index: its place in the run, from 0.
        file: its path.
        plot: where to write its picture; None for none.
        clip: whether to return its sound for the report.
    """

    index: int
    file: str
    plot: str | None = None
    clip: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a task: its result, and an MP3 of the window where one was asked for."""

    index: int
    result: Emotion | Failure
    clip: bytes | None = None


class InProcess:
    """Recognises files one after the other in this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._recognizer = _recognizer(settings)

    @property
    def model(self) -> Model:
        """Which weights answer."""
        return self._recognizer.model

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Yield the outcome of each task, in order."""
        for task in tasks:
            yield _recognise(self._recognizer, self._settings, task)

    def stop(self) -> None:
        """Nothing to end."""


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    task: Task | None = None


class Workers:
    """Recognises files in several processes of one thread each, until `stop`.

    Args:
        settings: what every file shares.
        count: number of processes, at least 1.

    Raises:
        DamerError: when a process cannot load the weights or cannot start.
    """

    def __init__(self, settings: Settings, count: int) -> None:
        self._settings = settings
        self._context = get_context("spawn")
        self._model: Model | None = None
        self._workers: list[_Worker] = []
        self._done: list[Outcome] = []
        try:
            for _ in range(count):
                self._workers.append(self._start())
            while self._model is None:
                self._receive()
        except BaseException:
            self.stop()
            raise

    @property
    def model(self) -> Model:
        """Which weights answer."""
        assert self._model is not None
        return self._model

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Yield each task's outcome as it comes; a file whose process dies fails, the rest go on."""
        queue = deque(tasks)
        pending: dict[int, Task] = {}
        while queue or pending:
            oldest = min(pending, default=queue[0].index if queue else 0)
            for worker in self._workers:
                idle = worker.ready and worker.task is None
                if queue and idle and queue[0].index < oldest + AHEAD and self._send(worker, queue[0]):
                    task = queue.popleft()
                    pending[task.index] = task
            self._receive()
            for outcome in self._done:
                del pending[outcome.index]
                yield outcome
            self._done.clear()

    def stop(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()
        self._workers.clear()

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
        with one_thread_for_children():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _send(self, worker: _Worker, task: Task) -> bool:
        """Give a task to a process; false when it has died meanwhile, which `_receive` will see to."""
        try:
            worker.pipe.send(task)
        except OSError:
            return False
        worker.task = task
        return True

    def _receive(self) -> None:
        """Wait until some process says something or dies, and take it in."""
        pipes: dict[Any, _Worker] = {worker.pipe: worker for worker in self._workers}
        for pipe in connection.wait(list(pipes)):
            worker = pipes[pipe]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            if isinstance(message, Outcome):
                worker.task = None
                self._done.append(message)
            elif isinstance(message, Model):
                worker.ready = True
                self._model = message
            else:
                raise DamerError(str(message))

    def _bury(self, worker: _Worker) -> None:
        """Report the file a dead process held, and put another process in its place."""
        worker.process.join()
        died = Died(worker.process.exitcode)
        worker.pipe.close()
        worker.process.close()
        self._workers.remove(worker)
        if worker.ready:
            self._workers.append(self._start())
        elif not self._workers:
            raise DamerError(f"no worker process can start: {died.told('use fewer --workers')}")
        if worker.task is not None:
            file = worker.task.file
            error = f"{file}: {died.told('use fewer --workers or a shorter --window')}"
            self._done.append(Outcome(worker.task.index, Failure(file, error)))


def _serve(pipe: Connection, settings: Settings) -> None:
    """Live as a worker: load the weights, then one task after the other until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    try:
        try:
            recognizer = _recognizer(settings)
        except DamerError as error:
            pipe.send(str(error))
            return
        pipe.send(recognizer.model)
        while True:
            pipe.send(_recognise(recognizer, settings, pipe.recv()))
    except (EOFError, OSError):  # the parent is gone
        return


def _recognizer(settings: Settings) -> "Recognizer":
    """Load the weights and keep torch to one thread, so that a file's numbers depend on nothing else."""
    import torch

    from damer.inference import Recognizer

    torch.set_num_threads(1)
    return Recognizer(settings.arousal, settings.valence, settings.device)


def _recognise(recognizer: "Recognizer", settings: Settings, task: Task) -> Outcome:
    try:
        found = recognizer(task.file, window=settings.window)
        # The plain record: reading it from a pipe must not load torch into the parent.
        emotion = Emotion(**{each.name: getattr(found, each.name) for each in fields(Emotion)})
        if task.plot is not None:
            from damer import drawing

            drawing.save(emotion, task.plot)
        clip = None
        if task.clip:
            from damer.collection.clip import encode_clip

            clip = encode_clip(emotion)
        return Outcome(task.index, emotion, clip)
    except DamerError as error:
        return Outcome(task.index, Failure(task.file, str(error)))
    except MemoryError:
        problem = "not enough memory: use a shorter --window or fewer --workers"
    except Exception as error:  # one file must not end a run of thousands; the kind of error is kept
        problem = f"unexpected {type(error).__name__} ({error}): please report this with the file"
    return Outcome(task.index, Failure(task.file, f"{Path(task.file)}: {problem}"))

"""Many tasks in several processes, any of which may die without harm to the other tasks."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from damer.core.memory import A_FEW_BLOCKS, keep_freed_memory
from damer.core.threads import one_thread_for_children

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Died:
    """What stands for the result of a task whose process died.

    Attributes:
        code: its exit code, as `multiprocessing.Process` has it: minus the signal that ended it.
    """

    code: int | None

    @property
    def how(self) -> str:
        """How it died, in words."""
        if self.code is None or self.code >= 0:
            return f"exit code {self.code}"
        name = _signal(-self.code)
        return f"{name}, most likely out of memory" if name == "SIGKILL" else name

    def told(self, remedy: str) -> str:
        """Return what happened and what to do about it.

        Args:
            remedy: what to do where memory ran out, such as "use fewer --workers".
        """
        name = _signal(-self.code) if self.code is not None and self.code < 0 else ""
        if name in ("SIGTERM", "SIGHUP", "SIGINT"):
            remedy = "somebody ended it: run the same command again"
        elif name != "SIGKILL":
            remedy = "please report this, and what it was at"
        return f"its process died ({self.how}); {remedy}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of those without a name
        return f"signal {number}"


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(eq=False)
class _Worker(Generic[T]):
    process: SpawnProcess
    pipe: Connection
    at: tuple[int, T] | None = None  # number and task it was given last


def in_processes(
    function: Callable[[T], R], tasks: Iterable[T], workers: int, ahead: int | None = None
) -> Generator[tuple[T, "R | Died"], None, None]:
    """Yield each task with its result from processes of one thread each.

    Each process holds one task at a time, so that its death costs that task alone; tasks are taken from
    their iterator only as they are begun, so there may be any number of them.

    Args:
        function: what to do with a task; named at the top of a module, and does not raise.
        tasks: what to do; must go through a pipe, as must the results.
        workers: number of processes, 1 or more.
        ahead: None: results come as they are ready. Else they come in the order of the tasks, and of the
            tasks behind the one that is waited for so many less one are begun at most, 1 or more.
    """
    waiting, turn = enumerate(tasks), 0
    busy: list[_Worker[T]] = []
    idle: list[_Worker[T]] = []
    held: dict[int, tuple[T, R | Died]] = {}
    begun, all_begun = 0, False

    def begin() -> None:
        nonlocal begun, all_begun
        while not all_begun and len(busy) < workers and (ahead is None or begun < turn + ahead):
            task = next(waiting, None)
            all_begun = task is None
            if task is not None:
                busy.append(_given(idle.pop() if idle else _start(function), task))
                begun += 1
        while all_begun and idle:
            _end(idle.pop())

    try:
        begin()
        while busy:
            pipes: dict[Any, _Worker[T]] = {worker.pipe: worker for worker in busy}
            for ready in connection.wait(list(pipes)):
                worker = pipes[ready]
                assert worker.at is not None
                number, task = worker.at
                result = _receive(worker)
                busy.remove(worker)
                if isinstance(result, Died):
                    _end(worker)
                else:
                    idle.append(worker)
                begin()  # before the result is handed on, which may take its time
                if ahead is None:
                    yield task, result
                    continue
                held[number] = task, result
                while turn in held:
                    turn += 1
                    begin()
                    yield held.pop(turn - 1)
    finally:
        for worker in (*busy, *idle):
            worker.process.terminate()
        for worker in (*busy, *idle):
            _end(worker)


def _start(function: Callable[[T], R]) -> _Worker[T]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, function), daemon=True)
    with one_thread_for_children():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _given(worker: _Worker[T], task: tuple[int, T]) -> _Worker[T]:
    """Give a process its next task; if it has died meanwhile, `_receive` will tell."""
    worker.at = task
    with contextlib.suppress(OSError):
        worker.pipe.send(task[1])
    return worker


def _receive(worker: _Worker[T]) -> Any:
    try:
        return worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        return Died(worker.process.exitcode)


def _end(worker: _Worker[T]) -> None:
    worker.pipe.close()
    worker.process.join(5)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.process.close()


def _serve(pipe: Connection, function: Callable[[T], R]) -> None:
    """Live as a worker: one task after the other until the pipe closes or the parent is gone."""
    keep_freed_memory(A_FEW_BLOCKS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    try:
        while True:
            pipe.send(function(pipe.recv()))
    except (EOFError, OSError):
        return

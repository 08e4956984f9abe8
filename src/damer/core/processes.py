"""Many tasks in several processes, any of which may die without harm to the other tasks."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from damer.core.threads import one_thread_for_children

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Died:
    """What stands for the result of a task whose process died: how it died, in words."""

    how: str


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(eq=False)
class _Worker(Generic[T]):
    process: SpawnProcess
    pipe: Connection
    tasks: list[T]


def in_processes(
    function: Callable[[T], R], tasks: Iterable[T], workers: int
) -> Generator[tuple[T, "R | Died"], None, None]:
    """Yield each task with its result, as they come, from processes of one thread each.

    Each process holds one task at a time, so that its death costs that task alone; tasks are taken from
    their iterator only as they are begun, so there may be any number of them.

    Args:
        function: what to do with a task; named at the top of a module, and does not raise.
        tasks: what to do; must go through a pipe, as must the results.
        workers: number of processes, 1 or more.
    """
    waiting = iter(tasks)
    pool: list[_Worker[T]] = []
    try:
        while True:
            while len(pool) < workers:
                task = next(waiting, None)
                if task is None:
                    break
                pool.append(_start(function, task))
            if not pool:
                return
            pipes: dict[Any, _Worker[T]] = {worker.pipe: worker for worker in pool}
            for ready in connection.wait(list(pipes)):
                worker = pipes[ready]
                done, result = worker.tasks.pop(), _receive(worker)
                task = next(waiting, None)
                if isinstance(result, Died) or task is None:
                    pool.remove(worker)
                    _end(worker)
                    if task is not None:
                        pool.append(_start(function, task))
                else:
                    _send(worker, task)
                yield done, result
    finally:
        for worker in pool:
            worker.process.terminate()
        for worker in pool:
            _end(worker)


def _start(function: Callable[[T], R], task: T) -> _Worker[T]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, function), daemon=True)
    with one_thread_for_children():
        process.start()
    theirs.close()
    worker: _Worker[T] = _Worker(process, ours, [])
    _send(worker, task)
    return worker


def _send(worker: _Worker[T], task: T) -> None:
    """Give a process its next task; if it has died meanwhile, `_receive` will tell."""
    worker.tasks.append(task)
    try:
        worker.pipe.send(task)
    except OSError:
        return


def _receive(worker: _Worker[T]) -> Any:
    try:
        return worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        return Died(_how(worker.process.exitcode))


def _end(worker: _Worker[T]) -> None:
    worker.pipe.close()
    worker.process.join(5)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.process.close()


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"{name}, most likely out of memory" if name == "SIGKILL" else name
    return f"exit code {code}"


def _serve(pipe: Connection, function: Callable[[T], R]) -> None:
    """Live as a worker: one task after the other until the pipe closes or the parent is gone."""
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

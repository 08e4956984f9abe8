"""Tasks in several processes: all results come, a death costs one task, tasks are taken as they are begun."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from damer.core.processes import Died, in_processes


def square(number: int) -> int:
    return number * number


def square_or_die(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        os._exit(7)
    return number * number


def threads(_: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def name_of_process(_: int) -> int:
    return os.getpid()


def test_all_results_come() -> None:
    assert dict(in_processes(square, range(20), 2)) == {number: number * number for number in range(20)}


def test_nothing_to_do() -> None:
    assert list(in_processes(square, (), 2)) == []


def test_a_death_costs_one_task_and_says_how() -> None:
    results = dict(in_processes(square_or_die, range(8), 2))
    killed, left = results.pop(3), results.pop(5)
    assert killed == Died(-signal.SIGKILL)
    assert left == Died(7)
    assert results == {number: number * number for number in (0, 1, 2, 4, 6, 7)}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGKILL, "its process died (SIGKILL, most likely out of memory); use less"),
        (-signal.SIGTERM, "its process died (SIGTERM); somebody ended it: run the same command again"),
        (-signal.SIGSEGV, "its process died (SIGSEGV); please report this, and what it was at"),
        (-40, "its process died (signal 40); please report this, and what it was at"),
        (7, "its process died (exit code 7); please report this, and what it was at"),
    ],
)
def test_what_to_do_depends_on_how_it_died(code: int, words: str) -> None:
    assert Died(code).told("use less") == words


def slow_at_first(number: int) -> int:
    """The first task lasts longer than all others together."""
    time.sleep(0.5 if number == 0 else 0.01)
    if number == 2:
        os._exit(7)
    return number


def test_in_order_and_not_too_far_ahead() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(12):
            taken.append(number)
            yield number

    results = in_processes(slow_at_first, tasks(), 2, ahead=4)
    first = next(results)
    assert first == (0, 0)
    assert len(taken) <= 5  # 0 to 3 while it was waited for, and one begun as it came
    rest = list(results)
    assert [task for task, _ in rest] == list(range(1, 12))
    assert [result for _, result in rest] == [1, Died(7), *range(3, 12)]


def test_tasks_are_taken_as_they_are_begun() -> None:
    """However many there are, no more than are in work are held."""
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for number in range(12):
            taken += 1
            yield number

    ahead = []
    for done, _ in enumerate(in_processes(square, tasks(), 2), 1):
        ahead.append(taken - done)
    assert max(ahead) <= 2


def test_one_thread_each_and_no_more_processes_than_asked_for() -> None:
    assert [result for _, result in in_processes(threads, range(2), 2)] == ["1", "1"]
    assert len({result for _, result in in_processes(name_of_process, range(8), 2)}) <= 2


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_leaving_early_ends_the_processes() -> None:
    results = in_processes(name_of_process, range(100), 1)
    _, process = next(results)
    assert isinstance(process, int)
    assert alive(process)
    results.close()
    for _ in range(50):
        if not alive(process):
            return
        time.sleep(0.1)
    raise AssertionError("the process lives on")

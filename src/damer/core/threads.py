"""How many threads the numeric libraries may start."""

import contextlib
import os
from collections.abc import Iterator

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def use_one_thread() -> None:
    """Keep numpy's and torch's libraries to one thread; to be called before either is imported.

    The work is many small steps that alternate between them: threads of the one that wait, spinning, for its
    next step slow down the other (features of a minute take 80 ms with one thread, 260 ms with two). It also
    makes a file's numbers the same whatever else runs.
    """
    for variable in _VARIABLES:
        os.environ[variable] = "1"


@contextlib.contextmanager
def one_thread_for_children() -> Iterator[None]:
    """Let processes started inside the block use one thread; this process's environment is put back."""
    before = {variable: os.environ.get(variable) for variable in _VARIABLES}
    use_one_thread()
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value

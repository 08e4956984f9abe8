"""Files that are there whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from damer.core.errors import DamerError


@contextlib.contextmanager
def replacing(
    path: Path, remedy: str | None = None, *, parents: bool = False, lasting: bool = False
) -> Iterator[Path]:
    """Yield a hidden place beside a file, to write to; at the end it takes the file's name.

    Whoever looks meanwhile, or after a kill, finds the file as it was before or as it is now, never a part.
    Where the block fails, what was written goes.

    Args:
        path: the file.
        remedy: what to do when it cannot be written, such as "choose another --out".
        parents: whether its folder is made, where there is none.
        lasting: whether it is to be on the disk, not only in the system's memory, before it takes the name.

    Raises:
        DamerError: it cannot be written, and a remedy is known.
        OSError: it cannot be written, and none is.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if lasting:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if remedy is None:
            raise
        reason = error.strerror or str(error)
        raise DamerError(f"{path}: cannot be written ({reason}): {remedy}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def held(folder: Path, work: str) -> Iterator[None]:
    """Hold a folder, made where there is none, against a second run; it is let go however the process ends.

    Args:
        folder: of the run's results, its option `--out`.
        work: what is done in it, such as "benchmark".

    Raises:
        DamerError: it cannot be written, or another run is in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("wb")
    except OSError as error:
        raise DamerError(f"{folder}: cannot be written ({error.strerror}): choose another --out") from None
    with lock:
        with contextlib.suppress(ImportError):  # no fcntl on Windows: there the user must see to it
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DamerError(
                    f"{folder}: another {work} is at work in it; wait for its end or choose another --out"
                ) from None
        yield

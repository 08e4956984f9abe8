"""A folder that appears whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from damer.core.errors import DamerError


@contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """Yield a hidden folder beside the target; it takes the target's place at the end, or goes.

    Raises:
        DamerError: something is at the target already, another process is making it, or it cannot be written.
    """
    if (target.exists() and not target.is_dir()) or (target.is_dir() and any(target.iterdir())):
        raise DamerError(f"{target}: is there already; choose another folder, or remove it first")
    target = target.absolute()
    folder = target.with_name(f".{target.name}.draft")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_suffix(".lock"), target):
            try:
                shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
                folder.mkdir()
                yield folder
                folder.replace(target)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise DamerError(
            f"{target}: cannot be written ({error.strerror or error}); check space and permissions"
        ) from error


@contextmanager
def _alone(path: Path, target: Path) -> Iterator[None]:
    """Hold a lock that goes with the process, however it ends."""
    with path.open("wb") as lock:
        with suppress(ImportError):  # no fcntl on Windows: there the user must see to it
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DamerError(f"{target}: another process is making it; wait for it to end") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

"""What to say when the output folder can take no more."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from damer.core.errors import DamerError


class CannotWriteError(DamerError):
    """The output folder's disk is full or takes no files: no other file would fare better."""


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn an error of writing, by the system or by SQLite, into the one that ends the run.

    Args:
        place: the output folder, for the message.

    Raises:
        CannotWriteError: something inside the block could not be written.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise CannotWriteError(
            f"{place}: cannot be written ({reason}); make room or change its permissions, then run the same "
            "command again: it goes on where it stopped"
        ) from error

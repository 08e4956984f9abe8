"""Progress on standard error: a bar on a terminal, now and then a line in a log."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any, Self

from tqdm import tqdm

_LOG_EVERY_S = 10.0


class Progress:
    """Shows how many files are done, how fast it goes and how long it will take.

    On a terminal it is a bar; elsewhere a line of the same content every ten seconds and one at the end, so
    that logs stay readable. One file by itself shows nothing.

    Args:
        total: number of files.
    """

    def __init__(self, total: int) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._shown = total > 1
        self._bar: tqdm[Any] = tqdm(
            total=total, unit="file", desc="damer", file=sys.stderr, dynamic_ncols=True, smoothing=0.1,
            disable=not (self._shown and self._on_terminal),
        )  # fmt: skip
        self._total, self._done, self._earlier = total, 0, 0
        self._began = self._told = time.monotonic()

    def update(self, earlier: bool) -> None:
        """Count a file; one that an earlier run heard says nothing of this one's rate."""
        self._done += 1
        self._earlier += earlier
        if not self._bar.disable:
            self._bar.initial += earlier
            self._bar.update()
        if time.monotonic() - self._told > _LOG_EVERY_S:
            self._tell()

    def say(self, message: str) -> None:
        """Print a message on standard error, above the bar."""
        with (
            self._bar.external_write_mode(file=sys.stderr) if self._on_terminal else contextlib.nullcontext()
        ):
            print(message, file=sys.stderr)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Let something be printed on standard output without running into the bar."""
        if self._on_terminal and sys.stdout.isatty():
            with self._bar.external_write_mode(file=sys.stdout):
                yield
        else:
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.close()
        self._tell()

    def _tell(self) -> None:
        """Write a line where there is no bar."""
        self._told = time.monotonic()
        if self._on_terminal or not self._shown:
            return
        line = tqdm.format_meter(
            self._done, self._total, self._told - self._began, ncols=79, prefix="damer", unit="file",
            initial=self._earlier,
        )  # fmt: skip
        print(line, file=sys.stderr)

"""The formats of `damer predict`: table, json, jsonl and csv, each written result by result."""

import csv
import json
from collections.abc import Callable, Iterable
from typing import Protocol, TextIO

from damer.core import text
from damer.core.result import Emotion, Failure

FORMATS = ("table", "json", "jsonl", "csv")
CSV_COLUMNS = (
    *("file", "start_s", "arousal", "valence", "arousal_sd", "valence_sd"),
    *("quadrant", "term", "uncertainty"),
)


class Writer(Protocol):
    """Takes results one by one; what is written after `close` is valid whatever came before."""

    def add(self, result: Emotion | Failure) -> None:
        """Write one result."""

    def close(self) -> None:
        """Write what the format needs at its end."""


def writer(name: str, stream: TextIO, files: Iterable[str] = (), columns: int | None = None) -> Writer:
    """Return the writer of a format.

    Args:
        name: one of `FORMATS`.
        stream: where to write; it stays open.
        files: the names to come, from which the table takes its width.
        columns: how wide a table may be; None is as wide as its names.
    """
    if name == "table":
        return Table(stream, files, columns)
    makers: dict[str, Callable[[TextIO], Writer]] = {"json": JsonArray, "jsonl": JsonLines, "csv": CsvSeconds}
    return makers[name](stream)


class JsonLines:
    """One object a line, a file each."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def add(self, result: Emotion | Failure) -> None:
        """Write one line."""
        self._stream.write(json.dumps(result.to_dict(), ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing more to write."""


class JsonArray:
    """One array, an object a file; closed properly even when a run is interrupted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._before = "[\n"

    def add(self, result: Emotion | Failure) -> None:
        """Write one element."""
        self._stream.write(self._before + json.dumps(result.to_dict(), ensure_ascii=False))
        self._stream.flush()
        self._before = ",\n"

    def close(self) -> None:
        """End the array."""
        self._stream.write("[]\n" if self._before == "[\n" else "\n]\n")
        self._stream.flush()


class CsvSeconds:
    """One row a second, under a heading; a file that failed has no seconds and no row."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rows = csv.writer(stream, lineterminator="\n")
        self._rows.writerow(CSV_COLUMNS)

    def add(self, result: Emotion | Failure) -> None:
        """Write a file's rows."""
        if isinstance(result, Failure):
            return
        for second in result.segments:
            values = (*second.to_dict().values(), second.quadrant, second.term, round(second.uncertainty, 6))
            self._rows.writerow((text.valid(result.file), *values))
        self._stream.flush()

    def close(self) -> None:
        """Nothing more to write."""


class Table:
    """Aligned columns for people, a row a file; whatever script the names are in."""

    _HEADINGS = ("Duration", "Arousal", "Valence", "Quadrant", "Term", "Uncertainty")
    _WIDTHS = (8, 9, 13, 8, 10, 11)
    _LEAST = 12
    _COMFORTABLE = 100

    def __init__(self, stream: TextIO, files: Iterable[str], columns: int | None) -> None:
        self._stream = stream
        longest = max([text.width(text.one_line(file)) for file in files], default=0)
        self._file_width = max(longest, len("File"))
        self._gap = " " if columns is not None and columns < self._COMFORTABLE else "  "
        self._rest = sum(self._WIDTHS) + len(self._gap) * len(self._WIDTHS)
        if columns is not None:
            left = columns - self._rest
            self._file_width = max(self._LEAST, min(self._file_width, left))
        self._begun = False

    def add(self, result: Emotion | Failure) -> None:
        """Write one row."""
        if not self._begun:
            self._begun = True
            self._row("File", self._HEADINGS)
            self._stream.write("─" * (self._file_width + self._rest) + "\n")
        if isinstance(result, Failure):
            self._row(result.file, ("could not be read",))
            return
        self._row(
            result.file,
            (
                text.clock(result.duration_s),
                f"{result.arousal:.2f} {result.arousal_label}",
                f"{result.valence:.2f} {result.valence_label}",
                result.quadrant,
                result.term,
                f"{result.uncertainty:.2f}",
            ),
        )

    def close(self) -> None:
        """Nothing more to write."""

    def _row(self, file: str, values: tuple[str, ...]) -> None:
        name = text.shortened(text.one_line(file), self._file_width)
        cells = [name + " " * (self._file_width - text.width(name))]
        for place, value in enumerate(values):
            right = len(values) > 1 and place in (0, len(self._WIDTHS) - 1)
            cells.append(value.rjust(self._WIDTHS[place]) if right else value.ljust(self._WIDTHS[place]))
        self._stream.write(self._gap.join(cells).rstrip() + "\n")
        self._stream.flush()

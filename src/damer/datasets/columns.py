"""Reading the columns of published tables: names that vary, numbers that must be numbers, scales."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from damer.core.errors import DamerError
from damer.datasets.base import Row, read_table, seen

Scale = tuple[float, float]


def plain(name: str) -> str:
    """Return a column's name without case, spaces and signs: `Arousal(mean)` and `arousal_mean` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def read_columns(
    path: Path,
    wanted: Mapping[str, Sequence[str]],
    optional: Mapping[str, Sequence[str]] | None = None,
    delimiter: str = ",",
) -> list[Row]:
    """Read a table whose columns may have one of several names.

    Args:
        path: The table.
        wanted: For each column the names it may have (compared by `plain`), the best first.
        optional: The same for columns that may be absent.
        delimiter: What separates the cells.

    Returns:
        The rows; their cells are under the keys of `wanted` and, where they are there, of `optional`.

    Raises:
        DamerError: a column is missing, or the table has no row.
    """
    rows = read_table(path, [], delimiter)
    if not rows:
        raise DamerError(f"{path}: no row below the header; is the file whole?")
    found = {plain(name): name for name in rows[0].cells if name}
    names: dict[str, str] = {}
    for key, choices in [*wanted.items(), *(optional or {}).items()]:
        name = next((found[plain(choice)] for choice in choices if plain(choice) in found), None)
        if name is not None:
            names[key] = name
        elif key in wanted:
            raise DamerError(
                f"{path}: column {choices[0]} is missing; {seen([*filter(None, rows[0].cells)], delimiter)}"
            )
    return [Row(row.line, {key: row.cells[name] for key, name in names.items()}) for row in rows]


def song_number(text: str) -> str:
    """Return a song's number as file names have it: "7" for "7", "007" and "7.0"; other text as it is."""
    return str(int(float(text))) if re.fullmatch(r"\d+(\.0*)?", text) else text


def number(path: Path, row: Row, column: str) -> float:
    """Return a cell as a number.

    Raises:
        DamerError: it is none, or not finite.
    """
    try:
        value = float(row.cells[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DamerError(f"{path}: line {row.line}: {column} {row.cells[column]!r} is not a number; mend it")
    return value


def rescale(value: float, scale: Scale) -> float:
    """Return a value of the scale (lowest, highest) brought to [−1, 1], straight."""
    low, high = scale
    return (2 * value - (low + high)) / (high - low)


def scale_of(path: Path, values: Iterable[float], scales: Sequence[Scale]) -> Scale:
    """Return the first scale that all values lie in: republished tables may be on another than the original.

    Raises:
        DamerError: none fits; the message names a value outside.
    """
    found = list(values)
    for low, high in scales:
        if all(low <= value <= high for value in found):
            return low, high
    low, high = scales[0]
    outside = next(value for value in found if not low <= value <= high)
    known = " or ".join(f"{first:g} to {last:g}" for first, last in scales)
    raise DamerError(f"{path}: a label is {outside:g}; all should lie in {known}: rescale the table")


def minutes_seconds(text: str) -> float:
    """Return the seconds of a time written min.sec, such as "1.05" (65 s) and "0.2" (20 s), or min:sec.

    The table was written as numbers, so a last zero of the seconds is lost: "0.2" is 0 min 20 s.

    Raises:
        DamerError: it is no such time.
    """
    match = re.fullmatch(r"(\d+)(?:[.:](\d{1,2}))?", text.strip())
    seconds = int((match[2] or "0").ljust(2, "0")) if match else 60
    if match is None or seconds >= 60:
        raise DamerError(f"{text!r} is not a time written minutes.seconds")
    return 60.0 * int(match[1]) + seconds

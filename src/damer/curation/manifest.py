"""The manifest of a curated folder: Parquet and CSV with one row a file, `curation.json` with the how."""

import contextlib
import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields
from pathlib import Path
from typing import IO, Any

from damer.core.files import replacing
from damer.curation.disk import writing
from damer.curation.row import Row

PARQUET, CSV, ABOUT = "manifest.parquet", "manifest.csv", "curation.json"
COLUMNS = tuple(field.name for field in fields(Row))

_ROWS_A_GROUP = 1000


def write_manifest(folder: Path, rows: Iterable[Row]) -> None:
    """Write both tables, each whole or not at all; a thousand rows are in memory at a time.

    Raises:
        CannotWriteError: the folder takes no files.
    """
    import pyarrow as arrow
    from pyarrow import parquet

    schema = arrow.schema([(field.name, _arrow_type(field.type)) for field in fields(Row)])
    with (
        _whole(folder / PARQUET) as table_file,
        _whole(folder / CSV) as csv_file,
        parquet.ParquetWriter(table_file, schema) as table,
    ):
        text = io.TextIOWrapper(csv_file, encoding="utf-8", newline="")
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(COLUMNS)
        for group in _groups(rows):
            table.write_table(arrow.Table.from_pylist([vars(row) for row in group], schema))
            lines.writerows([_cell(value) for value in astuple(row)] for row in group)
        text.detach()  # flushes; the file below is closed by its own block


def write_about(folder: Path, about: dict[str, Any]) -> None:
    """Write `curation.json`: the parameters and versions of every step."""
    with _whole(folder / ABOUT) as file:
        file.write((json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())


def _arrow_type(annotation: Any) -> Any:
    import pyarrow as arrow

    kinds = {
        str: arrow.string(),
        bool: arrow.bool_(),
        int | None: arrow.int64(),
        float | None: arrow.float64(),
    }
    return kinds.get(annotation, arrow.string())  # the rest are texts


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == _ROWS_A_GROUP:
            yield group
            group = []
    if group:
        yield group


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file under another name that becomes its own only when all went well."""
    with writing(path.parent), replacing(path) as part, part.open("wb") as file:
        yield file

"""The table a user gives beside the music: licence, source, artist and title of each file."""

import csv
from collections.abc import Iterator
from pathlib import Path

from damer.core.errors import DamerError

_FIELDS = ("file", "licence", "source", "artist", "title")
_NAMES = {name: name for name in _FIELDS} | {"license": "licence"}


def read_sidecar(path: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield (file, licence, source, artist, title) of each line of a CSV table, "" where a cell is empty.

    Args:
        path: CSV in UTF-8 whose first line names the columns: `file` (path below the source folder, with `/`)
            and any of `licence` (or `license`), `source`, `artist`, `title`; other columns are left alone.

    Raises:
        DamerError: it cannot be read, or has no such columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            names = {name: (name or "").strip().lower() for name in lines.fieldnames or ()}
            columns = {name: _NAMES[plain] for name, plain in names.items() if plain in _NAMES}
            if "file" not in columns.values() or len(columns) < 2:
                raise DamerError(
                    f"{path}: its first line must name 'file' and one of licence, source, artist, title"
                )
            for line in lines:
                cells = {field: (line[name] or "").strip() for name, field in columns.items()}
                name = cells["file"].removeprefix("./").replace("\\", "/")
                if name:
                    yield (name, *(cells.get(field, "") for field in _FIELDS[1:]))  # type: ignore[misc]
    except OSError as error:
        raise DamerError(f"{path}: cannot be read ({error.strerror}); check --licences") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DamerError(f"{path}: is no CSV table in UTF-8 ({error}); export it again") from None

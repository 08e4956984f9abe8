"""The rows of a benchmark as they lie on disk; torch is not needed to read them."""

import json
from pathlib import Path
from typing import Any

from damer.core.errors import DamerError

RESULTS = "results.jsonl"
_NEEDED = {
    "key", "benchmark", "name", "method", "title", "provenance", "corpus", "protocol", "dimension", "seed",
    "fold", "folds", "profile", "metrics", "majority", "data", "training", "run",
}  # fmt: skip
_TABLES, _LEVELS = ("metrics", "majority"), ("track", "segment")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a results.jsonl; half a line that a kill left at its end is passed over.

    Of a job that was done twice, because embeddings were asked for later, the later row counts.

    Raises:
        DamerError: it is missing, or another line is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise DamerError(f"{path}: no such file; make it with `damer benchmark RECIPE --out DIR`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DamerError(f"{path}: cannot be read ({error})") from None
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        if not line or number == len(lines):
            continue
        try:
            row = json.loads(line)
        except ValueError:
            raise DamerError(f"{path}, line {number}: not JSON: mend or remove that line") from None
        if not isinstance(row, dict) or not row.keys() >= _NEEDED or not _levels(row):
            raise DamerError(f"{path}, line {number}: not a row of `damer benchmark`: remove that line")
        place = row["key"], row.get("benchmark", "")  # two benchmarks may have a job in common
        found.pop(place, None)
        found[place] = row
    return list(found.values())


def _levels(row: dict[str, Any]) -> bool:
    """Say whether numbers are there per track and per second, as tables want them."""
    found = [row[name].get(level) for name in _TABLES if isinstance(row[name], dict) for level in _LEVELS]
    return len(found) == 4 and all(isinstance(numbers, dict) for numbers in found)

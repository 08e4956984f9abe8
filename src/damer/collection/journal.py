"""What a run has done, kept so that a run cut short at any moment can go on."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TextIO

from damer.core.errors import DamerError
from damer.core.result import Emotion, Failure, Model
from damer.core.text import valid

RESULTS = "results.jsonl"
_IDENTITIES = ".results.identity.jsonl"
_PREVIOUS = "results.previous.jsonl"

Identity = tuple[int, int, str]
"""Size in bytes, time of last change in nanoseconds, and window: with the model, what a result depends on."""


def identity(file: str, window: str) -> Identity | None:
    """Return what decides whether a result of a file still holds; None when there is no such file."""
    try:
        status = Path(file).stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, window


class Journal:
    """Appends results to `results.jsonl` as they come and finds those of an earlier run.

    A result counts as done once its identity, in a second file, is written after it; a line cut short by a
    crash is dropped when the journal is opened again.

    Args:
        folder: where to keep it; made if missing.
        resume: whether to keep what is done; otherwise an earlier `results.jsonl` is kept aside as
            `results.previous.jsonl` and a new one begun.

    Raises:
        DamerError: when the folder or the files in it cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], resume: bool) -> None:
        self.folder = Path(folder)
        self._places: dict[str, tuple[int, Identity]] = {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            results, identities = self.folder / RESULTS, self.folder / _IDENTITIES
            if resume:
                self._compact(results, identities)
            elif results.exists():
                results.replace(self.folder / _PREVIOUS)
                identities.unlink(missing_ok=True)
            self._results = results.open("a+", encoding="utf-8")
            self._identities = identities.open("a", encoding="utf-8")
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise DamerError(f"{self.folder}: cannot be written ({reason}); choose another --out") from error

    def knows(self, file: str, wanted: Identity | None, model: Model) -> bool:
        """Whether there is a result of the same file, unchanged, in the same window by the same model."""
        place = self._places.get(valid(file))
        if place is None or wanted is None or place[1] != wanted:
            return False
        return self.read(file).model == model

    def read(self, file: str) -> Emotion:
        """Return a result that `knows` said is there."""
        with (self.folder / RESULTS).open(encoding="utf-8") as results:
            results.seek(self._places[valid(file)][0])
            return Emotion.from_dict(json.loads(results.readline()))

    def add(self, result: Emotion | Failure, identity: Identity | None) -> None:
        """Append one result; it is in the file when this returns."""
        _append(self._results, result.to_dict())
        if isinstance(result, Emotion) and identity is not None:
            _append(self._identities, [valid(result.file), *identity])

    def close(self) -> None:
        """Close both files."""
        self._results.close()
        self._identities.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _compact(self, results: Path, identities: Path) -> None:
        """Rewrite both files with whole, identified results only, and remember where each is."""
        known: dict[str, Identity] = {}
        for line in _lines(identities):
            match line:
                case [str(name), int(size), int(changed), str(window)]:
                    known[name] = (size, changed, window)
        kept: dict[str, Identity] = {}
        partial_results, partial_identities = _partial(results), _partial(identities)
        with (
            partial_results.open("w", encoding="utf-8") as new,
            partial_identities.open("w") as new_identities,
        ):
            for line in _lines(results):
                if not isinstance(line, dict) or "error" in line:
                    continue
                file = line.get("file")
                if not isinstance(file, str) or file not in known or file in kept:
                    continue
                kept[file] = known[file]
                self._places[file] = (new.tell(), known[file])
                _append(new, line)
                _append(new_identities, [file, *known[file]])
        partial_results.replace(results)
        partial_identities.replace(identities)


def _append(file: TextIO, value: object) -> None:
    file.write(json.dumps(value, ensure_ascii=False) + "\n")
    file.flush()


def _lines(path: Path) -> Iterator[object]:
    """Yield the JSON values of a file's whole lines; what is cut short or damaged is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")

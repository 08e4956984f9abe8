"""Checksums of a folder in the form of `sha256sum`, and what has become of its files, in plain words."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from damer.core.errors import DamerError
from damer.core.text import one_line

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_BLOCK = 1 << 20


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits.

    Raises:
        DamerError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DamerError(f"{path}: cannot be read ({error.strerror}); check that it is there") from error


def copy_with_sum(source: Path, target: Path) -> str:
    """Copy a file and return its SHA-256: the bytes are read once.

    Raises:
        OSError: one of the two cannot be opened, read or written.
    """
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("xb") as write:
        while block := read.read(_BLOCK):
            digest.update(block)
            write.write(block)
    return digest.hexdigest()


def files_below(root: Path) -> list[str]:
    """Return every file below `root`, relative, sorted, without `SHA256SUMS` and whatever is hidden.

    Hidden files and folders are those of tools that look after a folder (.git, .cache, .DS_Store).
    """
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    names = sorted(path.relative_to(root).as_posix() for path in found)
    return [name for name in names if name != SUMS]


def write_sums(root: Path, known: Mapping[str, str] | None = None) -> None:
    """Write `SHA256SUMS` for every file below `root`, whole or not at all.

    Args:
        root: The folder.
        known: Sums that were computed already, by the file's name relative to `root`.

    Raises:
        OSError: a file cannot be read, or the list not be written.
        DamerError: a file's name has a line break, which the list cannot hold.
    """
    known = known or {}
    lines = []
    for name in files_below(root):
        if one_line(name) != name:
            raise DamerError(f"{root}: the name {one_line(name)!r} cannot stand in {SUMS}; rename the file")
        lines.append(f"{known.get(name) or file_sha256(root / name)}  {name}\n")
    draft = root / f".{SUMS}.draft"
    draft.write_text("".join(lines), encoding="utf-8")
    draft.replace(root / SUMS)


def read_sums(root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that `SHA256SUMS` in `root` names.

    Raises:
        DamerError: the list is missing, or a line of it cannot be understood.
    """
    path = root / SUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DamerError(
            f"{path}: cannot be read; without it nobody can tell whether the folder is whole"
        ) from None
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise DamerError(f"{path}: line {number} is not `sum  name`; fetch the file again")
        name = match[2]
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DamerError(f"{path}: line {number} names {name}, which is not inside the folder")
        sums[name] = match[1]
    return sums


def differences(root: Path) -> list[str]:
    """Compare a folder with its `SHA256SUMS`: one sentence for each file missing, changed or extra.

    Raises:
        DamerError: the list is missing or malformed, or a file cannot be read.
    """
    sums = read_sums(root)
    found = set(files_below(root))
    notes = []
    for name in sorted(sums):
        if name not in found:
            notes.append(f"{root / name}: is missing, though {SUMS} names it; fetch it again")
        elif file_sha256(root / name) != sums[name]:
            notes.append(f"{root / name}: is changed: its checksum is not the one in {SUMS}; fetch it again")
    notes += [
        f"{root / name}: is extra: {SUMS} does not name it; it is no part of this release"
        for name in sorted(found - set(sums))
    ]
    return notes

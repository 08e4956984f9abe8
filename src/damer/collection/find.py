"""From the files and folders a user names to a list of audio files."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from damer.audio import SUFFIXES
from damer.core.result import Failure


def find_audio(paths: Iterable[str | os.PathLike[str]]) -> list[str | Failure]:
    """List the audio files among `paths`, in the order given, folders sorted by name, links last.

    Folders are searched to any depth; hidden files and folders inside them, files that are not audio by
    their suffix, and whatever is neither file nor folder are passed over; links are followed, loops and
    files met before are not entered twice.

    Args:
        paths: files and folders.

    Returns:
        Paths as the caller would write them, and a `Failure` for each folder that cannot be searched or holds
        no audio and for each path that is neither file nor folder.
    """
    found: list[str | Failure] = []
    seen: set[str] = set()
    for path in (os.fspath(path) for path in paths):
        if not os.path.isdir(path):  # noqa: PTH112 (a path may hold what Path would normalise away)
            found.extend(_named(path, seen))
            continue
        inside = list(_search(path, set()))
        if not inside:
            found.append(Failure(path, f"{path}: no audio file in this folder: name one that holds music"))
        for entry in inside:
            if isinstance(entry, Failure):
                found.append(entry)
            else:
                found.extend(_once(entry, seen))
    return found


def _named(path: str, seen: set[str]) -> Iterator[str | Failure]:
    """Yield a path the user named: reading it will tell a missing file; a pipe would block for ever."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        yield from _once(path, seen)
        return
    if stat.S_ISREG(mode):
        yield from _once(path, seen)
    else:
        yield Failure(path, f"{path}: neither a file nor a folder: name a music file")


def _once(path: str, seen: set[str]) -> Iterator[str]:
    real = os.path.realpath(path)
    if real not in seen:
        seen.add(real)
        yield path


def search(folder: str, suffixes: frozenset[str]) -> Iterator[str | Failure]:
    """Yield the files under a folder whose suffix is one of `suffixes`, as `find_audio` finds them.

    Nothing of what was found is kept: the order is the file system's, and a link to a file that was met
    before is yielded as well.
    """
    yield from _search(folder, set(), suffixes, in_order=False)


def _search(
    folder: str,
    entered: set[tuple[int, int]],
    suffixes: frozenset[str] = SUFFIXES,
    in_order: bool = True,
) -> Iterator[str | Failure]:
    """Yield the audio files under `folder`; `entered` holds device and inode of every folder entered."""
    try:
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        entries: Iterable[os.DirEntry[str]] = os.scandir(folder)
        if in_order:
            entries = sorted(entries, key=_links_last)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        yield Failure(folder, f"{folder}: this folder cannot be opened ({reason}): check its permissions")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            yield from _search(entry.path, entered, suffixes, in_order)
        elif Path(entry.name).suffix.lower() in suffixes and not _is_special(entry):
            yield entry.path


def _links_last(entry: os.DirEntry[str]) -> tuple[bool, str]:
    """Sort by name, links after the rest, so that a file and a link to it give the file."""
    return entry.is_symlink(), entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_special(entry: os.DirEntry[str]) -> bool:
    """Whether this is a pipe, socket or device; a link to nothing is a file that fails, and says so."""
    try:
        return not stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return False

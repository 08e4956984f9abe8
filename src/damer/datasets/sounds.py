"""Finding a corpus's sound files by the song's number, and saying which are not there."""

from collections.abc import Sequence
from pathlib import Path

from damer.audio import SUFFIXES
from damer.datasets.columns import song_number

_NAMED = 10


def sound_files(root: Path, folders: Sequence[str]) -> dict[str, Path]:
    """Return the sound files of the first of some folders that holds any, by their song's number."""
    for folder in folders:
        place = root / folder
        if place.is_dir():
            paths = sorted(
                path
                for path in place.iterdir()
                if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
            )
            if paths:
                return {song_number(path.stem): path for path in reversed(paths)}
    return {}


def named(names: Sequence[str]) -> str:
    """Return the first few of some names as a text, with an ellipsis where there are more."""
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def missing_sounds(wanted: Sequence[str], found: dict[str, Path], where: str) -> list[str]:
    """Return a note of the songs that have labels and no sound file; none where all are there."""
    missing = [song for song in wanted if song not in found]
    if not missing:
        return []
    told = f"{len(missing)} of {len(wanted)} sound files are missing: {named(missing)}"
    return [f"{where}: {told}; their labels are kept"]


def not_distributed(tracks: int, where: str) -> str:
    """Return the remark for a corpus that is published without its music, where none of it is there."""
    return f"the music is not distributed: {tracks} tracks have labels only; put what you have in {where}"


def unlabelled_sounds(wanted: Sequence[str], found: dict[str, Path]) -> list[str]:
    """Return a remark of the sound files that have no labels; none where each has."""
    strange = sorted(set(found) - set(wanted))
    if not strange:
        return []
    files = named([found[song].name for song in strange])
    return [f"{len(strange)} sound files have no labels and are not used: {files}"]

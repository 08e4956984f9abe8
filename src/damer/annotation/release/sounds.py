"""The sound files of a release: copied as they are, each checked against what was annotated."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from damer.annotation.release.gather import Material
from damer.core.checksums import copy_with_sum, file_sha256
from damer.core.errors import DamerError


class Sound(NamedTuple):
    """A track's sound: its file in the release, "" where it is not in it, and its SHA-256."""

    file: str
    sha256: str


def copy_sounds(material: Material, folder: Path) -> dict[str, Sound]:
    """Copy each track's sound file to `audio/TRACK_ID.suffix`; return where they are, by the track's id.

    Raises:
        DamerError: a file is missing, or is not the one that was annotated.
        OSError: the copy cannot be written.
    """
    sources = {track.track_id: material.study.audio(track.track_id) for track in material.tracks}
    _all_there(material, sources)
    (folder / "audio").mkdir()
    sounds: dict[str, Sound] = {}
    for track in tqdm(material.tracks, unit="track", desc="audio", disable=None):
        source = sources[track.track_id]
        name = f"audio/{track.track_id}{source.suffix.lower()}"
        sounds[track.track_id] = Sound(name, copy_with_sum(source, folder / name))
        _same(source, track.sha256, sounds[track.track_id].sha256)
    return sounds


def name_sounds(material: Material) -> dict[str, Sound]:
    """Return each track's SHA-256 by its id, for a release without audio: as the study has it, else computed.

    Raises:
        DamerError: the study does not have it and the file is missing.
    """
    return {
        track.track_id: Sound("", track.sha256 or file_sha256(material.study.audio(track.track_id)))
        for track in material.tracks
    }


def _all_there(material: Material, sources: Mapping[str, Path]) -> None:
    """Look before anything is copied: the last of a thousand files may be the one that is missing."""
    missing = [str(path) for path in sources.values() if not path.is_file()]
    if missing:
        more = f" and {len(missing) - 3} more" * (len(missing) > 3)
        raise DamerError(
            f"{material.study.folder}: missing sound: {', '.join(missing[:3])}{more}; "
            "put it back, or release without sound (--audio none)"
        )


def _same(source: Path, annotated: str, found: str) -> None:
    if annotated and annotated != found:
        raise DamerError(
            f"{source}: is not the file that was annotated (its checksum differs from the study's); "
            "find that one, or release without sound (--audio none)"
        )

"""Tracks of a new study: from a curated folder, its manifest, or any table that names sound files."""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from damer.annotation.tables import StudyTrack
from damer.core.checksums import file_sha256
from damer.core.errors import DamerError
from damer.core.text import one_line

_MANIFESTS = ("manifest.parquet", "manifest.csv")
_TRACK_ID = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


def read_manifest(path: Path) -> list[StudyTrack]:
    """Return the tracks of a manifest.

    Args:
        path: a folder of `damer curate`, its manifest.parquet or manifest.csv, or a CSV table with a column
            `file` (absolute, or relative to the table) and any of track_id, group, artist, title, licence,
            is_cc0, source, sha256, gain_db. Rows of a status other than `kept` are passed over.

    Raises:
        DamerError: it cannot be read, has no track, or names a file that is no sound.
    """
    return [track for _, track in _tracks(path)]


def read_exemplars(path: Path) -> list[tuple[StudyTrack, tuple[float, float]]]:
    """Return the tracks of the training with their places (valence, arousal).

    Args:
        path: a table as `read_manifest` reads it, with columns `valence` and `arousal` too.

    Raises:
        DamerError: as there, or a place is not in the unit disc.
    """
    found = []
    for row, track in _tracks(path):
        try:
            place = float(row["valence"]), float(row["arousal"])
        except (KeyError, TypeError, ValueError) as error:
            raise DamerError(
                f"{path}: exemplar {track.track_id} has no valence and arousal; give both, as 0.7 and 0.7"
            ) from error
        if not math.hypot(*place) <= 1 + 1e-9:
            raise DamerError(f"{path}: exemplar {track.track_id} lies at {place}, outside the unit disc")
        found.append((track, place))
    return found


def _tracks(path: Path) -> Iterator[tuple[Mapping[str, Any], StudyTrack]]:
    if path.is_dir():
        path = next((path / name for name in _MANIFESTS if (path / name).is_file()), path / _MANIFESTS[0])
    ids: set[str] = set()
    for row in _rows(path):
        if row.get("status") in (None, "", "kept"):
            track = _track(path, row)
            if track.track_id in ids:
                raise DamerError(f"{path}: track_id {track.track_id} comes twice; give each track its own")
            ids.add(track.track_id)
            yield row, track
    if not ids:
        raise DamerError(
            f"{path}: names no track; give a folder of `damer curate` or a CSV with a column file"
        )


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        if path.suffix == ".parquet":
            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise DamerError(f"{path}: is missing; name a folder of `damer curate` or a table") from error
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        words = one_line(str(error).partition("\n")[0])
        raise DamerError(f"{path}: cannot be read ({words}); give CSV or Parquet") from error
    if rows and not {"file", "output"} & set(rows[0]):
        raise DamerError(f"{path}: has no column file; give one with the sound files")
    return rows


def _track(path: Path, row: Mapping[str, Any]) -> StudyTrack:
    curated = str(row.get("output") or "")
    name = curated or str(row.get("file") or "")
    sound = path.parent / name
    if not name or not sound.is_file():
        raise DamerError(f"{path}: sound file {one_line(name)!r} is missing; check the path in the table")
    track_id = str(row.get("track_id") or "") or re.sub(r"[^\w.-]+", "_", sound.stem, flags=re.ASCII).strip(
        "_.-"
    )
    if _TRACK_ID.fullmatch(track_id) is None:
        raise DamerError(
            f"{path}: {track_id!r} of {one_line(name)} is no track_id; use letters, digits, . _ -"
        )
    try:
        about = soundfile.info(str(sound))
        gain = 0.0 if curated else float(row.get("gain_db") or 0.0)  # curated files have their gain in them
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise DamerError(f"{sound}: is no sound that can be played ({error}); convert it") from error
    except ValueError as error:
        raise DamerError(f"{path}: gain_db {row['gain_db']!r} of {one_line(name)} is no number") from error
    return StudyTrack(
        track_id=track_id,
        file=str(sound.resolve()),
        duration_s=about.frames / about.samplerate,
        group=str(row.get("group") or row.get("artist") or ""),
        title=str(row.get("title") or ""),
        licence=str(row.get("licence") or row.get("license") or ""),
        is_cc0=str(row.get("is_cc0") or "").lower() in ("true", "1", "yes"),
        source=str(row.get("source") or ""),
        sha256=str(row.get("sha256") or "") or file_sha256(sound),
        gain_db=gain,
    )

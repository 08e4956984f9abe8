"""A dataset that `damer dataset release` made: tables in Parquet, sound files, checksums.

The folder is checked against its `SHA256SUMS`: what is missing, changed or extra is said in plain words.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from damer.core import checksums
from damer.core.errors import DamerError
from damer.core.track import Step, Track
from damer.core.trajectory import Trajectory
from damer.datasets.base import Corpus, Reading, existing_folder
from damer.datasets.release_tables import (
    DESCRIPTION_FILE,
    DYNAMIC,
    FORMAT,
    STATIC,
    TRACKS,
    TRAJECTORIES,
    Table,
    schema,
)

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Release(Corpus):
    """A released dataset.

    Attributes:
        corpus: First part of every track's id; "" takes the dataset's own name.
    """

    corpus: str = ""

    name: ClassVar[str] = "release"
    title: ClassVar[str] = "a dataset that `damer dataset release` made: audio, labels a second, checksums"
    licence: ClassVar[str] = "as its dataset.json says; each recording's own is in tracks.parquet"
    source: ClassVar[str] = "whoever released it"
    obtain: ClassVar[str] = (
        "download the whole folder; where the audio is not in it, put each sound file at audio/TRACK_ID.wav "
        "(or .flac, .mp3, …)"
    )
    window: ClassVar[str] = "15:75"

    def read(self, root: Path) -> Reading:
        """Read the tables and find each track's sound file; nothing is hashed here."""
        description = read_description(root)
        corpus = self.corpus or slug(description["name"])
        steps = _steps(read_columns(root, DYNAMIC), 1 / description["rate_hz"])
        static = _by_track(read_columns(root, STATIC))
        tracks: list[Track] = []
        notes: list[str] = []
        silent: list[str] = []
        for row in _rows(read_columns(root, TRACKS)):
            name = row["track_id"]
            sound = _sound(root, row)
            if sound is None:
                if row["file"]:
                    notes.append(f"{root / row['file']}: is missing; the track is left out")
                else:
                    silent.append(name)
                continue
            valence, arousal = static.get(name, (None, None))
            try:
                track = Track(
                    id=f"{corpus}:{name}",
                    group=row["group"] or name,
                    corpus=corpus,
                    audio=str(sound),
                    valence=valence,
                    arousal=arousal,
                    dynamic=steps.get(name, ()),
                    licence=row["licence"] or description["licence"],
                    source=row["source"] or description["name"],
                )
            except DamerError as error:
                notes.append(f"{root}: {error}; the track is left out")
                continue
            tracks.append(track)
        if silent:
            notes.append(
                f"{root / 'audio'}: {len(silent)} sound files are not there, for this release comes without "
                f"sound; put each at TRACK_ID.wav (or .flac, .mp3, …), the first is {silent[0]}.wav"
            )
        return Reading(tracks, notes)

    def check(self, root: str | Path) -> list[str]:
        """Compare every file with its checksum, then read the tables; a sentence for each thing found."""
        try:
            folder = existing_folder(root)
            without_audio = read_description(folder)["audio"] == "none"
        except DamerError as error:
            return [str(error)]
        try:
            notes = [
                note
                for note in checksums.differences(folder)
                # Whoever adds the audio of a dataset that comes without does as he was told.
                if not (without_audio and note.startswith(f"{folder / 'audio'}/"))
            ]
        except DamerError as error:
            notes = [str(error)]
        said = {note.split(": ")[0] for note in notes}
        try:
            found = _strange_sounds(folder) if without_audio else []
            found += self.read(folder).notes
        except DamerError as error:
            found = [str(error)]
        return notes + [note for note in found if note.split(": ")[0] not in said]


def read_description(root: Path) -> dict[str, Any]:
    """Return what `dataset.json` says: name, licence, rate_hz, audio and more.

    Raises:
        DamerError: it is missing, or not of a form this version reads.
    """
    path = root / DESCRIPTION_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamerError(f"{path}: is missing; give the folder that `damer dataset release` made") from None
    except (OSError, ValueError) as error:
        raise DamerError(f"{path}: cannot be read ({error}); fetch it again") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        form = found.get("format") if isinstance(found, dict) else None
        raise DamerError(f"{path}: format {form!r} is not {FORMAT!r}; read it with the damer that made it")
    wrong = [name for name in ("name", "licence", "audio") if not isinstance(found.get(name), str)]
    rate = found.get("rate_hz")
    if wrong or not (isinstance(rate, int | float) and rate > 0):
        raise DamerError(f"{path}: {', '.join(wrong) or 'rate_hz'} is missing or wrong; fetch it again")
    return found


def read_trajectories(root: str | Path) -> list[Trajectory]:
    """Return every released trajectory, covert duplicates included, as recorded: no lag is taken off.

    Raises:
        DamerError: the folder is not a release, or a table of it cannot be read.
    """
    folder = existing_folder(root)
    read_description(folder)
    tracks = read_columns(folder, TRACKS)
    lengths = dict(zip(tracks["track_id"], tracks["duration_s"], strict=True))
    found: list[Trajectory] = []
    for path in sorted(folder.glob(TRAJECTORIES.path)):
        found += _trajectories(_columns(path, TRAJECTORIES), lengths)
    return found


def read_columns(root: Path, table: Table) -> Columns:
    """Return the columns of one table of a release: text as objects, numbers with NaN where missing.

    Raises:
        DamerError: the file is missing, is not Parquet, or lacks a column.
    """
    return _columns(root / table.path, table)


def slug(name: str) -> str:
    """Return a name as it stands in ids and folders: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "release"


def _columns(path: Path, table: Table) -> Columns:
    import pyarrow
    from pyarrow import parquet

    try:
        # A single file, never a dataset of a folder: no column is guessed from the path.
        with parquet.ParquetFile(path) as file:
            missing = sorted(set(table.names) - set(file.schema_arrow.names))
            if missing:
                raise DamerError(f"{path}: column {', '.join(missing)} is missing; fetch the file again")
            content = file.read(columns=table.names).cast(schema(table))
    except FileNotFoundError:
        raise DamerError(f"{path}: is missing; fetch the whole folder again") from None
    except (OSError, pyarrow.ArrowException, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DamerError(f"{path}: cannot be read as Parquet ({reason}); fetch it again") from error
    for name in table.key:
        if content[name].null_count:
            raise DamerError(f"{path}: column {name} has empty cells; fetch the file again")
    return {name: content[name].to_numpy() for name in table.names}


def _rows(columns: Columns) -> Iterator[dict[str, Any]]:
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _sound(root: Path, row: dict[str, Any]) -> Path | None:
    """Find a track's sound file; where it is not distributed, whatever the user put in its place."""
    if row["file"]:
        path = root / row["file"]
        return path if path.is_file() else None
    return next(iter(sorted((root / "audio").glob(f"{row['track_id']}.*"))), None)


def _strange_sounds(root: Path) -> list[str]:
    """Say which sound files that the user added are not those that were annotated."""
    notes = []
    for row in _rows(read_columns(root, TRACKS)):
        sound = _sound(root, row)
        if sound is not None and row["sha256"] and checksums.file_sha256(sound) != row["sha256"]:
            notes.append(f"{sound}: is not the file that was annotated (its checksum differs); find that one")
    return notes


def _by_track(columns: Columns) -> dict[str, tuple[float | None, float | None]]:
    values = zip(columns["track_id"], columns["valence"], columns["arousal"], strict=True)
    return {track: (_known(valence), _known(arousal)) for track, valence, arousal in values}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _steps(columns: Columns, length: float) -> dict[str, tuple[Step, ...]]:
    """Return each track's labels over time, as steps that hold until a second; those without a label go."""
    steps: dict[str, list[Step]] = {}
    names = ("track_id", "second", "valence", "arousal")
    for track, start, valence, arousal in zip(*(columns[name] for name in names), strict=True):
        if np.isfinite(valence) and np.isfinite(arousal):
            steps.setdefault(track, []).append((float(start) + length, float(valence), float(arousal)))
    return {track: tuple(sorted(found)) for track, found in steps.items()}


def _trajectories(columns: Columns, lengths: dict[str, float]) -> Iterator[Trajectory]:
    """Cut one file's rows into takes: the rows of a take follow one another."""
    takes = columns["take"]
    if not len(takes):
        return
    starts = np.flatnonzero(np.concatenate([[True], takes[1:] != takes[:-1]]))
    for start, end in zip(starts, [*starts[1:], len(takes)], strict=True):
        part = slice(int(start), int(end))
        track = columns["track_id"][start]
        yield Trajectory(
            track=track,
            annotator=columns["annotator"][start],
            times_s=columns["time_s"][part],
            valence=columns["valence"][part],
            arousal=columns["arousal"][part],
            take=takes[start],
            duplicate_of=columns["duplicate_of"][start],
            end_s=float(lengths[track]) if track in lengths else None,
        )

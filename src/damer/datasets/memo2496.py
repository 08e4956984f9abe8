"""Memo2496: instrumental tracks labelled by 30 music specialists, the corpus of the DAMER paper.

Q. Li et al., "Memo2496: Expert-Annotated Dataset and Dual-View Adaptive Framework for Music Emotion
Recognition" (section III). How the deposit names its tables of labels is not published outside it; the names
taken here are the likely ones, and what is known for certain is the form of the ready-made arrays
(`damer.datasets.arrays`).
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from damer.core.errors import DamerError
from damer.core.track import Step
from damer.datasets.base import Corpus, InTheLiterature, Reading, find, is_missing
from damer.datasets.columns import number, read_columns, song_number
from damer.datasets.continuous import Pair, crossed, means, unmatched
from damer.datasets.sounds import missing_sounds, sound_files, unlabelled_sounds

AUDIO = ("audio", "music", "songs", "tracks", "Memo2496", "wav", ".")
STATIC = ("static_annotations.csv", "annotations.csv", "labels.csv", "static.csv")
DYNAMIC = ("dynamic_annotations.csv", "dynamic.csv")
FOLDERS = ("annotations/", "labels/", "", "data/", "memo/")
COLUMNS = {
    "song": (
        "track_id",
        "song_id",
        "music_id",
        "musicId",
        "id",
        "track",
        "file",
        "filename",
        "file_name",
        "name",
    ),
    "arousal": ("arousal", "arousal_mean", "mean_arousal", "a"),
    "valence": ("valence", "valence_mean", "mean_valence", "v"),
}
TIME = ("time", "time_s", "frameTime", "second", "seconds", "t", "t_end")


@dataclass(frozen=True)
class Memo2496(Corpus):
    """Memo2496 as sound files with tables of labels in [−1, 1]."""

    name: ClassVar[str] = "memo2496"
    title: ClassVar[str] = "Memo2496: 2 496 instrumental tracks of 30 to 300 s, labels of music specialists"
    licence: ClassVar[str] = "music CC0, as the paper states; terms of the labels: see the deposit"
    source: ClassVar[str] = "Li et al., IEEE TAFFC 2026; figshare 25827034; IEEE DataPort 10.21227/3824-wy49"
    obtain: ClassVar[str] = (
        "get it from figshare 25827034 and give its folder: mel_spec.npy, cochlegram.npy, label_a.npy, "
        "label_v.npy (with --arrays), or audio/{track}.wav with annotations.csv (columns track_id, arousal, "
        "valence and, if known, artist) and dynamic_annotations.csv (track_id, time, arousal, valence; time "
        "is the end of each step in seconds)"
    )
    window: ClassVar[str] = "15:75"
    size: ClassVar[int | None] = 2496
    paper: ClassVar[InTheLiterature | None] = InTheLiterature(
        "2496", "Valence, Arousal", "yes", "certified musical specialists"
    )

    def read(self, root: Path) -> Reading:
        """Read the static table or, without one, the labels over time; and find the sound."""
        notes: list[str] = []
        path, over_time = (
            find(root, [f"{folder}{name}" for name in names for folder in FOLDERS])
            for names in (STATIC, DYNAMIC)
        )
        if path is None and over_time is None:
            places = [f"{FOLDERS[0]}{name}" for name in (*STATIC, *DYNAMIC)]
            raise DamerError(is_missing(root, places, "a table of labels"))
        dynamic = {} if over_time is None else _dynamic(over_time)
        static, artists = (means(dynamic), {}) if path is None else _static(path)
        if path is not None and crossed(static, means(dynamic)):
            raise DamerError(
                f"{path}: valence and arousal agree with {over_time} only when exchanged; one of the two "
                "tables has its columns crossed: compare both with the deposit"
            )
        if not any(artists.values()):
            notes.append(f"{path or over_time}: names no artist; each track stands alone")
        sounds = sound_files(root, AUDIO)
        tracks = [
            self.song(song, artists.get(song) or f"track {song}", sounds, labels, dynamic.get(song, ()))
            for song, labels in static.items()
        ]
        notes += missing_sounds(list(static), sounds, str(root / AUDIO[0])) + unmatched(static, dynamic)
        return Reading(tracks, notes, unlabelled_sounds(list(static), sounds))


def _song(text: str) -> str:
    """Return the song's name without folder and the ending of a sound file."""
    name = Path(text).name
    return song_number(
        Path(name).stem if Path(name).suffix.lower() in (".wav", ".mp3", ".flac", ".ogg") else name
    )


def _static(path: Path) -> tuple[dict[str, Pair], dict[str, str]]:
    """Return (valence, arousal) and the artist of each track."""
    found: dict[str, Pair] = {}
    artists: dict[str, str] = {}
    for row in read_columns(path, COLUMNS, {"artist": ("artist", "group", "album")}):
        song = _song(row.cells["song"])
        pair = number(path, row, "valence"), number(path, row, "arousal")
        if song in found:
            raise DamerError(f"{path}: line {row.line}: track {song} is there twice; remove one line")
        if max(map(abs, pair)) > 1:
            raise DamerError(f"{path}: line {row.line}: labels {list(pair)} are not in [-1, 1]; rescale")
        found[song], artists[song] = pair, row.cells.get("artist", "")
    return found, artists


def _dynamic(path: Path) -> dict[str, tuple[Step, ...]]:
    found: dict[str, list[Step]] = defaultdict(list)
    for row in read_columns(path, {**COLUMNS, "time": TIME}):
        time, valence, arousal = (number(path, row, name) for name in ("time", "valence", "arousal"))
        steps = found[_song(row.cells["song"])]
        if not (steps[-1][0] if steps else 0.0) < time < math.inf:
            raise DamerError(
                f"{path}: line {row.line}: time {time:g} is not the end of a step after the one before"
            )
        if max(abs(valence), abs(arousal)) > 1:
            raise DamerError(
                f"{path}: line {row.line}: labels {[valence, arousal]} are not in [-1, 1]; rescale"
            )
        steps.append((time, valence, arousal))
    return {song: tuple(steps) for song, steps in found.items()}

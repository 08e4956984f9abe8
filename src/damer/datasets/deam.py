"""DEAM (MediaEval 2013 to 2015): 1 802 excerpts and songs, labels twice a second and for the whole.

A. Aljanaki, Y.-H. Yang and M. Soleymani, "Developing a benchmark for emotional analysis of music", PLoS ONE
12(3), 2017. It contains the 744 songs of 1000songs under the same numbers: never train on one of the two and
test on the other (`damer.datasets.shared_songs`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from damer.core.errors import DamerError
from damer.core.track import Step
from damer.datasets.base import Corpus, Reading, find, is_missing
from damer.datasets.columns import read_columns, song_number
from damer.datasets.continuous import Pair, find_continuous, put_right, unmatched
from damer.datasets.songs1000 import read_static
from damer.datasets.sounds import missing_sounds, sound_files, unlabelled_sounds

_AVERAGED = "annotations/annotations averaged per song"
STATIC = ("static_annotations_averaged_songs_1_2000.csv", "static_annotations_averaged_songs_2000_2058.csv")
STATIC_FOLDERS = (f"{_AVERAGED}/song_level/", "song_level/", "annotations/", "", "meta/")
WHOLE = ("static_annotations.csv", "annotations/static_annotations.csv", "meta/static_annotations.csv")
DYNAMIC_FOLDERS = (
    f"{_AVERAGED}/dynamic (per second annotations)",
    "dynamic (per second annotations)",
    "dynamic",
    "annotations",
    ".",
)
AUDIO = ("MEMD_audio", "audio/MEMD_audio", "audio", "clips_45seconds", ".")
METADATA = ("metadata_2013.csv", "metadata_2014.csv", "metadata_2015.csv")


@dataclass(frozen=True)
class Deam(Corpus):
    """DEAM as published, or a part of it."""

    name: ClassVar[str] = "deam"
    title: ClassVar[str] = "DEAM: 1 744 excerpts of 45 s and 58 whole songs, labels twice a second"
    licence: ClassVar[str] = "music Creative Commons (by track); labels CC BY-NC"
    source: ClassVar[str] = "Aljanaki, Yang & Soleymani, PLoS ONE 12(3), 2017; cvml.unige.ch/databases/DEAM"
    obtain: ClassVar[str] = (
        "get DEAM_audio.zip, DEAM_Annotations.zip and metadata.zip from cvml.unige.ch/databases/DEAM, unpack "
        "them into one folder and give that: MEMD_audio/{song}.mp3, "
        "annotations/annotations averaged per song/…, metadata/metadata_201*.csv"
    )
    window: ClassVar[str] = "15:75"  # of the excerpts that leaves 15 to 45 s
    size: ClassVar[int | None] = 1802

    def read(self, root: Path) -> Reading:
        """Read the static tables, and what is there of artists, labels over time and sound."""
        notes: list[str] = []
        static = _static(root, notes)
        dynamic = _dynamic(root, notes)
        static = put_right(root, static, dynamic, notes)
        artists = _artists(root, notes)
        sounds = sound_files(root, AUDIO)
        tracks = [
            self.song(song, artists.get(song) or f"song {song}", sounds, labels, dynamic.get(song, ()))
            for song, labels in static.items()
        ]
        notes += missing_sounds(list(static), sounds, str(root / AUDIO[0])) + unmatched(static, dynamic)
        return Reading(tracks, notes, unlabelled_sounds(list(static), sounds))


def _static(root: Path, notes: list[str]) -> dict[str, Pair]:
    """Read both tables of labels of whole songs (or one table of all, as it is passed on)."""
    found: dict[str, Pair] = {}
    missing = []
    for name in STATIC:
        places = [f"{folder}{name}" for folder in STATIC_FOLDERS]
        path = find(root, places)
        if path is None:
            missing.append(is_missing(root, places, name))
        else:
            found |= read_static(path)
    if found:
        notes += missing
        return found
    path = find(root, WHOLE)
    if path is None:
        raise DamerError(missing[0])
    return read_static(path)


def _dynamic(root: Path, notes: list[str]) -> dict[str, tuple[Step, ...]]:
    return find_continuous(
        root, lambda dimension: [f"{folder}/{dimension}.csv" for folder in DYNAMIC_FOLDERS], notes
    )


def _artists(root: Path, notes: list[str]) -> dict[str, str]:
    """Return the artist of each song, from the three years' tables, whose columns are named differently."""
    found: dict[str, str] = {}
    there = [path for name in METADATA for path in (root / "metadata" / name, root / name) if path.is_file()]
    for path in there:
        for row in read_columns(path, {"song": ("song_id", "id")}, {"artist": ("Artist",)}):
            found[song_number(row.cells["song"])] = row.cells.get("artist", "")
    if not there:
        notes.append(
            f"{root}: metadata/metadata_201*.csv are missing; without artists each song stands alone"
        )
    return found

"""PMEmo: choruses of pop songs, static labels and labels twice a second after the first 15 s.

K. Zhang, H. Zhang, S. Li, C. Yang and L. Sun, "The PMEmo Dataset for Music Emotion Recognition", ICMR 2018.
The tables name arousal first; labels lie in [0, 1]. `frameTime` is the end of a half second.
"""

import dataclasses
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from damer.core.errors import DamerError
from damer.core.track import Step
from damer.datasets.base import Corpus, InTheLiterature, Reading, find, first_existing, is_missing
from damer.datasets.columns import number, read_columns, rescale, scale_of, song_number
from damer.datasets.continuous import Pair, put_right, unmatched
from damer.datasets.sounds import missing_sounds, sound_files, unlabelled_sounds

SCALES = ((0.0, 1.0), (1.0, 9.0))  # as published, and as one republisher rescaled the static table
STEP_S = 0.5
LONGEST_S = 60.0  # of a clip, as of every track (section III.C of the DAMER paper)
AUDIO = ("chorus", "audio", "clips", ".")
COLUMNS = {
    "song": ("musicId", "song_id", "id"),
    "arousal": ("Arousal(mean)", "arousal_mean", "mean_arousal", "arousal"),
    "valence": ("Valence(mean)", "valence_mean", "mean_valence", "valence"),
}


@dataclass(frozen=True)
class Pmemo(Corpus):
    """PMEmo 2019, or a part of it."""

    name: ClassVar[str] = "pmemo"
    title: ClassVar[str] = "PMEmo: choruses of 794 pop songs, 767 of them labelled, labels twice a second"
    licence: ClassVar[str] = "labels MIT; commercial recordings, not to be redistributed"
    source: ClassVar[str] = "Zhang et al., ICMR 2018; github.com/HuiZhangDB/PMEmo"
    obtain: ClassVar[str] = (
        "get PMEmo2019.zip by the link at github.com/HuiZhangDB/PMEmo, unpack it and give the folder "
        "PMEmo2019: chorus/{song}.mp3, annotations/static_annotations.csv, "
        "annotations/dynamic_annotations.csv, metadata.csv"
    )
    window: ClassVar[str] = "15:75"  # each track says itself which part of it is labelled
    size: ClassVar[int | None] = 767
    paper: ClassVar[InTheLiterature | None] = InTheLiterature(
        "794", "Valence, Arousal and EDA", "yes", "crowd-sourcing"
    )

    def read(self, root: Path) -> Reading:
        """Read both tables of labels, the artists, and what is there of the sound."""
        home = root if not (root / "PMEmo2019").is_dir() else root / "PMEmo2019"
        notes: list[str] = []
        path = first_existing(home, _places("static_annotations.csv"), "the table of static labels")
        static, dynamic = _static(path), self._dynamic(home, notes)
        static = put_right(path, static, dynamic, notes)
        artists = _artists(home, notes)
        sounds = sound_files(home, AUDIO)
        tracks = []
        for song, labels in static.items():
            steps = dynamic.get(song, ())
            track = self.song(song, artists.get(song) or f"song {song}", sounds, labels, steps)
            # The first 15 s have no labels over time, however short the clip is.
            start = _first_labelled(steps)
            end = start + LONGEST_S if steps else None
            tracks.append(dataclasses.replace(track, clip_start=start, clip_end=end))
        notes += missing_sounds(list(static), sounds, str(home / AUDIO[0])) + unmatched(static, dynamic)
        return Reading(tracks, notes, unlabelled_sounds(list(static), sounds))

    def _dynamic(self, root: Path, notes: list[str]) -> dict[str, tuple[Step, ...]]:
        places = _places("dynamic_annotations.csv")
        path = find(root, places)
        if path is None:
            missing = is_missing(root, places, "the table of labels over time")
            notes.append(f"{missing}; the static labels hold throughout")
            return {}
        return read_frames(path)


def _first_labelled(steps: tuple[Step, ...]) -> float:
    """Return where the labels over time begin: 15 s in all published clips; 0 where there are none."""
    return max(0.0, steps[0][0] - STEP_S) if steps else 0.0


def _places(name: str) -> list[str]:
    return [f"annotations/{name}", name, f"meta/{name}"]


def _static(path: Path) -> dict[str, Pair]:
    rows = read_columns(path, COLUMNS)
    values = [(number(path, row, "valence"), number(path, row, "arousal")) for row in rows]
    scale = scale_of(path, (value for pair in values for value in pair), SCALES)
    found: dict[str, Pair] = {}
    for row, (valence, arousal) in zip(rows, values, strict=True):
        song = song_number(row.cells["song"])
        if song in found:
            raise DamerError(f"{path}: line {row.line}: song {song} is there twice; remove one line")
        found[song] = (rescale(valence, scale), rescale(arousal, scale))
    return found


def read_frames(path: Path) -> dict[str, tuple[Step, ...]]:
    """Return the steps `(t_end, valence, arousal)` of each song of a table with one row a half second.

    Raises:
        DamerError: a column is missing, a label is out of range, or a song's times do not ascend.
    """
    rows = read_columns(path, {**COLUMNS, "time": ("frameTime", "frame_time", "time")})
    values = [tuple(number(path, row, name) for name in ("time", "valence", "arousal")) for row in rows]
    scale = scale_of(path, (value for _, *pair in values for value in pair), SCALES)
    found: dict[str, list[Step]] = defaultdict(list)
    for row, (time, valence, arousal) in zip(rows, values, strict=True):
        steps = found[song_number(row.cells["song"])]
        if time <= (steps[-1][0] if steps else 0.0) or time == math.inf:
            raise DamerError(f"{path}: line {row.line}: frameTime {time:g} does not follow the one before it")
        steps.append((time, rescale(valence, scale), rescale(arousal, scale)))
    return {song: tuple(steps) for song, steps in found.items()}


def _artists(root: Path, notes: list[str]) -> dict[str, str]:
    places = ["metadata.csv", "meta/metadata.csv", "annotations/metadata.csv"]
    path = find(root, places)
    if path is None:
        missing = is_missing(root, places, "metadata.csv")
        notes.append(
            f"{missing}; without artists each song stands alone, and songs of one artist may be parted"
        )
        return {}
    rows = read_columns(path, {"song": ("musicId", "song_id", "id"), "artist": ("artist",)})
    return {song_number(row.cells["song"]): row.cells["artist"] for row in rows}

"""AMG1608: static labels of 1 608 excerpts of 30 s from 665 people; the music is not distributed.

Y.-A. Chen, Y.-H. Yang, J.-C. Wang and H. Chen, "The AMG1608 dataset for music emotion recognition", ICASSP
2015. In `song_label` [songs, people, 2] the first of the last axis is valence, the second arousal; NaN where
a person did not hear a song. The first 643 people were found on Amazon Mechanical Turk, the others on campus.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from damer.core.errors import DamerError
from damer.datasets.base import Corpus, InTheLiterature, Reading, first_existing
from damer.datasets.sounds import missing_sounds, not_distributed, sound_files

AMT_PEOPLE = 643
VALENCE, AROUSAL = 0, 1  # places on the last axis of song_label (1 and 2 in MATLAB)
AUDIO = ("audio", "wav", "wavs", "clips", "AMG1608_audio", ".")


@dataclass(frozen=True)
class Amg1608(Corpus):
    """AMG1608: labels always, sound where a user has it.

    Attributes:
        raters: Whose labels are averaged: "all" people, or those of Amazon Mechanical Turk ("amt").
    """

    raters: Literal["all", "amt"] = "all"

    name: ClassVar[str] = "amg1608"
    title: ClassVar[str] = "AMG1608: 1 608 excerpts of 30 s of pop music, one label each from 15 to 32 people"
    licence: ClassVar[str] = "research, on request; no licence stated; the music is commercial"
    source: ClassVar[str] = "Chen et al., ICASSP 2015; mpac.ee.ntu.edu.tw/dataset/AMG1608"
    obtain: ClassVar[str] = (
        "ask the authors (mpac.ee.ntu.edu.tw/dataset/AMG1608) and give the folder of AMG1608.mat and "
        "1608_song_id.mat; sound, where you have it, as audio/{song id}.wav or .mp3 (30 s each)"
    )
    window: ClassVar[str] = "0:30"
    size: ClassVar[int | None] = 1608
    paper: ClassVar[InTheLiterature | None] = InTheLiterature(
        "1608", "valence, arousal", "no", "crowd-sourcing"
    )

    def read(self, root: Path) -> Reading:
        """Read the labels, artists and song ids from the MATLAB files, and find the sound."""
        notes: list[str] = []
        path = first_existing(root, ["AMG1608.mat", "amg1608.mat", "AMG1608/AMG1608.mat"], "AMG1608.mat")
        table = load_mat(path, ["song_label", "song_info"])
        labels = _labels(path, table)
        artists = _artists(path, table, len(labels), notes)
        songs = _songs(root, len(labels), notes)
        if self.raters == "amt":
            labels = labels[:, :AMT_PEOPLE]
        sounds = sound_files(root, AUDIO)
        tracks = []
        for song, artist, own in zip(songs, artists, labels, strict=True):
            known = ~np.isnan(own)
            if not known.any(axis=0).all():
                notes.append(f"{path.name}: song {song} has no label from any of the chosen people; left out")
                continue
            valence, arousal = (float(own[known[:, axis], axis].mean()) for axis in (VALENCE, AROUSAL))
            tracks.append(self.song(song, artist or f"song {song}", sounds, (valence, arousal)))
        remarks = [] if sounds else [not_distributed(len(tracks), str(root / AUDIO[0]))]
        if sounds:
            notes += missing_sounds(songs, sounds, str(root / AUDIO[0]))
        return Reading(tracks, notes, remarks)


def load_mat(path: Path, names: list[str]) -> dict[str, Any]:
    """Return some variables of a MATLAB file of version 7 or older.

    Raises:
        DamerError: it is of version 7.3 (which is HDF5), cannot be read, or lacks a variable.
    """
    from scipy.io import loadmat

    try:
        found = loadmat(path, variable_names=names)
    except NotImplementedError:
        raise DamerError(
            f"{path}: is a MATLAB file of version 7.3; in MATLAB or Octave, load it and write it again with "
            "save('-v7', …)"
        ) from None
    except Exception as error:  # whatever a damaged file brings about in the reader
        raise DamerError(f"{path}: cannot be read as a MATLAB file ({error})") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise DamerError(f"{path}: holds no variable {', '.join(missing)}; is it AMG1608's?")
    return {name: found[name] for name in names}


def _labels(path: Path, table: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Return the labels [songs, people, 2] in [−1, 1], NaN where a person did not hear a song."""
    found = np.asarray(table["song_label"])
    if found.dtype.kind not in "fiu" or found.ndim != 3 or found.shape[2] != 2:
        raise DamerError(f"{path}: song_label has shape {found.shape}; it should be songs × people × 2")
    labels = found.astype(np.float64)
    if (np.abs(labels) > 1).any():  # never so for NaN
        song = int(np.argwhere(np.abs(labels) > 1)[0, 0])
        raise DamerError(f"{path}: song_label of song {song + 1} holds a value outside [-1, 1]")
    return labels


def _artists(path: Path, table: dict[str, Any], count: int, notes: list[str]) -> list[str]:
    info = np.asarray(table["song_info"])
    if info.ndim != 2 or info.shape[0] != count or info.shape[1] < 1:
        notes.append(
            f"{path}: song_info has shape {info.shape}, not {count} × 2; without artists each song "
            f"stands alone"
        )
        return [""] * count
    return [_text(cell) for cell in info[:, 0]]


def _text(cell: Any) -> str:
    """Return the text in a cell of a MATLAB cell array."""
    while isinstance(cell, np.ndarray):
        if not cell.size:
            return ""
        cell = cell.flat[0]
    return str(cell).strip()


def _songs(root: Path, count: int, notes: list[str]) -> list[str]:
    """Return the song ids in the order of the labels; the row's number where the table of ids is missing."""
    try:
        path = first_existing(root, ["1608_song_id.mat", "AMG1608/1608_song_id.mat"], "1608_song_id.mat")
    except DamerError as error:
        notes.append(f"{error}; songs are numbered by their row, from 1, and so must the sound files be")
        return [str(number) for number in range(1, count + 1)]
    found = np.asarray(load_mat(path, ["mat_id2song_id"])["mat_id2song_id"])
    # A table of two columns has the row's number first.
    ids = found[:, -1] if found.ndim == 2 and found.shape == (count, 2) else found.ravel()
    songs = [_text(one) if ids.dtype == object else str(one.item()) for one in ids]
    songs = [song.removesuffix(".0") for song in songs]
    if len(songs) != count or len(set(songs)) != count:
        raise DamerError(
            f"{path}: has {len(songs)} ids, {len(set(songs))} different; there are {count} songs"
        )
    return songs

"""EMOPIA: clips of pop piano music (MIDI), each in one quadrant of the plane.

H.-T. Hung et al., "EMOPIA: A Multi-Modal Pop Piano Dataset for Emotion Recognition and Emotion-based Music
Generation", ISMIR 2021.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from damer.core.track import Track
from damer.datasets.base import (
    Corpus,
    InTheLiterature,
    Reading,
    existing_folder,
    find_file,
    first_existing,
    midi_files,
    midi_problem,
)
from damer.datasets.columns import read_columns

# (valence, arousal) of each quadrant: Q1 is happy, Q2 angry, Q3 sad, Q4 calm.
QUADRANTS = {"Q1": (1.0, 1.0), "Q2": (-1.0, 1.0), "Q3": (-1.0, -1.0), "Q4": (1.0, -1.0)}
# The id of the song is a YouTube id, which may itself hold `_` and `-`: what is left between the first three
# characters and the last `_`.
CLIP_NAME = re.compile(r"(?P<quadrant>Q[1-4])_(?P<song>.+)_(?P<number>\d+)")
AUDIO = ("audios/seg/{}.mp3", "audios/{}.mp3", "audio/{}.mp3")


@dataclass(frozen=True)
class Emopia(Corpus):
    """EMOPIA 2.2, or a part of it."""

    name: ClassVar[str] = "emopia"
    title: ClassVar[str] = "EMOPIA: 1 078 clips of pop piano (MIDI) from 387 songs, one quadrant each"
    licence: ClassVar[str] = "CC BY 4.0"
    source: ClassVar[str] = "Hung et al., ISMIR 2021; zenodo.org/records/5257995"
    obtain: ClassVar[str] = (
        "unpack EMOPIA_2.2.zip from Zenodo record 5257995 and give its folder: midis/Q*_*_*.mid and "
        "label.csv (midi/ and clips.csv are understood too; crawled audio in audios/seg/*.mp3 is used "
        "where it is there)"
    )
    size: ClassVar[int | None] = 1078
    paper: ClassVar[InTheLiterature | None] = InTheLiterature(
        "387 (1087 clips)", "Russell's 4Q", "yes", "piano covers"
    )
    window: ClassVar[str] = "all"  # clips are 20 to 110 s: the whole clip carries the label

    def read(self, root: Path) -> Reading:
        """Read every MIDI clip whose name says its quadrant, and compare with the table of clips."""
        midis = existing_folder(first_existing(root, ["midis", "midi"], "the folder of MIDI files"))
        notes: list[str] = []
        tracks: list[Track] = []
        for path in midi_files(midis):
            match = CLIP_NAME.fullmatch(path.stem)
            problem = midi_problem(path)
            if match is None:
                notes.append(f"{path}: the name is not Q[1-4]_song_number.mid; left out")
            elif problem:
                notes.append(f"{midis}: {problem}; left out")
            else:
                tracks.append(self._track(root, path, match))
        return Reading(tracks, notes + _differences(root, midis))

    def _track(self, root: Path, path: Path, match: re.Match[str]) -> Track:
        valence, arousal = QUADRANTS[match["quadrant"]]
        sounds = (find_file(root / pattern.format(path.stem)) for pattern in AUDIO)
        return Track(
            id=f"{self.name}:{path.stem}",
            group=match["song"],
            corpus=self.name,
            audio=next((str(sound) for sound in sounds if sound is not None), None),
            midi=str(path),
            valence=valence,
            arousal=arousal,
            licence=self.licence,
            source=self.source,
        )


def _differences(root: Path, midis: Path) -> list[str]:
    """Compare the table of clips with the files: clips it names that are absent, quadrants that differ."""
    places = ("clips.csv", "label.csv", "metadata/label.csv")
    name = next((place for place in places if (root / place).is_file()), None)
    if name is None:
        return [f"{root}: neither clips.csv nor label.csv is there, so missing clips cannot be noticed"]
    columns = {"clip": ("ID", "filename", "clip", "name"), "quadrant": ("4Q", "quadrant", "Q", "label")}
    notes = []
    there = {path.stem for path in midi_files(midis)}
    for row in read_columns(root / name, columns):
        clip = row.cells["clip"].removesuffix(".mid").removesuffix(".mp3")
        quadrant = "Q" + row.cells["quadrant"].removeprefix("Q").removesuffix(".0")
        if clip not in there:
            notes.append(f"{midis}: {clip}.mid is missing ({name} line {row.line} names it)")
        if not clip.startswith(quadrant):
            notes.append(
                f"{root / name}: line {row.line} puts {clip} in {quadrant}, its name says {clip[:2]}"
            )
    return notes

"""1000songs (emoMusic, MediaEval 2013): 744 clips of 45 s with static labels and labels twice a second.

M. Soleymani, M. N. Caro, E. M. Schmidt, C.-Y. Sha and Y.-H. Yang, "1000 Songs for Emotional Analysis of
Music", CrowdMM 2013. The first 15 s of each clip have no labels over time: they were for the listeners to
settle.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.base import Corpus, InTheLiterature, Reading, Row, find, first_existing, is_missing
from damer.datasets.columns import minutes_seconds, number, read_columns, rescale, song_number
from damer.datasets.continuous import (
    Pair,
    crossed,
    exchanged,
    exchanged_steps,
    find_continuous,
    means,
    unmatched,
)
from damer.datasets.sounds import missing_sounds, sound_files, unlabelled_sounds

SCALE = (1.0, 9.0)
CLIP_S = 45.0
LABELLED_FROM_S = 15.0
CLIPS = ("clips_45seconds", "clips_45sec", "clips", "audio", "MEMD_audio", ".")
WHOLE = ("full_songs", "songs_full", "full", "songs")
STATIC = {
    "song": ("song_id", "songid", "id"),
    "arousal": ("mean_arousal", "arousal_mean", "arousal"),
    "valence": ("mean_valence", "valence_mean", "valence"),
}
# Song numbers (bits, from 0) whose arousal lies above their valence by more than 0.25 of the 1-9 scale, and
# those with valence above arousal, both counted in DEAM's own tables of the same songs. A republished copy
# of emoMusic has the two columns exchanged; nothing in the copy itself tells.
AROUSAL_ABOVE = int(
    "b0928800803c220010700000080e80912a8ac10202e60ca9a0aca1398098506cdff50c6f049b87560d9ab73bf8"
    "6d12e1b1e1608470400154c81082bb0704a173a7c00984b427182858042383c52d9b37ba7dfd12dc9bff6e4776"
    "83664041a6cc9acf5f6ee5ec5f9ecc7bd79247c32400008a04443110371208005235a0",
    16,
)
VALENCE_ABOVE = int(
    "10e0c17211441016d010002f1c630510484010c70940000400040404202008013000a400060403820200540440"
    "0008012480005000001000801030004c8011200400b0461080020c281814008009044c04502002503200090200"
    "1540012204820003080100a122020128020052834db5fe431bb31ca49886ca1832c0000",
    16,
)


@dataclass(frozen=True)
class Songs1000(Corpus):
    """1000songs as published, or a part of it."""

    name: ClassVar[str] = "1000songs"
    title: ClassVar[str] = "1000songs (emoMusic): 744 clips of 45 s in eight genres, labels twice a second"
    licence: ClassVar[str] = "music Creative Commons (Free Music Archive, by track); labels CC BY-NC"
    source: ClassVar[str] = "Soleymani et al., CrowdMM 2013; cvml.unige.ch/databases/emoMusic"
    obtain: ClassVar[str] = (
        "ask for it at cvml.unige.ch/databases/emoMusic, unpack clips_45seconds and annotations into one "
        "folder and give that: clips_45seconds/{song}.mp3, annotations/songs_info.csv, "
        "static_annotations.csv, arousal_cont_average.csv, valence_cont_average.csv"
    )
    window: ClassVar[str] = "15:45"
    size: ClassVar[int | None] = 744
    paper: ClassVar[InTheLiterature | None] = InTheLiterature(
        "1000", "Valence, Arousal", "yes", "crowd-sourcing"
    )

    def read(self, root: Path) -> Reading:
        """Read the static table, and what is there of artists, labels over time and sound."""
        notes: list[str] = []
        path = first_existing(root, _places("static_annotations.csv"), "the table of static labels")
        static = read_static(path)
        dynamic = find_continuous(root, lambda name: _places(f"{name}_cont_average.csv"), notes)
        order = _order(static)
        if order == "crossed" or (order == "unknown" and crossed(static, means(dynamic))):
            static = exchanged(path, static, notes)
        elif order == "straight" and crossed(static, means(dynamic)):
            dynamic = exchanged_steps(root, dynamic, notes)
        infos = _infos(root, notes)
        clips, whole = sound_files(root, CLIPS), sound_files(root, WHOLE)
        sounds = clips or whole
        tracks = []
        for song, labels in static.items():
            group = infos[song].cells["artist"] if song in infos else ""
            # A song whose artist is unknown stands alone.
            track = self.song(song, group or f"song {song}", sounds, labels, dynamic.get(song, ()))
            tracks.append(track if clips or not whole else _in_whole_song(track, infos.get(song), notes))
        notes += missing_sounds(list(static), sounds, str(root / CLIPS[0]))
        notes += unmatched(static, dynamic)
        return Reading(tracks, notes, unlabelled_sounds(list(static), sounds))


def _places(name: str) -> list[str]:
    return [f"annotations/{name}", name, f"meta/{name}"]


def read_static(path: Path) -> dict[str, Pair]:
    """Return (valence, arousal) in [−1, 1] of each song of a table on the scale 1 to 9.

    Columns are taken by name: the published order is arousal first.

    Raises:
        DamerError: a column is missing, a cell no number from 1 to 9, or a song is there twice.
    """
    found: dict[str, Pair] = {}
    for row in read_columns(path, STATIC):
        song = song_number(row.cells["song"])
        values = [number(path, row, name) for name in ("valence", "arousal")]
        if song in found:
            raise DamerError(f"{path}: line {row.line}: song {song} is there twice; remove one line")
        if not all(SCALE[0] <= value <= SCALE[1] for value in values):
            raise DamerError(f"{path}: line {row.line}: labels {values} are not on the scale 1 to 9; rescale")
        found[song] = (rescale(values[0], SCALE), rescale(values[1], SCALE))
    return found


def _order(static: Mapping[str, Pair]) -> str:
    """Say whether songs have arousal above valence as in the corpus: "straight", "crossed" or "unknown"."""
    straight = exchanged = 0
    for song, (valence, arousal) in static.items():
        bit = 1 << int(song) if song.isdecimal() and int(song) <= 1000 else 0
        if not bit & (AROUSAL_ABOVE | VALENCE_ABOVE) or valence == arousal:
            continue
        agrees = bool(bit & AROUSAL_ABOVE) == (arousal > valence)
        straight, exchanged = straight + agrees, exchanged + (not agrees)
    for name, count, other in (("straight", straight, exchanged), ("crossed", exchanged, straight)):
        if count >= 20 and count >= 9 * other:
            return name
    return "unknown"


def _infos(root: Path, notes: list[str]) -> dict[str, Row]:
    """Return the rows of songs_info.csv by song; notes what it lacks or contradicts."""
    places = _places("songs_info.csv")
    path = find(root, places)
    if path is None:
        missing = is_missing(root, places, "the table of songs")
        notes.append(
            f"{missing}; without artists each song stands alone, and songs of one artist may be parted"
        )
        return {}
    wanted = {"song": ("song_id",), "artist": ("Artist",)}
    times = {
        "start": ("start of the segment (min.sec)", "start of the segment", "start"),
        "end": ("end of the segment (min.sec)", "end of the segment", "end"),
    }
    rows = read_columns(path, wanted, times)
    for row in rows:
        try:
            start, end = (minutes_seconds(row.cells[name]) for name in ("start", "end"))
        except (KeyError, DamerError):
            continue
        if end - start != CLIP_S:
            notes.append(f"{path}: line {row.line}: the clip lasts {end - start:g} s, not {CLIP_S:g} s")
    return {song_number(row.cells["song"]): row for row in rows}


def _in_whole_song(track: Track, info: Row | None, notes: list[str]) -> Track:
    """Return the track as a part of the whole song: the table says where the clip was cut from it."""
    if track.audio is None:
        return track
    try:
        start = minutes_seconds(info.cells["start"]) if info is not None else None
    except (KeyError, DamerError):
        start = None
    if start is None:
        notes.append(f"{track.audio}: where the labelled clip begins is not known; its sound is left out")
        return dataclasses.replace(track, audio=None)
    return dataclasses.replace(
        track,
        clip_start=start + LABELLED_FROM_S,
        clip_end=start + CLIP_S,
        dynamic=tuple((start + end, valence, arousal) for end, valence, arousal in track.dynamic),
    )

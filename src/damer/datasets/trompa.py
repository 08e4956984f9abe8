"""TROMPA-MER: static labels of 30 s excerpts by listeners, many of few; the music is not distributed.

J. S. Gómez-Cañón et al., "TROMPA-MER: an open dataset for personalized music emotion recognition", Journal of
Intelligent Information Systems 60, 2023. The columns `quadrant` and `norm_*` of the table come from a
streaming service, not from listeners, and agree with the listeners' majority on 41 % of the tracks: they are
never read. Neither are the files of single users, which hold personal data.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.base import Corpus, InTheLiterature, Reading, Row, first_existing
from damer.datasets.columns import read_columns
from damer.datasets.emopia import QUADRANTS
from damer.datasets.sounds import missing_sounds, not_distributed, sound_files

TABLE = "summary_anno.csv"
AUDIO = ("audio", "previews", "data/audio", ".")
COUNTS = {quadrant: (quadrant[1], f"{quadrant[1]}.0", quadrant) for quadrant in QUADRANTS}
COLUMNS = {"track": ("cdr_track_num",), **COUNTS}
GROUPING = {"title": ("cdr_title_num",), "recording": ("track_id",)}


@dataclass(frozen=True)
class Trompa(Corpus):
    """TROMPA-MER's summary of its listeners' quadrants.

    Attributes:
        min_raters: A track with fewer listeners is left out.
    """

    min_raters: int = 3

    name: ClassVar[str] = "trompa"
    title: ClassVar[str] = (
        "TROMPA-MER: 1 158 excerpts of 30 s, 232 of them with the quadrants of 3 listeners or more"
    )
    licence: ClassVar[str] = "repository AGPL-3.0; the music is commercial"
    source: ClassVar[str] = "Gómez-Cañón et al., JIIS 60, 2023; github.com/juansgomez87/vis-mtg-mer"
    obtain: ClassVar[str] = (
        "clone github.com/juansgomez87/vis-mtg-mer and give its folder: data/summary_anno.csv; sound, where "
        "you have it, as audio/{cdr_track_num}.mp3 (30 s each)"
    )
    window: ClassVar[str] = "0:30"
    size: ClassVar[int | None] = 232
    paper: ClassVar[InTheLiterature | None] = InTheLiterature(
        "1161", "Valence, Arousal", "downloadable", "public"
    )

    def read(self, root: Path) -> Reading:
        """Read the listeners' counts, and find the sound."""
        if self.min_raters < 1:
            raise DamerError(f"--min-raters {self.min_raters}: at least 1 is needed")
        path = first_existing(root, [f"data/{TABLE}", TABLE], "the table of listeners' counts")
        rows, remarks = _distinct(path)
        sounds = sound_files(root, AUDIO)
        groups = _groups(rows)
        tracks: list[Track] = []
        few = tied = 0
        for row in rows:
            counts = {quadrant: _count(path, row, quadrant) for quadrant in COUNTS}
            if sum(counts.values()) < self.min_raters:
                few += 1
                continue
            valence, arousal = (_share(counts, axis) for axis in (0, 1))
            if valence is None and arousal is None:
                tied += 1
                continue
            song = row.cells["track"]
            tracks.append(self.song(song, groups[song], sounds, (valence, arousal)))
        if few:
            remarks.append(
                f"{path.name}: {few} tracks have fewer than {self.min_raters} listeners and are not used"
            )
        halves = sum((track.valence is None) != (track.arousal is None) for track in tracks)
        if tied or halves:
            remarks.append(
                f"{path.name}: listeners are exactly divided on {halves} tracks in one dimension, which has "
                f"no label there, and on {tied} in both, which are not used"
            )
        names = [track.id.partition(":")[2] for track in tracks]
        if not sounds:
            return Reading(tracks, [], [*remarks, not_distributed(len(tracks), str(root / AUDIO[0]))])
        return Reading(tracks, missing_sounds(names, sounds, str(root / AUDIO[0])), remarks)


def _distinct(path: Path) -> tuple[list[Row], list[str]]:
    """Return the first row of each track; a few stand there twice, in two selections."""
    rows: dict[str, Row] = {}
    twice = []
    for row in read_columns(path, COLUMNS, GROUPING, delimiter="\t"):
        name = row.cells["track"]
        if not name:
            raise DamerError(f"{path}: line {row.line}: cdr_track_num is empty")
        if name in rows:
            twice.append(name)
        rows.setdefault(name, row)
    remarks = [f"{path.name}: {', '.join(twice)} stand there twice; the first row is used"] if twice else []
    return list(rows.values()), remarks


def _count(path: Path, row: Row, quadrant: str) -> float:
    try:
        count = float(row.cells[quadrant] or 0)
    except ValueError:
        count = -1
    if not (count >= 0 and count == int(count)):
        raise DamerError(f"{path}: line {row.line}: {row.cells[quadrant]!r} is not a number of listeners")
    return count


def _share(counts: dict[str, float], axis: int) -> float | None:
    """Return the listeners' mean sign of valence (axis 0) or arousal (1); None where exactly divided."""
    value = sum(QUADRANTS[quadrant][axis] * count for quadrant, count in counts.items())
    return value / sum(counts.values()) if value else None


def _groups(rows: list[Row]) -> dict[str, str]:
    """Return the group of each track: its album, joined with the albums that hold the same recording.

    Some recordings stand in the table under two albums, with one `track_id`.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    albums = {row.cells["track"]: row.cells.get("title") or row.cells["track"] for row in rows}
    first: dict[str, str] = {}
    for row in rows:
        album, recording = albums[row.cells["track"]], row.cells.get("recording", "")
        if recording:
            parent[root(album)] = root(first.setdefault(recording, album))
    return {track: root(album) for track, album in albums.items()}

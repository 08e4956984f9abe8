"""Emotify: recordings of four genres, and the share of listeners who chose each of nine feelings.

A. Aljanaki, F. Wiering and R. C. Veltkamp, "Studying emotion induced by music through a crowdsourcing game",
Information Processing & Management 52(1), 2016. The feelings are those *felt* by the listener (GEMS-9), not
those heard in the music.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.base import Corpus, Reading, Row, find_file, first_existing, read_table

INDICES = {
    "arousal_index": {
        "power": 1.0, "joyful_activation": 1.0, "tension": 1.0,
        "tenderness": -1.0, "nostalgia": -1.0, "calmness": -1.0, "sadness": -1.0,
    },
    "valence_index": {
        "joyful_activation": 1.0, "tenderness": 1.0, "calmness": 1.0, "amazement": 0.5,
        "tension": -1.0, "sadness": -1.0,
    },
}  # fmt: skip
"""What each index adds up: shares of listeners, in [0, 1], who chose a feeling."""

# Arousal lies in [-4, 3] and valence in [-2, 3.5]: they are divided by the largest size they can have.
AROUSAL_DIVISOR = 4.0
VALENCE_DIVISOR = 3.5
PLACES = ("audio/{}/{}.opus", "audio/{}/{}.mp3", "{}/{}.mp3", "{}/{}.opus", "emotifymusic/{}/{}.mp3")
COLUMNS = ["path", "artist"]


@dataclass(frozen=True)
class Emotify(Corpus):
    """Emotify with two indices derived from the nine feelings; classes are made at the training median."""

    name: ClassVar[str] = "emotify"
    title: ClassVar[str] = "Emotify: 400 recordings of 60 s (classical, rock, electronic, pop), felt emotion"
    licence: ClassVar[str] = "research use; music from Magnatune, CC BY-NC-SA"
    source: ClassVar[str] = "Aljanaki, Wiering & Veltkamp, Information Processing & Management 52(1), 2016"
    obtain: ClassVar[str] = (
        "unpack the music into audio/{genre}/{number}.mp3 (or .opus) and put tracks.csv beside it, with the "
        "columns path (…/{genre}/{number}.mp3), artist, and either arousal_index and valence_index or the "
        "share of listeners who chose each feeling: amazement, tenderness, nostalgia, calmness, power, "
        "joyful_activation, tension, sadness"
    )
    size: ClassVar[int | None] = 400
    window: ClassVar[str] = "all"  # each file is the 60 s excerpt that the listeners heard

    def read(self, root: Path) -> Reading:
        """Read tracks.csv and find each row's sound file."""
        table = first_existing(root, ["tracks.csv"], "the table of tracks")
        tracks: dict[str, Track] = {}
        notes: list[str] = []
        rows = read_table(table, COLUMNS)
        _require_feelings(table, rows)
        for row in rows:
            try:
                track = self._track(root, row)
            except DamerError as error:
                notes.append(f"{table}: line {row.line}: {error}; left out")
                continue
            if track.id in tracks:
                notes.append(f"{table}: line {row.line}: {track.id} is there twice; the first is used")
            else:
                tracks[track.id] = track
        return Reading(list(tracks.values()), notes)

    def _track(self, root: Path, row: Row) -> Track:
        genre, number = Path(row.cells["path"]).parent.name, Path(row.cells["path"]).stem
        places = [root / row.cells["path"], *(root / place.format(genre, number) for place in PLACES)]
        sound = next(filter(None, map(find_file, places)), None)
        if not genre or sound is None:
            raise DamerError(f"{genre}/{number}.opus or .mp3 is missing in {root / 'audio'}")
        return Track(
            id=f"{self.name}:{genre}/{number}",
            # A track without an artist stands alone.
            group=row.cells["artist"] or f"{genre}/{number}",
            corpus=self.name,
            audio=str(sound),
            valence=_index(row, "valence_index", VALENCE_DIVISOR),
            arousal=_index(row, "arousal_index", AROUSAL_DIVISOR),
            threshold="train_median",
            licence=self.licence,
            source=self.source,
        )


def _require_feelings(table: Path, rows: list[Row]) -> None:
    """Refuse a table that has neither an index nor all the feelings that it is made of."""
    known = rows[0].cells if rows else {}
    for index, feelings in INDICES.items():
        missing = [name for name in feelings if name not in known]
        if rows and index not in known and missing:
            raise DamerError(
                f"{table}: column {index} is missing, and {', '.join(missing)} to compute it from; "
                "add the one or the others"
            )


def _index(row: Row, column: str, divisor: float) -> float:
    parts = {column: 1.0} if column in row.cells else INDICES[column]
    return sum(weight * _number(row, name) for name, weight in parts.items()) / divisor


def _number(row: Row, column: str) -> float:
    try:
        return float(row.cells[column])
    except ValueError:
        raise DamerError(f"{column} {row.cells[column]!r} is not a number") from None

"""VGMIDI: piano arrangements of game music, valence and arousal along each piece from about 30 listeners.

L. N. Ferreira and J. Whitehead, "Learning to Generate Music with Sentiment", ISMIR 2019. How raters are
chosen follows the corpus's own parser (github.com/lucasnfe/vgmidi, labelled/src/parse.py).
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeGuard

import numpy as np
import numpy.typing as npt

from damer.core.errors import DamerError
from damer.core.track import Step, Track
from damer.core.trajectory import Trajectory
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

# A rater whose values of one piece vary more than this is taken for noise: `max_variance` of that parser.
MAX_VARIANCE = 0.1
ROUNDS = ("vgmidi_raw_1.json", "vgmidi_raw_2.json")

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Vgmidi(Corpus):
    """The labelled part of VGMIDI.

    Attributes:
        group: What stays together in a split: the game's "series" (the part of the file name before the first
            `_`) or the single "game" (the first three parts: series, console, game).
    """

    group: Literal["series", "game"] = "series"

    name: ClassVar[str] = "vgmidi"
    title: ClassVar[str] = "VGMIDI: 200 piano arrangements of game music (MIDI), labels along each piece"
    licence: ClassVar[str] = "none stated; game music, for research use, not to be redistributed"
    source: ClassVar[str] = "Ferreira & Whitehead, ISMIR 2019; github.com/lucasnfe/vgmidi"
    obtain: ClassVar[str] = (
        "clone github.com/lucasnfe/vgmidi and give its folder `labelled`: annotations/vgmidi_raw_1.json, "
        "annotations/vgmidi_raw_2.json and midi/*.mid (the two tables may also lie beside midi/)"
    )
    window: ClassVar[str] = "15:75"
    size: ClassVar[int | None] = 200
    paper: ClassVar[InTheLiterature | None] = InTheLiterature(
        "200 MIDI pieces", "valence", "yes", "crowd-sourcing"
    )

    def read(self, root: Path) -> Reading:
        """Read both rounds of annotations and the pieces whose MIDI file is there."""
        tables = [
            first_existing(root, [f"{name}", f"annotations/{name}", f"labelled/annotations/{name}"], name)
            for name in ROUNDS
        ]
        midis = existing_folder(first_existing(root, ["midi", "labelled/midi"], "the folder of MIDI files"))
        tracks: dict[str, Track] = {}
        notes: list[str] = []
        remarks: list[str] = []
        for table in tables:
            for piece in _pieces(table, notes, remarks):
                track = self._track(piece, midis, notes)
                if track is not None and track.id in tracks:
                    notes.append(f"{table.name}: {piece.midi} is there twice; the first is used")
                elif track is not None:
                    tracks[track.id] = track
        named = {Path(track.midi or "").name for track in tracks.values()}
        strangers = [path.name for path in midi_files(midis) if path.name not in named]
        remarks += [f"{midis / name}: has no annotations and is not used" for name in strangers]
        return Reading(list(tracks.values()), notes, remarks)

    def _track(self, piece: "_Piece", midis: Path, notes: list[str]) -> Track | None:
        path = find_file(midis / piece.midi) or midis / piece.midi
        problem = midi_problem(path)
        if problem:
            notes.append(f"{midis}: {problem}; the piece is left out")
            return None
        valence, arousal = mean_series(piece.valence), mean_series(piece.arousal)
        if valence is None or arousal is None:
            notes.append(f"{piece.table}: no usable rater of {piece.midi}; the piece is left out")
            return None
        parts = piece.midi.split("_")
        return Track(
            id=f"{self.name}:{Path(piece.midi).stem}",
            group=parts[0] if self.group == "series" else "_".join(parts[:3]),
            corpus=self.name,
            midi=str(path),
            valence=float(valence.mean()),
            arousal=float(arousal.mean()),
            dynamic=spread(valence, arousal, piece.duration),
            licence=self.licence,
            source=self.source,
        )


def trajectories(root: str | Path) -> list[Trajectory]:
    """Return what each rater said about each piece, for statistics of agreement.

    Raters are those whose series has the length that most of the piece's raters have; none is left out for
    being unsteady. Nobody knows which ratings of two pieces are of one person, so a pseudonym is good for one
    piece: `round-piece-number`. Step `i` of `n` begins at duration · i / n.

    Raises:
        DamerError: the tables are missing or malformed.
    """
    folder = existing_folder(root)
    found = []
    for name in ROUNDS:
        table = first_existing(folder, [name, f"annotations/{name}", f"labelled/annotations/{name}"], name)
        for piece in _pieces(table, [], []):
            for number, (valence, arousal) in enumerate(zip(piece.valence, piece.arousal, strict=True)):
                count = len(valence)
                found.append(
                    Trajectory(
                        track=Path(piece.midi).stem,
                        annotator=f"{ROUNDS.index(name) + 1}-{piece.name}-{number}",
                        times_s=piece.duration * np.arange(count) / count,
                        valence=np.array(valence),
                        arousal=np.array(arousal),
                        end_s=piece.duration,
                    )
                )
    if not found:
        raise DamerError(f"{folder}: VGMIDI's tables hold no usable annotation")
    return found


@dataclass
class _Piece:
    """One piece and its raters' series, all of one length; who the raters are is never kept."""

    table: str
    name: str
    midi: str
    duration: float
    valence: list[list[float]] = field(default_factory=list)
    arousal: list[list[float]] = field(default_factory=list)


def _pieces(table: Path, notes: list[str], remarks: list[str]) -> list[_Piece]:
    """Read one round; adds to `notes` what cannot be used and to `remarks` what belongs to no piece."""
    record = _load(table)
    try:
        pieces = {
            name: _Piece(table.name, name, str(entry["midi"]), float(entry["duration"]))
            for name, entry in record["pieces"].items()
        }
        raters: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for name, rating in record["annotations"].items():
            raters[name.split("_")[0]].append(rating)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamerError(f"{table}: not VGMIDI's table of pieces and annotations ({error!r})") from error
    orphans = sum(len(ratings) for name, ratings in raters.items() if name not in pieces)
    if orphans:
        remarks.append(f"{table.name}: {orphans} annotations belong to no piece and are skipped")
    for name, piece in pieces.items():
        pairs = [(one.get("valence"), one.get("arousal")) for one in raters[name] if isinstance(one, dict)]
        good = [(v, a) for v, a in pairs if _is_series(v) and _is_series(a) and len(v) == len(a)]
        bad = len(raters[name]) - len(good)
        if bad:
            notes.append(f"{table.name}: {bad} malformed annotations of {name} are skipped")
        for valence, arousal in modal_length(good):
            piece.valence.append(valence)
            piece.arousal.append(arousal)
    return list(pieces.values())


def _load(table: Path) -> dict[str, Any]:
    """Read the JSON; of each annotation nothing but the two series is kept, whatever else it holds."""

    def only_series(entry: dict[str, Any]) -> dict[str, Any]:
        if "valence" in entry or "arousal" in entry:
            return {key: entry.get(key) for key in ("valence", "arousal")}
        return entry

    try:
        record = json.loads(table.read_text(encoding="utf-8"), object_hook=only_series)
    except (OSError, ValueError) as error:
        raise DamerError(f"{table}: cannot be read as JSON ({error})") from error
    if not isinstance(record, dict) or not {"pieces", "annotations"} <= record.keys():
        raise DamerError(f"{table}: has no `pieces` and `annotations`; is it VGMIDI's table?")
    return record


def _is_series(value: object) -> TypeGuard[list[float]]:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(
            isinstance(one, int | float) and not isinstance(one, bool) and -1 <= one <= 1 for one in value
        )
    )


def modal_length(series: list[tuple[list[float], list[float]]]) -> list[tuple[list[float], list[float]]]:
    """Keep the raters whose series have the most frequent length; of two as frequent, the longer."""
    if not series:
        return []
    counts = Counter(len(valence) for valence, _ in series)
    length = max(counts, key=lambda one: (counts[one], one))
    return [pair for pair in series if len(pair[0]) == length]


def mean_series(series: list[list[float]]) -> Values | None:
    """Average the raters whose variance along the piece is at most `MAX_VARIANCE`; None if there is none."""
    raters = np.array(series, dtype=np.float64)
    if not len(raters):
        return None
    steady = raters[raters.var(axis=1) <= MAX_VARIANCE]
    # A mean of values in [-1, 1] may leave it by a rounding error.
    return np.clip(steady.mean(axis=0), -1, 1) if len(steady) else None


def spread(valence: Values, arousal: Values, duration: float) -> tuple[Step, ...]:
    """Spread `n` steps evenly over the duration in seconds: step `i` ends at duration · (i + 1) / n."""
    count = len(valence)
    return tuple(
        (duration * (step + 1) / count, float(v), float(a))
        for step, (v, a) in enumerate(zip(valence, arousal, strict=True))
    )

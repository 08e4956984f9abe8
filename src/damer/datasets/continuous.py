"""Labels over time as the MediaEval corpora write them, and a check that no table has its columns crossed."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from damer.core.errors import DamerError
from damer.core.track import Step
from damer.datasets.base import Row, find, is_missing, read_table
from damer.datasets.columns import plain, song_number
from damer.datasets.sounds import named

Pair = tuple[float, float]  # valence, arousal
_SAMPLE = re.compile(r"sample(\d+)ms")


def read_continuous(valence: Path, arousal: Path, notes: list[str]) -> dict[str, tuple[Step, ...]]:
    """Read two tables of one song a row and one column each half second (`sample_15000ms`, …), in [−1, 1].

    A value is what listeners say at that moment; the label of the half second between two columns is the
    mean of both, so 61 columns from 15.0 s to 45.0 s give 60 steps.

    Args:
        valence: The table of valence.
        arousal: The table of arousal.
        notes: Takes a sentence for each song whose two rows do not belong together.

    Returns:
        Steps `(t_end, valence, arousal)` by song number.

    Raises:
        DamerError: a table has no such columns, or a value is none or outside [−1, 1].
    """
    tables = {path: _curves(path) for path in (valence, arousal)}
    found: dict[str, tuple[Step, ...]] = {}
    for song, (times, values) in tables[valence].items():
        other = tables[arousal].get(song)
        if other is None:
            notes.append(f"{arousal}: has no row of song {song}, {valence.name} has; its labels over time go")
            continue
        count = min(len(values), len(other[1]))
        if len(values) != len(other[1]) or times[0] != other[0][0]:
            notes.append(
                f"{arousal}: song {song} has {len(other[1])} values from {other[0][0]:g} s, "
                f"{valence.name} has "
                f"{len(values)} from {times[0]:g} s; the common part is used"
            )
        if times[0] != other[0][0] or count < 2:
            continue
        means = [(curve[: count - 1] + curve[1:count]) / 2 for curve in (values, other[1])]
        found[song] = tuple(
            (float(end), float(v), float(a)) for end, v, a in zip(times[1:count], *means, strict=True)
        )
    notes += [
        f"{valence}: has no row of song {song}, {arousal.name} has; its labels over time go"
        for song in tables[arousal]
        if song not in tables[valence]
    ]
    return found


Curve = tuple[np.ndarray, np.ndarray]


def _curves(path: Path) -> dict[str, Curve]:
    """Return each song's times (seconds) and values; blank cells at the end are where its music is over."""
    rows = read_table(path, [])
    names = list(rows[0].cells) if rows else []
    times = {name: int(match[1]) / 1000 for name in names if (match := _SAMPLE.fullmatch(plain(name)))}
    key = next((name for name in names if plain(name) in ("songid", "id", "musicid")), None)
    if key is None or not times:
        raise DamerError(f"{path}: needs a column song_id and columns sample_15000ms, sample_15500ms, …")
    if sorted(times.values()) != list(times.values()):
        raise DamerError(f"{path}: its columns sample_…ms do not ascend")
    found: dict[str, Curve] = {}
    for row in rows:
        values = _values(path, row, list(times))
        song = song_number(row.cells[key])
        if song in found:
            raise DamerError(f"{path}: line {row.line}: song {song} is there twice; remove one line")
        if len(values):
            found[song] = (np.array(list(times.values()))[: len(values)], values)
    return found


def _values(path: Path, row: Row, columns: list[str]) -> np.ndarray:
    cells = [row.cells[name] for name in columns]
    while cells and cells[-1].lower() in ("", "nan"):
        cells.pop()
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        values = np.array([np.nan])
    if not np.all(np.abs(values) <= 1):
        bad = next(cell for cell in cells if not _is_label(cell))
        raise DamerError(f"{path}: line {row.line}: {bad!r} is not a label in [-1, 1]; rescale")
    return values


def _is_label(text: str) -> bool:
    try:
        return abs(float(text)) <= 1
    except ValueError:
        return False


def find_continuous(
    root: Path, places: Callable[[str], Sequence[str]], notes: list[str]
) -> dict[str, tuple[Step, ...]]:
    """Find both tables and read them; without them a note says that the static labels hold throughout.

    Args:
        root: The corpus's folder.
        places: Where the table of "valence" or "arousal" may lie, the best place first.
        notes: Takes a sentence for what is missing or does not fit.
    """
    found = {}
    for dimension in ("valence", "arousal"):
        path = find(root, places(dimension))
        if path is None:
            missing = is_missing(root, places(dimension), f"the table of {dimension} over time")
            notes.append(f"{missing}; the static labels hold throughout")
            return {}
        found[dimension] = path
    return read_continuous(found["valence"], found["arousal"], notes)


def unmatched(static: Mapping[str, Pair], dynamic: Mapping[str, tuple[Step, ...]]) -> list[str]:
    """Return notes of songs with one of the two kinds of labels only; none without labels over time.

    Args:
        static: (valence, arousal) of each song.
        dynamic: Labels over time of each song that has any.
    """
    if not dynamic:
        return []
    cases = {
        "have no labels over time": [song for song in static if song not in dynamic],
        "have labels over time and no static ones": [song for song in dynamic if song not in static],
    }
    ends = ("their static labels hold throughout", "they are not used")
    return [
        f"{len(songs)} songs {what}: {named(songs)}; {end}"
        for (what, songs), end in zip(cases.items(), ends, strict=True)
        if songs
    ]


def put_right(
    where: Path, static: dict[str, Pair], dynamic: Mapping[str, tuple[Step, ...]], notes: list[str]
) -> dict[str, Pair]:
    """Return static labels, exchanged where those over time say that their columns are (see `crossed`).

    Args:
        where: The table of static labels, for the note.
        static: (valence, arousal) of each song.
        dynamic: Labels over time of each song that has any.
        notes: Takes a sentence where they are exchanged.
    """
    return exchanged(where, static, notes) if crossed(static, means(dynamic)) else static


def exchanged(where: Path, static: dict[str, Pair], notes: list[str]) -> dict[str, Pair]:
    """Return static labels with valence and arousal exchanged, and note it."""
    notes.append(f"{where}: valence and arousal are exchanged; they are read the right way round")
    return {song: (arousal, valence) for song, (valence, arousal) in static.items()}


def exchanged_steps(
    where: Path, dynamic: Mapping[str, tuple[Step, ...]], notes: list[str]
) -> dict[str, tuple[Step, ...]]:
    """Return labels over time with valence and arousal exchanged, and note it."""
    notes.append(
        f"{where}: the tables of valence and arousal over time are exchanged; "
        "they are read the right way round"
    )
    return {song: tuple((end, a, v) for end, v, a in steps) for song, steps in dynamic.items()}


def means(steps: Mapping[str, tuple[Step, ...]]) -> dict[str, Pair]:
    """Return the mean (valence, arousal) of each song's steps."""
    return {
        song: (float(np.mean([v for _, v, _ in curve])), float(np.mean([a for _, _, a in curve])))
        for song, curve in steps.items()
    }


def crossed(static: Mapping[str, Pair], dynamic: Mapping[str, Pair]) -> bool:
    """Say whether static labels agree with the labels over time only with valence and arousal exchanged.

    Both are (valence, arousal) in [−1, 1]. With 20 songs or more, correlations decide: exchanged above 0.7
    and clearly above straight. With fewer, the exchanged labels must be near (0.1) and the straight ones far
    (0.3), so that a handful of songs is not called crossed by chance.
    """
    songs = sorted(static.keys() & dynamic.keys())
    if len(songs) < 3:
        return False
    here, there = (np.array([table[song] for song in songs]) for table in (static, dynamic))
    if len(songs) < 20:
        return bool(np.abs(here - there).mean() > 0.3 and np.abs(here[:, ::-1] - there).mean() < 0.1)
    if (here.std(axis=0) == 0).any() or (there.std(axis=0) == 0).any():
        return False
    found = np.corrcoef(np.hstack([here, there]).T)
    straight, exchanged = found[0, 2] + found[1, 3], found[0, 3] + found[1, 2]
    return bool(exchanged > 1.4 and exchanged > straight + 0.1)

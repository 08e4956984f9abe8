"""Anyone's own music: a folder of sound files and one table of labels, `labels.csv`.

`file` (needed)
:   The sound file, relative to the folder of audio.

`arousal`, `valence` (at least one)
:   The label, in [−1, 1] or on the scale given (`1:9`, `0:1`, …).

`group`
:   Artist, album or song: rows of one group never lie on two sides of a split. Without it each file stands
    alone.

`start_s`, `end_s`
:   The clip within the file that the label speaks of, in seconds. Without them: the whole file.

`time_s`
:   For labels over time: the second of the file from which this row's labels hold, until the next row of the
    same clip. Several rows then share one file, and both labels are needed.

Other columns are ignored.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from damer.audio import SUFFIXES
from damer.core.errors import DamerError
from damer.core.text import valid
from damer.core.track import Step, Track
from damer.datasets.base import Corpus, Reading, Row, existing_folder, read_table

LABELS = "labels.csv"


@dataclass(frozen=True)
class Folder(Corpus):
    """A user's own corpus.

    Attributes:
        labels: The table; None is `labels.csv` in the folder of audio.
        scale: Lowest and highest value of the labels in the table.
        corpus: Name of the corpus and first part of every id; give two folders two names to train on both.
        unlabelled: Take every sound file in the folder and no labels: a pool for semi-supervised training.
    """

    labels: Path | None = None
    scale: tuple[float, float] = (-1.0, 1.0)
    corpus: str = "folder"
    unlabelled: bool = False

    name: ClassVar[str] = "folder"
    title: ClassVar[str] = "your own sound files with a table of labels, labels.csv"
    licence: ClassVar[str] = "the user's own"
    source: ClassVar[str] = "the user"
    obtain: ClassVar[str] = (
        "a folder of sound files and labels.csv with the columns file, arousal, valence "
        "(and, if you like, group, start_s, end_s, time_s)"
    )
    window: ClassVar[str] = "15:75"

    def read(self, root: Path) -> Reading:
        """Read the table, checking every row.

        Raises:
            DamerError: any row is wrong; the message names each by its line and says what is wrong.
        """
        if not self.scale[0] < self.scale[1] or not all(map(math.isfinite, self.scale)):
            raise DamerError(f"scale {self.scale[0]}:{self.scale[1]}: give the lowest value first, as in 1:9")
        if self.unlabelled:
            return Reading(self._pool(root), [])
        table = self.labels or root / LABELS
        rows = read_table(table, ["file"])
        if not rows:
            raise DamerError(f"{table}: no row below the header")
        if not {"arousal", "valence"} & rows[0].cells.keys():
            raise DamerError(f"{table}: neither a column arousal nor a column valence")
        problems: list[tuple[int, str]] = []
        parsed = [_parse(row, root, self.scale, problems) for row in rows]
        clips: dict[tuple[str, float, float | None], list[_Parsed]] = defaultdict(list)
        for row in parsed:
            if row is not None:
                clips[row.file, row.start, row.end].append(row)
        for clip in clips.values():
            _check_clip(clip, problems)
        if problems:
            lines = "\n  ".join(f"line {line}: {problem}" for line, problem in sorted(problems))
            raise DamerError(f"{table}: {len(problems)} thing{'s' * (len(problems) > 1)} to mend:\n  {lines}")
        return Reading([self._track(root, clip) for clip in clips.values()], [])

    def _pool(self, root: Path) -> list[Track]:
        paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        names = [valid(path.relative_to(root).as_posix()) for path in paths]
        return [
            Track(id=f"{self.corpus}:{name}", group=name, corpus=self.corpus, audio=str(path))
            for name, path in zip(names, paths, strict=True)
        ]

    def _track(self, root: Path, clip: "list[_Parsed]") -> Track:
        first = clip[0]
        whole_file = first.start == 0 and first.end is None
        piece = (
            "" if whole_file else f"#{first.start:g}-{'' if first.end is None else format(first.end, 'g')}"
        )
        dynamic = _steps(clip)
        valence, arousal = first.valence, first.arousal
        if dynamic:
            valence, arousal = _mean(dynamic, first.start)
        return Track(
            id=f"{self.corpus}:{first.file}{piece}",
            group=first.group or first.file,
            corpus=self.corpus,
            audio=str(root / first.file),
            clip_start=first.start,
            clip_end=first.end,
            valence=valence,
            arousal=arousal,
            dynamic=dynamic,
            licence=self.licence,
            source=self.source,
        )


@dataclass(frozen=True)
class _Parsed:
    """A row without fault; labels already in [−1, 1]."""

    line: int
    file: str
    group: str
    start: float
    end: float | None
    time: float | None
    valence: float | None
    arousal: float | None


def _parse(
    row: Row, root: Path, scale: tuple[float, float], problems: list[tuple[int, str]]
) -> _Parsed | None:
    """Check one row; adds what is wrong with it to `problems` and returns None if anything is."""
    found: list[str] = []

    def number(column: str, low: float = 0.0, high: float = math.inf) -> float | None:
        text = row.cells.get(column)
        if text is None or (text == "" and column in {"start_s", "end_s"}):
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            hint = " (write a point, not a comma)" if "," in text else ""
            found.append(f"{column} {text!r} is not a number{hint}" if text else f"{column} is empty")
            return None
        if not low <= value <= high:
            bounds = (
                f"0 or more, in seconds: {value:g}" if high == math.inf else f"{low:g} to {high:g}: {value:g}"
            )
            found.append(f"{column} is not {bounds}")
            return None
        return value

    def label(column: str) -> float | None:
        value = number(column, *scale)
        return None if value is None else (2 * value - (scale[0] + scale[1])) / (scale[1] - scale[0])

    if row.cells.get("", ""):
        found.append(f"more cells than columns: {row.cells['']!r}")
    file = _file(row.cells["file"], root, found)
    start, end, time = number("start_s") or 0.0, number("end_s"), number("time_s")
    valence, arousal = label("valence"), label("arousal")
    if end is not None and end <= start:
        found.append(f"end_s {end:g} is not after start_s {start:g}")
    if time is not None and not {"valence", "arousal"} <= row.cells.keys():
        found.append("with time_s both arousal and valence are needed")
    problems += [(row.line, problem) for problem in found]
    if found:
        return None
    return _Parsed(row.line, file, row.cells.get("group", ""), start, end, time, valence, arousal)


def _file(text: str, root: Path, found: list[str]) -> str:
    """Return the sound file's path relative to `root`, in one spelling."""
    if not text:
        found.append("file is empty")
    elif Path(text).is_absolute() or ".." in Path(text).parts:
        found.append(f"{text}: give the file relative to {root}")
    elif not (root / text).is_file():
        found.append(f"{text} is missing in {root}")
    return Path(text).as_posix()


def _check_clip(clip: list[_Parsed], problems: list[tuple[int, str]]) -> None:
    """Find rows that speak twice of one clip (or moment), or put one clip into two groups."""
    seen: dict[float | None, int] = {}
    for row in clip:
        if row.time in seen:
            moment = "" if row.time is None else f" at {row.time:g} s"
            earlier = f"was labelled in line {seen[row.time]} already"
            problems.append((row.line, f"{row.file}{moment} {earlier}"))
        seen.setdefault(row.time, row.line)
        if row.group != clip[0].group:
            first = f"in line {clip[0].line} it was in {clip[0].group!r}"
            problems.append((row.line, f"{row.file} is in group {row.group!r}, {first}"))


def _steps(clip: list[_Parsed]) -> tuple[Step, ...]:
    """Turn labels that hold *from* a time into steps that hold *until* one; empty without time_s.

    The last step is given the usual length of the others (1 s if it is the only one).
    """
    rows = sorted((row.time, row.valence, row.arousal) for row in clip if row.time is not None)
    times = [time for time, _, _ in rows]
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    ends = [*times[1:], times[-1] + usual] if times else []
    return tuple(
        (end, valence, arousal)
        for end, (_, valence, arousal) in zip(ends, rows, strict=True)
        if valence is not None and arousal is not None
    )


def _mean(steps: tuple[Step, ...], start: float) -> tuple[float, float]:
    """Mean of the steps (valence, arousal), each weighted by how long it holds within the clip."""
    ends = np.array([step[0] for step in steps])
    lengths = np.diff(ends, prepend=min(start, ends[0]))
    weights = lengths if lengths.sum() > 0 else np.ones_like(lengths)
    means = np.average(np.array(steps)[:, 1:], axis=0, weights=weights)
    return float(np.clip(means[0], -1, 1)), float(np.clip(means[1], -1, 1))


def parse_scale(text: str) -> tuple[float, float]:
    """Read a scale such as `1:9`.

    Raises:
        DamerError: it is not two numbers with a colon between.
    """
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise DamerError(f"scale {text!r}: give lowest and highest value, as in 1:9 or 0:1") from None


def labelled_folder(audio: str | Path, labels: str | Path | None = None, scale: str = "-1:1") -> list[Track]:
    """Return the tracks of a folder of audio with its table: what `damer train --audio --labels` trains on.

    Raises:
        DamerError: a row of the table is wrong (all of them are listed), or a folder or file is missing.
    """
    corpus = Folder(labels=Path(labels) if labels else None, scale=parse_scale(scale))
    return corpus.tracks(existing_folder(audio))

"""What every corpus offers: its tracks, and a check that says in plain words what is missing."""

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

from damer.core.errors import DamerError
from damer.core.track import Step, Track


class InTheLiterature(NamedTuple):
    """A corpus's row in table I of the DAMER paper, as printed there.

    Attributes:
        songs: How many.
        labels: What is labelled.
        music: Whether the music is to be had.
        annotators: Who labelled.
    """

    songs: str
    labels: str
    music: str
    annotators: str


@dataclass(frozen=True)
class Reading:
    """What was found in a corpus folder.

    Attributes:
        tracks: Every usable track, in a fixed order.
        notes: One plain sentence for each thing that is missing, left out or contradicts the tables.
        remarks: What is left out because the corpus itself was published so; nothing is to be done about it.
    """

    tracks: list[Track]
    notes: list[str]
    remarks: list[str] = field(default_factory=list)


class Corpus(ABC):
    """A corpus on this machine's disk. Nothing is ever downloaded.

    Attributes:
        name: Short name on the command line and first part of every track id.
        title: What it is, in a line.
        licence: Terms of labels and music.
        source: Where it was published.
        obtain: What a user does to get it, and how the folder looks.
        window: Which part of a track is used, as `damer.audio.window` reads it.
        size: Labelled tracks of the whole corpus, as counted in what was published; None where there is no
            whole (a user's own music).
        paper: Its row in table I of the paper; None where it has none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    licence: ClassVar[str]
    source: ClassVar[str]
    obtain: ClassVar[str]
    window: ClassVar[str]
    size: ClassVar[int | None] = None
    paper: ClassVar[InTheLiterature | None] = None

    @abstractmethod
    def read(self, root: Path) -> Reading:
        """Read the corpus in `root`.

        Raises:
            DamerError: the folder, or a table without which nothing can be read, is missing or malformed.
        """

    def tracks(self, root: str | Path) -> list[Track]:
        """Return the usable tracks; `check` tells which are left out and why.

        Raises:
            DamerError: the folder cannot be read as this corpus, or holds no usable track.
        """
        found = self.read(existing_folder(root)).tracks
        if not found:
            raise DamerError(f"{root}: no usable track of {self.name}; `damer dataset check` says why")
        return found

    def check(self, root: str | Path) -> list[str]:
        """Return a sentence for each thing missing or different from what the tables say; empty is well."""
        try:
            return self.read(existing_folder(root)).notes
        except DamerError as error:
            return [str(error)]

    def song(
        self,
        name: str,
        group: str,
        sounds: Mapping[str, Path],
        labels: tuple[float | None, float | None],
        dynamic: tuple[Step, ...] = (),
    ) -> Track:
        """Return the record of a song.

        Args:
            name: Of the song, within the corpus.
            group: What stays together in a split: the artist, or the song's own name.
            sounds: Sound files by the songs' names.
            labels: (valence, arousal) of the whole song, each in [−1, 1] or None.
            dynamic: Its labels over time.
        """
        return Track(
            id=f"{self.name}:{name}",
            group=group,
            corpus=self.name,
            audio=str(sounds[name]) if name in sounds else None,
            valence=labels[0],
            arousal=labels[1],
            dynamic=dynamic,
            licence=self.licence,
            source=self.source,
        )


def existing_folder(root: str | Path) -> Path:
    """Return `root` as a path.

    Raises:
        DamerError: it is not a folder.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise DamerError(f"{folder}: no such folder; give the folder that holds the corpus")
    return folder


def find(root: Path, candidates: Sequence[str]) -> Path | None:
    """Return the first of some relative paths that exists, None if none does."""
    return next((root / each for each in candidates if (root / each).exists()), None)


def is_missing(root: Path, candidates: Sequence[str], what: str) -> str:
    """Return the sentence that says what was looked for, and where."""
    return f"{root}: {what} is missing; looked for {', '.join(candidates)}"


def first_existing(root: Path, candidates: Sequence[str], what: str) -> Path:
    """Return the first of some relative paths that exists.

    Raises:
        DamerError: none does; the message lists where was looked.
    """
    found = find(root, candidates)
    if found is None:
        raise DamerError(is_missing(root, candidates, what))
    return found


@dataclass(frozen=True)
class Row:
    """One row of a table: the line it ends on in the file (the header is line 1), and its cells by column."""

    line: int
    cells: dict[str, str]


def read_table(path: Path, columns: list[str], delimiter: str = ",") -> list[Row]:
    """Read a table with a header line, comma-separated by default; cells are stripped of white space.

    A row too short has empty cells; of a row too long the surplus is in the cell named "".

    Raises:
        DamerError: it is not a UTF-8 table, or a needed column is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(
                file, restkey="", restval="", skipinitialspace=True, strict=True, delimiter=delimiter
            )
            names = [name.strip() for name in reader.fieldnames or []]
            missing = [name for name in columns if name not in names]
            if missing:
                raise DamerError(f"{path}: column {', '.join(missing)} is missing; {seen(names, delimiter)}")
            reader.fieldnames = names
            return [Row(reader.line_num, {key: _cell(row[key]) for key in row}) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        kind = "tab" if delimiter == "\t" else "comma"
        raise DamerError(f"{path}: not a {kind}-separated UTF-8 table ({error}); save it as one") from error
    except OSError as error:
        raise DamerError(f"{path}: cannot be read ({error.strerror})") from error


def seen(names: Sequence[str], delimiter: str) -> str:
    """Say which columns a table has, and how they should be separated where that seems to be the matter."""
    if not names:
        return "the table is empty"
    other, word = (r"[;\t]", "commas") if delimiter == "," else ("[,;]", "tabs")
    hint = f"; separate the columns by {word}" if re.search(other, "".join(names)) else ""
    return f"found {', '.join(names)}{hint}"


def _cell(value: str | list[str]) -> str:
    return (value if isinstance(value, str) else ",".join(value)).strip()


def find_file(path: Path) -> Path | None:
    """Return a file, or the one beside it whose name differs by capitals only, None if there is neither."""
    if path.is_file():
        return path
    if not path.parent.is_dir():
        return None
    name = path.name.lower()
    return next((one for one in sorted(path.parent.iterdir()) if one.name.lower() == name), None)


def midi_files(folder: Path) -> list[Path]:
    """Return the MIDI files in a folder, in order; hidden ones, as archives from a Mac hold, are none."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in (".mid", ".midi") and not path.name.startswith(".")
    )


def midi_problem(path: Path) -> str | None:
    """Say what is wrong with a MIDI file that can be seen from its first bytes, None if nothing is."""
    if not path.is_file():
        return f"{path.name} is missing"
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    return None if head == b"MThd" else f"{path.name} is not a MIDI file"

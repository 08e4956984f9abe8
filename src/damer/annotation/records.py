"""The study folder: what was annotated, as it was recorded; agreement and release read it.

`study.json` says what the study was; four Parquet tables hold tracks, annotators, trials and samples. Samples
are raw: every grid of labels can be made again from them.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from damer.annotation.protocol import StudySettings
from damer.annotation.samples import SamplesDraft, draft_of, first_line, read_samples, trajectory
from damer.annotation.tables import (
    ADDED_LATER,
    ANNOTATORS,
    TRACKS,
    TRIALS,
    Kind,
    Samples,
    StudyAnnotator,
    StudyTrack,
    Trial,
)
from damer.core.errors import DamerError
from damer.core.plane import TERM_SET
from damer.core.trajectory import Trajectory

FORMAT = "damer-study-v1"
STUDY_FILE = "study.json"


class Study:
    """One study folder. Rows are appended in memory; `write` brings the folder up to date, or leaves it.

    Attributes:
        folder: where it lies.
        name: what the study is called.
        settings: the rules it was made under.
        terms: version of the twelve terms.
        seed: of the assignment.
        tracks: rows of `tracks.parquet`.
        annotators: rows of `annotators.parquet`; assign anew to change them.
        trials: rows of `trials.parquet`, in order of appending.
    """

    def __init__(
        self, folder: Path | str, name: str, settings: StudySettings, tracks: Sequence[StudyTrack], seed: int
    ) -> None:
        """Use `create` or `open`."""
        self.folder = Path(folder)
        self.name = name
        self.settings = settings
        self.terms = TERM_SET
        self.seed = seed
        self.tracks = tuple(tracks)
        self.annotators: tuple[StudyAnnotator, ...] = ()
        self.trials: list[Trial] = []
        self._tracks = {track.track_id: track for track in self.tracks}
        self._trials: dict[str, Trial] = {}
        self._draft = SamplesDraft(self.folder / "samples.parquet")
        if len(self._tracks) != len(self.tracks):
            raise DamerError(f"{folder}: two tracks have the same track_id; give each track its own")

    @classmethod
    def create(
        cls,
        folder: Path | str,
        name: str,
        tracks: Sequence[StudyTrack],
        settings: StudySettings | None = None,
        seed: int = 0,
    ) -> "Study":
        """Return a new study; nothing is on disk before `write`.

        Raises:
            DamerError: the folder holds a study already, or two tracks have one id.
        """
        if (Path(folder) / STUDY_FILE).exists():
            raise DamerError(f"{folder}: holds a study already; choose another folder")
        return cls(folder, name, settings or StudySettings(), tracks, seed)

    @classmethod
    def open(cls, folder: Path | str) -> "Study":
        """Read the study in a folder; samples stay on disk until they are asked for.

        Raises:
            DamerError: no study is there, or a table of it is missing or damaged.
        """
        folder = Path(folder)
        header = _read_header(folder / STUDY_FILE)
        with _named(folder / STUDY_FILE):
            settings = StudySettings.from_dict(header["settings"])
        with _named(folder / "tracks.parquet"):
            tracks = [StudyTrack(**row) for row in _read_rows(folder / "tracks.parquet", TRACKS)]
        study = cls(folder, header["name"], settings, tracks, header["seed"])
        study.terms = header["terms"]
        study.annotators = tuple(
            StudyAnnotator(**row) for row in _read_rows(folder / "annotators.parquet", ANNOTATORS)
        )
        people = {one.annotator for one in study.annotators}
        with _named(folder / "trials.parquet"):
            for row in _read_rows(folder / "trials.parquet", TRIALS):
                study._enter(Trial(**row))
                if row["annotator"] not in people:
                    raise DamerError(
                        f"trial {row['trial_id']} is of annotator {row['annotator']}, not in annotators; "
                        "export the study again"
                    )
        study._draft.known = frozenset(study._trials)
        if not (folder / "samples.parquet").is_file():
            raise DamerError(f"{folder / 'samples.parquet'}: is missing; export the study again")
        return study

    def audio(self, track_id: str) -> Path:
        """Return the path of a track's sound file."""
        return self.folder / self._tracks[track_id].file

    def append_trial(self, trial: Trial, samples: Samples) -> None:
        """Add one trial with what was recorded in it.

        Raises:
            DamerError: the id is taken, the track is not of this study, `duplicate_of` is no earlier trial of
                the same annotator and track, or the disk is full.
        """
        self._enter(trial)
        with _writable(self.folder):
            self._draft.append(trial.trial_id, samples)

    def write(self) -> None:
        """Bring the folder up to date: all tables are written beside the old ones, then put in their places.

        Raises:
            DamerError: the folder cannot be written; what was there before is still there.
        """
        tables = {"trials": (TRIALS, self.trials), "annotators": (ANNOTATORS, self.annotators)}
        tables["tracks"] = (TRACKS, self.tracks)
        # Samples come first and study.json last: whatever is named by a file in place is in place.
        targets = [self.folder / f"{name}.parquet" for name in ("samples", *tables)]
        targets.append(self.folder / STUDY_FILE)
        try:
            with _writable(self.folder):
                if not self._draft.finish():
                    targets.pop(0)
                for target, (schema, rows) in zip(targets[-4:-1], tables.values(), strict=True):
                    pq.write_table(
                        _table(schema, rows), draft_of(target), compression="zstd", write_page_checksum=True
                    )
                text = json.dumps(self.header(), indent=2, ensure_ascii=False) + "\n"
                draft_of(targets[-1]).write_text(text, encoding="utf-8")
                for target in targets:
                    draft_of(target).replace(target)
                self._draft.known = frozenset(self._trials)
        finally:
            for target in targets:
                with suppress(OSError):
                    draft_of(target).unlink(missing_ok=True)

    def header(self) -> dict[str, Any]:
        """Return what `study.json` holds."""
        return {
            "format": FORMAT,
            "name": self.name,
            "settings": self.settings.to_dict(),
            "terms": self.terms,
            "seed": self.seed,
        }

    def samples(self) -> Iterator[tuple[Trial, Samples]]:
        """Yield every trial that is on disk with its raw samples, one row group in memory at a time.

        Raises:
            DamerError: there are trials that were not written yet, or the file is damaged.
        """
        if self._draft.pending:
            raise DamerError(f"{self.folder}: has trials that are not written yet; call write() first")
        path = self.folder / "samples.parquet"
        found: set[str] = set()
        for trial_id, samples in read_samples(path):
            if trial_id not in self._trials:  # left by a run that was killed while it put files in place
                continue
            if trial_id in found:
                raise DamerError(
                    f"{path}: the rows of trial {trial_id} are out of place; export the study again"
                )
            found.add(trial_id)
            yield self._trials[trial_id], samples

    def iter_trajectories(
        self, kinds: Sequence[Kind] = ("work",), valid_only: bool = True
    ) -> Iterator[Trajectory]:
        """Yield `trajectories` one by one: for studies that are larger than memory."""
        for trial, samples in self.samples():
            if trial.kind in kinds and (trial.valid or not valid_only):
                yield trajectory(trial, samples, self._tracks[trial.track_id].duration_s)

    def trajectories(self, kinds: Sequence[Kind] = ("work",), valid_only: bool = True) -> list[Trajectory]:
        """Return what the annotators said, one trajectory a trial.

        Args:
            kinds: kinds of trials; ("work", "duplicate") has the covert second hearings as well.
            valid_only: leave out takes that were broken off.
        """
        return list(self.iter_trajectories(kinds, valid_only))

    def _enter(self, trial: Trial) -> None:
        if trial.trial_id in self._trials:
            raise DamerError(f"{self.folder}: trial {trial.trial_id} is there already; ids are given once")
        if trial.track_id not in self._tracks:
            raise DamerError(
                f"{self.folder}: trial {trial.trial_id} is of track {trial.track_id}, not in tracks"
            )
        if trial.duplicate_of:
            first = self._trials.get(trial.duplicate_of)
            if first is None or (first.annotator, first.track_id) != (trial.annotator, trial.track_id):
                raise DamerError(
                    f"{self.folder}: trial {trial.trial_id} repeats {trial.duplicate_of}, which is no "
                    f"earlier trial of {trial.annotator} on {trial.track_id}"
                )
        self._trials[trial.trial_id] = trial
        self.trials.append(trial)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the file that is being read before what is wrong with a row of it."""
    try:
        yield
    except DamerError as error:
        if str(error).startswith(str(path.parent)):
            raise
        raise DamerError(f"{path}: {error}") from error


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise DamerError(f"{folder}: cannot be written ({reason}); check space and permissions") from error


def _table(schema: pa.Schema, rows: Sequence[Any]) -> pa.Table:
    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    arrays = []
    for column in schema:
        values: Any = columns[column.name]
        if pa.types.is_timestamp(column.type):
            whole = [None if value is None else round(value * 1e6) for value in values]
            arrays.append(pa.array(whole, pa.int64()).cast(column.type))
        else:
            arrays.append(pa.array(values, column.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _read_rows(path: Path, schema: pa.Schema) -> Iterator[dict[str, Any]]:
    try:
        there = pq.read_schema(path).names
        names = [name for name in schema.names if name in there or name not in ADDED_LATER]
        table = pq.read_table(path, columns=names, page_checksum_verification=True)
        for number, column in enumerate(schema):
            if column.name not in names:
                unknown = pa.array(np.full(len(table), np.nan), column.type)
                table = table.add_column(number, column, unknown)
        table = table.cast(schema)
    except FileNotFoundError as error:
        raise DamerError(f"{path}: is missing; export the study again") from error
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise DamerError(f"{path}: is no table of a study ({first_line(error)}); export it again") from error
    columns = {}
    for column in schema:
        values = table[column.name]
        if values.null_count and not (
            pa.types.is_timestamp(column.type) or pa.types.is_floating(column.type)
        ):
            raise DamerError(f"{path}: column {column.name} has empty cells; export it again")
        if pa.types.is_timestamp(column.type):
            whole = values.cast(pa.int64()).to_pylist()
            columns[column.name] = [None if value is None else value / 1e6 for value in whole]
        else:
            columns[column.name] = values.to_pylist()
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DamerError(f"{path}: is missing; this folder holds no study") from error
    except (OSError, ValueError) as error:
        raise DamerError(f"{path}: cannot be read ({first_line(error)}); export the study again") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DamerError(f"{path}: is not of format {FORMAT}; use the version of damer that wrote it")
    missing = {"name", "settings", "terms", "seed"} - set(header)
    if missing:
        raise DamerError(f"{path}: has no {', '.join(sorted(missing))}; export the study again")
    kinds = {"name": str, "settings": dict, "terms": str, "seed": int}
    if wrong := [name for name, kind in kinds.items() if type(header[name]) is not kind]:
        raise DamerError(f"{path}: {', '.join(wrong)} cannot be right; export the study again")
    return header

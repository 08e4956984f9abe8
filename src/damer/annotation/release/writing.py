"""Writing a release's tables: Parquet with the columns that `release_tables` names, and no other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from damer.core.trajectory import Trajectory
from damer.datasets.release_tables import TRAJECTORIES, Table, schema

_SHARD_ROWS = 2_000_000  # some 20 MB a file
_GROUP_ROWS = 250_000


def write_table(folder: Path, table: Table, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> None:
    """Write one table; NaN becomes a missing value.

    Raises:
        KeyError: a column of the table is not given.
        OSError: it cannot be written.
    """
    write_columns(folder / table.path, table, columns)


def write_columns(path: Path, table: Table, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> None:
    """Write the columns of a table to one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(_arrow(table, columns), path, compression="zstd")


def write_trajectories(folder: Path, trajectories: Iterable[Trajectory]) -> Iterator[Trajectory]:
    """Write trajectories in files of some millions of rows, and pass each one on once it is in the queue.

    The iterator has to be exhausted: the last file is finished then. Memory holds one row group.
    """
    (folder / TRAJECTORIES.path).parent.mkdir(parents=True, exist_ok=True)
    shards = _Shards(folder)
    try:
        for trajectory in trajectories:
            shards.append(trajectory)
            yield trajectory
    finally:
        shards.close()


class _Shards:
    """Rows on their way into one file after another; a take is never cut in two."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[pa.Table] = []
        self._held = 0
        self._written = 0
        self._number = 0
        self._writer: pq.ParquetWriter | None = None

    def append(self, trajectory: Trajectory) -> None:
        count = len(trajectory.times_s)
        words = (trajectory.track, trajectory.annotator, trajectory.take, trajectory.duplicate_of)
        values: list[Any] = [
            *([word] * count for word in words),
            trajectory.times_s,
            trajectory.valence,
            trajectory.arousal,
        ]
        self._waiting.append(_arrow(TRAJECTORIES, dict(zip(TRAJECTORIES.names, values, strict=True))))
        self._held += count
        if self._held >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._finish()

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            path = self._folder / TRAJECTORIES.path.replace("*", f"part-{self._number:05d}")
            self._writer = pq.ParquetWriter(path, schema(TRAJECTORIES), compression="zstd")
        self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=_GROUP_ROWS)
        self._written += self._held
        self._waiting, self._held = [], 0
        if self._written >= _SHARD_ROWS:
            self._finish()

    def _finish(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            self._number += 1
            self._written = 0


def _arrow(table: Table, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> pa.Table:
    kinds = schema(table)
    arrays = [
        pa.array(columns[field.name], type=field.type, from_pandas=pa.types.is_floating(field.type))
        for field in kinds
    ]
    return pa.Table.from_arrays(arrays, schema=kinds)

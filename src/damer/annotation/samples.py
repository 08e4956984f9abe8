"""Samples of trials: to and from `samples.parquet`, as trajectories, and how evenly they came."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from damer.annotation.tables import SAMPLE_COLUMNS, SAMPLES, Samples, Trial
from damer.core.errors import DamerError
from damer.core.trajectory import Trajectory

_FLUSH_ROWS = 500_000  # a row group of some 15 MB: what is kept in memory before it goes to the draft


def trajectory(trial: Trial, samples: Samples, duration_s: float) -> Trajectory:
    """Return a trial's path over the audio.

    The media clock may stand for a moment (several samples at one position: the last one holds) and a sample
    may be behind its predecessor by a hair (it is left out).

    Args:
        trial: whose samples these are.
        samples: in order of `seq`.
        duration_s: length of the track; nothing holds after it.
    """
    position = samples.position_ms
    furthest = np.maximum.accumulate(position) if len(position) else position
    keep = position >= furthest
    keep[:-1] &= ~(position[1:] == position[:-1])
    rows = np.flatnonzero(keep)
    # After a step back the same position may be reached again: of equal ones the last counts.
    rows = rows[np.append(np.diff(position[rows]) > 0, True)] if len(rows) else rows
    return Trajectory(
        trial.track_id,
        trial.annotator,
        (position[rows] / 1000.0).astype(np.float64),
        samples.valence[rows].astype(np.float64),
        samples.arousal[rows].astype(np.float64),
        take=trial.trial_id,
        duplicate_of=trial.duplicate_of,
        end_s=duration_s,
    )


def timing(samples: Samples, rate_hz: float) -> dict[str, float]:
    """Return how evenly a trial was sampled: the columns `jitter_…_ms` and `dropped_share` of its row.

    Jitter is how far the time between two samples is from the nominal one, on the client's clock. A sample is
    missing for every whole step, beyond the first, between two neighbours.

    Args:
        samples: of the trial.
        rate_hz: nominal rate.
    """
    steps = np.diff(samples.client_ms)
    if not len(steps) or np.isnan(steps).any():
        return {}
    nominal = 1000.0 / rate_hz
    off = np.abs(steps - nominal)
    missing = np.maximum(0, np.round(steps / nominal) - 1).sum()
    return {
        "jitter_p50_ms": float(np.percentile(off, 50)),
        "jitter_p95_ms": float(np.percentile(off, 95)),
        "jitter_max_ms": float(off.max()),
        "dropped_share": float(missing / (missing + len(samples))),
    }


class SamplesDraft:
    """New samples on their way to `samples.parquet`: in memory, then in a draft beside it.

    Attributes:
        target: the file they are for.
        pending: whether there are some that `finish` did not complete yet.
        known: trials whose rows of the old file are kept. A run that was killed while it put files in place
            may have left rows of trials that no table names.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.pending = False
        self.known: frozenset[str] = frozenset()
        self._tables: list[pa.Table] = []
        self._rows = 0
        self._writer: pq.ParquetWriter | None = None
        self._broken = False

    def append(self, trial_id: str, samples: Samples) -> None:
        """Add the samples of one trial.

        Raises:
            OSError: the draft cannot be written.
        """
        self.pending = True
        columns = [np.asarray(getattr(samples, column.name)) for column in SAMPLE_COLUMNS]
        ids = pa.DictionaryArray.from_arrays(np.zeros(len(samples), dtype=np.int32), [trial_id])
        self._tables.append(pa.Table.from_arrays([ids, *map(pa.array, columns)], schema=SAMPLES))
        self._rows += len(samples)
        if self._rows >= _FLUSH_ROWS:
            self._flush()

    def finish(self) -> bool:
        """Complete the draft, old rows and new; return whether there is one: without new rows there is none.

        Raises:
            OSError: it cannot be written.
            DamerError: that happened before; rows are lost.
        """
        if not self.pending and self.target.exists():
            return False
        self._flush()
        writer, self._writer = self._writer, None
        if writer is not None:
            self._broken = True
            writer.close()
            self._broken = False
        self.pending = False
        return True

    def _flush(self) -> None:
        if self._broken:
            raise DamerError(f"{self.target}: an earlier attempt to write it failed; open the study again")
        self._broken = (
            True  # until all of this went well: rows already handed over cannot be handed over again
        )
        if self._writer is None:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(
                draft_of(self.target), SAMPLES, compression="zstd", write_page_checksum=True
            )
            if self.target.exists():
                old = pq.ParquetFile(self.target, page_checksum_verification=True)
                for group in range(old.num_row_groups):
                    rows = old.read_row_group(group).cast(SAMPLES)
                    named = pc.is_in(rows["trial_id"].cast(pa.string()), pa.array(self.known, pa.string()))
                    self._write(rows if pc.all(named).as_py() else rows.filter(named))
        if self._tables:
            self._write(pa.concat_tables(self._tables).unify_dictionaries())
        self._tables, self._rows = [], 0
        self._broken = False

    def _write(self, table: pa.Table) -> None:
        if self._writer is not None and table.num_rows:
            self._writer.write_table(table.combine_chunks(), row_group_size=table.num_rows)


def draft_of(target: Path) -> Path:
    """Return where a file is written before it takes its place."""
    return target.with_name(f".{target.name}.draft")


def read_samples(path: Path) -> Iterator[tuple[str, Samples]]:
    """Yield (trial_id, samples) of a file of samples, one row group in memory at a time.

    Raises:
        DamerError: it is none.
    """
    try:
        file = pq.ParquetFile(path, read_dictionary=["trial_id"], page_checksum_verification=True)
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=SAMPLES.names).combine_chunks()
            if not table.num_rows:
                continue
            ids = table["trial_id"].chunk(0)
            codes = ids.indices.to_numpy()
            columns = {c.name: table[c.name].to_numpy() for c in SAMPLE_COLUMNS}
            starts = np.flatnonzero(np.diff(codes, prepend=-1))
            for start, end in zip(starts, [*starts[1:], len(codes)], strict=True):
                rows = {name: values[start:end] for name, values in columns.items()}
                yield ids.dictionary[int(codes[start])].as_py(), Samples(**rows)
    except DamerError as error:
        raise DamerError(f"{path}: {error}") from error
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DamerError(f"{path}: is no table of samples ({first_line(error)}); export it again") from error


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return str(error).partition("\n")[0]

"""What a run writes while it learns: one JSON object a line, and the same numbers for TensorBoard."""

import json
import math
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tensorboardX import SummaryWriter
from tensorboardX.proto.summary_pb2 import Summary


class RunLog:
    """A run's log.jsonl and its TensorBoard folder.

    Args:
        folder: the run's folder.
        name: which network of the run writes; stands in every line, and names its TensorBoard curves.
        keep_bytes: length at which the log is cut first, so that a resumed run says nothing twice.
        step: step at which TensorBoard forgets what an interrupted run said after its last state.
    """

    def __init__(self, folder: Path, name: str, keep_bytes: int | None = None, step: int = 0) -> None:
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "log.jsonl").open("ab")
        if keep_bytes is not None and keep_bytes < self._file.tell():
            self._file.truncate(keep_bytes)
        board = folder / "tensorboard" / name
        self._board = SummaryWriter(str(board), purge_step=step or None, flush_secs=10)

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both."""
        self._file.close()
        self._board.close()

    def write(self, kind: str, step: int, numbers: dict[str, float], **facts: Any) -> None:
        """Write one line of `kind` ("step", "epoch", …), and its numbers to TensorBoard."""
        finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        line = {"kind": kind, "network": self.name, "step": step, **facts, **finite}
        self._file.write(json.dumps(line).encode() + b"\n")
        # One event for all of them: each is handed to the writer's thread, which costs more than its numbers.
        prefix = "" if kind == "step" else f"{kind}/"
        known = [(f"{prefix}{name}", value) for name, value in finite.items() if value is not None]
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in known]
        self._board.file_writer.add_summary(Summary(value=values), step)

    def flush(self) -> int:
        """Hand everything to the system and return the log's length in bytes."""
        self._file.flush()
        return self._file.tell()

"""One run over many files: what is done already is taken from the journal, the rest is recognised."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from damer.collection.clip import encode_clip
from damer.collection.journal import Identity, Journal, identity
from damer.collection.workers import InProcess, Outcome, Settings, Task, Workers
from damer.core.result import Emotion, Failure

MOST_CLIPS = 300
"""How many files' sound a run keeps for its report: 300 minutes are about 72 MB."""

_MOST_AUTOMATIC_WORKERS = 8
_FILES_A_WORKER = 4

Arrived = Callable[[Emotion | Failure, bool], None]
"""Told of each result as soon as it is there, and whether it is from an earlier run."""


@dataclass
class Run:
    """A run over the entries that `find_audio` listed; leaving its `with` block ends all processes.

    Args:
        entries: paths, and failures to pass on.
        settings: what every file shares.
        workers: processes; 1 is this one. None is this one for a few files, else one a CPU core, at most 8.
        journal: where results are kept and those of an earlier run found; None keeps none.
        plots: where to write each entry's picture, by index; empty for none.
        clips: whether outcomes bring the sound of the first `MOST_CLIPS` files.
    """

    entries: Sequence[str | Failure]
    settings: Settings
    workers: int | None = None
    journal: Journal | None = None
    plots: Sequence[str] = ()
    clips: bool = False
    _engine: InProcess | Workers | None = None
    _known: set[int] = field(default_factory=set)
    _identities: dict[int, Identity | None] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Load the weights, in as many processes as are wanted, and look up what is done.

        Raises:
            DamerError: when the weights cannot be loaded or no process can start.
        """
        if any(isinstance(entry, str) for entry in self.entries):
            self._engine = self._start()
            self._known = self._find_known(self._engine)
        return self

    def __exit__(self, *details: object) -> None:
        if self._engine is not None:
            self._engine.stop()

    def outcomes(self, arrived: Arrived) -> Iterator[Outcome]:
        """Yield what became of each entry, in order; `arrived` hears of each as it comes."""
        came: Iterator[Outcome] = iter(())
        if self._engine is not None:
            came = self._engine.run([task for task in self._tasks() if task.index not in self._known])
        waiting: dict[int, Outcome] = {}
        for index, entry in enumerate(self.entries):
            if isinstance(entry, Failure):
                waiting[index] = Outcome(index, entry)
                self._take(waiting[index], arrived)
            elif index in self._known:
                waiting[index] = self._again(index, entry)
                arrived(waiting[index].result, True)
            while index not in waiting:
                outcome = next(came)
                waiting[outcome.index] = outcome
                self._take(outcome, arrived)
            yield waiting.pop(index)

    def _start(self) -> InProcess | Workers:
        count = self.workers
        if count is None:
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            count = min(cores, _MOST_AUTOMATIC_WORKERS, len(self.entries) // _FILES_A_WORKER)
        count = min(count, len(self.entries))
        return Workers(self.settings, count) if count > 1 else InProcess(self.settings)

    def _tasks(self) -> Iterator[Task]:
        for index, entry in enumerate(self.entries):
            if isinstance(entry, str):
                plot = self.plots[index] if self.plots else None
                yield Task(index, entry, plot, clip=self.clips and index < MOST_CLIPS)

    def _find_known(self, engine: InProcess | Workers) -> set[int]:
        """Return the entries whose results of an earlier run still hold; note what every file is now."""
        known = set()
        if self.journal is not None:
            for index, entry in enumerate(self.entries):
                if isinstance(entry, str):
                    now = self._identities[index] = identity(entry, self.settings.window)
                    if self.journal.knows(entry, now, engine.model):
                        known.add(index)
        return known

    def _again(self, index: int, file: str) -> Outcome:
        """Return an earlier result, with what this run wants beside it."""
        assert self.journal is not None
        emotion = self.journal.read(file)
        if self.plots and not Path(self.plots[index]).exists():
            from damer import drawing

            drawing.save(emotion, self.plots[index])
        return Outcome(index, emotion, encode_clip(emotion) if self.clips and index < MOST_CLIPS else None)

    def _take(self, outcome: Outcome, arrived: Arrived) -> None:
        if self.journal is not None:
            self.journal.add(outcome.result, self._identities.get(outcome.index))
        arrived(outcome.result, False)

"""The contract of a baseline that is fitted at once instead of trained step by step."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from damer.core.errors import DamerError
from damer.training.bank import Bank, IntArray
from damer.training.method import Answers, Task


class Fitted(Protocol):
    """A fitted baseline."""

    def answers(self, bank: Bank, rows: IntArray) -> Answers:
        """Return the probability of class 1 of some rows [N] and of their tracks."""


@dataclass(frozen=True)
class Estimator:
    """A baseline without steps.

    Attributes:
        name, title, provenance, source: as those of `damer.baselines.base.Baseline`.
        fit: makes it from a task. It may use the whole training part, validation included: what it has to
            choose it chooses by cross-validation in there.
        needs_sklearn: whether scikit-learn must be installed.
    """

    name: str
    title: str
    provenance: str
    source: str
    fit: Callable[[Task], Fitted]
    needs_sklearn: bool = True


def sklearn(name: str, method: str) -> Any:
    """Return a module of scikit-learn, which is an extra.

    Args:
        name: such as "svm".
        method: who needs it, for the message.

    Raises:
        DamerError: it is not installed.
    """
    try:
        return importlib.import_module(f"sklearn.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "sklearn":
            raise
        raise DamerError(f"method {method} needs scikit-learn: pip install 'damer[baselines]'") from None


def training_tracks(task: Task) -> tuple[IntArray, IntArray, IntArray]:
    """Return what an estimator of tracks learns from.

    Returns:
        rows of the training part, validation included, ascending [N]; the numbers of their tracks that have
        a label [tracks]; those tracks' classes [tracks].
    """
    rows = np.sort(np.concatenate([task.parts.train, task.parts.validation]))
    tracks = np.unique(task.bank.track_of_row[rows])
    label = task.parts.track_labels[tracks]
    return rows, tracks[label >= 0], label[label >= 0]


def track_groups(bank: Bank, tracks: IntArray) -> IntArray:
    """Return a number for each track, the same for tracks of one group."""
    names = [f"{bank.tracks[number].corpus}\n{bank.tracks[number].group}" for number in tracks]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)

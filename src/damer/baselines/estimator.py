"""The contract of a baseline that is fitted at once instead of trained step by step."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from damer.baselines.statistics import Floats
from damer.core import metrics
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


def choose_by_folds(
    make: Callable[[float], Any], choices: tuple[float, ...], learnt: tuple[Floats, IntArray, IntArray]
) -> Any:
    """Return the model of the best choice, fitted on everything.

    Best is the balanced accuracy of all tracks together, each judged by the model of the fold it was kept out
    of; groups stay whole. Where groups or classes are too few for two folds, the middle choice is taken.

    Args:
        make: makes a model from a choice.
        choices: what there is to choose from.
        learnt: vectors [N, F], classes [N] and groups [N].
    """
    vectors, label, groups = learnt
    count = min(5, len(np.unique(groups)), *(len(np.unique(groups[label == each])) for each in (0, 1)))
    if count < 2:
        return make(choices[len(choices) // 2]).fit(vectors, label)
    folder = sklearn("model_selection", "").StratifiedGroupKFold(count, shuffle=True, random_state=0)
    folds = [
        (train, test)
        for train, test in folder.split(vectors, label, groups)
        if len(np.unique(label[train])) == 2
    ]

    if not folds:
        return make(choices[len(choices) // 2]).fit(vectors, label)

    def score(choice: float) -> float:
        judged = [(label[test], make(choice).fit(vectors[train], label[train]).predict(vectors[test]))
                  for train, test in folds]  # fmt: skip
        truth, answer = (np.concatenate(part) for part in zip(*judged, strict=True))
        return metrics.balanced_accuracy(truth, answer)

    return make(max(choices, key=score)).fit(vectors, label)


def track_groups(bank: Bank, tracks: IntArray) -> IntArray:
    """Return a number for each track, the same for tracks of one group."""
    names = [f"{bank.tracks[number].corpus}\n{bank.tracks[number].group}" for number in tracks]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)

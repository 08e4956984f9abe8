"""plain-logistic and plain-boosting: what a user would try first, and what deep networks often do not beat.

Spectral and MFCC statistics of a track (`damer.baselines.statistics`), with logistic regression (its
penalty chosen by grouped cross-validation inside the training part) or gradient-boosted trees (fixed
settings). A second's answer is that of the same kind of model fitted on seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from damer.baselines.estimator import Estimator, choose_by_folds, sklearn, track_groups, training_tracks
from damer.baselines.statistics import segment_vectors, spectral_statistics, track_vectors
from damer.training.bank import Bank, IntArray
from damer.training.method import Answers, Task

_MOST_ROWS = 10_000
_PENALTIES = (0.001, 0.005, 0.02, 0.1, 0.5)


@dataclass
class Models:
    """A model for tracks and one for seconds."""

    track: Any
    segment: Any

    def answers(self, bank: Bank, rows: IntArray) -> Answers:
        """Return the models' probabilities."""
        vectors = segment_vectors(bank, rows, spectral_statistics)
        tracks, whole = track_vectors(bank, rows, vectors)
        of_track = self.track.predict_proba(whole)[:, 1]
        place = np.searchsorted(tracks, bank.track_of_row[rows])
        return Answers(self.segment.predict_proba(vectors)[:, 1], of_track[place])


def logistic(penalty: float, seed: int) -> Any:
    """Return logistic regression on standardised numbers; `penalty` is the inverse strength C."""
    model = sklearn("linear_model", "plain-logistic").LogisticRegression(
        C=penalty, max_iter=2000, random_state=seed
    )
    scaler = sklearn("preprocessing", "plain-logistic").StandardScaler()
    return sklearn("pipeline", "plain-logistic").make_pipeline(scaler, model)


def boosting(rate: float, seed: int) -> Any:
    """Return gradient-boosted trees over histograms (Ke et al. 2017), 200 of at most 15 leaves."""
    return sklearn("ensemble", "plain-boosting").HistGradientBoostingClassifier(
        learning_rate=rate, max_iter=200, max_leaf_nodes=15, min_samples_leaf=5, early_stopping=False,
        random_state=seed,
    )  # fmt: skip


def _fit(make: Callable[[float, int], Any], choices: tuple[float, ...], task: Task) -> Models:
    make(choices[0], task.seed)  # says at once where scikit-learn is missing
    rows, tracks, label = training_tracks(task)
    vectors = segment_vectors(task.bank, rows, spectral_statistics)
    found, whole = track_vectors(task.bank, rows, vectors)
    learnt = whole[np.searchsorted(found, tracks)], label, track_groups(task.bank, tracks)

    def seeded(choice: float) -> Any:
        return make(choice, task.seed)

    if len(choices) > 1:
        model = choose_by_folds(seeded, choices, learnt)
    else:
        model = seeded(choices[0]).fit(*learnt[:2])
    seconds = task.parts.labels[rows]
    known = np.flatnonzero(seconds >= 0)
    chosen = np.sort(np.random.default_rng(task.seed).permutation(known)[:_MOST_ROWS])
    middle = seeded(choices[len(choices) // 2])
    return Models(model, middle.fit(vectors[chosen], seconds[chosen]))


_SOURCE = "spectral and MFCC statistics, the usual first attempt"
LOGISTIC = Estimator(
    "plain-logistic", "MFCC + logistic regression", "our own", _SOURCE, partial(_fit, logistic, _PENALTIES)
)
BOOSTING = Estimator(
    "plain-boosting", "MFCC + gradient boosting", "our own", _SOURCE, partial(_fit, boosting, (0.05,))
)

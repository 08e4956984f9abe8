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

from damer.baselines.estimator import Estimator, sklearn, track_groups, training_tracks
from damer.baselines.statistics import Floats, segment_vectors, spectral_statistics, track_vectors
from damer.training.bank import Bank, IntArray
from damer.training.method import Answers, Task

_MOST_ROWS = 10_000
Maker = Callable[[int], Any]


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


def logistic(seed: int) -> Any:
    """Return standardised logistic regression, liblinear's solver."""
    model = sklearn("linear_model", "plain-logistic").LogisticRegression(
        C=0.05, max_iter=2000, random_state=seed
    )
    scaler = sklearn("preprocessing", "plain-logistic").StandardScaler()
    return sklearn("pipeline", "plain-logistic").make_pipeline(scaler, model)


def boosting(seed: int) -> Any:
    """Return gradient-boosted trees over histograms (Ke et al. 2017)."""
    ensemble = sklearn("ensemble", "plain-boosting")
    return ensemble.HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=5, early_stopping=False,
        random_state=seed,
    )  # fmt: skip


def _fit(make: Maker, task: Task) -> Models:
    rows, tracks, label = training_tracks(task)
    vectors = segment_vectors(task.bank, rows, spectral_statistics)
    found, whole = track_vectors(task.bank, rows, vectors)
    model = _best_penalty(make(task.seed), whole[np.searchsorted(found, tracks)], label, task, tracks)
    seconds = task.parts.labels[rows]
    known = np.flatnonzero(seconds >= 0)
    chosen = np.sort(np.random.default_rng(task.seed).permutation(known)[:_MOST_ROWS])
    return Models(model, make(task.seed).fit(vectors[chosen], seconds[chosen]))


def _best_penalty(model: Any, vectors: Floats, label: IntArray, task: Task, tracks: IntArray) -> Any:
    """Fit a model on tracks; a penalty, where it has one, is chosen where there are groups enough."""
    groups = track_groups(task.bank, tracks)
    folds = min(5, len(np.unique(groups)), *np.bincount(label))
    if not hasattr(model, "steps") or folds < 2:
        return model.fit(vectors, label)
    selection = sklearn("model_selection", "plain-logistic")
    search = selection.GridSearchCV(
        model,
        {"logisticregression__C": (0.001, 0.005, 0.02, 0.1, 0.5)},
        scoring="balanced_accuracy",
        cv=selection.StratifiedGroupKFold(folds),
        error_score=0.0,
    )
    return search.fit(vectors, label, groups=groups).best_estimator_


_SOURCE = "spectral and MFCC statistics, the usual first attempt"
LOGISTIC = Estimator(
    "plain-logistic", "MFCC + logistic regression", "our own", _SOURCE, partial(_fit, logistic)
)
BOOSTING = Estimator(
    "plain-boosting", "MFCC + gradient boosting", "our own", _SOURCE, partial(_fit, boosting)
)

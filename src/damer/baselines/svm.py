"""svm: a support vector machine on hand-designed statistics of the views.

Source: DAMER compares with "SVM with handcrafted acoustic features", citing W.-L. Zheng, B.-L. Lu, IEEE
TAMD 7(3), 2015, where a support vector machine on EEG band features is itself only the comparison. Which
features were meant is not said.

Our reading: mean, deviation, mean absolute change and skewness of each of the 212 bands in a second; a
track is their mean and deviation over its seconds (1 696 numbers). Standardised, then principal components
that hold 99 % of the variance, then an RBF machine; C among 2^-3 … 2^5 by balanced accuracy in a grouped
five-fold cross-validation inside the training part. Seconds are judged by a machine of their own: an
approximated RBF kernel (Nyström, 300 components; Williams and Seeger 2001) and a linear machine, on at most
10 000 of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from damer.baselines.estimator import Estimator, choose_by_folds, sklearn, track_groups, training_tracks
from damer.baselines.statistics import Floats, band_statistics, segment_vectors, track_vectors
from damer.training.bank import Bank, IntArray
from damer.training.method import Answers, Task

PROVENANCE = "adapted"
SOURCE = "Zheng, Lu: IEEE TAMD 7(3), 2015, as the classifier; the features are our choice"
_COSTS = tuple(2.0**power for power in range(-3, 6))
_MOST_ROWS = 10_000


@dataclass
class Machines:
    """A machine for tracks and one for seconds."""

    track: Any
    segment: Any

    def answers(self, bank: Bank, rows: IntArray) -> Answers:
        """Return sigmoid(distance from the border): 0.5 on the border, and in the order of the distances."""
        vectors = segment_vectors(bank, rows, band_statistics)
        tracks, whole = track_vectors(bank, rows, vectors)
        of_track = _sigmoid(self.track.decision_function(whole))
        place = np.searchsorted(tracks, bank.track_of_row[rows])
        return Answers(_sigmoid(self.segment.decision_function(vectors)), of_track[place])


def _sigmoid(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))


def fit(task: Task) -> Machines:
    """Fit both machines on the training part."""
    sklearn("svm", "svm")
    rows, tracks, label = training_tracks(task)
    vectors = segment_vectors(task.bank, rows, band_statistics)
    found, whole = track_vectors(task.bank, rows, vectors)
    learnt = whole[np.searchsorted(found, tracks)], label, track_groups(task.bank, tracks)
    return Machines(
        choose_by_folds(_track_machine, _COSTS, learnt),
        _segment_machine(vectors, task.parts.labels[rows], task.seed),
    )


def _track_machine(cost: float) -> Any:
    machine = sklearn("svm", "svm").SVC(C=cost, kernel="rbf", gamma="scale")
    scaler = sklearn("preprocessing", "svm").StandardScaler()
    components = sklearn("decomposition", "svm").PCA(0.99, svd_solver="full")
    return sklearn("pipeline", "svm").make_pipeline(scaler, components, machine)


def _segment_machine(vectors: Floats, label: IntArray, seed: int) -> Any:
    known = np.flatnonzero(label >= 0)
    chosen = np.sort(np.random.default_rng(seed).permutation(known)[:_MOST_ROWS])
    kernel = sklearn("kernel_approximation", "svm").Nystroem(
        n_components=min(300, len(chosen)), gamma=1 / vectors.shape[1], random_state=seed
    )
    machine = sklearn("svm", "svm").LinearSVC(C=1.0, random_state=seed)
    make = sklearn("pipeline", "svm").make_pipeline
    scaler = sklearn("preprocessing", "svm").StandardScaler()
    return make(scaler, kernel, machine).fit(vectors[chosen], label[chosen])


BASELINE = Estimator("svm", "SVM", PROVENANCE, SOURCE, fit)

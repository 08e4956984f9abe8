"""The floor that a network has to reach: simple methods on the very folds of a `damer train --folds` run.

Features of a whole track: mean and deviation over its seconds of the statistics of each Mel band, their
cosine transform over bands (MFCC), the same statistics of each semitone, and the tonal features. Methods: RBF
support vector machines and extremely randomised trees on these, one corpus at a time, and their means.

The best of eleven by the test parts is the best in hindsight. What somebody gets who has to choose beforehand
is measured too: in each fold the method that did best on inner parts of the training part answers ("chosen").

    pip install scikit-learn
    python experiments/simple_methods.py --run RUN --dimension arousal --data STORE [STORE ...]
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from damer.core.track import Dimension, Track
from damer.datasets.splits import binary_labels, grouped_folds
from damer.models.stem import StatisticsStem
from damer.models.tonal import WindowMean, tonal_features
from damer.training.collection import Collection, open_collection

Array = NDArray[np.float64]
METHODS = {
    "SVM bands": ("svm", ("bands",)),
    "SVM bands + MFCC": ("svm", ("bands", "mfcc")),
    "SVM semitones": ("svm", ("semitones",)),
    "SVM tonal": ("svm", ("tonal",)),
    "SVM all": ("svm", ("bands", "semitones", "tonal")),
    "trees bands + MFCC": ("trees", ("bands", "mfcc")),
    "trees tonal": ("trees", ("tonal",)),
    "trees all": ("trees", ("bands", "mfcc", "semitones", "tonal")),
}
MEANS = {
    "mean of SVMs": ("SVM bands + MFCC", "SVM semitones", "SVM tonal", "SVM all"),
    "mean of trees": ("trees bands + MFCC", "trees tonal", "trees all"),
    "mean of all": tuple(METHODS),
}
NAMES = (*METHODS, *MEANS)
_INNER_FOLDS, _INNER_SEED = 5, 11


def track_features(data: Collection) -> dict[str, Array]:
    """Return the feature blocks, each [tracks, features]."""
    stem = StatisticsStem(10_000)
    rows: dict[str, list[Array]] = {"bands": [], "mfcc": [], "semitones": [], "tonal": []}
    for track in data.tracks:
        views = data.views(track.id)
        mel, cochleagram = stem.summarise(*(torch.from_numpy(np.array(v, dtype=np.float32)) for v in views))
        mean = WindowMean(torch.tensor([0]), torch.tensor([len(mel)]))
        tonal = tonal_features(cochleagram[..., -1], mean)
        cepstrum = dct(mel[..., :2].numpy(), axis=1, norm="ortho")[:, :20]
        rows["bands"].append(_moments(mel.numpy()))
        rows["mfcc"].append(_moments(cepstrum))
        rows["semitones"].append(_moments(cochleagram.numpy()))
        rows["tonal"].append(np.concatenate([part[0].flatten().numpy() for part in tonal]))
    return {name: np.stack(values).astype(np.float64) for name, values in rows.items()}


def _moments(values: NDArray[np.float32]) -> Array:
    return np.concatenate([values.mean(0).ravel(), values.std(0).ravel()])


def probabilities(blocks: dict[str, Array], labels: Array, train: Array, test: Array) -> dict[str, Array]:
    """Return each method's probability of class 1 for the tracks `test`, trained on `train`."""
    found: dict[str, Array] = {}
    for name, (kind, columns) in METHODS.items():
        parts = []
        for column in columns:  # each block weighs the same in the kernel
            scaler = StandardScaler().fit(blocks[column][train])
            parts.append(np.clip(scaler.transform(blocks[column]), -5, 5) / np.sqrt(blocks[column].shape[1]))
        features = np.concatenate(parts, axis=1)
        if kind == "svm":
            machine = SVC(C=2, gamma=1 / len(columns)).fit(features[train], labels[train])
            found[name] = 1 / (1 + np.exp(-2 * machine.decision_function(features[test])))
        else:
            trees = ExtraTreesClassifier(300, min_samples_leaf=2, random_state=0)
            found[name] = trees.fit(features[train], labels[train]).predict_proba(features[test])[:, 1]
    for name, members in MEANS.items():
        found[name] = np.mean([found[member] for member in members], axis=0)
    return found


def inner_answers(
    tracks: Sequence[Track], blocks: dict[str, Array], pool: Sequence[Track], dimension: Dimension
) -> tuple[Array, dict[str, Array]]:
    """Return the classes by the pool's thresholds, and what each method says of tracks it has not seen.

    The pool is dealt into five grouped parts; each is answered for after learning the other four, one corpus
    at a time.

    Args:
        tracks: those that the rows of `blocks` belong to.
        blocks: features of each track.
        pool: tracks that may be learnt from; no other is looked at.
        dimension: what is learnt.

    Returns:
        Class of each track (-1 where unknown); by method the probability of class 1, NaN outside the pool.
    """
    known = binary_labels(tracks, dimension, [track.id for track in pool])
    labels = np.array([known.get(track.id, -1) for track in tracks])
    part = {
        name: number
        for number, fold in enumerate(grouped_folds(pool, _INNER_FOLDS, dimension, _INNER_SEED))
        for name in fold.test
    }
    inner = np.array([part.get(track.id, -1) for track in tracks])
    corpus = np.array([track.corpus for track in tracks])
    found = {method: np.full(len(tracks), np.nan) for method in NAMES}
    for name in sorted(set(corpus)):
        own = (corpus == name) & (inner >= 0)
        for number in range(_INNER_FOLDS):
            train, test = np.flatnonzero(own & (inner != number)), np.flatnonzero(own & (inner == number))
            if len(test):
                for method, values in probabilities(blocks, labels, train, test).items():
                    found[method][test] = values
    return labels, found


def scores(truth: Array, probability: Array) -> dict[str, float]:
    """Return accuracy at one half, and AUC."""
    accuracy = float(np.mean((probability > 0.5) == truth))
    return {"accuracy": accuracy, "auc": float(roc_auc_score(truth, probability))}


def main() -> None:
    """Read the folds of a run, measure every method on them, print and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of a run with --folds")
    parser.add_argument("--dimension", choices=("arousal", "valence"), required=True)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the run's stores")
    parser.add_argument("--json", type=Path, help="write the results there too")
    arguments = parser.parse_args()
    data = open_collection(arguments.data)
    lines = [json.loads(line) for line in (arguments.run / "predictions.jsonl").read_text().splitlines()]
    fold_of = {line["id"]: line["fold"] for line in lines if line["dimension"] == arguments.dimension}
    corpus = np.array([track.corpus for track in data.tracks])
    fold = np.array([fold_of.get(track.id, -1) for track in data.tracks])
    blocks = track_features(data)
    truth = np.full(len(fold), -1)
    answers = {name: np.full(len(fold), np.nan) for name in NAMES}
    chosen = {key: np.full(len(fold), np.nan) for key in ("accuracy", "auc")}
    for number in sorted(set(fold[fold >= 0])):
        pool = [track for track, own in zip(data.tracks, fold, strict=True) if own not in (-1, number)]
        labels, inner = inner_answers(data.tracks, blocks, pool, arguments.dimension)
        for name in sorted(set(corpus)):
            train = np.flatnonzero((corpus == name) & (fold != number) & (fold >= 0))
            test = np.flatnonzero((corpus == name) & (fold == number))
            truth[test] = labels[test]
            for method, values in probabilities(blocks, labels, train, test).items():
                answers[method][test] = values
            inside = {method: scores(labels[train], values[train]) for method, values in inner.items()}
            for key, values in chosen.items():
                best = max(NAMES, key=lambda method: inside[method][key])
                values[test] = answers[best][test]
                print(f"fold {number}, {name}: best inside by {key} is {best} ({inside[best][key]:.3f})")
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name in sorted(set(corpus)):
        own = (corpus == name) & (fold >= 0)
        for method, values in answers.items():
            results.setdefault(method, {})[name] = scores(truth[own], values[own])
        results.setdefault("chosen", {})[name] = {
            key: scores(truth[own], values[own])[key] for key, values in chosen.items()
        }
    for method, found in results.items():
        print(f"{method:20s}", *(f"{n} {s['accuracy']:.3f}/{s['auc']:.3f}" for n, s in found.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""A teacher's answers for `damer train --teacher`: simple methods, each asked about tracks it has not seen.

For every division of a run (its folds, and all data) the training tracks are dealt into five inner grouped
parts; support vector machines and trees, one corpus at a time, answer for each part after learning the other
four. The outer test part is never looked at. Which methods teach was chosen by these inner answers.

    pip install scikit-learn
    python experiments/teach.py --dimension arousal --folds 5 --data STORE [STORE ...] --out teacher.jsonl
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from simple_methods import Array, inner_answers, track_features

from damer.core.track import Dimension, Track
from damer.datasets.splits import grouped_folds
from damer.training.collection import open_collection

TEACHERS = {
    "arousal": ("SVM bands", "SVM semitones", "SVM all", "trees bands + MFCC", "trees all"),
    "valence": ("SVM all", "SVM tonal", "SVM semitones", "trees tonal"),
}


def answers(
    tracks: Sequence[Track], blocks: dict[str, Array], pool: Sequence[Track], dimension: Dimension
) -> dict[str, float]:
    """Return the teacher's probability of class 1 for each track of `pool`, learnt from others of it."""
    _, methods = inner_answers(tracks, blocks, pool, dimension)
    mean = np.mean([methods[method] for method in TEACHERS[dimension]], axis=0)
    own = {track.id for track in pool}
    return {track.id: float(p) for track, p in zip(tracks, mean, strict=True) if track.id in own}


def main() -> None:
    """Write the answers for each fold, and for all data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimension", choices=tuple(TEACHERS), required=True)
    parser.add_argument("--folds", type=int, default=5, help="folds of the run to teach (5)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the run to teach (0)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the run's stores")
    parser.add_argument("--out", type=Path, required=True, help="file of the answers, JSON lines")
    arguments = parser.parse_args()
    data = open_collection(arguments.data)
    tracks = [track for track in data.tracks if track.variant == 0]
    blocks = track_features(data)
    own = np.array([track.variant == 0 for track in data.tracks])
    blocks = {name: values[own] for name, values in blocks.items()}
    divisions: dict[str, set[str]] = {"all data": set()}
    folds = grouped_folds(tracks, arguments.folds, arguments.dimension, arguments.seed)
    for number, fold in enumerate(folds, 1):
        divisions[f"{number}/{arguments.folds}"] = set(fold.test)
    with arguments.out.open("w", encoding="utf-8") as file:
        for name, tested in divisions.items():
            pool = [track for track in tracks if track.id not in tested]
            for track, value in answers(tracks, blocks, pool, arguments.dimension).items():
                line = {
                    "dimension": arguments.dimension,
                    "fold": name,
                    "id": track,
                    "probability": round(value, 4),
                }
                file.write(json.dumps(line) + "\n")
            print(name, len(pool), flush=True)


if __name__ == "__main__":
    main()

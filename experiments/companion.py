"""Give checkpoints that are trained already the companion that `damer train --companion` would have fitted.

The networks stay as they are, so figures with and without the companion differ by nothing else. It learns
from the tracks that the checkpoint says it was trained on, and from no other.

    pip install 'damer[baselines]'
    python experiments/companion.py RUN/fold-*/arousal.safetensors --views mel --data STORES --out DIR
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from damer.models import checkpoint
from damer.models.checkpoint import Checkpoint
from damer.training.bank import Bank, load_bank
from damer.training.collection import open_collection
from damer.training.companion import fit_companion
from damer.training.data import classes
from damer.training.summary import group_hash


def with_companion(trained: Checkpoint, bank: Bank, views: str) -> Checkpoint:
    """Return a checkpoint with a companion fitted to the tracks that it was trained on."""
    record = trained.record
    seen = [group_hash(track) in record["groups"].get(track.corpus, []) for track in bank.tracks]
    borders = np.array([record["thresholds"].get(track.corpus, 0.0) for track in bank.tracks])
    truth, _ = classes(bank.track_values(trained.dimension), borders, 0.0)
    rows = np.flatnonzero(np.array(seen)[bank.track_of_row])
    companion = fit_companion(bank, rows, truth, "mel" if views == "mel" else "all", trained.configs[0])
    print(f"{trained.dimension}: {sum(seen)} tracks, support points {companion.config.points}")
    record = {**record, "companion": companion.config.to_dict()}
    record.pop("metrics", None)  # those of the networks alone
    return replace(trained, companion=companion, record=record)


def main() -> None:
    """Write each checkpoint with its companion under --out, in the folder it had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--views", choices=("mel", "all"), required=True)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the stores they were trained on")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--temperature", type=float, help="calibration temperature; default: as it was")
    parser.add_argument("--weights", choices=("float32", "float16"), default="float16")
    arguments = parser.parse_args()
    data = open_collection(arguments.data)
    bank: Bank | None = None
    for path in arguments.checkpoints:
        trained = checkpoint.load(path)
        bank = bank or load_bank(data, trained.configs[0], quiet=True)
        changed = with_companion(trained, bank, arguments.views)
        changed = replace(changed, temperature=arguments.temperature or trained.temperature)
        folder = arguments.out / path.parent.name if path.parent.name.startswith("fold-") else arguments.out
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.save(folder / path.name, changed, arguments.weights)


if __name__ == "__main__":
    main()

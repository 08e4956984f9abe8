"""Random reads of raw one-second features, as training asks for them: seconds of music read a second.

Ours (the store's memory maps, warm), ours with the rows in memory, and the same rows from formats that others
use, side by side in one run; one thread, its processor time. A row is one second of both views, float16:
36.9 kB with the default features.

    python benchmarks/reads.py [--seconds 40000] [--batch 256] [--json FILE]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from damer.core.track import Track
from damer.datasets.prepared import write_tracks
from damer.features import FeatureSpec, FeatureStore, Views
from damer.models import DamerConfig
from damer.training.bank import load_bank
from damer.training.collection import Collection, open_collection

Read = Callable[[np.ndarray], object]
TRACK_SECONDS = 60
GOAL = 100_000


def write_store(folder: Path, seconds: int) -> Collection:
    """Write a store of 60 s tracks of noise."""
    spec = FeatureSpec()
    generator = np.random.default_rng(0)
    mel = generator.standard_normal((TRACK_SECONDS, spec.n_mels, spec.frames), dtype=np.float32)
    cochleagram = generator.standard_normal((TRACK_SECONDS, spec.n_cochlea, spec.frames), dtype=np.float32)
    tracks = [
        Track(id=f"n:{n}", group=str(n), corpus="n", arousal=0.5) for n in range(seconds // TRACK_SECONDS)
    ]
    with FeatureStore.create(folder, spec) as store:
        for track in tracks:
            store.append(track.id, Views(mel, cochleagram))
    write_tracks(folder, tracks)
    return open_collection([folder])


def readers(data: Collection, folder: Path) -> dict[str, Read]:
    """Return a function from rows to their features for each way of reading."""
    streaming = load_bank(data, DamerConfig(), "no", quiet=True)
    resident = load_bank(data, DamerConfig(), "yes", quiet=True)
    arrays = data.locate(data.tracks[0].id)[0].arrays
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays._asdict().items()}
    save_file(tensors, folder / "features.safetensors")
    opened = safe_open(folder / "features.safetensors", framework="pt")
    slices = [opened.get_slice(name) for name in Views._fields]

    def one_by_one(rows: np.ndarray) -> object:
        return [[torch.from_numpy(np.array(array[row])) for row in rows] for array in arrays]

    def safetensors(rows: np.ndarray) -> object:
        return [[part[int(row) : int(row) + 1] for row in rows] for part in slices]

    return {
        "damer, from the store": streaming.gather,
        "damer, rows in memory": resident.gather,
        "numpy memmap, row by row": one_by_one,
        "safetensors, row by row": safetensors,
    }


def rate(read: Read, rows: int, batch: int, repeats: int = 5) -> float:
    """Return rows read a second of processor time: the median of some passes over batches of random rows."""
    generator = np.random.default_rng(1)
    batches = [generator.integers(rows, size=batch) for _ in range(40)]
    for chosen in batches[:5]:
        read(chosen)
    found = []
    for _ in range(repeats):
        start = time.process_time()
        for chosen in batches:
            read(chosen)
        found.append(len(batches) * batch / (time.process_time() - start))
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=40_000, help="seconds of music in the store (1.5 GB)")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_store(folder / "store", arguments.seconds)
        rows = len(data.tracks) * TRACK_SECONDS
        for array in data.locate(data.tracks[0].id)[0].arrays:
            np.asarray(array).view(np.uint16).max()  # warm the page cache
        rates = {way: rate(read, rows, arguments.batch) for way, read in readers(data, folder).items()}
    best = next(iter(rates.values()))
    print(f"{'way':<28}{'segments/s':>12}{'ours is':>10}")
    for way, value in rates.items():
        print(f"{way:<28}{value:>12,.0f}{best / value:>9.2f}×")
    print(f"goal: {GOAL:,} segments/s from the store, warm: {'met' if best >= GOAL else 'missed'}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"segments_per_s": rates, "goal": GOAL}, indent=1) + "\n")


if __name__ == "__main__":
    main()

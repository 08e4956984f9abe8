"""What the shared loop costs beside the plain PyTorch steps of the same network on the same batches.

Both do the same work in turn: whole trainings of `damer.training.loop` (batches drawn, standardised, logged,
states saved, validated) against forward, backward and Adam alone. The ratio of the medians is printed.

    python benchmarks/baselines.py rgcb mcgc adff
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from damer.baselines.base import Baseline, Context, TrackBatch, to_tracks
from damer.baselines.registry import BASELINES
from damer.core.track import Track
from damer.features import FeatureSpec
from damer.training.bank import Bank, resident_bank
from damer.training.data import Batch, Sampler, make_parts, split_ids
from damer.training.loop import Place, train_network
from damer.training.method import Task
from damer.training.recipes import load_recipe

TRACKS, SECONDS, EPOCHS, ROUNDS = 40, 20, 2, 3


def synthetic_bank() -> Bank:
    """Return tracks of noise, both classes alike."""
    generator = np.random.default_rng(0)
    tracks, tokens = [], []
    for number in range(TRACKS):
        arousal = 0.5 if number % 2 else -0.5
        tracks.append(Track(id=f"toy:{number}", group=str(number), corpus="toy", arousal=arousal))
        views = (generator.standard_normal((SECONDS, bands, 87)) for bands in (128, 84))
        mel, cochleagram = (torch.from_numpy(view).half() for view in views)
        tokens.append((mel, cochleagram))
    return resident_bank(tracks, tokens, [SECONDS] * TRACKS)


def plain_seconds(item: Baseline, task: Task) -> float:
    """Return the time of the steps alone: batches are ready before the clock starts."""
    learner = item.learner(task)
    sampler = Sampler(task.bank, task.parts, task.config, task.seed, item.sequences)
    ready: list[tuple[Batch | TrackBatch, float]] = []
    for epoch in range(EPOCHS):
        for rows in sampler.epoch(epoch):
            batch = sampler.batch(rows, len(ready))
            mel, cochleagram = learner.network.views(batch.mel, batch.cochleagram)
            standardised = batch._replace(mel=mel, cochleagram=cochleagram)
            ready.append((to_tracks(standardised) if item.sequences else standardised, epoch / EPOCHS))
    network = learner.network.network.train()
    begun = time.perf_counter()
    for step, (seen, progress) in enumerate(ready):
        context = Context(progress, torch.Generator().manual_seed(step), step)
        learner.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(item.loss(network, seen, context)["total"])
        learner.optimiser.step()
    return time.perf_counter() - begun


def loop_seconds(item: Baseline, task: Task, folder: Path) -> float:
    """Return the time of the whole training."""
    begun = time.perf_counter()
    train_network(task, Place(folder, "arousal", quiet=True), item)
    return time.perf_counter() - begun


def main() -> None:
    names = sys.argv[1:] or [name for name, item in BASELINES.items() if isinstance(item, Baseline)]
    bank = synthetic_bank()
    settings = [f"epochs={EPOCHS}", "batch_size=64", "precision=float32", "validation_fraction=0.15"]
    print(f"{'method':<16}{'plain s':>10}{'loop s':>10}{'ratio':>8}   ({TRACKS} tracks, {EPOCHS} epochs)")
    for name in names:
        item = BASELINES[name]
        if not isinstance(item, Baseline):
            continue
        recipe = load_recipe("paper", [*settings, *(f"{key}={value}" for key, value in item.always.items())])
        test = split_ids(bank.tracks, "arousal", recipe.training).test
        parts = make_parts(bank, "arousal", recipe.training, test)
        task = Task(bank, parts, recipe, FeatureSpec(), 0)
        plain, loop = [], []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(ROUNDS):
                plain.append(plain_seconds(item, task))
                loop.append(loop_seconds(item, task, Path(folder) / str(number)))
        middle = statistics.median(plain), statistics.median(loop)
        print(f"{name:<16}{middle[0]:>10.2f}{middle[1]:>10.2f}{middle[1] / middle[0]:>8.2f}", flush=True)


if __name__ == "__main__":
    main()

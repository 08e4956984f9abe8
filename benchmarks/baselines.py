"""What the shared loop costs beside plain PyTorch steps of the same network, for DAMER and every baseline.

The plain way is what a textbook writes: batches that lie ready in memory, standardised, then forward, loss,
backward and the optimiser's step, and for DAMER what its memory asks (the momentum encoder, the queue).
Beside it stand whole trainings by `damer.training.loop`: statistics of the training part, batches drawn and
standardised, gradients clipped, every step logged to a file and to TensorBoard, each epoch validated, states
saved. Both take turns; a row is the median of the rounds, and the ratio has its lowest and highest round
beside it. With one thread the clock is CPU time, so that other work on the machine disturbs little; with
more it is wall time. Quick methods train for more epochs, so that every plain training lasts alike.

    python benchmarks/baselines.py [METHOD ...] [--rounds 5] [--lasting 4] [--threads 1] [--json FILE]

Methods without steps (svm, plain-logistic, plain-boosting, majority) have no loop to compare.
"""

import argparse
import dataclasses
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from damer import objectives
from damer.baselines.base import Baseline, Context, to_tracks
from damer.baselines.registry import BASELINES
from damer.core.memory import keep_freed_memory
from damer.core.track import Track
from damer.features import FeatureSpec
from damer.training.bank import Bank, resident_bank
from damer.training.data import Batch, Sampler, make_parts, split_ids
from damer.training.loop import Place, train_network
from damer.training.method import ALGORITHM_1, Method, Task
from damer.training.recipes import load_recipe

TRACKS, SECONDS, BATCH = 24, 20, 64
FEWEST_EPOCHS, MOST_EPOCHS = 2, 60
GOAL = 1.5
DAMER = "damer"
METHODS: dict[str, Method[Any]] = {
    **{name: item for name, item in BASELINES.items() if isinstance(item, Baseline)},
    DAMER: ALGORITHM_1,
}


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


def make_task(bank: Bank, method: Method[Any], epochs: int) -> Task:
    """Return what a method learns from: the paper's recipe with small batches, in float32."""
    settings = [f"epochs={epochs}", f"batch_size={BATCH}", "precision=float32", "validation_fraction=0.15"]
    if isinstance(method, Baseline):
        settings += [f"{key}={value}" for key, value in method.always.items()]
    recipe = load_recipe("paper", settings)
    test = split_ids(bank.tracks, "arousal", recipe.training).test
    return Task(bank, make_parts(bank, "arousal", recipe.training, test), recipe, FeatureSpec(), 0)


def batches(method: Method[Any], task: Task) -> Iterator[tuple[Batch, float]]:
    """Yield every batch of a training in float32, with the share of the epochs done."""
    parts = task.parts
    if not method.uses_pool:
        parts = dataclasses.replace(parts, pool=parts.pool[:0])
    sampler = Sampler(task.bank, parts, task.config, task.seed, method.sequences)
    step = 0
    for epoch in range(task.config.epochs):
        for rows in sampler.epoch(epoch):
            batch = sampler.batch(rows, step)
            ready = batch._replace(mel=batch.mel.float(), cochleagram=batch.cochleagram.float())
            yield ready, epoch / task.config.epochs
            step += 1


def baseline_steps(item: Baseline, task: Task) -> Callable[[], None]:
    """Return a baseline's plain training."""
    learner = item.learner(task)
    network, optimiser = learner.network.network.train(), learner.optimiser
    ready = []
    for batch, progress in batches(item, task):
        mel, cochleagram = learner.network.views(batch.mel, batch.cochleagram)
        standardised = batch._replace(mel=mel, cochleagram=cochleagram)
        ready.append((to_tracks(standardised) if item.sequences else standardised, progress))

    def train() -> None:
        for step, (seen, progress) in enumerate(ready):
            context = Context(progress, torch.Generator().manual_seed(step), step)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(item.loss(network, seen, context)["total"])
            optimiser.step()

    return train


def damer_steps(task: Task) -> Callable[[], None]:
    """Return DAMER's plain training: Algorithm 1 and nothing else."""
    learner = ALGORITHM_1.learner(task)
    network, optimiser, queue = learner.network.train(), learner.optimiser, learner.queue
    encoder = learner.encoder
    assert encoder is not None
    ready = list(batches(ALGORITHM_1, task))

    def train() -> None:
        for batch, progress in ready:
            tau, theta = objectives.temperature(progress), objectives.threshold(progress)
            output = network(batch.mel, batch.cochleagram)
            heads = output.mel, output.cochleagram, output.fused
            loss = objectives.total_loss(
                heads,
                batch.label,
                tau=tau,
                pseudo_label=objectives.pseudo_label_loss(*heads, tau=tau, theta=theta).loss,
                contrastive=objectives.contrastive_loss(
                    output.embedding, batch.label, queue.features, queue.labels
                ),
            )
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss.total)
            optimiser.step()
            objectives.momentum_update(encoder, network)
            with torch.no_grad():
                queue.push(encoder(batch.mel, batch.cochleagram).embedding, batch.label)

    return train


def plain_steps(method: Method[Any], task: Task) -> Callable[[], None]:
    """Return a method's plain training, its batches made and its network at its start."""
    return baseline_steps(method, task) if isinstance(method, Baseline) else damer_steps(task)


def timed(clock: Callable[[], float], work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    begun = clock()
    work()
    return clock() - begun


def measure(method: Method[Any], bank: Bank, options: argparse.Namespace) -> dict[str, Any]:
    """Return the times of both ways, round after round, and what they come to."""
    clock = time.process_time if options.threads == 1 else time.perf_counter
    first = make_task(bank, method, FEWEST_EPOCHS)
    plain_steps(method, first)()  # what is loaded and allocated once
    epoch = timed(clock, plain_steps(method, first)) / FEWEST_EPOCHS
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(options.lasting / epoch)))
    task = make_task(bank, method, epochs)
    plain: list[float] = []
    loop: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            place = Place(Path(folder) / str(number), "arousal", quiet=True)
            plain.append(timed(clock, plain_steps(method, task)))
            loop.append(timed(clock, lambda place=place: train_network(task, place, method)))
    ratios = [whole / steps for whole, steps in zip(loop, plain, strict=True)]
    return {
        "epochs": epochs,
        "steps": sum(1 for _ in batches(method, task)),
        "plain_s": plain,
        "loop_s": loop,
        "ratio": statistics.median(ratios),
        "ratio_from": min(ratios),
        "ratio_to": max(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="default: every one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lasting", type=float, default=4.0, help="seconds that a plain training is to last")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if unknown := [name for name in options.methods if name not in METHODS]:
        parser.error(f"{unknown[0]} has no steps or is unknown; known are {', '.join(METHODS)}")
    torch.set_num_threads(options.threads)
    keep_freed_memory()  # as training does: both ways are to have it
    bank = synthetic_bank()
    clock = "CPU" if options.threads == 1 else "wall"
    print(f"{clock} seconds, {options.threads} threads, batches of {BATCH}, {options.rounds} rounds")
    heads = "".join(f"{head:>9}" for head in ("epochs", "steps", "plain s", "loop s", "ratio"))
    print(f"{'method':<16}{heads}   lowest, highest")
    rows: dict[str, dict[str, Any]] = {}
    for name in options.methods or METHODS:
        row = rows[name] = measure(METHODS[name], bank, options)
        plain, loop = statistics.median(row["plain_s"]), statistics.median(row["loop_s"])
        over = "" if row["ratio"] <= GOAL else f"   over the goal, {GOAL:g}"
        print(
            f"{name:<16}{row['epochs']:>9}{row['steps']:>9}{plain:>9.2f}{loop:>9.2f}{row['ratio']:>9.2f}"
            f"   {row['ratio_from']:.2f}, {row['ratio_to']:.2f}{over}",
            flush=True,
        )
    if options.json:
        versions = {"torch": torch.__version__, "python": platform.python_version()}
        found = {"goal": GOAL, "threads": options.threads, **versions, "rows": rows}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

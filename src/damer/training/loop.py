"""The training loop; there is no other. Line numbers are those of the paper's Algorithm 1, its first user.

A step's randomness is seeded by (seed, step) alone, so the state on disk needs no generator's state: a run
killed at any step and resumed does the same arithmetic as one never killed.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, overload

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from damer.core.errors import DamerError
from damer.core.memory import keep_freed_memory
from damer.models import Damer
from damer.training import state
from damer.training.bank import IntArray
from damer.training.config import TrainingConfig
from damer.training.data import Batch, Sampler
from damer.training.evaluate import validation_scores
from damer.training.learner import Learner, N
from damer.training.logs import RunLog
from damer.training.method import ALGORITHM_1, Method, Task

_STEP = 9  # see damer.training.data: one number for each use of randomness


@dataclass
class Trained(Generic[N]):
    """One trained network.

    Attributes:
        network: on the CPU, in evaluation mode, with the weights chosen.
        validation: its logits on the validation rows, float32 [heads, N, 2].
        best_epoch: epoch of the weights, from 1.
        validation_score: what chose it; NaN without a validation part.
    """

    network: N
    validation: Tensor
    best_epoch: int
    validation_score: float


@dataclass(frozen=True)
class Place:
    """Where one network of a run writes.

    Attributes:
        folder: the run's folder.
        name: the network's name in it, such as "arousal-fold2-member1".
        quiet: no progress bar.
    """

    folder: Path
    name: str
    quiet: bool = False

    @property
    def state(self) -> Path:
        """The network's resumable state."""
        return self.folder / "state" / f"{self.name}.safetensors"


@overload
def train_network(task: Task, place: Place) -> Trained[Damer]: ...


@overload
def train_network(task: Task, place: Place, method: Method[N]) -> Trained[N]: ...


def train_network(task: Task, place: Place, method: Method[Any] = ALGORITHM_1) -> Trained[Any]:
    """Train one network, going on from its saved state where there is one.

    Args:
        task: what to learn from.
        place: where to log and to keep the state.
        method: what learns, and how; DAMER by Algorithm 1 unless another is named.

    On the CPU this process keeps the memory that it frees from here on (`damer.core.memory`).
    """
    if task.bank.device.type == "cpu":
        keep_freed_memory()
    learner, settings = method.learner(task), task.settings_hash(method.settings(task.recipe))
    saved = state.load_state(place.state)
    if saved is None:
        position, best = state.Position(settings=settings), {}
    else:
        tensors, position = saved
        if position.settings != settings:
            raise DamerError(
                f"{place.state}: this run began with other settings or data: give those, or another --out"
            )
        best = {name: tensor for name, tensor in tensors.items() if name.startswith("best.")}
        if position.step:  # before the first step there is nothing that the task does not decide
            state.restore_learner(learner, tensors, position.step)
    if not position.finished:
        with RunLog(place.folder, place.name, position.log_bytes if saved else None, position.step) as log:
            run = _Run(method, task, place, learner, log, position, best)
            if saved is None:
                run.save()
            run.train()
        best = run.best
    return _result(method, task, learner, position, best)


def learning_rate(config: TrainingConfig, progress: float, step: int) -> float:
    """Return the rate of a step: cosine from the configured rate to 0 as progress goes from 0 to 1."""
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    if step < config.warmup_steps:
        rate *= (step + 1) / config.warmup_steps
    return rate


def _seed(seed: int, device: torch.device) -> None:
    """Seed what draws on a device, as `torch.manual_seed` does.

    That one also prepares the seeds of devices that are not there, with a record of the whole call stack for
    each: a millisecond a step.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)


@dataclass
class _Run(Generic[N]):
    """The loop over epochs and batches, with its position."""

    method: Method[N]
    task: Task
    place: Place
    learner: Learner[N]
    log: RunLog
    position: state.Position
    best: dict[str, Tensor]
    saved_at: int = -1

    def __post_init__(self) -> None:
        """Prepare the sampling of rows."""
        task, method = self.task, self.method
        self.config = task.config
        parts = task.parts if method.uses_pool else replace(task.parts, pool=task.parts.pool[:0])
        self.sampler = Sampler(task.bank, parts, self.config, task.seed, method.sequences)

    def train(self) -> None:
        """Do the epochs that are left (line 2)."""
        config, position = self.config, self.position
        bar = tqdm(
            total=config.epochs, initial=position.epoch, desc=self.place.name, unit="epoch",
            disable=True if self.place.quiet else None,
        )  # fmt: skip
        with bar:
            while position.epoch < config.epochs:
                self._epoch(bar)
                bar.update()
        position.finished = True
        self.save()

    def _epoch(self, bar: "tqdm[Any]") -> None:
        position, config = self.position, self.config
        batches = self.sampler.epoch(position.epoch)
        for batch in self._read(batches[position.batch :]):  # line 6
            numbers = self._step(batch, len(batches))
            for name, value in numbers.items():
                position.sums[name] = position.sums.get(name, 0.0) + value
                position.counts[name] = position.counts.get(name, 0) + 1
            self.log.write("step", position.step, numbers, epoch=position.epoch + 1)
            position.step += 1
            position.batch += 1
            bar.set_postfix(loss=f"{numbers['loss/total']:.3f}", batch=f"{position.batch}/{len(batches)}")
            if position.step % config.save_every == 0 and position.batch < len(batches):
                self.save()
        self._end_epoch()

    def _read(self, batches: list[IntArray]) -> Iterator[Batch]:
        """Yield the batches; where they come from a store, each is read while the one before is learnt."""
        first = self.position.step
        if self.task.bank.resident_bytes:
            yield from (self.sampler.batch(rows, first + number) for number, rows in enumerate(batches))
            return
        with ThreadPoolExecutor(1) as reader:
            coming = [reader.submit(self.sampler.batch, batches[0], first)] if batches else []
            for number in range(len(batches)):
                batch = coming.pop().result()
                if number + 1 < len(batches):
                    coming.append(reader.submit(self.sampler.batch, batches[number + 1], first + number + 1))
                yield batch

    def _step(self, batch: Batch, batches: int) -> dict[str, float]:
        position, config = self.position, self.config
        words = np.random.SeedSequence([self.task.seed, position.step, _STEP]).generate_state(2, np.uint64)
        _seed(int(words[0]) >> 1, self.task.bank.device)
        generator = torch.Generator().manual_seed(int(words[1]) >> 1)
        rate = learning_rate(
            config, (position.epoch + position.batch / batches) / config.epochs, position.step
        )
        self.learner.set_rate(rate)
        numbers = self.learner.step(
            batch,
            config,
            progress=position.epoch / config.epochs,  # line 3, epochs counted from 0 here
            generator=generator,
            check_gradients=position.step == 0,
        )
        return {**numbers, "learning_rate": rate}

    def _end_epoch(self) -> None:
        """Validate, keep the best weights, log the epoch's means, and save."""
        position, config = self.position, self.config
        means = {name: total / position.counts[name] for name, total in position.sums.items()}
        if len(self.task.parts.validation):
            scores = self._validate()
            means |= {f"validation/{name}": value for name, value in scores.items()}
            if config.select == "best" and position.epoch >= self.method.warm_up * config.epochs:
                self._keep_if_best(scores)
        position.epoch += 1
        self.log.write("epoch", position.step, means, epoch=position.epoch, steps=position.batch)
        position.batch, position.sums, position.counts = 0, {}, {}
        if position.step // config.save_every != self.saved_at // config.save_every:
            self.save()

    def _validate(self) -> dict[str, float]:
        network, bank, parts = self.learner.final, self.task.bank, self.task.parts
        answer = self.method.answer(network, bank, parts.validation, self.learner.bfloat16)
        probability = self.method.probabilities(network, answer).track
        return validation_scores(bank, parts.validation, probability, parts.track_labels)

    def _keep_if_best(self, scores: dict[str, float]) -> None:
        score = -scores["loss"] if self.config.select_by == "loss" else scores[self.config.select_by]
        known = self.position.best_score
        # A score that the validation part cannot define (one class) never beats one that it can.
        score = -math.inf if math.isnan(score) else score
        if known is None or score > known:
            self.position.best_score, self.position.best_epoch = score, self.position.epoch
            self.best = state.best_tensors(self.learner.final)

    def save(self) -> None:
        """Save everything a resumed run needs."""
        position = self.position
        position.log_bytes = self.log.flush()
        tensors: dict[str, Tensor] = {}
        if position.step:
            tensors = {**state.learner_tensors(self.learner, moments=not position.finished), **self.best}
        state.save_state(self.place.state, tensors, position)
        self.saved_at = position.step


def _result(
    method: Method[N], task: Task, learner: Learner[N], position: state.Position, best: dict[str, Tensor]
) -> Trained[N]:
    network = learner.final
    epoch, score = task.config.epochs, float("nan")
    if task.config.select == "best" and best:
        network.load_state_dict({name.removeprefix("best."): tensor for name, tensor in best.items()})
        epoch = position.best_epoch + 1
        score = position.best_score if position.best_score is not None else score
    answer = method.answer(network, task.bank, task.parts.validation)
    return Trained(network.cpu().eval().requires_grad_(True), answer, epoch, score)

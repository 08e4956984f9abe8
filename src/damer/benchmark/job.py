"""One job of a benchmark: train one method once, test it, and say everything of it in one row."""

import dataclasses
import datetime
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from damer import __version__
from damer.baselines.base import Baseline, count_parameters
from damer.baselines.estimator import Estimator
from damer.baselines.registry import BASELINES
from damer.benchmark.recipe import DAMER, Benchmark, Protocol, Variant
from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.core.track import Dimension, Track
from damer.datasets import splits
from damer.models import Damer
from damer.training.bank import Bank, IntArray
from damer.training.collection import Collection
from damer.training.data import Sampler, split_ids
from damer.training.embeddings import NAME as EMBEDDINGS
from damer.training.embeddings import keep_embeddings
from damer.training.evaluate import TrackPrediction, predictions, track_means
from damer.training.loop import Place, Trained, train_network
from damer.training.method import ALGORITHM_1, Answers, Method, Task
from damer.training.protocols import divide
from damer.training.recipes import Recipe
from damer.training.record import commit
from damer.training.summary import plain, report

Judge = Callable[[IntArray], Answers]
BankOf = Callable[[Recipe], Bank]


@dataclass(frozen=True)
class Job:
    """What one row is of.

    Attributes:
        variant: the method and its settings.
        corpus, protocol, dimension, seed: where and how it is tested.
        fold: number of the grouped fold that is tested, from 1; 0 for a 70/30 split.
        data: digest of the corpus's tracks, labels and feature settings.
    """

    variant: Variant
    corpus: str
    protocol: Protocol
    dimension: Dimension
    seed: int
    fold: int
    data: str

    @property
    def name(self) -> str:
        """What a person calls it; the name of its folder."""
        words = [self.variant.name, self.corpus, self.protocol, self.dimension, f"seed{self.seed}"]
        words += [f"fold{self.fold}"] if self.fold else []
        return "_".join(word.replace(" ", "-").replace("/", "-") for word in words)

    def key(self, benchmark: Benchmark, frames: int) -> str:
        """Return a digest of everything that decides the row: a row with it need not be made again."""
        recipe = benchmark.settings(self.variant, self.seed, self.protocol, frames).to_dict()
        for ours in ("name", "description"):
            recipe.pop(ours)
        facts = [dataclasses.astuple(self), recipe, benchmark.folds, benchmark.budget]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def jobs(benchmark: Benchmark, digests: dict[str, str]) -> list[Job]:
    """Return the jobs of a benchmark, the quick methods of every cell first.

    Args:
        benchmark: what is compared.
        digests: digest of each corpus's data, by name.
    """
    folds = range(1, benchmark.folds + 1) if benchmark.folds else [0]
    return [
        Job(variant, corpus, protocol, dimension, seed, fold, digest)
        for seed in benchmark.seeds
        for fold in folds
        for protocol in benchmark.protocols
        for corpus, digest in digests.items()
        for dimension in benchmark.dimensions
        for variant in benchmark.variants
    ]


def data_digest(data: Collection, corpus: str) -> str:
    """Return a digest of a corpus's tracks with groups and labels, and of how features were extracted."""
    facts = [
        [item.id, item.group, item.valence, item.arousal, len(item.dynamic)]
        for item in sorted(data.tracks, key=lambda item: item.id)
        if item.corpus == corpus
    ]
    return hashlib.sha256(json.dumps([data.spec.to_dict(), facts]).encode()).hexdigest()[:12]


def permuted(tracks: list[Track]) -> list[Track]:
    """Return tracks whose labels were dealt out anew, within each corpus: nothing is left to learn."""
    given: dict[str, Track] = {}
    for corpus in sorted({item.corpus for item in tracks}):
        own = [item for item in tracks if item.corpus == corpus and item.variant == 0]
        own.sort(key=lambda item: item.id)
        order = np.random.default_rng(0).permutation(len(own))
        given |= {item.id: own[place] for item, place in zip(own, order, strict=True)}
    return [
        dataclasses.replace(
            item,
            valence=given.get(item.base_id, item).valence,
            arousal=given.get(item.base_id, item).arousal,
            dynamic=(),
        )
        for item in tracks
    ]


def run_job(job: Job, benchmark: Benchmark, data: Collection, bank_of: BankOf, out: Path) -> dict[str, Any]:
    """Do a job, going on with what was begun of it, and return its row.

    Args:
        job: what to do.
        benchmark: what it is part of.
        data: the tracks of its corpus.
        bank_of: returns their features as a recipe's network reads them.
        out: folder of the benchmark.

    Raises:
        DamerError: the data cannot be trained on, or scikit-learn is missing.
    """
    recipe = benchmark.settings(job.variant, job.seed, job.protocol, data.spec.frames)
    bank = bank_of(recipe)
    parts = divide(bank, job.dimension, recipe.training, _test_ids(job, benchmark, data, recipe))
    item = BASELINES.get(job.variant.method)
    steps = 0
    if not isinstance(item, Estimator):
        recipe, steps = _with_budget(recipe, Task(bank, parts, recipe, data.spec, job.seed), item, benchmark)
    task = Task(bank, parts, recipe, data.spec, job.seed)
    folder = out / "runs" / f"{job.name}_{job.key(benchmark, data.spec.frames)[:8]}"
    place = Place(folder, job.dimension, quiet=True)
    if not place.state.exists():  # what begins anew has a log of its own
        (folder / "log.jsonl").unlink(missing_ok=True)
    begun = time.perf_counter()
    judge, facts, damer = _fit(item, task, place)
    trained = time.perf_counter()
    answers = judge(parts.test)
    done = time.perf_counter()
    found = _track_predictions(task, answers, job.fold)
    measured = report(found, intervals=False)[job.corpus]
    _keep_predictions(folder, found)
    if benchmark.embeddings and damer is not None:
        keep_embeddings(folder / EMBEDDINGS, task, damer, job.dimension)
    shutil.rmtree(folder / "state", ignore_errors=True)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    return _row(job, benchmark, task, measured) | {
        **facts,
        "segment_steps": steps,
        "run": folder.name,
        "time_s": {"train": round(trained - begun, 3), "test": round(done - trained, 3)},
    }


def _test_ids(job: Job, benchmark: Benchmark, data: Collection, recipe: Recipe) -> tuple[str, ...]:
    originals = [item for item in data.tracks if item.variant == 0 and item.label(job.dimension) is not None]
    if not originals:
        raise DamerError(f"{job.corpus}: no track with a label of {job.dimension}")
    if job.fold:
        return splits.grouped_folds(originals, benchmark.folds, job.dimension, job.seed)[job.fold - 1].test
    return split_ids(originals, job.dimension, recipe.training).test


def _with_budget(
    recipe: Recipe, task: Task, item: Baseline | None, benchmark: Benchmark
) -> tuple[Recipe, int]:
    """Return the recipe with as many epochs as the budget gives, and the labelled seconds it learns from."""
    sequences = item is not None and item.sequences
    an_epoch = sum(map(len, Sampler(task.bank, task.parts, task.config, task.seed, sequences).epoch(0)))
    epochs = max(1, round(benchmark.budget / an_epoch)) if benchmark.budget else task.config.epochs
    training = dataclasses.replace(recipe.training, epochs=epochs)
    return dataclasses.replace(recipe, training=training), epochs * an_epoch


def _fit(
    item: Baseline | Estimator | None, task: Task, place: Place
) -> tuple[Judge, dict[str, Any], Damer | None]:
    """Train a method; return what judges rows with it, what there is to say of it, and DAMER's network."""
    if isinstance(item, Estimator):
        fitted = item.fit(task)
        return (lambda rows: fitted.answers(task.bank, rows)), {"parameters": None, "epoch": None}, None
    if isinstance(item, Baseline):
        trained = train_network(task, place, item)
        if item.finish is not None:
            item.finish(trained.network, task)
        return *_judge(item, trained, task), None
    own = train_network(task, place)
    return *_judge(ALGORITHM_1, own, task), own.network


def _judge(method: Method[Any], trained: Trained[Any], task: Task) -> tuple[Judge, dict[str, Any]]:
    network = trained.network

    def judge(rows: IntArray) -> Answers:
        return method.probabilities(network, method.answer(network, task.bank, rows))

    facts = {
        "parameters": count_parameters(network),
        "epoch": trained.best_epoch,
        "epochs": task.config.epochs,
        "validation_score": trained.validation_score,
    }
    return judge, facts


def _track_predictions(task: Task, answers: Answers, fold: int) -> list[TrackPrediction]:
    """Return what is said of each tested track; its own probability may be more than its seconds' mean."""
    bank, parts = task.bank, task.parts
    found = predictions(bank, parts.test, answers.segment, parts.labels, parts.track_labels, fold)
    tracks, means = track_means(bank, parts.test, answers.track)
    of_track = {bank.tracks[int(number)].id: float(mean) for number, mean in zip(tracks, means, strict=True)}
    return [dataclasses.replace(item, probability=round(of_track[item.id], 6)) for item in found]


def _keep_predictions(folder: Path, found: list[TrackPrediction]) -> None:
    """Write the tracks' probabilities, for comparisons track by track."""
    keys = ("id", "group", "corpus", "truth", "probability")
    lines = [json.dumps({key: getattr(item, key) for key in keys}) + "\n" for item in found]
    with replacing(folder / "predictions.jsonl", parents=True) as part:
        part.write_text("".join(lines), encoding="utf-8")


def _row(job: Job, benchmark: Benchmark, task: Task, measured: dict[str, Any]) -> dict[str, Any]:
    item = BASELINES.get(job.variant.method)
    levels = {level: dict(found) for level, found in measured.items()}
    return {
        "key": job.key(benchmark, task.spec.frames),
        "benchmark": benchmark.name,
        "name": job.variant.name,
        "method": job.variant.method,
        "title": "DAMER" if item is None else item.title,
        "provenance": "DAMER" if job.variant.method == DAMER or item is None else item.provenance,
        "recipe": job.variant.recipe,
        "settings": list(job.variant.settings),
        "corpus": job.corpus,
        "protocol": job.protocol,
        "dimension": job.dimension,
        "seed": job.seed,
        "fold": job.fold,
        "folds": benchmark.folds,
        "profile": benchmark.profile,
        "metrics": {
            level: {name: value for name, value in found.items() if isinstance(value, float | int)}
            for level, found in levels.items()
        },
        "majority": {level: found["majority"] for level, found in levels.items()},
        "tracks": {
            name: len(np.unique(task.bank.track_of_row[rows]))
            for name, rows in (
                ("train", task.parts.train),
                ("unlabelled", task.parts.pool),
                ("validation", task.parts.validation),
                ("test", task.parts.test),
            )
        },
        "spec": task.spec.hash(),
        "data": job.data,
        "training": plain(task.config.to_dict()),
        "device": task.bank.device.type,
        "threads": torch.get_num_threads(),
        "version": __version__,
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }

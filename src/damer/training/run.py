"""A whole run: dimensions × folds × members, with its folder.

config.json        everything that decides the run
log.jsonl          every step and epoch of every network; tensorboard/ holds the same
arousal.safetensors, valence.safetensors   checkpoints (in fold-1/, fold-2/, … with `--folds`)
predictions.jsonl  one test track a line, with its seconds
embeddings/        where the tracks of the test part lie before and after training, where asked for
summary.json       metrics by dimension and corpus
state/             resumable states, gone when the run is over
"""

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from damer import __version__
from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.core.track import Dimension, Track
from damer.datasets import splits
from damer.models import Damer, checkpoint
from damer.models.companion import Companion, CompanionViews
from damer.training.bank import Bank, load_bank
from damer.training.collection import Collection
from damer.training.companion import fit_companion, with_companion
from damer.training.data import Parts, split_ids
from damer.training.embeddings import keep_embeddings
from damer.training.evaluate import TrackPrediction, ensemble, fit_temperature, predictions
from damer.training.loop import Place, Trained, train_network
from damer.training.method import Task
from damer.training.protocols import divide
from damer.training.recipes import Recipe
from damer.training.record import training_record
from damer.training.summary import Report, plain, report
from damer.training.teacher import Teacher


@dataclass(frozen=True)
class Plan:
    """What a run does.

    Attributes:
        recipe: network and settings.
        dimensions: arousal, valence or both.
        folds: number of grouped folds; 0 is one 70/30 split.
        fold: train this fold alone, from 1; 0 trains each.
        all_data: test on nothing, train on everything.
        weights: how checkpoints store weights.
        teacher: answers that soften the targets, None for labels alone.
        embeddings: whether to keep where the test part lies in each network, before and after.
        companion: what a companion of the networks reads; None has no companion.
    """

    recipe: Recipe
    dimensions: tuple[Dimension, ...]
    folds: int = 0
    fold: int = 0
    all_data: bool = False
    weights: Literal["float32", "float16"] = "float32"
    teacher: Teacher | None = None
    embeddings: bool = False
    companion: CompanionViews | None = None

    def __post_init__(self) -> None:
        """Refuse contradictions."""
        if self.folds == 1 or self.folds < 0:
            raise DamerError(f"{self.folds} folds: at least 2 are needed")
        if self.folds and not 0 <= self.fold <= self.folds:
            raise DamerError(f"fold {self.fold}/{self.folds}: the first number is 1 to {self.folds}")
        if self.all_data and self.folds:
            raise DamerError("--all-data tests on nothing: leave out --fold and --folds")
        if self.all_data and self.embeddings:
            raise DamerError("--all-data tests on nothing: leave out --embeddings")
        split = self.recipe.training.split
        if split != "track" and (self.folds or self.all_data):
            raise DamerError(
                f"split = {split!r} is one 70/30 split: leave out --fold, --folds and --all-data"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return what decides the networks as plain values."""
        own = {name: value for name, value in vars(self).items() if name != "embeddings"}
        if self.companion is None:  # runs begun before there were companions go on
            del own["companion"]
        return {
            **own,
            "recipe": self.recipe.to_dict(),
            "dimensions": list(self.dimensions),
            "teacher": self.teacher.sha256 if self.teacher else None,
        }


def execute(
    plan: Plan,
    data: Collection,
    out: Path,
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
) -> dict[Dimension, Report]:
    """Do a run, or go on with it, and return its report by dimension (empty with `all_data`).

    Raises:
        DamerError: the folder holds another run, or the data cannot be trained on.
    """
    place = choose_device(device)
    plan.recipe.check_spec(data.spec, ", ".join(data.names))
    begin({"plan": plan.to_dict()}, data, out, resume, place)
    bank = load_bank(data, plan.recipe.model, plan.recipe.training.preload, place, quiet)
    runner = _Runner(plan, data, bank, out, quiet)
    found = [
        (dimension, item)
        for dimension in plan.dimensions
        for fold in _folds(plan, data.tracks, dimension)
        for item in runner.fold(dimension, fold)
    ]
    _write_lines(out / "predictions.jsonl", ({"dimension": name, **item.to_dict()} for name, item in found))
    reports = {
        dimension: report([item for name, item in found if name == dimension])
        for dimension in plan.dimensions
        if any(name == dimension for name, _ in found)
    }
    write_json(out / "summary.json", plain(reports))
    shutil.rmtree(out / "state", ignore_errors=True)
    return reports


def choose_device(name: str) -> torch.device:
    """Return the device called "cpu", "cuda" or "auto" (CUDA where there is one)."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise DamerError("--device cuda: PyTorch finds no CUDA device here; use --device cpu")
    return torch.device(name)


def is_finished(out: Path) -> bool:
    """Say whether a folder holds a run that is over."""
    return (out / "summary.json").exists() and not (out / "state").exists()


def begin(what: dict[str, Any], data: Collection, out: Path, resume: bool, device: torch.device) -> None:
    """Write config.json, or check that a run to be resumed is the same.

    Args:
        what: everything asked for.
        data: the music.
        out: the run's folder.
        resume: whether a run there may be gone on with.
        device: where it computes.

    Raises:
        DamerError: there is a run already, or another one.
    """
    config = {
        **what,
        "spec": data.spec.to_dict(),
        "tracks": len(data.tracks),
        "threads": torch.get_num_threads(),
        "device": device.type,
        "version": __version__,
    }
    config = json.loads(json.dumps(config))
    path = out / "config.json"
    if path.exists() and (out / "log.jsonl").exists():  # else nothing has been trained yet
        if not resume:
            raise DamerError(f"{out}: holds a run already: go on with --resume, or choose another --out")
        before = _read_json(path)
        differing = _differences(before, config)
        if differing:
            raise DamerError(
                f"{out}: cannot resume, {differing[0]}: give the same options and data, or another --out"
            )
    try:
        (out / "state").mkdir(parents=True, exist_ok=True)
        write_json(path, {**config, "stores": list(data.names)})
    except OSError as error:
        raise DamerError(f"{out}: cannot be written ({error.strerror}): choose another --out") from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamerError(f"{path}: cannot be read ({error}): choose another --out") from None


def _differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Name the values of `now` that were others before."""
    if isinstance(now, dict) and isinstance(before, dict):
        keys = [key for key in now if key not in ("save_every", "version")]
        return [text for key in keys for text in _differences(before.get(key), now[key], f"{name}.{key}")]
    return [] if before == now else [f"{name.lstrip('.')} was {before!r} and is now {now!r}"]


class _Fold(NamedTuple):
    """One division into training and test part: its name in the record, its number, the ids to test on."""

    name: str
    number: int
    test_ids: tuple[str, ...]


def _folds(plan: Plan, tracks: Sequence[Track], dimension: Dimension) -> list[_Fold]:
    config = plan.recipe.training
    originals = [item for item in tracks if item.variant == 0 and item.label(dimension) is not None]
    if plan.all_data:
        return [_Fold("all data", 0, ())]
    if not plan.folds:
        return [_Fold("70/30 split", 0, split_ids(originals, dimension, config).test)]
    found = splits.grouped_folds(originals, plan.folds, dimension, config.seed)
    return [
        _Fold(f"{number}/{plan.folds}", number, fold.test)
        for number, fold in enumerate(found, 1)
        if plan.fold in (0, number)
    ]


@dataclass(frozen=True)
class _Runner:
    """Trains the folds of a run."""

    plan: Plan
    data: Collection
    bank: Bank
    out: Path
    quiet: bool

    def fold(self, dimension: Dimension, fold: _Fold) -> list[TrackPrediction]:
        """Train the members of a fold, write their checkpoint, return the test part's predictions."""
        parts, trained = self._members(dimension, fold)
        first = parts[0]
        judged = [
            (item.network, item.validation, part.validation)
            for item, part in zip(trained, parts, strict=True)
        ]
        fitted = fit_temperature(judged, self.bank, first.track_labels)
        temperature = self.plan.recipe.training.temperature or fitted
        networks = [item.network for item in trained]
        companion = self._companion(first)
        tested: list[TrackPrediction] = []
        if len(first.test):
            probability = ensemble(networks, self.bank, first.test, temperature)
            probability = with_companion(probability, companion, self.bank, first.test)
            tested = predictions(
                self.bank, first.test, probability, first.labels, first.track_labels, fold.number
            )
        record = training_record(self.plan.recipe, dimension, self.bank, parts, trained, fold.name)
        if self.plan.teacher:
            record["teacher"] = {
                "sha256": self.plan.teacher.sha256,
                "share": self.plan.recipe.training.teacher_share,
            }
        if companion is not None:
            record["companion"] = companion.config.to_dict()
        if tested:
            record["metrics"] = report(tested, intervals=False)
        saved = checkpoint.Checkpoint(
            dimension=dimension,
            networks=[network.cpu() for network in networks],
            spec=self.data.spec,
            temperature=temperature,
            record=plain(record),
            name=self.plan.recipe.name,
            version=__version__,
            companion=None if companion is None else companion.cpu(),
        )
        folder = self.out / f"fold-{fold.number}" if fold.number and not self.plan.fold else self.out
        folder.mkdir(exist_ok=True)
        checkpoint.save(folder / f"{dimension}.safetensors", saved, self.plan.weights)
        return tested

    def _companion(self, parts: Parts) -> Companion | None:
        """Fit the companion to all that is not tested: it has no setting for a validation part to choose."""
        if self.plan.companion is None:
            return None
        rows = np.union1d(parts.train, parts.validation)
        return fit_companion(self.bank, rows, parts.track_labels, self.plan.companion, self.plan.recipe.model)

    def _members(self, dimension: Dimension, fold: _Fold) -> tuple[list[Parts], list[Trained[Damer]]]:
        recipe = self.plan.recipe
        config = recipe.training
        parts: list[Parts] = []
        trained: list[Trained[Damer]] = []
        for member in range(config.members):
            part = divide(self.bank, dimension, config, fold.test_ids, member)
            if self.plan.teacher:
                part = self.plan.teacher.soften(
                    part, self.bank, dimension, fold.name, fold.test_ids, config.teacher_share
                )
            name = dimension + (f"-fold{fold.number}" if fold.number else "")
            name += f"-member{member + 1}" if config.members > 1 else ""
            task = Task(self.bank, part, recipe, self.data.spec, config.seed + member)
            trained.append(train_network(task, Place(self.out, name, self.quiet)))
            if self.plan.embeddings:
                path = self.out / "embeddings" / f"{name}.npz"
                keep_embeddings(path, task, trained[-1].network, dimension)
            parts.append(part)
        return parts, trained


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")


def read_predictions(path: Path) -> list[tuple[Dimension, TrackPrediction]]:
    """Read predictions.jsonl.

    Raises:
        DamerError: it is missing or damaged.
    """
    found: list[tuple[Dimension, TrackPrediction]] = []
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                values = json.loads(line)
                found.append((values["dimension"], TrackPrediction.from_dict(values)))
    except FileNotFoundError:
        raise DamerError(
            f"{path}: missing: the run is not over; go on with `damer train … --resume`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamerError(f"{path}: cannot be read ({error}): evaluate again with --data") from None
    return found

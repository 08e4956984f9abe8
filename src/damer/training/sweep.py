"""A search over settings with Optuna: on the validation part, some trials at a time, and all are kept.

sweep.sqlite3                every trial (an Optuna storage: its dashboard and its Python API read it)
trials-arousal.csv           the same as a table, best first
best-arousal.toml            a recipe for `damer train`: the varied one with the best trial's settings
state/                       trainings under way; one that was cut short goes on where it stood

The test part is set aside as in a run and never looked at. This process alone writes the storage; trials run
in processes of their own and hand their scores over.
"""

import csv
import dataclasses
import functools
import hashlib
import importlib
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from damer.core.errors import DamerError
from damer.core.files import held, replacing
from damer.core.processes import Died, in_processes
from damer.core.track import Dimension
from damer.models import DamerConfig
from damer.training.bank import Bank, load_bank
from damer.training.collection import Collection, open_collection
from damer.training.config import TrainingConfig
from damer.training.recipes import Recipe
from damer.training.run import choose_device
from damer.training.search import validation_scores_of
from damer.training.sweep_space import SCORES, Sweep, texts

STORAGE = "sweep.sqlite3"


@dataclass(frozen=True)
class Place:
    """Where a sweep runs.

    Attributes:
        stores: folders of prepared music.
        out: folder of the sweep.
        workers: trials at a time, one thread each; 1 runs them here, with this process's threads.
        device: "auto", "cpu" or "cuda".
    """

    stores: tuple[str, ...]
    out: Path
    workers: int = 1
    device: str = "auto"


@dataclass(frozen=True)
class Trial:
    """One trial: its number in the storage and its values."""

    number: int
    dimension: Dimension
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """Of its training; the same for the same values, so that what was cut short is found again."""
        digest = hashlib.sha256(json.dumps(self.values, sort_keys=True).encode()).hexdigest()[:12]
        return f"{self.dimension}-{digest}"


def optuna() -> Any:
    """Return Optuna, which is an extra.

    Raises:
        DamerError: it is not installed.
    """
    try:
        found = importlib.import_module("optuna")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "optuna":
            raise
        raise DamerError("damer sweep needs Optuna: pip install 'damer[sweep]'") from None
    found.logging.set_verbosity(found.logging.WARNING)
    return found


class Found(NamedTuple):
    """What a sweep has found: a row for each finished trial, best first, and the trials that failed now.

    Of a failed one its number and values in words, and what went wrong.
    """

    rows: list[dict[str, Any]]
    failed: list[tuple[str, str]]


def execute(sweep: Sweep, dimension: Dimension, place: Place) -> Found:
    """Do the trials that are left, and tell of all of them.

    Raises:
        DamerError: Optuna is missing, another sweep is in the folder or at work in it, or no trial could be
            trained.
    """
    library = optuna()
    choose_device(place.device)
    data = _collection(place.stores)
    sweep.recipe_of({}).check_spec(data.spec, ", ".join(data.names))
    with held(place.out, "sweep"):
        return _search(library, sweep, dimension, place, data)


def _search(library: Any, sweep: Sweep, dimension: Dimension, place: Place, data: Collection) -> Found:
    study = _study(library, sweep, dimension, place, data)
    asked: dict[int, Any] = {}
    failed: list[tuple[str, str]] = []
    for trial, found in _results(sweep, place, _ask(library, study, sweep, dimension, asked)):
        if isinstance(found, str):
            failed.append((f"trial {trial.number} ({' '.join(texts(trial.values))})", found))
            study.tell(trial.number, state=library.trial.TrialState.FAIL)
            continue
        asked[trial.number].set_user_attr("scores", found)
        study.tell(trial.number, found[sweep.score])
    rows = _rows(library, study, sweep)
    if not rows:
        raise DamerError(f"no trial could be trained: {failed[0][1] if failed else 'none was asked for'}")
    _write(sweep, dimension, rows, place.out)
    if not failed:
        shutil.rmtree(place.out / "state", ignore_errors=True)
    return Found(rows, failed)


def _study(library: Any, sweep: Sweep, dimension: Dimension, place: Place, data: Collection) -> Any:
    """Open the dimension's study, or begin it; trials that were cut short wait to be done again."""
    what = json.loads(json.dumps([sweep.recipe_of({}).to_dict(), sweep.space, sweep.sampler, sweep.score]))
    what += [data.spec.hash(), sorted(track.id for track in data.tracks)]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    try:
        place.out.mkdir(parents=True, exist_ok=True)
        storage = library.storages.RDBStorage(f"sqlite:///{place.out / STORAGE}")
        study = library.create_study(
            storage=storage,
            study_name=dimension,
            load_if_exists=True,
            direction="minimize" if sweep.score == "loss" else "maximize",
        )
        # Another seed each time the sweep is gone on with: the same one would draw its first values again.
        seed = sweep.recipe_of({}).training.seed + len(study.get_trials(deepcopy=False))
        study.sampler = library.samplers.TPESampler(seed=seed)
    except OSError as error:
        raise DamerError(f"{place.out}: cannot be written ({error.strerror}): choose another --out") from None
    except Exception as error:  # the storage's own kinds of error, which are the database library's
        raise DamerError(
            f"{place.out / STORAGE}: cannot be opened ({type(error).__name__}: {error})"
        ) from None
    if study.user_attrs.setdefault("sweep", digest) != digest:
        raise DamerError(f"{place.out}: holds another sweep or one of other data: choose another --out")
    study.set_user_attr("sweep", digest)
    states = library.trial.TrialState
    for trial in study.get_trials(states=(states.RUNNING,)):
        study.tell(trial.number, state=states.FAIL)
        study.enqueue_trial(trial.params, skip_if_exists=False)
    return study


def _ask(
    library: Any, study: Any, sweep: Sweep, dimension: Dimension, asked: dict[int, Any]
) -> Iterator[Trial]:
    """Yield the trials that are left, each asked for as it is begun, so that it knows what came before."""
    states = library.trial.TrialState
    known = study.get_trials(states=(states.COMPLETE, states.WAITING))
    complete = sum(trial.state == states.COMPLETE for trial in known)
    if sweep.sampler == "grid":
        there = [{**trial.system_attrs.get("fixed_params", {}), **trial.params} for trial in known]
        for values in sweep.grid()[: sweep.trials]:
            if values not in there:
                study.enqueue_trial(values)
    distributions = {key: _distribution(library, choices) for key, choices in sweep.space.items()}
    for _ in range(sweep.trials - complete):
        trial = study.ask(distributions)
        asked[trial.number] = trial
        yield Trial(trial.number, dimension, dict(trial.params))


def _distribution(library: Any, choices: list[Any] | dict[str, Any]) -> Any:
    kinds = library.distributions
    if isinstance(choices, list):
        return kinds.CategoricalDistribution(choices)
    low, high, log = choices["low"], choices["high"], choices.get("log", False)
    if isinstance(low, int) and isinstance(high, int):
        return kinds.IntDistribution(low, high, log=log, step=choices.get("step", 1))
    return kinds.FloatDistribution(low, high, log=log, step=choices.get("step"))


def _results(
    sweep: Sweep, place: Place, trials: Iterator[Trial]
) -> Iterator[tuple[Trial, dict[str, float] | str]]:
    """Yield each trial with its scores, or with a sentence that says why it has none."""
    if place.workers == 1:
        yield from ((trial, attempt((sweep, place, trial))) for trial in trials)
        return
    tasks = ((sweep, place, trial) for trial in trials)
    for task, found in in_processes(attempt, tasks, place.workers):
        yield task[2], found.told("use fewer --workers") if isinstance(found, Died) else found


def attempt(task: tuple[Sweep, Place, Trial]) -> dict[str, float] | str:
    """Train with a trial's values; return its scores on the validation part, or what went wrong."""
    sweep, place, trial = task
    try:
        recipe = sweep.recipe_of(trial.values)
        data = _collection(place.stores)
        return validation_scores_of(
            _bank(place, recipe), data, recipe, trial.dimension, (place.out, trial.name)
        )
    except DamerError as error:
        return str(error)
    except Exception as error:  # values that cannot be trained with cost their trial, not the sweep
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


@functools.lru_cache(maxsize=1)
def _collection(stores: tuple[str, ...]) -> Collection:
    return open_collection(stores)


_BANKS: dict[tuple[str, ...], Bank] = {}


def _bank(place: Place, recipe: Recipe) -> Bank:
    """Return the features for a recipe's network; those of the last trial are kept for the next."""
    model = recipe.model
    contexts = (str(model.context_s), str(model.tonal_context_s))
    key = (*place.stores, model.stem, *contexts, str(model.frames), recipe.training.preload)
    if key not in _BANKS:
        _BANKS.clear()
        device = choose_device(place.device)
        data = _collection(place.stores)
        _BANKS[key] = load_bank(data, model, recipe.training.preload, device, quiet=True)
    return _BANKS[key]


def _rows(library: Any, study: Any, sweep: Sweep) -> list[dict[str, Any]]:
    """Return the finished trials, best first."""
    finished = study.get_trials(states=(library.trial.TrialState.COMPLETE,))
    sign = 1 if sweep.score == "loss" else -1
    finished.sort(key=lambda trial: sign * trial.value if math.isfinite(trial.value) else math.inf)
    return [{"trial": item.number, **item.user_attrs["scores"], "settings": item.params} for item in finished]


def _write(sweep: Sweep, dimension: Dimension, rows: list[dict[str, Any]], out: Path) -> None:
    """Write the table of trials and a recipe of the best one."""
    columns = ["trial", *SCORES, *sweep.space]
    trials = out / f"trials-{dimension}.csv"
    with replacing(trials) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: {**row, **row["settings"]}[key] for key in columns} for row in rows)
    recipe = sweep.recipe_of(rows[0]["settings"]).to_dict()
    lines = [f'description = "The best of {len(rows)} trials of the sweep {sweep.name}, for {dimension}."']
    for table, defaults in (("training", TrainingConfig()), ("model", DamerConfig())):
        own = dataclasses.asdict(defaults)
        changed = {key: value for key, value in recipe[table].items() if value != own[key]}
        lines += ["", f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in changed.items())]
    if recipe["features"]:
        lines += ["", "[features]", *(f"{k} = {json.dumps(v)}" for k, v in recipe["features"].items())]
    with replacing(out / f"best-{dimension}.toml") as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


def table(sweep: Sweep, dimension: Dimension, rows: list[dict[str, Any]], most: int = 10) -> str:
    """Return the best trials as text."""
    lines = [
        f"{dimension}, validation part{'':<6}" + "".join(f"{name:>20}" for name in SCORES) + "  settings"
    ]
    for row in rows[:most]:
        cells = "".join(f"{row[name]:>20.3f}" for name in SCORES)
        lines.append(f"{'trial ' + str(row['trial']):<30}{cells}  {' '.join(texts(row['settings']))}")
    return "\n".join(lines)

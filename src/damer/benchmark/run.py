"""A whole benchmark: its jobs, some at a time, each row written as it comes.

results.jsonl   one row a job; a job whose row is there is not done again
runs/NAME/      log.jsonl of the training, predictions.jsonl of the test part, state/ of what was cut short,
                embeddings.npz where they are asked for
"""

import dataclasses
import functools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from damer.benchmark.job import Job, data_digest, jobs, permuted, run_job
from damer.benchmark.recipe import DAMER, Benchmark
from damer.benchmark.results import RESULTS, read_rows
from damer.core.errors import DamerError
from damer.core.files import held
from damer.core.processes import Died, in_processes
from damer.training.bank import Bank, load_bank
from damer.training.collection import Collection, open_collection
from damer.training.embeddings import NAME as EMBEDDINGS
from damer.training.recipes import Recipe
from damer.training.run import choose_device
from damer.training.summary import plain


@dataclass(frozen=True)
class Setting:
    """Where a benchmark runs.

    Attributes:
        benchmark: what is compared.
        stores: folders of prepared music; each corpus in them is judged by itself.
        unlabelled: folders of music that is used without labels.
        out: folder of the results.
        workers: jobs at a time, one thread each; 1 does them here, with this process's threads.
        device: "auto", "cpu" or "cuda".
        permute: whether labels are dealt out at random, to see every method fall to chance.
        quiet: no progress bar.
    """

    benchmark: Benchmark
    stores: tuple[str, ...]
    out: Path
    unlabelled: tuple[str, ...] = ()
    workers: int = 1
    device: str = "auto"
    permute: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a run of a benchmark did.

    Attributes:
        rows: the rows of this benchmark, those of earlier runs first.
        done: number of jobs done now.
        failed: each job that could not be done, by its name, and why.
    """

    rows: list[dict[str, Any]]
    done: int
    failed: list[tuple[str, str]]


def execute(setting: Setting) -> Outcome:
    """Do the jobs that have no row yet.

    Raises:
        DamerError: the stores cannot be opened, the folder cannot be written, or another run is in it.
    """
    choose_device(setting.device)
    wanted, frames = _jobs(setting)
    keys = {job.key(setting.benchmark, frames): job for job in wanted}
    with held(setting.out, "benchmark"):
        path = setting.out / RESULTS
        before = read_rows(path) if path.exists() else []
        _end_last_line(path)
        there = {row["key"] for row in before if _has_all(setting, row)}
        waiting = [job for key, job in keys.items() if key not in there]
        failed: list[tuple[str, str]] = []
        new: list[dict[str, Any]] = []
        before += _shared(setting, [row for row in before if row["key"] in keys.keys() & there], path)
        bar = tqdm(
            total=len(keys), initial=len(keys) - len(waiting), desc=setting.benchmark.name, unit="job",
            disable=True if setting.quiet else None,
        )  # fmt: skip
        with bar, path.open("a", encoding="utf-8") as file:
            for job, found in _results(setting, waiting):
                bar.update()
                bar.set_postfix_str(job.name)
                if isinstance(found, str):
                    failed.append((job.name, found))
                    continue
                file.write(json.dumps(plain(found)) + "\n")
                file.flush()
                os.fsync(file.fileno())
                new.append(found)
    made = {row["key"] for row in new}
    own = [row for row in before if row["benchmark"] == setting.benchmark.name]
    rows = [row for row in own if row["key"] in keys.keys() - made] + new
    return Outcome(rows, len(new), failed)


def _shared(setting: Setting, rows: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """Write rows that another benchmark made of the same jobs as this one's too; return those written."""
    name = setting.benchmark.name
    own = {row["key"] for row in rows if row["benchmark"] == name}
    others = {row["key"]: {**row, "benchmark": name} for row in rows if row["key"] not in own}
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in others.values())
    return list(others.values())


def _has_all(setting: Setting, row: dict[str, Any]) -> bool:
    """Say whether a row's run kept all that is asked for; embeddings may be asked for after it was made."""
    if not setting.benchmark.embeddings or row["method"] != DAMER:
        return True
    return (setting.out / "runs" / str(row.get("run")) / EMBEDDINGS).exists()


def _end_last_line(path: Path) -> None:
    """Cut off half a line that a kill left, so that the next row begins a line."""
    if not path.exists():
        return
    whole = path.read_bytes()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        os.truncate(path, end)


def _jobs(setting: Setting) -> tuple[list[Job], int]:
    data = _collection(setting.stores, setting.unlabelled, setting.permute)
    corpora = sorted({item.corpus for item in data.tracks if item.label("arousal") is not None
                      or item.label("valence") is not None})  # fmt: skip
    digests = {corpus: data_digest(data, corpus) for corpus in corpora}
    found = [
        job
        for job in jobs(setting.benchmark, digests)
        if any(t.corpus == job.corpus and t.label(job.dimension) is not None for t in data.tracks)
    ]
    return found, data.spec.frames


def _results(setting: Setting, waiting: list[Job]) -> Iterator[tuple[Job, dict[str, Any] | str]]:
    """Yield each job with its row, or with a sentence that says why there is none."""
    if setting.workers == 1:
        yield from ((job, attempt((setting, job))) for job in waiting)
        return
    for task, found in in_processes(attempt, ((setting, job) for job in waiting), setting.workers):
        yield task[1], found.told("use fewer --workers") if isinstance(found, Died) else found


def attempt(task: tuple[Setting, Job]) -> dict[str, Any] | str:
    """Do one job; return its row, or one sentence that says what went wrong."""
    setting, job = task
    try:
        data = _of_corpus(
            _collection(setting.stores, setting.unlabelled, setting.permute), job.corpus, setting.unlabelled
        )

        def bank_of(recipe: Recipe) -> Bank:
            return _bank(setting, job.corpus, recipe)

        return run_job(job, setting.benchmark, data, bank_of, setting.out)
    except DamerError as error:
        return str(error)
    except MemoryError:
        return "not enough memory: try fewer --workers, or --set preload=no"
    except OSError as error:
        return f"cannot be read or written ({error})"
    except Exception as error:  # a method's own fault costs its row, not the others
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


@functools.lru_cache(maxsize=1)
def _collection(stores: tuple[str, ...], unlabelled: tuple[str, ...], permute: bool) -> Collection:
    data = open_collection(stores, unlabelled)
    return dataclasses.replace(data, tracks=permuted(data.tracks)) if permute else data


def _of_corpus(data: Collection, corpus: str, unlabelled: tuple[str, ...]) -> Collection:
    """Return the tracks of one corpus, and those without a label that were given to learn from."""
    own = [
        item
        for item in data.tracks
        if item.corpus == corpus or (unlabelled and item.label("arousal") is item.label("valence") is None)
    ]
    return dataclasses.replace(data, tracks=own)


_BANKS: dict[tuple[str, ...], Bank] = {}


def _bank(setting: Setting, corpus: str, recipe: Recipe) -> Bank:
    """Return a corpus's features for a network; the last one made is kept for the next job."""
    contexts = (str(recipe.model.context_s), str(recipe.model.tonal_context_s))
    stem = (recipe.model.stem, *contexts, recipe.training.preload)
    key = (*setting.stores, corpus, str(setting.permute), *stem)
    if key not in _BANKS:
        _BANKS.clear()
        data = _of_corpus(
            _collection(setting.stores, setting.unlabelled, setting.permute), corpus, setting.unlabelled
        )
        recipe.check_spec(data.spec, ", ".join(data.names))
        device = choose_device(setting.device)
        _BANKS[key] = load_bank(data, recipe.model, recipe.training.preload, device, quiet=True)
    return _BANKS[key]


def table(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows as text: mean and deviation over seeds and folds of what is measured per track."""
    cells: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        cell = cells.setdefault((row["corpus"], row["protocol"], row["dimension"]), {})
        cell.setdefault(row["name"], []).append(row)
    columns = ("accuracy", "f1", "macro_f1", "balanced_accuracy", "auc")
    lines = []
    for (corpus, protocol, dimension), methods in cells.items():
        lines.append(f"\n{corpus}, {dimension}, protocol {protocol}, per track")
        lines.append(f"{'':<26}{'provenance':<16}{'n':>3}" + "".join(f"{name:>20}" for name in columns))
        for name, found in methods.items():
            numbers = "".join(f"{_spread(found, column):>20}" for column in columns)
            lines.append(f"{name:<26}{found[0]['provenance']:<16}{len(found):>3}{numbers}")
    return "\n".join(lines).lstrip("\n")


def _spread(rows: list[dict[str, Any]], column: str) -> str:
    known = [row["metrics"]["track"].get(column) for row in rows]
    values = [value for value in known if value is not None and value == value]
    if not values:
        return "-"
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.3f}"
    deviation = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    return f"{mean:.3f} ± {deviation:.3f}"

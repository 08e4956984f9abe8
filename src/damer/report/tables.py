"""Tables II to V of the paper beside what was measured here, and tables of what the paper has none of.

Everything measured comes from rows of `damer benchmark`; the paper's numbers from `paper.json` beside this
file, which names their source. A cell without a run says "not run".
"""

import json
import math
import statistics
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

from damer.core.track import DIMENSIONS
from damer.report.grids import Grid
from damer.training.toml_files import TomlFiles

Row = dict[str, Any]
NOT_RUN, NO_PAPER = "not run", "–"
METRICS = {"accuracy": "Acc", "f1": "F1", "auc": "AUC"}
BESIDE = {"macro_f1": "macro-F1", "balanced_accuracy": "bal. acc"}
ABLATION, TABLES = "ablation", "tables"
_AS_MANY = 1.2  # times as many seconds that two runs of one setting may have learned from
TITLES = {"memo2496": "Memo2496", "1000songs": "1000songs", "pmemo": "PMEmo"}


@lru_cache(maxsize=1)
def paper() -> dict[str, Any]:
    """Return the paper's numbers in percent, with their source and what is known to be wrong with them."""
    text = (resources.files("damer.report") / "paper.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


class Cells:
    """The measured numbers of one protocol.

    Args:
        rows: of `damer benchmark`.
        protocol: which of the protocols counts.
        level: "track" or "segment".
    """

    def __init__(self, rows: Sequence[Row], protocol: str = "track", level: str = "track") -> None:
        self.level, self.protocol = level, protocol
        self.rows = [row for row in rows if row["protocol"] == protocol]
        self.mixed = False

    def of(self, name: str, corpus: str, dimension: str) -> list[Row]:
        """Return the rows of a cell. Where their settings differ, those of the setting run last."""
        found = [
            row
            for row in self.rows
            if (row["name"], row["corpus"], row["dimension"]) == (name, corpus, dimension)
        ]
        alike = [row for row in found if _alike(row, found[-1])]
        self.mixed |= len(alike) < len(found)
        return alike

    def values(self, rows: Sequence[Row], metric: str) -> list[float]:
        """Return a metric of some rows in percent, where it is defined."""
        found = [row["metrics"][self.level].get(metric) for row in rows]
        return [100 * value for value in found if value is not None and math.isfinite(value)]

    def notes(self) -> list[str]:
        """Return what a reader must know of all cells."""
        found = [
            f"Ours: mean ± standard deviation over runs, per {self.level}, protocol {self.protocol}, percent."
        ]
        if self.mixed:
            found.append("Some cells have runs of several settings: those of the last one are shown.")
        return found


def _alike(one: Row, other: Row) -> bool:
    """Say whether two rows are of one setting: the same values, and about as many seconds learned from.

    Folds and seeds divide differently, so a budget of seconds does not give all runs the same number.
    """
    steps = sorted(row.get("segment_steps", 0) for row in (one, other))
    return _setting(one) == _setting(other) and steps[1] <= _AS_MANY * steps[0]


def _setting(row: Row) -> str:
    training = {
        key: value for key, value in row["training"].items() if key not in ("seed", "epochs", "preload")
    }
    return json.dumps([training, row["folds"], row["profile"], row["data"]], sort_keys=True)


def spread(values: Sequence[float]) -> str:
    """Return "mean ± deviation", the mean alone for one run, "not run" for none."""
    if not values:
        return NOT_RUN
    mean = f"{statistics.fmean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"


def gap(ours: Sequence[float], papers: float | None) -> str:
    """Return how far ours is ahead of the paper's, with its sign; a dash where one of them is missing."""
    if not ours or papers is None:
        return NO_PAPER
    return f"{statistics.fmean(ours) - papers:+.2f}".replace("-", "−")


def method_tables(rows: Sequence[Row], level: str = "track", protocol: str = "track") -> list[Grid]:
    """Return tables II to IV, then one for every other corpus with rows.

    Args:
        rows: of `damer benchmark`; those of the benchmark "tables" count. Where there are none those of
            "tables-cpu" and its like do, and where there are none of these either, every method's own.
        level: "track" or "segment".
        protocol: which protocol's rows count.
    """
    quoted = {
        table["corpus"]: (number, table) for number, table in paper()["tables"].items() if number != "V"
    }
    others = sorted({row["corpus"] for row in rows} - quoted.keys())
    own = (
        [row for row in rows if row["benchmark"] == TABLES]
        or [row for row in rows if row["benchmark"].startswith(f"{TABLES}-")]
        or [row for row in rows if row["name"] == row["method"]]
    )
    found = []
    for corpus in [*quoted, *others]:
        number, table = quoted.get(corpus, ("", {"rows": {}}))
        for dimension in DIMENSIONS:
            found.append(
                _method_table((corpus, number), dimension, table["rows"], Cells(own, protocol, level))
            )
    return found


def _method_table(where: tuple[str, str], dimension: str, quoted: dict[str, Any], cells: Cells) -> Grid:
    corpus, number = where
    measured = {
        row["name"]: row for row in cells.rows if row["corpus"] == corpus and row["dimension"] == dimension
    }
    title = f"{TITLES.get(corpus, corpus)}, {dimension}" + (f" (table {number})" if number else "")
    columns = ["method", "provenance"]
    columns += [f"{short} {part}" for short in METRICS.values() for part in ("paper", "ours", "gap")]
    grid = Grid(
        f"{'table-' + number if number else corpus}-{dimension}", title, [*columns, *BESIDE.values(), "runs"]
    )
    for name in _order(quoted, measured):
        found = cells.of(name, corpus, dimension)
        papers = _papers(name, corpus, dimension, quoted)
        line = [_title(name, measured), _provenance(name, measured, quoted)]
        for place, metric in enumerate(METRICS):
            ours = cells.values(found, metric)
            quote = papers[place] if papers else None
            line += [NO_PAPER if quote is None else f"{quote:.2f}", spread(ours), gap(ours, quote)]
        line += [spread(cells.values(found, metric)) for metric in BESIDE]
        grid.rows.append([*line, str(len(found))])
    grid.rows.append(_constant(cells, corpus, dimension))
    grid.notes = cells.notes()
    benchmarks = {row["benchmark"]: None for row in measured.values()}
    if benchmarks.keys() - {TABLES}:
        grid.notes.append(f"Runs of the benchmark {', '.join(benchmarks)}.")
    if number:
        grid.notes.append(f"Paper: {paper()['source']}.")
    return grid


def _order(quoted: dict[str, Any], measured: dict[str, Row]) -> list[str]:
    """Return methods that the paper lacks, then the paper's in its order, DAMER last."""
    rest = [name for name in measured if name not in quoted and name != "damer"]
    return [*rest, *(name for name in quoted if name != "damer"), "damer"]


def _papers(name: str, corpus: str, dimension: str, quoted: dict[str, Any]) -> list[float] | None:
    if name in quoted:
        found: list[float] = quoted[name][dimension]
        return found
    elsewhere: list[float] | None = paper()["elsewhere"].get(name, {}).get(corpus, {}).get(dimension)
    return elsewhere


def _title(name: str, measured: dict[str, Row]) -> str:
    if name in measured and measured[name]["name"] == measured[name]["method"]:
        return str(measured[name]["title"])
    title: str = paper()["methods"].get(name, name)
    return title


def _provenance(name: str, measured: dict[str, Row], quoted: dict[str, Any]) -> str:
    ours = measured[name]["provenance"] if name in measured else NO_PAPER
    theirs = quoted.get(name, {}).get("mark")
    return f"{ours} (paper: {theirs})" if theirs and name != "damer" else str(ours)


def _constant(cells: Cells, corpus: str, dimension: str) -> list[str]:
    """Return the row of the constant answer that scores most on each test part: what every row must beat."""
    own = [row for row in cells.rows if (row["corpus"], row["dimension"]) == (corpus, dimension)]
    by_run = {(row["seed"], row["fold"], row["data"]): row for row in own}

    def values(metric: str) -> list[float]:
        found = [row["majority"][cells.level].get(metric) for row in by_run.values()]
        return [100 * value for value in found if value is not None]

    line = ["constant answer", "of the test part"]
    for metric in METRICS:
        line += [NO_PAPER, spread(values(metric)), NO_PAPER]
    return [*line, *(spread(values(metric)) for metric in BESIDE), str(len(by_run))]


def ablation_table(rows: Sequence[Row], level: str = "track", protocol: str = "track") -> Grid:
    """Return table V: accuracy of every combination of the three modules."""
    quoted = paper()["tables"]["V"]["rows"]
    cells = Cells([row for row in rows if row["benchmark"] == ABLATION], protocol, level)
    corpora = [*TITLES, *sorted({row["corpus"] for row in cells.rows} - TITLES.keys())]
    columns = ["modules", "runs"]
    for corpus in corpora:
        for dimension in DIMENSIONS:
            name = f"{TITLES.get(corpus, corpus)} {dimension}"
            columns += [f"{name} {part}" for part in ("paper", "ours", "gap")]
    grid = Grid("table-V", "Ablation, accuracy (table V)", columns)
    for name, numbers in quoted.items():
        line, runs = [], 0
        for corpus in corpora:
            for dimension in DIMENSIONS:
                found = cells.of(name, corpus, dimension)
                ours, papers = cells.values(found, "accuracy"), numbers.get(corpus, {}).get(dimension)
                runs = max(runs, len(found))
                line += [NO_PAPER if papers is None else f"{papers:.2f}", spread(ours), gap(ours, papers)]
        grid.rows.append([name, str(runs), *line])
    grid.notes = [*cells.notes(), f"Paper: {paper()['source']}; {paper()['rows of table V']}."]
    return grid


def variant_tables(rows: Sequence[Row], level: str = "track") -> list[Grid]:
    """Return one table for every other benchmark: its variants on every corpus, against one of them.

    That is the one without settings of its own: the method as it is. Rows stand in the recipe's order where
    the recipe is in the package, because runs side by side are recorded in any order.
    """
    names = list(dict.fromkeys(row["benchmark"] for row in rows))
    found = []
    for benchmark in names:
        own = [row for row in rows if row["benchmark"] == benchmark]
        several = len({row["protocol"] for row in own}) > 1
        if benchmark in (TABLES, ABLATION) and not several:
            continue
        found.append(
            _protocol_table(benchmark, own, level) if several else _variant_table(benchmark, own, level)
        )
    return found


def _protocol_table(benchmark: str, rows: Sequence[Row], level: str) -> Grid:
    """Return each method under each protocol, the first protocol beside what the others flatter."""
    protocols = list(dict.fromkeys(row["protocol"] for row in rows))
    by_protocol = {name: Cells(rows, name, level) for name in protocols}
    methods = _names(benchmark, rows)
    first = by_protocol[protocols[0]]
    columns = ["method", "corpus", "dimension"]
    for metric in ("accuracy", "auc"):
        columns += [f"{name} {metric}" for name in protocols]
        columns += [f"{name} − {protocols[0]} {metric}" for name in protocols[1:]]
    grid = Grid(benchmark, f"{benchmark}: the same methods under {', '.join(protocols)}", columns)
    for corpus, dimension in sorted({(row["corpus"], row["dimension"]) for row in rows}):
        for name in methods:
            line = [name, corpus, dimension]
            for metric in ("accuracy", "auc"):
                values = [c.values(c.of(name, corpus, dimension), metric) for c in by_protocol.values()]
                line += map(spread, values)
                base = statistics.fmean(values[0]) if values[0] else None
                line += [gap(value, base) for value in values[1:]]
            grid.rows.append(line)
    grid.notes = [f"Mean ± standard deviation over runs, per {first.level}, percent."]
    return grid


def _names(benchmark: str, rows: Sequence[Row]) -> list[str]:
    """Return the names in some rows, in the order of the benchmark's recipe where the package has it."""
    found = list(dict.fromkeys(row["name"] for row in rows))
    files = TomlFiles("benchmark", "benchmark/recipes")
    if benchmark not in files.names():
        return found
    recipe = files.read(benchmark)[1]
    order = [*recipe.get("methods", []), *(variant["name"] for variant in recipe.get("variant", []))]
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))


def _variant_table(benchmark: str, rows: Sequence[Row], level: str) -> Grid:
    cells = Cells(rows, rows[0]["protocol"], level)
    names = _names(benchmark, rows)
    plain = {row["name"] for row in rows if not row.get("settings")}
    base_name = next((name for name in names if name in plain), names[0])
    columns = ["variant", "corpus", "dimension", "runs"]
    wanted = ("accuracy", "balanced_accuracy", "auc")
    columns += [text for metric in wanted for text in (metric, f"{metric} against {base_name}")]
    grid = Grid(benchmark, f"{benchmark}: variants against {base_name}", columns)
    for corpus, dimension in sorted({(row["corpus"], row["dimension"]) for row in rows}):
        first = cells.of(base_name, corpus, dimension)
        for name in names:
            found = cells.of(name, corpus, dimension)
            line = [name, corpus, dimension, str(len(found))]
            for metric in wanted:
                base = cells.values(first, metric)
                ours = cells.values(found, metric)
                line += [spread(ours), gap(ours, statistics.fmean(base) if base else None)]
            grid.rows.append(line)
    grid.notes = cells.notes()
    return grid

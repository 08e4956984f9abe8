"""Write those parts of the documentation that follow from the program and its measurements.

usage: python scripts/generated_docs.py [--check]

`docs/commands.md` comes from the command line's own parser, `docs/settings.md` from the configuration
classes, `docs/recipes.md` from the packaged recipes, the results in `MODEL_CARD.md` from
`experiments/results/N-*.json`, and `docs/tables.md` and the tables in `docs/results.md` from the rows of
benchmarks, `experiments/results/NAME/results.jsonl`. With `--check` nothing is written: what is out of date
is named, and the status is 1.

A results file is `{"title": …, "text": …, "command": …, "rows": [{column: value, …}, …]}`: each row is a line
of a table, each value a text, a number or an interval `[low, high]`.
"""

import argparse
import dataclasses
import inspect
import json
import math
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from damer.benchmark.results import read_rows
from damer.cli import build_parser
from damer.features import FeatureSpec
from damer.models import DamerConfig
from damer.report.grids import Grid
from damer.report.tables import NOT_RUN, ablation_table, method_tables, variant_tables
from damer.training.config import TrainingConfig

ROOT = Path(__file__).parents[1]
START, END = "<!-- results: written by scripts/generated_docs.py -->", "<!-- end of results -->"
TABLE = re.compile(
    r"(<!-- (?P<name>\S+) (?P<dimension>arousal|valence) -->\n).*?(<!-- end of table -->)", re.S
)


def subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Yield every command below a parser, with its one-line help, commands of commands included."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, child in action.choices.items():
                yield child, helps.get(name, "")
                yield from subparsers(child)


def usage(parser: argparse.ArgumentParser) -> str:
    """Return a command's usage: its name, what it needs and, if it has any, its options."""
    parts = [parser.prog]
    for action in parser._actions:
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
            name = display_name(action)
            parts.append(
                {"*": f"[{name} …]", "+": f"{name} [{name} …]", "?": f"[{name}]"}.get(str(action.nargs), name)
            )
        elif isinstance(action, argparse._SubParsersAction):
            parts.append(str(action.metavar or "COMMAND"))
        elif action.required:
            parts.append(f"{action.option_strings[-1]} {display_name(action)}")
    return " ".join([*parts, "[options]"])


def display_name(action: argparse.Action) -> str:
    """Return what stands for an argument's value, as in the program's own help."""
    if action.metavar is not None:
        return action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    if action.choices is not None:
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def row(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """Return an argument's line in the table."""
    value = "" if action.nargs == 0 else f" {display_name(action)}"
    value += " …" if action.option_strings and action.nargs == "+" else ""
    names = [f"`{name}{value}`" for name in action.option_strings] or [f"`{display_name(action)}`"]
    explained = (action.help or "").replace("%(prog)s", parser.prog)
    explained = explained % {**vars(action), "prog": parser.prog} if "%" in explained else explained
    default = action.default
    told = (
        "(one a core)" in explained
        or "default" in explained
        or f"({default})" in explained
        or action.nargs == 0
    )
    told = told or not action.option_strings
    if not told and default not in (None, argparse.SUPPRESS, [], ()):
        explained += f" (default: {default})"
    cells = (", ".join(names), " ".join(explained.split()))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def commands_page() -> str:
    """Return `docs/commands.md`."""
    lines = [
        "# Command reference",
        "",
        "<!-- written by scripts/generated_docs.py from the program's own parser; do not edit -->",
        "",
        "Exit status of every command: 0 done; 1 something was wrong, named in one line on standard error;",
        "2 the command was not understood; 130 interrupted. Results go to standard output, messages and",
        "progress to standard error. Every command has `--help`; `--version` prints the version.",
        "",
    ]
    for parser, summary in subparsers(build_parser()):
        lines += [
            f"## {parser.prog}",
            "",
            parser.description or summary,
            "",
            "```text",
            usage(parser),
            "```",
            "",
        ]
        actions = [
            action
            for action in parser._actions
            if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction)
            and action.help != argparse.SUPPRESS
        ]
        if actions:
            lines += ["| argument | meaning |", "|---|---|", *(row(action, parser) for action in actions), ""]
        if parser.epilog:
            lines += ["```text", parser.epilog.strip("\n"), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def sentence(text: str) -> str:
    """Return a help text as a sentence."""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def settings_page() -> str:
    """Return `docs/settings.md`."""
    lines = [
        "# Settings",
        "",
        "<!-- written by scripts/generated_docs.py from the configuration classes; do not edit -->",
        "",
        "Every setting with its default and choices, and what its class says of it. [Method](method.md)",
        "tells which of them are readings of the paper. An unknown name or an impossible value is an error",
        "that says so.",
        "",
    ]
    classes: list[tuple[type, str]] = [
        (TrainingConfig, "table `[training]` of a recipe, `--set name=value`"),
        (DamerConfig, "table `[model]` of a recipe, `--set model.name=value`"),
        (FeatureSpec, "table `[features]` of a recipe, `--spec name=value` when features are extracted"),
    ]
    for kind, where in classes:
        lines += [
            f"## {kind.__name__}",
            "",
            f"Set by: {where}.",
            "",
            "| setting | default | kind |",
            "|---|---|---|",
        ]
        hints = get_type_hints(kind)
        for field in dataclasses.fields(kind):
            lines.append(f"| `{field.name}` | `{field.default}` | {kind_of(hints[field.name])} |")
        lines += ["", "```text", inspect.cleandoc(kind.__doc__ or ""), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def kind_of(hint: Any) -> str:
    """Return a setting's type in plain words."""
    if get_origin(hint) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(hint))
    if get_origin(hint) is UnionType:
        return " or ".join(kind_of(part) for part in get_args(hint))
    words = {int: "whole number", float: "number", bool: "`true` or `false`", type(None): "nothing"}
    return words.get(hint, "text")


def recipes_page() -> str:
    """Return `docs/recipes.md`."""
    lines = [
        "# Recipes",
        "",
        "<!-- written by scripts/generated_docs.py from the packaged recipes; do not edit -->",
        "",
        "A recipe says what differs from the defaults, which are the paper's ([Method](method.md)). Train",
        "with `damer train NAME`; [Train](train.md) tells how to write your own.",
        "",
    ]
    for path in sorted((ROOT / "src" / "damer" / "recipes").glob("*.toml")):
        lines += [f"## `{path.stem}`", "", "```toml", path.read_text(encoding="utf-8").strip(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def cell(value: Any) -> str:
    """Return a value of a results table as text: numbers to three decimals, intervals as low–high."""
    if isinstance(value, list):
        return "–".join(cell(part) for part in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def results() -> str:
    """Return the model card's tables."""
    sections = []
    for path in sorted((ROOT / "experiments" / "results").glob("[0-9]-*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        columns = list(dict.fromkeys(name for line in result["rows"] for name in line))
        table = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        table += [
            "| " + " | ".join(cell(line.get(name, "")) for name in columns) + " |" for line in result["rows"]
        ]
        sections += [f"### {result['title']}", "", result.get("text", ""), "", *table, ""]
        if result.get("command"):
            sections += ["Measured by:", "", "```sh", result["command"], "```", ""]
    return "\n".join(sections) if sections else "No measurement is on record yet.\n"


def model_card() -> str:
    """Return `MODEL_CARD.md` with its results brought up to date."""
    text = (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{results()}\n{END}{after}"


def benchmark_rows() -> dict[str, list[dict[str, Any]]]:
    """Return the committed rows of every benchmark, by the name of its folder."""
    paths = sorted((ROOT / "experiments" / "results").glob("*/results.jsonl"))
    return {path.parent.name: read_rows(path) for path in paths}


def grids(name: str, rows: list[dict[str, Any]]) -> list[Grid]:
    """Return the tables that suit a benchmark: of methods, the paper's ablation, or of variants."""
    if name.startswith("tables"):
        return method_tables(rows)
    return [ablation_table(rows)] if name.startswith("ablation") else variant_tables(rows)


def tables_page() -> str:
    """Return `docs/tables.md`: what `damer report tables` makes of the committed rows."""
    lines = [
        "# Tables",
        "",
        "What `damer report tables` prints of the committed rows (`experiments/results/NAME`). "
        "Tables without a run are left out. [Results so far](results.md) says in plain words what they mean.",
        "",
    ]
    for name, rows in benchmark_rows().items():
        lines += [f"## `{name}`", "", f"{len(rows)} runs.", ""]
        for grid in grids(name, rows):
            if any(line[-1] != "0" for line in grid.rows):
                lines.append(grid.markdown())
    return "\n".join(lines).rstrip() + "\n"


def summary(rows: list[dict[str, Any]], dimension: str) -> str:
    """Return accuracy and AUC per track of each line on each corpus (and protocol), mean over its runs.

    Methods stand best first, variants as their benchmark names them.
    """
    methods = len({row["method"] for row in rows}) > 1
    protocols = len({row["protocol"] for row in rows}) > 1
    found = defaultdict(list)
    for row in rows:
        if row["dimension"] == dimension:
            line = row["title"] if methods else row["name"]
            column = f"{row['corpus']}, {row['protocol']}" if protocols else row["corpus"]
            found[line, column].append(row["metrics"]["track"])
    names = list(dict.fromkeys(line for line, _ in found))
    columns = list(dict.fromkeys(column for _, column in found))

    def mean(runs: list[dict[str, float | None]], metric: str) -> float:
        values = [value for run in runs if (value := run[metric]) is not None]
        return statistics.fmean(values) if values else math.nan

    def score(runs: list[dict[str, float | None]]) -> str:
        means = [mean(runs, metric) for metric in ("accuracy", "auc")]
        return " / ".join("–" if math.isnan(x) else f"{x:.3f}" for x in means) + f" ({len(runs)})"

    def mean_auc(name: str) -> float:
        return mean([run for column in columns for run in found.get((name, column), ())], "auc")

    if methods:
        names.sort(key=mean_auc, reverse=True)
    lines = [
        f"| {'method' if methods else 'variant'} | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for name in names:
        cells = [score(found[name, column]) if (name, column) in found else NOT_RUN for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def results_page() -> str:
    """Return `docs/results.md` with its tables brought up to date."""
    rows = benchmark_rows()

    def table(match: re.Match[str]) -> str:
        return match[1] + summary(rows[match["name"]], match["dimension"]) + match[4]

    return TABLE.sub(table, (ROOT / "docs" / "results.md").read_text(encoding="utf-8"))


def main() -> int:
    """Write or check every generated page and return the exit status."""
    pages = {
        ROOT / "docs" / "commands.md": commands_page(),
        ROOT / "docs" / "settings.md": settings_page(),
        ROOT / "docs" / "recipes.md": recipes_page(),
        ROOT / "docs" / "tables.md": tables_page(),
        ROOT / "docs" / "results.md": results_page(),
        ROOT / "MODEL_CARD.md": model_card(),
    }
    stale = [
        path for path, text in pages.items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path}: out of date; run `make pages`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(pages[path], encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

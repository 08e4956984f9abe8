"""`damer benchmark`."""

import argparse
import sys
from pathlib import Path

from damer.cli.options import (
    add_jobs,
    add_recipe,
    add_settings,
    add_stores,
    add_threads,
    limit_threads,
)
from damer.core.errors import DamerError
from damer.core.text import by_reason

Subparsers = argparse._SubParsersAction


def add_parser(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer benchmark`."""
    parser = subparsers.add_parser(
        "benchmark",
        help="compare DAMER with other methods on prepared stores",
        description="Train and test methods on every corpus of the stores; one row each in results.jsonl. "
        "What has a row already is not done again, so the same command goes on where it was cut short.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add_recipe(parser, "RECIPE", "benchmark")
    add("--list", action="store_true", help="print the packaged benchmarks and the methods, and stop")
    add_stores(parser)
    add("--unlabelled", type=Path, nargs="+", default=[], metavar="STORE", help="stores used without labels")
    add("--out", type=Path, metavar="DIR", help="folder of the results")
    add("--methods", metavar="NAME,NAME", help="only these methods of the recipe")
    add_settings(
        parser, "change the recipe (seeds=[0,1], folds=5, budget=100000) or what trainings share (epochs=40)"
    )
    add("--permute-labels", action="store_true", help="deal labels out at random: all must fall to chance")
    add_jobs(parser, "jobs")
    add_threads(parser, "threads of PyTorch with one worker; default: its choice")
    add("--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> int:
    """Do the jobs that are left, print the table."""
    from damer.benchmark.recipe import load_benchmark

    if arguments.list:
        _list()
        return 0
    if arguments.recipe is None or not arguments.data or arguments.out is None:
        raise DamerError("give RECIPE, --data STORE … and --out DIR (--list tells the recipes)")
    benchmark = load_benchmark(arguments.recipe, arguments.settings)
    if arguments.methods:
        benchmark = benchmark.only([name.strip() for name in arguments.methods.split(",")])
    limit_threads(arguments.threads)
    from damer.benchmark.results import RESULTS
    from damer.benchmark.run import Setting, execute, table

    outcome = execute(
        Setting(
            benchmark,
            tuple(map(str, arguments.data)),
            arguments.out,
            tuple(map(str, arguments.unlabelled)),
            arguments.workers,
            arguments.device,
            arguments.permute_labels,
            arguments.quiet,
        )
    )
    print(table(outcome.rows))
    print(f"\n{arguments.out / RESULTS}: {len(outcome.rows)} rows of this benchmark, {outcome.done} new")
    for sentence in by_reason(outcome.failed):
        print(f"damer: {sentence}", file=sys.stderr)
    return 1 if outcome.failed else 0


def _list() -> None:
    from damer.baselines.registry import BASELINES
    from damer.benchmark.recipe import available, load_benchmark

    print("Benchmarks")
    for name in available():
        print(f"  {name:<16}{load_benchmark(name).description}")
    print("\nMethods")
    for item in BASELINES.values():
        print(f"  {item.name:<16}{item.provenance:<16}{item.source}")
    print(f"  {'damer':<16}{'DAMER':<16}the method of the paper, as the training recipe says")

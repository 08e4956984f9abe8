"""`damer sweep`."""

import argparse
import sys
from pathlib import Path

from damer.cli.options import add_dimension, add_jobs, add_recipe, add_settings, add_stores, dimensions, whole
from damer.core.errors import DamerError
from damer.core.text import by_reason

Subparsers = argparse._SubParsersAction


def add_parser(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer sweep`."""
    parser = subparsers.add_parser(
        "sweep",
        help="search settings on the validation part",
        description="Try settings by Optuna, each judged on the validation part; the test part stays unseen. "
        "The same command goes on where it was cut short.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add_recipe(parser, "SWEEP", "sweep")
    add("--list", action="store_true", help="print the packaged sweeps and stop")
    add_stores(parser)
    add("--out", type=Path, metavar="DIR", help="folder of the sweep")
    add_dimension(parser)
    add(
        "--trials", type=whole(), metavar="N", help="settings to try in all, those of earlier runs counted in"
    )
    add_settings(parser, "a setting that holds for all trials, such as epochs=20; may be repeated")
    add_jobs(parser, "trials")


def run(arguments: argparse.Namespace) -> int:
    """Search, print the best trials."""
    from damer.training.sweep_space import available, load_sweep

    if arguments.list:
        for name in available():
            print(f"{name:16}{load_sweep(name, []).description}")
        return 0
    if arguments.recipe is None or not arguments.data or arguments.out is None:
        raise DamerError("give SWEEP, --data STORE … and --out DIR (--list tells the packaged sweeps)")
    sweep = load_sweep(arguments.recipe, arguments.settings, arguments.trials)
    from damer.training.sweep import Place, execute, table

    place = Place(tuple(map(str, arguments.data)), arguments.out, arguments.workers, arguments.device)
    failed: list[tuple[str, str]] = []
    for dimension in dimensions(arguments.dimension):
        found = execute(sweep, dimension, place)
        failed += found.failed
        print(table(sweep, dimension, found.rows), end="\n\n")
        print(f"{arguments.out / f'best-{dimension}.toml'}: the best one as a recipe for `damer train`")
    for sentence in by_reason(failed):
        print(f"damer: {sentence}", file=sys.stderr)
    return 1 if failed else 0

"""`damer sweep`."""

import argparse
from pathlib import Path

from damer.core.errors import DamerError

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
    add(
        "recipe",
        nargs="?",
        metavar="SWEEP",
        help="a packaged sweep (--list tells all) or a path that ends in .toml",
    )
    add("--list", action="store_true", help="print the packaged sweeps and stop")
    add("--data", type=Path, nargs="+", metavar="STORE", help="stores of `damer dataset prepare`")
    add("--out", type=Path, metavar="DIR", help="folder of the sweep")
    add("--dimension", choices=("arousal", "valence", "both"), default="both", help="what to learn (both)")
    add("--trials", type=int, metavar="N", help="settings to try in all, those of earlier runs counted in")
    add(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="a setting that holds for all trials, such as epochs=20; may be repeated",
    )
    add("--workers", type=int, default=1, metavar="N", help="trials at a time, one thread each (%(default)s)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute (auto)")


def run(arguments: argparse.Namespace) -> int:
    """Search, print the best trials."""
    from damer.training.sweep_space import available, load_sweep

    if arguments.list:
        for name in available():
            print(f"{name:16}{load_sweep(name, []).description}")
        return 0
    if arguments.recipe is None or not arguments.data or arguments.out is None:
        raise DamerError("give SWEEP, --data STORE … and --out DIR (--list tells the packaged sweeps)")
    if arguments.workers < 1:
        raise DamerError(f"--workers {arguments.workers}: at least 1 is needed")
    sweep = load_sweep(arguments.recipe, arguments.settings, arguments.trials)
    from damer.training.sweep import Place, execute, table

    place = Place(tuple(map(str, arguments.data)), arguments.out, arguments.workers, arguments.device)
    both = arguments.dimension == "both"
    for dimension in ("arousal", "valence") if both else (arguments.dimension,):
        rows = execute(sweep, dimension, place)
        print(table(sweep, dimension, rows), end="\n\n")
        print(f"{arguments.out / f'best-{dimension}.toml'}: the best one as a recipe for `damer train`")
    return 0

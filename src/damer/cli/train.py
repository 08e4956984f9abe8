"""`damer train`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli.options import (
    MOST_WORKERS,
    add_device,
    add_dimension,
    add_settings,
    add_stores,
    add_threads,
    dimensions,
    limit_threads,
    whole,
)
from damer.core.errors import DamerError

if TYPE_CHECKING:
    from damer.training.collection import Collection
    from damer.training.recipes import Recipe

Subparsers = argparse._SubParsersAction
DEFAULT_RECIPE = "paper"


def add_parser(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer train`."""
    parser = subparsers.add_parser(
        "train",
        help="train networks on prepared stores, or on a folder of audio with labels",
        description="Train networks on prepared stores (--data) or a folder of audio with labels (--audio).",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add(
        "recipe",
        nargs="?",
        default=DEFAULT_RECIPE,
        metavar="RECIPE",
        help=f"a packaged recipe ({DEFAULT_RECIPE}; --list-recipes tells all) or a path that ends in .toml",
    )
    add("--list-recipes", action="store_true", help="print the packaged recipes and stop")
    _add_data(parser)
    add_dimension(parser)
    add("--out", type=Path, metavar="RUN", help="folder of the run")
    add_settings(
        parser, "change a setting of the recipe, such as epochs=40 or model.layers=3; may be repeated"
    )
    add("--seed", type=int, metavar="N", help="the same as --set seed=N")
    add("--members", type=int, metavar="N", help="networks of the ensemble, one seed each")
    add(
        "--label-fraction",
        type=float,
        metavar="SHARE",
        help="share of the training groups that keep their labels; the rest is the unlabelled pool",
    )
    division = parser.add_mutually_exclusive_group()
    division.add_argument(
        "--folds", type=int, metavar="N", help="grouped cross-validation: every track tested once"
    )
    division.add_argument("--fold", metavar="K/N", help="one fold of it")
    division.add_argument("--all-data", action="store_true", help="train on everything, test on nothing")
    division.add_argument(
        "--grid",
        nargs="+",
        metavar="KEY=V,V",
        help="try every combination of these settings on the validation part; the test part stays unseen",
    )
    add(
        "--teacher",
        type=Path,
        metavar="JSONL",
        help="other methods' answers for the tracks to train on; they soften the labels by teacher_share",
    )
    add(
        "--companion",
        choices=("mel", "all"),
        help="blend in a kernel machine on averaged token features: of Mel, or of all views",
    )
    _add_running(parser)


def _add_running(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--embeddings",
        action="store_true",
        help="keep where the test part lies in each network before and after training, for figure 7",
    )
    add("--resume", action="store_true", help="go on with the run in --out")
    add("--weights", choices=("float32", "float16"), default="float32", help="how checkpoints store weights")
    add_device(parser)
    add_threads(parser, "threads of PyTorch; default: its own choice")
    add("--quiet", action="store_true", help="no progress bars")


def _add_data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_stores(parser)
    add("--unlabelled", type=Path, nargs="+", default=[], metavar="STORE", help="stores used without labels")
    add("--audio", type=Path, metavar="DIR", help="folder of sound files, with --labels")
    add("--labels", type=Path, metavar="CSV", help="table: file, arousal, valence, group, …")
    add("--scale", default="-1:1", metavar="LOW:HIGH", help="scale of the table's labels (%(default)s)")
    add(
        "--workers",
        type=whole(most=MOST_WORKERS),
        default=1,
        metavar="N",
        help="processes that read --audio (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, print the table of the test part."""
    from damer.training.recipes import available, load_recipe

    if arguments.list_recipes:
        for name in available():
            print(f"{name:16} {load_recipe(name).description}")
        return 0
    if arguments.out is None:
        raise DamerError("where should the run go? give --out RUN")
    recipe = load_recipe(arguments.recipe, _settings(arguments))
    limit_threads(arguments.threads)
    return _search(arguments, recipe) if arguments.grid else _train(arguments, recipe)


def _search(arguments: argparse.Namespace, recipe: "Recipe") -> int:
    if arguments.embeddings:
        raise DamerError("--grid leaves the test part unseen: leave out --embeddings")
    from damer.training.search import Grid, grid_table, search

    settings = tuple(_settings(arguments))
    grid = Grid(arguments.recipe, settings, tuple(arguments.grid), dimensions(arguments.dimension))
    grid.recipes()
    data = _collection(arguments, recipe)
    print(grid_table(search(grid, data, arguments.out, arguments.resume, arguments.device, arguments.quiet)))
    return 0


def _train(arguments: argparse.Namespace, recipe: "Recipe") -> int:
    from damer.training.protocols import LEAKY
    from damer.training.run import Plan, execute, is_finished
    from damer.training.summary import table
    from damer.training.teacher import Teacher

    folds, fold = _folds(arguments)
    teacher = Teacher.load(arguments.teacher) if arguments.teacher else None
    plan = Plan(
        recipe,
        dimensions(arguments.dimension),
        folds,
        fold,
        arguments.all_data,
        arguments.weights,
        teacher,
        arguments.embeddings,
        arguments.companion,
    )
    if arguments.resume and is_finished(arguments.out):
        print(f"{arguments.out}: this run is over already")
        return 0
    data = _collection(arguments, recipe)
    reports = execute(plan, data, arguments.out, arguments.resume, arguments.device, arguments.quiet)
    for dimension, found in reports.items():
        print(table(dimension, found), end="\n\n")
    if recipe.training.split in LEAKY:
        print(LEAKY[recipe.training.split])
    print(f"{arguments.out}: checkpoints, predictions.jsonl, summary.json, log.jsonl, tensorboard/")
    return 0


def _settings(arguments: argparse.Namespace) -> list[str]:
    settings = list(arguments.settings)
    for name in ("seed", "members", "label_fraction"):
        value = getattr(arguments, name)
        if value is not None:
            settings.append(f"training.{name}={value}")
    return settings


def _folds(arguments: argparse.Namespace) -> tuple[int, int]:
    """Return (number of folds, the one to train or 0 for all)."""
    if arguments.fold is None:
        if arguments.folds is not None and arguments.folds < 2:
            raise DamerError(f"--folds {arguments.folds}: at least 2 are needed")
        return arguments.folds or 0, 0
    first, _, last = arguments.fold.partition("/")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise DamerError(f"--fold {arguments.fold}: write it as K/N, such as 2/5")
    return int(last), int(first)


def _collection(arguments: argparse.Namespace, recipe: "Recipe") -> "Collection":
    from damer.training.collection import open_collection

    if (arguments.data is None) == (arguments.audio is None):
        raise DamerError("give either --data STORE … or --audio DIR --labels CSV")
    if arguments.data is not None and arguments.labels is not None:
        raise DamerError("--labels belongs to --audio; the tracks of a store have their labels with them")
    if arguments.data is not None:
        return open_collection(arguments.data, arguments.unlabelled)
    store = arguments.out / "features"
    _prepare_folder(arguments, recipe, store)
    return open_collection([store], arguments.unlabelled)


def _prepare_folder(arguments: argparse.Namespace, recipe: "Recipe", store: Path) -> None:
    """Extract a user's folder into the run's own store."""
    from damer.datasets.folder import Folder, labelled_folder
    from damer.datasets.prepare import Preparation, prepare

    tracks = labelled_folder(arguments.audio, arguments.labels, arguments.scale)
    how = Preparation(Folder.window, recipe.spec(), workers=arguments.workers)
    outcome = prepare(tracks, store, how)
    if not outcome.tracks:
        raise DamerError(
            f"{arguments.audio}: none of its {len(tracks)} files could be read; see the lines above"
        )

"""`damer evaluate`."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from damer.cli.options import add_device, add_stores
from damer.core.errors import DamerError

if TYPE_CHECKING:
    from damer.core.track import Dimension
    from damer.training.judge import Judgement

Subparsers = argparse._SubParsersAction


def add_parser(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure checkpoints on labelled music",
        description="Measure checkpoints on prepared stores; without --data, show a run's own test "
        "predictions (those of several runs, such as single folds, are pooled).",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="CHECKPOINT|RUN", help="checkpoints, or folders of runs")
    add_stores(parser)
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--skip-seen", action="store_true", help="leave out tracks whose group was trained on")
    seen.add_argument("--allow-leak", action="store_true", help="judge tracks that were trained on, too")
    add(
        "--against",
        type=Path,
        metavar="RUN",
        help="another run: print how far the first is ahead, track by track",
    )
    add(
        "--renders",
        action="store_true",
        help="judge the varied renderings of --data in place of the originals",
    )
    add("--json", action="store_true", help="print one JSON object instead of tables")
    add("--predictions", type=Path, metavar="FILE", help="also write every track's prediction, one a line")
    add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge, print tables or JSON."""
    from damer.training.summary import comparison_table, plain, report, table

    if arguments.renders and not arguments.data:
        raise DamerError("--renders needs the stores that hold the renderings: give --data STORE")
    found = _judgements(arguments) if arguments.data else list(_pooled(arguments.paths).values())
    if arguments.predictions:
        _write_predictions(arguments.predictions, found)
    result: dict[str, Any] = {}
    others = _pooled([arguments.against]) if arguments.against else {}
    for item in found:
        measured = report(item.predictions)
        result[item.dimension] = {"notes": item.notes, "report": measured}
        ahead = _differences(item, others, arguments.against) if others else []
        if ahead:
            result[item.dimension]["against"] = ahead
        if not arguments.json:
            print(table(item.dimension, measured), end="\n\n")
            print(*item.notes, *([comparison_table(ahead) + "\n"] if ahead else []), sep="\n")
    if arguments.json:
        json.dump(plain(result), sys.stdout, indent=1)
        print()
    return 0


def _judgements(arguments: argparse.Namespace) -> "list[Judgement]":
    from damer.training.collection import open_collection
    from damer.training.judge import find_checkpoints, judge, load_checkpoints
    from damer.training.run import choose_device

    loaded = load_checkpoints([found for path in arguments.paths for found in find_checkpoints(path)])
    data = open_collection(arguments.data)
    seen = "allow" if arguments.allow_leak else "skip" if arguments.skip_seen else "refuse"
    device = choose_device(arguments.device)
    return [
        judge(dimension, items, data, seen, device, arguments.renders) for dimension, items in loaded.items()
    ]


def _differences(item: "Judgement", others: "dict[Dimension, Judgement]", path: Path) -> list[dict[str, Any]]:
    """Compare with another run's predictions of the same dimension."""
    from damer.training.summary import compare

    if item.dimension not in others:
        raise DamerError(f"{path}: that run tested no {item.dimension}")
    try:
        return compare(item.predictions, others[item.dimension].predictions)
    except ValueError as error:
        raise DamerError(f"{path}: cannot be compared, {error}; give runs of one split") from None


def _pooled(paths: list[Path]) -> "dict[Dimension, Judgement]":
    """Pool the test predictions that runs have written."""
    from damer.training.judge import Judgement
    from damer.training.run import read_predictions

    pooled: dict[Dimension, Judgement] = {}
    known: set[tuple[str, str]] = set()
    for path in paths:
        if not path.is_dir():
            raise DamerError(f"{path}: to judge a checkpoint, say on what: --data STORE")
        for dimension, item in read_predictions(path / "predictions.jsonl"):
            judgement = pooled.setdefault(dimension, Judgement(dimension, []))
            if (dimension, item.id) in known:
                raise DamerError(
                    f"{path}: track {item.id} was tested in two of these runs; give runs of one split"
                )
            known.add((dimension, item.id))
            judgement.predictions.append(item)
    if not pooled:
        raise DamerError(f"{paths[0]}: that run tested on nothing; give --data STORE")
    return pooled


def _write_predictions(path: Path, found: "list[Judgement]") -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            for judgement in found:
                for item in judgement.predictions:
                    file.write(json.dumps({"dimension": judgement.dimension, **item.to_dict()}) + "\n")
    except OSError as error:
        raise DamerError(f"{path}: cannot be written ({error.strerror}): choose another file") from error

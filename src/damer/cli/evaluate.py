"""`damer evaluate`."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from damer.core.errors import DamerError

if TYPE_CHECKING:
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
    add("--data", type=Path, nargs="+", metavar="STORE", help="stores of `damer dataset prepare`")
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--skip-seen", action="store_true", help="leave out tracks whose group was trained on")
    seen.add_argument("--allow-leak", action="store_true", help="judge tracks that were trained on, too")
    add("--json", action="store_true", help="print one JSON object instead of tables")
    add("--predictions", type=Path, metavar="FILE", help="also write every track's prediction, one a line")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute (auto)")


def run(arguments: argparse.Namespace) -> int:
    """Judge, print tables or JSON."""
    from damer.training.summary import plain, report, table

    found = _judgements(arguments) if arguments.data else _from_runs(arguments)
    if arguments.predictions:
        _write_predictions(arguments.predictions, found)
    result: dict[str, Any] = {}
    for item in found:
        measured = report(item.predictions)
        result[item.dimension] = {"notes": item.notes, "report": measured}
        if not arguments.json:
            print(table(item.dimension, measured), end="\n\n")
            for note in item.notes:
                print(note)
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
    return [judge(dimension, items, data, seen, device) for dimension, items in loaded.items()]


def _from_runs(arguments: argparse.Namespace) -> "list[Judgement]":
    """Pool the test predictions that runs have written."""
    from damer.training.judge import Judgement
    from damer.training.run import read_predictions

    pooled: dict[str, Judgement] = {}
    known: set[tuple[str, str]] = set()
    for path in arguments.paths:
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
        raise DamerError(f"{arguments.paths[0]}: that run tested on nothing; give --data STORE")
    return list(pooled.values())


def _write_predictions(path: Path, found: "list[Judgement]") -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            for judgement in found:
                for item in judgement.predictions:
                    file.write(json.dumps({"dimension": judgement.dimension, **item.to_dict()}) + "\n")
    except OSError as error:
        raise DamerError(f"{path}: cannot be written ({error.strerror}): choose another file") from error

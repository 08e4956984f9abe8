"""`damer dataset table`."""

import argparse
import json
from pathlib import Path

from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.core.text import valid

Subparsers = argparse._SubParsersAction


def add_parser(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer dataset table`."""
    parser = actions.add_parser(
        "table",
        help="table I of the paper: the corpora, as the loaders find them here",
        description="Print table I of the paper with what the loaders find in the folders; `not run` stands "
        "where a corpus has none.",
    )
    parser.add_argument(
        "roots",
        nargs="*",
        metavar="NAME=DIR",
        help="a corpus and its folder; or a folder DIR whose folders have the corpora's names",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows, for `damer report`")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from damer.datasets import CORPORA
    from damer.datasets.table import markdown, table_one

    rows = table_one(CORPORA, _roots(arguments.roots))
    print(valid(markdown(rows)))
    if arguments.json is not None:
        with replacing(arguments.json, "choose another file") as part:
            part.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _roots(given: list[str]) -> dict[str, Path]:
    from damer.datasets.table import ORDER

    found: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if equals:
            found[name] = Path(folder)
        elif Path(text).is_dir():
            found |= {each: Path(text) / each for each in ORDER if (Path(text) / each).is_dir()}
        else:
            raise DamerError(f"{text}: no such folder; write NAME=DIR, such as emopia=EMOPIA_2.2")
    return found

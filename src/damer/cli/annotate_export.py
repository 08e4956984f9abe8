"""`damer annotate export`."""

import argparse
import sys
from pathlib import Path

from damer.cli.annotate_extra import add_study, need_extra
from damer.core.text import valid

Subparsers = argparse._SubParsersAction


def add_parser(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer annotate export`."""
    parser = actions.add_parser(
        "export",
        help="write what was annotated as a study folder, for agreement and release",
        description="Write what was annotated as a study folder, which `damer dataset agreement` and "
        "`damer dataset release` read. The study may be running; what plays at the moment is left out. "
        "Annotators are pseudonyms, and nothing that they said of themselves is in it.",
    )
    parser.set_defaults(run=run)
    add_study(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="STUDY", help="the study folder; must not be there yet"
    )


def run(arguments: argparse.Namespace) -> int:
    """Export, and say what it came to."""
    need_extra()
    from damer.annotation.server.config import find_study
    from damer.annotation.server.export import export_study

    study = find_study(arguments.folder, arguments.db)
    done = export_study(study.url, arguments.out, folder=study.folder)
    print(f"{valid(str(arguments.out))}: {study.name}")
    print(f"  {done.annotators} annotators, {done.calibrated} of them calibrated")
    print(f"  {done.trials} takes, {done.valid} of them valid; {done.samples} samples")
    if done.open:
        print(f"damer: left out, as they play now: {done.open} takes", file=sys.stderr)
    return 0

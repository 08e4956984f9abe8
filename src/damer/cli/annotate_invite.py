"""`damer annotate invite`."""

import argparse
import csv
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli.annotate_extra import add_study, need_extra
from damer.core.errors import DamerError

if TYPE_CHECKING:
    from damer.annotation.server.answers import Invitation
    from damer.annotation.server.service import StudyService

Subparsers = argparse._SubParsersAction


def add_parser(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer annotate invite`."""
    parser = actions.add_parser(
        "invite",
        help="make links with which people enter a study",
        description="Make links with which people enter a study. A link is told once; the database has only "
        "its hash. A new link ends the older ones of that person, and where they are logged in. The study "
        "may be running.",
    )
    parser.set_defaults(run=run)
    add_study(parser)
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--annotator", nargs="+", metavar="NAME", help="links for these annotators")
    who.add_argument("--all", action="store_true", help="links for all annotators who have none yet")
    who.add_argument("--researcher", metavar="NAME", help="a link for a researcher, who may be new")
    parser.add_argument(
        "--url", default="http://127.0.0.1:8642", metavar="BASE",
        help="address of the server, for the links (http://127.0.0.1:8642)",
    )  # fmt: skip
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write them to this file, not to the screen")


def run(arguments: argparse.Namespace) -> int:
    """Make the links and print or write them."""
    need_extra()
    import asyncio

    made = asyncio.run(_invite(arguments))
    if not made:
        print("damer: everybody has a link; --annotator NAME makes a new one", file=sys.stderr)
    base = arguments.url.rstrip("/")
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(["name", "link"])
    table.writerows([one.annotator, f"{base}{one.path}"] for one in made)
    if arguments.csv is None:
        for one in made:
            print(f"{one.annotator}  {base}{one.path}")
    else:
        _write(arguments.csv, lines.getvalue())
        print(f"{len(made)} links: {arguments.csv}")
    return 0


async def _invite(arguments: argparse.Namespace) -> "list[Invitation]":
    from damer.annotation.server.config import find_study
    from damer.annotation.server.service import StudyService

    study = find_study(arguments.folder, arguments.db)
    service = await StudyService.open(study.url, folder=study.folder, serving=False)
    try:
        if arguments.researcher:
            return [await service.people.invite(arguments.researcher, "researcher")]
        return [await service.people.invite(name) for name in await _names(service, arguments)]
    finally:
        await service.close()


async def _names(service: "StudyService", arguments: argparse.Namespace) -> list[str]:
    plans = service.info.assignment.plans
    if not arguments.all:
        unknown = [name for name in arguments.annotator if name not in plans]
        if unknown:
            raise DamerError(f"annotator {unknown[0]}: is not in this study; check the name")
        return list(dict.fromkeys(arguments.annotator))
    invited = await service.people.invited()
    return [name for name in plans if name not in invited]


def _write(path: Path, text: str) -> None:
    """Write the links to a file that only its owner can read.

    Raises:
        DamerError: it cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(
            os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
    except OSError as error:
        raise DamerError(
            f"{path}: cannot be written ({error.strerror}); the links are lost, make new ones by name"
        ) from error

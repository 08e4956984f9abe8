"""`damer annotate init`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli.annotate_extra import need_extra
from damer.core.errors import DamerError
from damer.core.text import clock, valid

if TYPE_CHECKING:
    from damer.annotation.protocol import Assignment
    from damer.annotation.server.studies import Draft

Subparsers = argparse._SubParsersAction

_EPILOG = """\
MANIFEST is a folder of `damer curate`, its manifest.parquet or manifest.csv, or a CSV table with a column
`file` and any of track_id, group, artist, title, licence, is_cc0, source, gain_db. The sound files stay where
they are.

examples:
  damer annotate init study --tracks clean --annotators 30
  damer annotate init study --tracks clean --exemplars exemplars.csv --annotators names.txt
  damer annotate init study --tracks clean --annotators 6 --settings calibration_tracks=6 daily_cap_s=1800
  damer annotate init study --tracks clean --annotators 30 --db postgresql://damer@localhost/study
"""


def add_parser(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer annotate init`."""
    parser = actions.add_parser(
        "init",
        help="make a study: who will hear what",
        description="Make a study: who will hear what is drawn once, and kept.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    option = parser.add_argument
    option("folder", type=Path, metavar="DIR", help="folder of the study; made if missing")
    option("--tracks", type=Path, required=True, metavar="MANIFEST", help="tracks of the work")
    option(
        "--annotators", required=True, metavar="N|FILE",
        help="how many annotators (a01, a02, …), or a file with one pseudonym a line",
    )  # fmt: skip
    option(
        "--exemplars", type=Path, metavar="CSV",
        help="tracks of the training at the extremes of the plane: file, valence, arousal",
    )  # fmt: skip
    option(
        "--calibration", type=Path, metavar="MANIFEST",
        help="tracks for calibration only; default: of groups that an annotator does not work on",
    )  # fmt: skip
    option(
        "--settings", nargs="+", default=[], metavar="TOML|KEY=VALUE",
        help="rules that differ from the defaults: a file, or values such as reset_s=20",
    )  # fmt: skip
    option("--seed", type=int, default=0, metavar="N", help="seed of who hears what (0)")
    option("--name", default="", metavar="TEXT", help="name of the study; default: the folder's")
    option("--researcher", default="researcher", metavar="NAME", help="who runs the study (researcher)")
    option(
        "--db", metavar="URL", help="a database of PostgreSQL: postgresql://user@host/name (SQLite in DIR)"
    )
    option(
        "--url", default="http://127.0.0.1:8642", metavar="BASE",
        help="address of the server, for the link (http://127.0.0.1:8642)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Make the study, say what it is, and print the researcher's link."""
    need_extra()
    import asyncio

    from damer.annotation.server.config import make_folder

    draft = _draft(arguments)
    assignment = draft.assignment()
    link = asyncio.run(make_folder(arguments.folder, draft, arguments.db, arguments.researcher))
    _tell(arguments, draft, assignment)
    print(f"  researcher's link, shown this once: {arguments.url.rstrip('/')}{link.path}")
    return 0


def _draft(arguments: argparse.Namespace) -> "Draft":
    from damer.annotation.server.config import read_settings
    from damer.annotation.server.manifests import read_exemplars, read_manifest
    from damer.annotation.server.studies import Draft

    settings, about = read_settings(arguments.settings)
    return Draft(
        name=arguments.name or arguments.folder.resolve().name,
        tracks=read_manifest(arguments.tracks),
        annotators=_annotators(arguments.annotators),
        exemplars=read_exemplars(arguments.exemplars) if arguments.exemplars else (),
        calibration=read_manifest(arguments.calibration) if arguments.calibration else (),
        settings=settings,
        about=about,
        seed=arguments.seed,
    )


def _annotators(text: str) -> list[str]:
    """Return the pseudonyms: so many numbered ones, or those of a file."""
    if text.isdecimal():
        if not 1 <= int(text) <= 10_000:
            raise DamerError(f"--annotators {text}: 1 to 10000 are possible")
        width = max(2, len(text))
        return [f"a{number:0{width}d}" for number in range(1, int(text) + 1)]
    try:
        lines = Path(text).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DamerError(f"--annotators {text}: is no number and no file that can be read") from error
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not names:
        raise DamerError(f"--annotators {text}: names nobody; write one pseudonym a line")
    return names


def _tell(arguments: argparse.Namespace, draft: "Draft", assignment: "Assignment") -> None:
    from damer.annotation.protocol import cohort_groups

    plans = assignment.plans.values()
    work = sorted(len(plan.tracks) for plan in plans)
    again = sorted(len(plan.work) - len(plan.tracks) for plan in plans)
    raters = sorted(
        sum(group in cohort_groups(draft.settings, plan.cohort) for plan in plans)
        for group in range(draft.settings.groups)
    )
    seconds = sorted(sum(assignment.durations[place.track] for place in plan.work) for plan in plans)
    sets = min(len(plan.calibration) for plan in plans)
    days = -(-seconds[-1] // draft.settings.daily_cap_s)
    print(f"{valid(str(arguments.folder))}: {draft.name}")
    print(f"  {len(draft.tracks)} tracks, {clock(sum(row.duration_s for row in draft.tracks))} in all; "
          f"{len(draft.annotators)} annotators in {draft.settings.cohorts} cohorts")  # fmt: skip
    twice = f", {_span(again)} of them twice" if again[-1] else ""
    print(f"  each annotator hears {_span(work)} tracks{twice} ({clock(seconds[-1])} at most, on {days:.0f} "
          f"or more days)")  # fmt: skip
    print(f"  each track is heard by {_span(raters)} annotators")
    print(
        f"  calibration: {draft.settings.calibration_tracks} hearings, {sets} fresh sets for each annotator"
    )
    if not draft.exemplars:
        print("damer: no --exemplars: there is no training, and calibration cannot tell an axis held upside "
              "down", file=sys.stderr)  # fmt: skip
    if draft.settings.duplicate_every and not again[-1]:
        print("damer: too few tracks for covert duplicates in the work; set duplicate_every and "
              "duplicate_distance lower to have some", file=sys.stderr)  # fmt: skip
    unstated = sum(not row.licence and not row.is_cc0 for row in draft.tracks)
    if unstated:
        print(f"damer: tracks whose licence is not stated: {unstated}", file=sys.stderr)


def _span(values: "list[int]") -> str:
    return f"{values[0]}" if values[0] == values[-1] else f"{values[0]} to {values[-1]}"

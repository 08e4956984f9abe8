"""`damer dataset release`."""

import argparse
import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from damer.cli.options import lag
from damer.core.errors import DamerError
from damer.core.text import valid

if TYPE_CHECKING:
    from damer.annotation.release import About

Subparsers = argparse._SubParsersAction

_EPILOG = """\
The release holds audio, every annotator's trajectory, fused labels with their spread, splits, a datasheet, a
Croissant description, a Hugging Face card and checksums. Annotators are pseudonyms; nothing else about them
leaves the study.

examples:
  damer dataset release study --out release --name "Our music" --licence CC-BY-4.0 --about about.toml
  damer dataset check release release
  damer dataset prepare release release --out stores/ours
"""


def add_parser(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer dataset release`."""
    parser = actions.add_parser(
        "release",
        help="make a study into a dataset that can be published",
        description="Make a study folder into a dataset that can be published.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    option = parser.add_argument
    option("study", type=Path, metavar="STUDY", help="folder of the study (with study.json)")
    option(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the release; must not be there yet"
    )
    option("--name", default="", metavar="TEXT", help="name of the dataset; default: the study's")
    option(
        "--licence", default="", metavar="TEXT", help="licence of the labels, best an SPDX name: CC-BY-4.0, …"
    )
    option("--rate", type=float, default=1.0, metavar="HZ", help="labels a second (1)")
    option(
        "--fusion",
        choices=("ewe", "mean", "median"),
        default="ewe",
        help="how annotators become one label: evaluator weighted, mean or median (ewe)",
    )
    option(
        "--lag",
        type=lag,
        default="auto",
        metavar="auto|none|SECONDS",
        help="how late annotators are: estimated for each, not taken off, or so many seconds (auto)",
    )
    option(
        "--audio",
        choices=("copy", "none"),
        default="copy",
        help="put the sound files into the release, or only their checksums (copy)",
    )
    option("--seed", type=int, default=0, metavar="N", help="seed of the splits (0)")
    option(
        "--about", type=Path, metavar="TOML", help="who made it, how to cite it, answers for the datasheet"
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the release and say what is in it and what is still to be done."""
    from damer.annotation.records import Study
    from damer.annotation.release import About, ReleaseSettings, open_questions, read_about, release

    if not 0 < arguments.rate <= 100:
        raise DamerError(f"--rate {arguments.rate:g}: give 0.1 to 100 labels a second, usually 1")
    about = read_about(arguments.about) if arguments.about else About()
    settings = ReleaseSettings(
        published=datetime.datetime.now(datetime.UTC).date().isoformat(),
        rate_hz=arguments.rate,
        fusion=arguments.fusion,
        lag=arguments.lag,
        licence=arguments.licence,
        audio=arguments.audio,
        name=arguments.name,
        seed=arguments.seed,
        about=about,
    )
    description = release(Study.open(arguments.study), arguments.out, settings)
    _tell(description, arguments.out)
    _remind(description, open_questions(description, about.datasheet), about)
    return 0


def _tell(d: dict[str, Any], out: Path) -> None:
    parts = d["splits"]
    print(f"{valid(str(out))}: {d['name']}")
    print(f"  {d['tracks']} tracks in {d['groups']} groups, {d['hours']:.2f} h")
    print(
        f"  {d['annotators']} annotators, {d['takes']} trajectories, of them {d['duplicates']} second "
        f"hearings"
    )
    print(f"  lag: {d['lag']}")
    print(f"  labels: {d['rate_hz']:g} a second and one a track, fusion {d['fusion']}")
    print(
        f"  {parts['train']} train, {parts['validation']} validation, {parts['test']} test; "
        f"{parts['folds']} folds"
    )


def _remind(d: dict[str, Any], questions: list[str], about: "About") -> None:
    notes = []
    if d["annotators_left_out"]:
        notes.append(
            f"annotators left out (calibration not passed, or no track finished): {d['annotators_left_out']}"
        )
    if d["tracks_left_out"]:
        notes.append(f"tracks left out (for practice only, or nobody finished them): {d['tracks_left_out']}")
    if d["licence"] == "not stated":
        notes.append("no --licence: nobody may use the labels yet")
    unstated = d["licences"].get("not stated", 0)
    if unstated and d["audio"] == "copy":
        notes.append(f"tracks whose licence is not stated: {unstated}; may their sound be published?")
    if not about.creator:
        notes.append('nobody is named as its maker; give --about a file with creator = "…"')
    if questions:
        notes.append(f"DATASHEET.md: open questions: {len(questions)} ({', '.join(questions[:4])}, …)")
    for note in notes:
        print(f"damer: {note}", file=sys.stderr)

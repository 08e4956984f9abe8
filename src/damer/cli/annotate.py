"""`damer annotate`: the commands of a study that people annotate in their browsers."""

import argparse

from damer.cli import (
    annotate_demo,
    annotate_export,
    annotate_figures,
    annotate_init,
    annotate_invite,
    annotate_serve,
)

Subparsers = argparse._SubParsersAction

_EPILOG = """\
A study lies in a folder with annotate.json and its database. Export gives the study folder that
`damer dataset agreement` and `damer dataset release` read.

examples:
  damer annotate demo
  damer annotate init study --tracks clean --exemplars exemplars.csv --annotators 30 --name "Our music"
  damer annotate serve study
  damer annotate invite study --all --url https://study.example.org --csv links.csv
  damer annotate export study --out exported
"""


def add_parser(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer annotate` with all its actions."""
    parser = subparsers.add_parser(
        "annotate",
        help="make and run a study in which people trace valence and arousal while they listen",
        description="Make and run a study in which people trace valence and arousal while they listen.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for module in (
        annotate_demo,
        annotate_init,
        annotate_serve,
        annotate_invite,
        annotate_figures,
        annotate_export,
    ):
        module.add_parser(actions)

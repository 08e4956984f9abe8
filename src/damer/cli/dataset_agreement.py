"""`damer dataset agreement`."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli.options import lag, number, whole
from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.core.text import one_line, valid

if TYPE_CHECKING:
    from damer.cli.ratings import Ratings
    from damer.core.agreement import Repeat
    from damer.core.lag import Lags
    from damer.core.trajectory import Trajectory
    from damer.report.agreement_words import Found

Subparsers = argparse._SubParsersAction

_MOST_CURVES = 100

_EPILOG = """\
Static: one value a track and annotator, the mean over the track. Dynamic: every second of every track. Within
tracks: the seconds of each track by themselves, then the mean over tracks. Intervals are of 95 %, by drawing
tracks again; without a bootstrap the static ICCs have those of McGraw and Wong. A dash: the design cannot
tell.

examples:
  damer dataset agreement study --out agreement
  damer dataset agreement vgmidi --bootstrap 0 --json agreement.json
"""


def add_parser(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer dataset agreement`."""
    parser = actions.add_parser(
        "agreement",
        help="how far annotators agree: ICC, alpha, CCC and more, static and over time",
        description="Say how far annotators agree, for each dimension, static and over time.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    option = parser.add_argument
    option("folder", type=Path, metavar="DIR", help="a study, a release, or VGMIDI's folder of annotations")
    option(
        "--out", type=Path, metavar="DIR", help="write a page of figures, agreement.html, into this folder"
    )
    option("--json", type=Path, metavar="FILE", help="write every number, also of each track, to this file")
    option(
        "--bootstrap",
        type=whole(0, 100_000),
        default=1000,
        metavar="N",
        help="draws of tracks for the intervals (1000)",
    )
    option("--rate", type=_rate, default=1.0, metavar="HZ", help="steps a second (1)")
    option(
        "--lag",
        type=lag,
        default="auto",
        metavar="auto|none|SECONDS",
        help="how late annotators are: estimated for each, not taken off, or so many seconds for all (auto)",
    )


def _rate(text: str) -> float:
    value = number(text)
    if not 0.05 <= value <= 50:
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate from 0.05 to 50 Hz")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Compute, print, and write what was asked for."""
    from damer.cli.ratings import open_ratings
    from damer.report.agreement_words import to_dict

    ratings = open_ratings(arguments.folder)
    found = _compute(ratings, arguments)
    _print(found)
    if ratings.left_out:
        print(f"left out, calibration not passed: {', '.join(map(one_line, ratings.left_out))}")
    if arguments.json is not None:
        _write(arguments.json, json.dumps(to_dict(found), indent=1, ensure_ascii=False) + "\n")
        print(f"\nnumbers: {valid(str(arguments.json))}")
    if arguments.out is not None:
        _draw(found, arguments.out)
        print(f"\npage: {valid(str(arguments.out / 'agreement.html'))}")
    return 0


def _draw(found: "Found", folder: Path) -> None:
    from damer.report.agreement import page, png
    from damer.report.agreement_figures import pictures

    drawn = [(picture, png(picture)) for picture in pictures(found)]
    for picture, image in drawn:
        _write(folder / "figures" / f"{picture.name}.png", image)
    _write(folder / "agreement.html", page(found, drawn))


def _compute(ratings: "Ratings", arguments: argparse.Namespace) -> "Found":
    from tqdm import tqdm

    from damer.core.agreement.summary import agreement
    from damer.core.fusion import tabulate
    from damer.report.agreement_words import Found

    lags, words = _lags(ratings, arguments.lag)
    shift = arguments.lag if isinstance(arguments.lag, float) else {} if lags is None else lags.seconds
    said = (one for one in ratings.read() if ratings.work(one))
    tracks = tabulate(said, arguments.rate, ratings.durations, shift)
    if not tracks:
        raise DamerError(f"{arguments.folder}: nobody has rated a track yet; come back when somebody has")
    quiet = not sys.stderr.isatty() or not arguments.bootstrap
    with tqdm(total=4 * arguments.bootstrap, desc="bootstrap", unit="draw", disable=quiet) as bar:
        found = agreement(tracks, arguments.bootstrap, progress=lambda done: bar.update(done) and None)
    return Found(ratings.name, found, tracks, lags, words, _repeats(ratings), arguments.bootstrap)


def _lags(ratings: "Ratings", wanted: float | str) -> "tuple[Lags | None, str]":
    """Return the lags and a sentence that says what was done; the music is heard where its sound is there."""
    from damer.audio.level import level_curve
    from damer.core.lag import estimate_lag

    if wanted == "none":
        return None, "not taken off"
    if isinstance(wanted, float):
        return None, f"{wanted:g} s taken off for everybody, as given"
    curves = {}
    # One number for all annotators: some tracks, spread over the study, tell it as well as thousands.
    names = sorted(ratings.sounds)
    for track in names[:: max(1, len(names) // _MOST_CURVES)]:
        try:
            curves[track] = level_curve(ratings.sounds[track])
        except DamerError as error:
            print(f"damer: {one_line(str(error))}; its lag is not told from it", file=sys.stderr)
    lags = estimate_lag((one for one in ratings.read() if ratings.work(one)), curves, ratings.durations)
    own = f"own lags of {len(lags.error)} of {len(lags.seconds)} annotators taken off"
    if not lags.error:
        own = "nobody's own lag could be told"
    if lags.common is not None:
        return lags, (
            f"{own}; arousal follows the level of the sound by {lags.common:.2f} s "
            f"(standard error {lags.common_error:.2f}), taken off for everybody"
        )
    why = "nothing clear could be told from the sound" if curves else "there is no sound to compare with"
    return lags, f"{own}; by how much all follow the music is not known ({why}) and stays in"


def _repeats(ratings: "Ratings") -> "list[Repeat]":
    from damer.core.agreement import intra_annotator

    second = [one for one in ratings.read() if one.duplicate_of and one.annotator not in ratings.left_out]
    wanted = {one.duplicate_of for one in second}
    first: list[Trajectory] = [one for one in ratings.read() if one.take in wanted] if wanted else []
    return intra_annotator([*first, *second], ratings.durations)


def _print(found: "Found") -> None:
    from damer.core.track import DIMENSIONS
    from damer.report.agreement_words import NAMES, SCOPES, design, interval, lags, number, repeated, size

    print(f"{one_line(found.name)}: {size(found)}")
    print(f"lag: {found.lag}")
    if lags(found):
        print(f"  each, with its standard error: {lags(found)}")
    for scope, (title, explanation) in SCOPES.items():
        arousal, valence = (found.agreement.table(scope, one) for one in DIMENSIONS)
        print(f"\n{title}: {explanation}")
        print(f"{'':30}{'arousal':24}valence")
        for name, label in NAMES.items():
            both = (arousal.estimates[name], valence.estimates[name])
            cells = (f"{number(one.value):>6} {interval(one):17}" for one in both)
            print(f"  {label:28}{''.join(cells)}".rstrip())
    print(f"\n{repeated(found.repeats) or 'no track was heard twice by one annotator'}")
    flat = found.agreement.flat
    print(f"never moved: {flat['arousal']:.1%} of trajectories in arousal, {flat['valence']:.1%} in valence")
    if design(found):
        print(design(found))


def _write(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        DamerError: it cannot be written.
    """
    with replacing(path, "choose another place", parents=True) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)

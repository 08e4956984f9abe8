"""`damer dataset`."""

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli import dataset_agreement, dataset_release, dataset_table
from damer.cli.options import add_workers, whole
from damer.core.errors import DamerError
from damer.core.text import one_line, valid

if TYPE_CHECKING:
    from damer.core.track import Track
    from damer.datasets import Corpus
    from damer.datasets.arrays import Arrays
    from damer.datasets.prepare import Outcome

_EPILOG = """\
exit status: 0 when all is well, 1 when something is missing, differs or failed (each is named), 2 for wrong
usage.

examples:
  damer dataset check emopia EMOPIA_2.2
  damer dataset prepare emopia EMOPIA_2.2 --out stores/emopia --variants 2
  damer dataset prepare folder music --labels labels.csv --scale 1:9 --out stores/mine
"""

Subparsers = argparse._SubParsersAction


def add_parser(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer dataset list`, `check` and `prepare`."""
    parser = subparsers.add_parser(
        "dataset",
        help="list, check and prepare corpora for training",
        description="List, check and prepare corpora for training. Nothing is ever downloaded.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="the corpora damer can read, and how to get them")
    check = actions.add_parser("check", help="say which files of a corpus are missing or differ")
    _add_corpus(check)
    prepare = actions.add_parser("prepare", help="render and extract a corpus into a store for `damer train`")
    _add_corpus(prepare)
    option = prepare.add_argument
    option(
        "--out", type=Path, required=True, metavar="STORE", help="folder of the store; goes on if it is there"
    )
    option(
        "--variants",
        type=whole(least=0),
        default=0,
        metavar="N",
        help="varied renderings of each MIDI track, besides the plain one (0)",
    )
    option(
        "--spec",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the views; may be repeated",
    )
    option("--window", metavar="A:B|all", help="part of each track in seconds; default: the corpus's own")
    option("--soundfont", type=Path, metavar="SF2", help="soundfont for MIDI; default: FluidR3 as installed")
    add_workers(prepare)
    option("--limit", type=whole(), metavar="N", help="only the first N tracks, to try it out")
    dataset_table.add_parser(actions)
    dataset_release.add_parser(actions)
    dataset_agreement.add_parser(actions)


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", help="a corpus of `damer dataset list`, or folder for your own music"
    )
    parser.add_argument("root", type=Path, metavar="ROOT", help="where the corpus lies")
    parser.add_argument(
        "--group", choices=("series", "game"), help="vgmidi: what stays together in a split (series)"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="CSV", help="folder: table of labels (ROOT/labels.csv)"
    )
    parser.add_argument(
        "--scale",
        metavar="LOW:HIGH",
        help="folder, --arrays: scale of the labels (-1:1, or what the arrays' corpus has)",
    )
    parser.add_argument(
        "--raters",
        choices=("all", "amt"),
        help="amg1608: average all people, or Mechanical Turk's only (all)",
    )
    parser.add_argument(
        "--min-raters", type=whole(), metavar="N", help="trompa: leave out tracks with fewer listeners (3)"
    )
    parser.add_argument(
        "--arrays",
        action="store_true",
        help="memo2496, 1000songs, pmemo, deam: take the authors' ready-made arrays, mel_spec.npy, …",
    )
    parser.add_argument(
        "--tracks",
        type=whole(),
        metavar="N",
        help="--arrays: number of tracks they hold (the corpus's number)",
    )
    parser.add_argument("--name", dest="corpus", metavar="TEXT", help="folder: name of your corpus (folder)")
    parser.add_argument(
        "--unlabelled", action="store_true", default=None, help="folder: take all sound files, without labels"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the action; 1 where something is missing or a track failed."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list,
        "check": _check,
        "prepare": _prepare,
    }
    return actions[arguments.action](arguments)


def _list(_: argparse.Namespace) -> int:
    from damer.datasets import CORPORA

    for corpus in CORPORA.values():
        print(f"{corpus.name:8} {corpus.title}")
        print(f"{'':8} source: {corpus.source}")
        print(f"{'':8} terms:  {corpus.licence}")
        print(f"{'':8} to get: {corpus.obtain}\n")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    corpus = _corpus(arguments)
    if _wants_arrays(arguments, corpus):
        return _check_arrays(arguments, corpus)
    notes = corpus.check(arguments.root)
    for note in notes:
        print(one_line(note))
    try:
        reading = corpus.read(arguments.root)
        tracks = corpus.tracks(arguments.root)
    except DamerError as error:
        if not notes:
            print(valid(str(error)))
        return 1
    for remark in reading.remarks:
        print(valid(f"(as published) {remark}"))
    groups = len({track.group for track in tracks})
    heard = [track for track in tracks if track.audio is not None or track.midi is not None]
    print(
        f"{corpus.name}: {len(tracks)} tracks in {groups} groups can be used"
        + (f", {len(heard)} of them with sound" * (len(heard) < len(tracks)))
        + (", nothing is missing" * (not notes))
    )
    return 1 if notes else 0


def _wants_arrays(arguments: argparse.Namespace, corpus: "Corpus") -> bool:
    """Say whether the ready-made arrays are meant: asked for, or all that is there."""
    from damer.datasets.arrays import LAYOUTS, find_arrays

    if arguments.arrays or arguments.tracks is not None:
        return True
    if corpus.name not in LAYOUTS or find_arrays(corpus.name, arguments.root) is None:
        return False
    try:
        corpus.tracks(arguments.root)
    except DamerError as error:
        print(valid(f"{error}; the ready-made arrays are there and are taken"), file=sys.stderr)
        return True
    return False


def _check_arrays(arguments: argparse.Namespace, corpus: "Corpus") -> int:
    found = _arrays(arguments, corpus)
    for remark in found.remarks:
        print(valid(f"({found.folder}) {remark}"))
    frames = found.mel.shape[2]
    print(
        f"{corpus.name}, ready-made arrays: {len(found.tracks)} tracks, {len(found.mel)} rows of "
        f"{frames} frames "
        "can be used, nothing is missing"
    )
    return 0


def _arrays(arguments: argparse.Namespace, corpus: "Corpus") -> "Arrays":
    from damer.datasets.arrays import read_arrays
    from damer.datasets.folder import parse_scale

    scale = None if arguments.scale is None else parse_scale(arguments.scale)
    return read_arrays(corpus, arguments.root, arguments.tracks, scale)


def _prepare(arguments: argparse.Namespace) -> int:
    from damer.datasets.prepare import Preparation, prepare
    from damer.features import FeatureSpec

    corpus = _corpus(arguments)
    if _wants_arrays(arguments, corpus):
        return _import_arrays(arguments, corpus)
    spec = FeatureSpec.from_options(arguments.spec)
    tracks = _heard(arguments, corpus)[: arguments.limit]
    left_out = len(corpus.check(arguments.root))
    if left_out:
        print(
            f"damer: this corpus is not whole or not as published (notes: {left_out}); "
            f"`damer dataset check {corpus.name} {arguments.root}` lists them",
            file=sys.stderr,
        )
    how = Preparation(
        window=arguments.window or corpus.window,
        spec=spec,
        variants=arguments.variants,
        soundfont=arguments.soundfont,
        workers=arguments.workers,
    )
    return _summary(prepare(tracks, arguments.out, how), arguments.out)


def _heard(arguments: argparse.Namespace, corpus: "Corpus") -> "list[Track]":
    """Return the tracks whose sound (or MIDI) is there.

    Raises:
        DamerError: no track has any.
    """
    tracks = corpus.tracks(arguments.root)
    found = [track for track in tracks if track.audio is not None or track.midi is not None]
    if not found:
        raise DamerError(
            f"{arguments.root}: {len(tracks)} tracks have labels and none has sound; put the sound "
            f"files there: "
            f"{corpus.obtain}"
        )
    return found


def _import_arrays(arguments: argparse.Namespace, corpus: "Corpus") -> int:
    from damer.datasets.arrays import import_arrays

    if arguments.spec or arguments.window or arguments.variants or arguments.soundfont:
        raise DamerError(
            "--arrays takes what the authors computed: leave out --spec, --window, --variants, …"
        )
    found = _arrays(arguments, corpus)
    for remark in found.remarks:
        print(valid(f"({found.folder}) {remark}"))
    return _summary(import_arrays(found, arguments.out, arguments.limit), arguments.out)


def _summary(outcome: "Outcome", out: Path) -> int:
    kept = len(outcome.tracks) - len(outcome.added)
    print(f"{valid(str(out))}: tracks: {len(outcome.tracks)} ({len(outcome.added)} new, {kept} from before)")
    if outcome.failures:
        print(f"damer: not prepared: {len(outcome.failures)} (named above)", file=sys.stderr)
    return 1 if outcome.failures else 0


def _corpus(arguments: argparse.Namespace) -> "Corpus":
    """Return the corpus that was named, with the options given for it.

    Raises:
        DamerError: there is no such corpus, or it has no such option.
    """
    from damer.datasets import ALIASES, CORPORA
    from damer.datasets.arrays import LAYOUTS
    from damer.datasets.folder import parse_scale

    name = ALIASES.get(arguments.name.lower(), arguments.name.lower())
    if name not in CORPORA:
        raise DamerError(f"no corpus {arguments.name!r}; there are {', '.join(CORPORA)}")
    corpus = CORPORA[name]
    given = {
        "group": arguments.group,
        "labels": arguments.labels,
        "scale": None if arguments.scale is None or name in LAYOUTS else parse_scale(arguments.scale),
        "corpus": arguments.corpus,
        "unlabelled": arguments.unlabelled,
        "raters": arguments.raters,
        "min_raters": arguments.min_raters,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    known = {field.name for field in dataclasses.fields(corpus)}  # type: ignore[arg-type]
    strange = sorted(set(chosen) - known)
    if strange:
        option = "name" if strange[0] == "corpus" else strange[0].replace("_", "-")
        raise DamerError(f"--{option} means nothing for the corpus {corpus.name}")
    return dataclasses.replace(corpus, **chosen)  # type: ignore[type-var]

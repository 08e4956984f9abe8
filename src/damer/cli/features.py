"""`damer features`: from a folder of music to a store of its views."""

import argparse
import sys
from pathlib import Path

from damer.cli.options import add_workers
from damer.core.errors import DamerError

_EPILOG = """\
The store holds mel.f16 and cochleagram.f16 (16-bit floats, [seconds, bands, frames]) and manifest.jsonl (one
line a file: its path under DIR, its place, its seconds, checksums). The same command goes on where it was
stopped or killed, and takes files that are new.

exit status: 0 when the store has every file, 1 when one failed (named on standard error), 2 for wrong usage.

examples:
  damer features music --out store --workers 4
  damer features music --out store44 --spec sample_rate=44100 --window all
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the parser."""
    parser = subparsers.add_parser(
        "features",
        help="extract both views of a folder of music into a store",
        description="Extract the Mel view and the cochleagram of a folder of music into a store.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to search for music, to any depth")
    parser.add_argument("--out", type=Path, required=True, metavar="STORE", help="folder of the store")
    parser.add_argument(
        "--window",
        default="15:75",
        metavar="A:B",
        help="part of each file, in seconds, or 'all' (15:75); a file that ends earlier is taken to its end "
        "if 15 s are left, else whole",
    )
    parser.add_argument(
        "--spec",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the views, such as sample_rate=44100; may be repeated",
    )
    add_workers(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Extract what the store does not have yet; return 0, or 1 when a file failed."""
    from damer.audio.window import parse_window
    from damer.cli.progress import Progress
    from damer.collection.find import find_audio
    from damer.core.result import Failure
    from damer.features import FeatureSpec, FeatureStore
    from damer.features.collect import collect

    folder: Path = arguments.folder
    if not folder.is_dir():
        raise DamerError(f"{folder}: is not a folder; name the folder that holds the music")
    parse_window(arguments.window)
    spec = FeatureSpec.from_options(arguments.spec)
    found = find_audio([folder])
    failures = [item.error for item in found if isinstance(item, Failure)]
    files = [(Path(item).relative_to(folder).as_posix(), item) for item in found if isinstance(item, str)]
    if not files:
        raise DamerError("; ".join(failures))
    for failure in failures:
        print(f"damer: {failure}", file=sys.stderr)
    extracted = had = 0
    workers = min(arguments.workers, len(files))
    with FeatureStore.open_or_create(arguments.out, spec) as store, Progress(len(files)) as progress:
        for outcome in collect(files, store, arguments.window, workers):
            progress.update(earlier=outcome.was_there)
            if outcome.error is not None:
                failures.append(outcome.error)
                progress.say(f"damer: {outcome.error}")
            elif outcome.was_there:
                had += 1
            else:
                extracted += 1
    seconds = sum(store.seconds(track_id) for track_id in store.ids)
    print(
        f"{arguments.out}: {extracted} files extracted, {had} were there, {len(failures)} failed; "
        f"{len(store)} tracks, {seconds} seconds in the store",
        file=sys.stderr,
    )
    return 1 if failures else 0

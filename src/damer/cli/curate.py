"""`damer curate`: from a folder of any music to a clean one with a manifest."""

import argparse
import math
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli.options import add_workers
from damer.core.errors import DamerError

if TYPE_CHECKING:
    from damer.curation import CurationSettings, Row

_EPILOG = """\
steps, in this order:
  1 decode to 44.1 kHz, 16 bit, stereo         4 bring to -23 LUFS (EBU R 128) by one gain, true peak at most
  2 keep what lasts 30 to 300 s                  -1 dBTP: where the gain must be smaller the track is flagged
  3 turn away what is likely vocal             5 look for exact and near duplicates
                                               6 carry over licence, source, artist, title

files written:
  DIR/audio/*.wav                              what was kept, named by track
  DIR/manifest.parquet, DIR/manifest.csv       one row a file, kept or not, with the reason
  DIR/curation.json                            parameters and versions of every step
  DIR/summary.html                             one page to look at
  DIR/.curation                                what lets the same command go on where it was stopped

exit status: 0 when every file was read, 1 when one could not be (each is named on standard error) or when the
folder cannot be written, 2 for wrong usage.

examples:
  damer curate raw --out clean
  damer curate raw --out clean --licences licences.csv --workers 8
  damer curate raw --out clean --min-duration 45 --max-duration 60 --screener none
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "curate",
        help="turn a folder of any music into a clean one with a manifest",
        description="Turn a folder of any music into a clean one with a manifest: decoded, screened, "
        "brought to one loudness, duplicates reported. Nothing in the source folder is changed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", type=Path, metavar="SRC", help="folder to search for music, to any depth")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the results; made if missing")
    add_workers(parser)
    add("--min-duration", type=float, default=30.0, metavar="S", help="shortest track kept, seconds (30.0)")
    add("--max-duration", type=float, default=300.0, metavar="S", help="longest track kept, seconds (300.0)")
    add("--loudness", type=float, default=-23.0, metavar="LUFS", help="programme loudness to reach (-23.0)")
    add("--true-peak", type=float, default=-1.0, metavar="DBTP", help="highest true peak allowed (-1.0)")
    add("--screener", default="cues", metavar="NAME", help="who listens for voices: cues (built in), demucs, "
        "spleeter or none (cues)")  # fmt: skip
    add("--threshold-file", type=Path, metavar="FILE", help="thresholds that `damer curate calibrate` wrote")
    add("--spleeter-python", type=Path, metavar="FILE", help="the Python of the environment with Spleeter")
    add("--licences", type=Path, metavar="CSV", help="table of file (its path below SRC), licence, source, "
        "artist, title; it goes before a file's own tags")  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Curate the folder; return 0, or 1 when a file could not be read."""
    from damer.cli.progress import Progress
    from damer.core.text import one_line
    from damer.curation import Curation
    from damer.report.curation import write_page

    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = 0
    try:
        with Curation(arguments.source, arguments.out, _settings(arguments), arguments.licences) as curation:
            total, unsearched = curation.find()
            for problem in unsearched:
                print(f"damer: {problem}", file=sys.stderr)
            with Progress(total) as progress:

                def arrived(row: "Row | None", earlier: bool) -> None:
                    nonlocal failed
                    progress.update(earlier)
                    if row is not None and row.status == "failed":
                        failed += 1
                        progress.say(f"damer: {one_line(str(arguments.source))}/{row.file}: {row.reason}")

                curation.work(min(arguments.workers, math.ceil(total / 2)), arrived)
            result = curation.finish()
            page = arguments.out / "summary.html"
            write_page(page, curation.rows(), curation.settings)
    except KeyboardInterrupt:
        print(f"damer: {arguments.out} keeps what is done; the same command goes on", file=sys.stderr)
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
    counts = ", ".join(f"{result.counts[status]} {status}" for status in ("kept", "rejected", "failed"))
    for line in (*result.notes, f"{total} files: {counts}", f"manifest: {arguments.out / 'manifest.csv'}",
                 f"summary: {page}"):  # fmt: skip
        print(f"damer: {line}", file=sys.stderr)
    return 1 if failed or unsearched else 0


def _settings(arguments: argparse.Namespace) -> "CurationSettings":
    from damer.curation import NO_SCREENER, CurationSettings
    from damer.curation.run import digest_of
    from damer.curation.screening import SCREENERS

    if arguments.screener not in (*SCREENERS, NO_SCREENER):
        choices = ", ".join((*SCREENERS, NO_SCREENER))
        raise DamerError(f"no screener is called {arguments.screener}: choose one of {choices}")
    table = arguments.threshold_file
    return CurationSettings(
        min_s=arguments.min_duration,
        max_s=arguments.max_duration,
        loudness_lufs=arguments.loudness,
        true_peak_dbtp=arguments.true_peak,
        screener=arguments.screener,
        threshold_file=str(table) if table else "",
        threshold_sha256=digest_of(table) if table else "",
        spleeter_python=str(arguments.spleeter_python or ""),
    )

"""`damer predict`: from music files to their emotion."""

import argparse
import contextlib
import hashlib
import io
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from damer.cli.options import MOST_WORKERS, whole
from damer.core.errors import DamerError
from damer.core.result import Emotion, Failure
from damer.core.text import valid
from damer.core.threads import use_one_thread

if TYPE_CHECKING:
    from damer.collection import Writer
    from damer.report import Report

_FORMATS = ("table", "json", "jsonl", "csv")

_EPILOG = """\
results:
  arousal and valence are probabilities in [0, 1]: of high arousal, of positive valence. The label is high
  or positive from 0.5. Q1 is high and positive, Q2 high and negative, Q3 low and negative, Q4 low and
  positive. term is the nearest of 12 (happy delighted excited tense angry frustrated sad depressed tired
  calm relaxed content). uncertainty is in [0, 1]: 0 sure, 1 a coin's toss. CSV has one row a second.

files written:
  with --out DIR    DIR/results.jsonl, appended as results come; DIR/results.json, .csv or .txt as --format
  with --plot       DIR/plots/NAME.png, or NAME.emotion.png here
  with --report     DIR/report.html, or damer-report.html here

exit status: 0 when every file was heard, 1 when one failed (named on standard error), 2 for wrong usage.

examples:
  damer predict song.mp3
  damer predict music/ --out results --report --workers 4
  damer predict music/ --out results --report --workers 4 --resume
  damer predict song.flac --window all --format csv > song.csv
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "predict",
        help="tell the emotion of music files, second by second",
        description="Tell the emotion of music files, second by second.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a music file, or a folder to search for them; after -- names may begin with a dash",
    )
    parser.add_argument(
        "--format", choices=_FORMATS, default="table", help="form of the results on standard output (table)"
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write results into as well; made if missing")
    parser.add_argument("--plot", action="store_true", help="write a PNG for each file")
    parser.add_argument(
        "--report", action="store_true", help="write one HTML page for all files, with player"
    )
    parser.add_argument(
        "--window",
        default="15:75",
        metavar="A:B",
        help="part to hear, in seconds, or 'all' (15:75); a track that ends earlier is heard to its end "
        "if 15 s are left, else whole",
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run (auto)"
    )
    parser.add_argument(
        "--workers",
        type=whole(most=MOST_WORKERS),
        metavar="N",
        help="processes of one thread each (one for a few files, else one a CPU core, at most 8)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep what an earlier run wrote into --out and do the rest"
    )
    parser.add_argument("--arousal", metavar="FILE", help="arousal checkpoint of your own")
    parser.add_argument("--valence", metavar="FILE", help="valence checkpoint of your own")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; see `damer predict --help`."""
    use_one_thread()
    from damer.audio import window
    from damer.collection import find_audio

    window(60.0, arguments.window)  # a wrong one is told before anything is read
    if arguments.resume and not arguments.out:
        raise DamerError("--resume: needs --out DIR, the folder of the run to go on with")
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _predict(arguments, find_audio(arguments.paths))
    except KeyboardInterrupt:
        if arguments.out:
            print(f"damer: {arguments.out} holds what was heard; --resume does the rest", file=sys.stderr)
        raise
    except BrokenPipeError:
        raise
    except OSError as error:
        place = error.filename or "the results"
        raise DamerError(
            f"{place}: cannot be written ({error.strerror}); check the disk and --out"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, previous)


def _predict(arguments: argparse.Namespace, entries: Sequence[str | Failure]) -> int:
    """Hear the entries and write everything that was asked for; return the exit status."""
    from damer.cli.progress import Progress
    from damer.collection import Journal, Run, Settings

    names = [entry.file if isinstance(entry, Failure) else entry for entry in entries]
    settings = Settings(arguments.arousal, arguments.valence, arguments.device, arguments.window)
    failed = 0
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(Journal(arguments.out, arguments.resume)) if arguments.out else None
        plots = _plot_paths(names, arguments.out) if arguments.plot else []
        run = stack.enter_context(
            Run(entries, settings, arguments.workers, journal, plots, clips=arguments.report)
        )
        progress = stack.enter_context(Progress(len(entries)))
        writers = _writers(arguments, names, stack)
        report = _report(arguments, stack)

        def write(result: Emotion | Failure) -> None:
            with progress.aside():
                for each in writers:
                    each.add(result)

        def arrived(result: Emotion | Failure, earlier: bool) -> None:
            nonlocal failed
            progress.update(earlier)
            if isinstance(result, Failure):
                failed += 1
                progress.say(f"damer: {result.error}")
            if arguments.format == "jsonl":
                write(result)

        for outcome in run.outcomes(arrived):
            if arguments.format != "jsonl":
                write(outcome.result)
            if report is not None:
                report.add(outcome.result, outcome.clip)
    _tell(arguments, len(entries), failed, plots)
    return 1 if failed else 0


def _writers(
    arguments: argparse.Namespace, names: Sequence[str], stack: contextlib.ExitStack
) -> list["Writer"]:
    """Return the writers of standard output and, with --out, of the file of the same form."""
    from damer.collection import writer

    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if isinstance(sys.stdout, io.TextIOWrapper):
        if arguments.format == "table":
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")
    writers = [writer(arguments.format, sys.stdout, names, columns)]
    if arguments.out and arguments.format != "jsonl":  # results.jsonl is there already
        suffix = "txt" if arguments.format == "table" else arguments.format
        path = Path(arguments.out, f"results.{suffix}")
        copy = stack.enter_context(path.open("w", encoding="utf-8"))
        writers.append(writer(arguments.format, copy, names))
    for each in writers:
        stack.callback(each.close)
    return writers


def _report_path(arguments: argparse.Namespace) -> Path:
    return Path(arguments.out, "report.html") if arguments.out else Path("damer-report.html")


def _report(arguments: argparse.Namespace, stack: contextlib.ExitStack) -> "Report | None":
    if not arguments.report:
        return None
    from damer.report import Report

    return stack.enter_context(Report(_report_path(arguments)))


def _plot_paths(names: Sequence[str], out: str | None) -> list[str]:
    """Return a PNG for each file; files of one name in several folders get a few digits of their path."""
    if out:
        Path(out, "plots").mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    return [_plot_path(name, out, taken) for name in names]


def _plot_path(name: str, out: str | None, taken: set[str]) -> str:
    stem = valid(PurePath(name).stem or "plot")[:80]
    if stem.casefold() in taken:
        stem += "-" + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    taken.add(stem.casefold())
    return str(Path(out, "plots", f"{stem}.png") if out else Path(f"{stem}.emotion.png"))


def _tell(arguments: argparse.Namespace, count: int, failed: int, plots: Sequence[str]) -> None:
    """Say on standard error how it went and where things are."""
    lines = []
    if count > 1 or arguments.out:
        lines.append(f"{count - failed} of {count} files heard" + (f", {failed} failed" if failed else ""))
    if arguments.out:
        lines.append(f"results: {Path(arguments.out, 'results.jsonl')}")
    if plots and failed < count:
        lines.append(f"plots: {plots[0] if count == 1 else Path(plots[0]).parent}")
    if arguments.report:
        lines.append(f"report: {_report_path(arguments)}")
    for line in lines:
        print(f"damer: {line}", file=sys.stderr)

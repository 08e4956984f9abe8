"""`damer curate calibrate`: what a vocal screener is worth on clips of one's own, and its thresholds."""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli.options import add_workers, number
from damer.core.errors import DamerError

if TYPE_CHECKING:
    from damer.curation.calibration import Calibration, Clip, Rate

_EPILOG = """\
LABELS is a CSV table with the columns file (path below CLIPS) and vocal (1 or 0, yes or no).

rules:
  likely-vocal  the lowest score at which at most --false-reject of the clips without voice are rejected
  review        the highest score below which at most --missed of the clips with voice lie

files written:
  DIR/thresholds.json                          for `damer curate --threshold-file`
  DIR/roc.png                                  the ROC curve, both thresholds, all scores
  DIR/scores.csv                               the score of each clip

exit status: 0 when every clip was heard, 1 when one could not be (each is named on standard error; the rest
counts), 2 for wrong usage.

examples:
  damer curate calibrate clips labels.csv --out calibration
  damer curate raw --out clean --threshold-file calibration/thresholds.json
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "curate calibrate",
        help="find thresholds for a vocal screener on labelled clips",
        description="Measure a vocal screener on clips of which you know whether there is a voice in them: "
        "ROC curve, area under it with a 95 %% interval, and thresholds by two rules.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("clips", type=Path, metavar="CLIPS", help="folder of the clips")
    add("labels", type=Path, metavar="LABELS", help="CSV table with the columns file and vocal")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the results; made if missing")
    add("--screener", default="cues", metavar="NAME", help="who listens: cues (built in), demucs or "
        "spleeter (cues)")  # fmt: skip
    add("--spleeter-python", type=Path, metavar="FILE", help="the Python of the environment with Spleeter")
    add("--false-reject", type=_share, default=0.05, metavar="SHARE", help="largest share of clips without "
        "voice that may be called likely-vocal (0.05)")  # fmt: skip
    add("--missed", type=_share, default=0.02, metavar="SHARE", help="largest share of clips with voice that "
        "may pass as no-evidence (0.02)")  # fmt: skip
    add_workers(parser)


def run(arguments: argparse.Namespace) -> int:
    """Hear the clips, print what was found, write the three files."""
    from damer.cli.progress import Progress
    from damer.curation.calibration import Clip, calibrate, read_labels, score_clips, write_scores
    from damer.curation.screening import screener, write_thresholds
    from damer.report.calibration import draw_calibration, write_picture

    if not arguments.clips.is_dir():
        raise DamerError(f"{arguments.clips}: is no folder; name the folder of the clips")
    clips = read_labels(arguments.labels, arguments.clips)
    judge = screener(arguments.screener, spleeter_python=arguments.spleeter_python)
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DamerError(
            f"{arguments.out}: cannot be made ({error.strerror}); choose another --out"
        ) from error
    heard: list[Clip] = []
    with Progress(len(clips)) as progress:
        workers = min(arguments.workers, math.ceil(len(clips) / 4))
        for result in score_clips(
            clips, arguments.clips, arguments.screener, arguments.spleeter_python, workers
        ):
            progress.update(False)
            if isinstance(result, Clip):
                heard.append(result)
            else:
                progress.say(f"damer: {result}")
    heard.sort(key=lambda clip: clip.file)
    found = calibrate(heard, arguments.false_reject, arguments.missed)
    write_scores(arguments.out / "scores.csv", heard)
    write_picture(arguments.out / "roc.png", draw_calibration(heard, found, arguments.screener))
    write_thresholds(
        arguments.out / "thresholds.json", arguments.screener, found.thresholds,
        screener_version=judge.version, screener_weights_sha256=judge.weights_sha256, **found.to_dict(),
    )  # fmt: skip
    judge.close()
    _print(heard, found, arguments.screener)
    print(f"damer: thresholds: {arguments.out / 'thresholds.json'}", file=sys.stderr)
    return 0 if len(heard) == len(clips) else 1


def _print(clips: "list[Clip]", found: "Calibration", name: str) -> None:
    voices = sum(clip.vocal for clip in clips)
    print(f"screener {name}: {voices} clips with voice, {len(clips) - voices} without")
    print(f"AUC {found.auc:.3f} (95 %: {found.auc_low:.3f} to {found.auc_high:.3f})")
    print(f"likely-vocal from {found.thresholds.likely:.3f}: rejects {_rate(found.false_rejections)} of the "
          f"clips without voice, {_rate(found.caught)} of those with")  # fmt: skip
    print(f"review from {found.thresholds.review:.3f}: {_rate(found.misses)} of the clips with voice are "
          f"missed, {_rate(found.cleared)} of those without need no listener")  # fmt: skip
    if found.false_rejections.high > 2 * found.false_reject_wanted:
        print(f"damer: {found.false_rejections.of} clips without voice are few: the true share of false "
              f"rejections may be as high as {found.false_rejections.high:.0%}", file=sys.stderr)  # fmt: skip


def _rate(rate: "Rate") -> str:
    return f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"


def _share(text: str) -> float:
    value = number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to below 1")
    return value

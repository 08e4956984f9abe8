"""From labelled clips to a ROC and thresholds for a vocal screener.

Two rules set the two thresholds, each a rate that the user names: `likely` is the lowest score at which no
more than a share of the clips without voice is called likely-vocal (false rejections), `review` the highest
at which no more than a share of the clips with voice passes as no-evidence (misses).
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.core.metrics import auc
from damer.core.processes import Died, in_processes
from damer.curation.screening import Screener, Thresholds, screener

Array = NDArray[np.float64]

Z95 = 1.959963984540054
_YES, _NO = {"1", "yes", "true", "vocal"}, {"0", "no", "false", "instrumental"}
_RATE = 44_100
_LONGEST_S = 1_800.0


@dataclass(frozen=True)
class Clip:
    """A labelled clip.

    Attributes:
        file: Its path relative to the folder of clips.
        vocal: Whether there is a voice in it.
        score: What the screener made of it, in [0, 1]; None before it was asked.
    """

    file: str
    vocal: bool
    score: float | None = None


@dataclass(frozen=True)
class Rate:
    """A share of clips with its 95 % interval (Wilson's)."""

    value: float
    low: float
    high: float
    of: int


@dataclass(frozen=True)
class Calibration:
    """What a screener is worth on labelled clips.

    Attributes:
        auc: Area under the ROC curve, P(a clip with voice scores above one without).
        auc_low: Lower end of its 95 % interval.
        auc_high: Upper end.
        thresholds: The thresholds that follow from the two rules.
        false_rejections: Clips without voice at or above `likely`.
        caught: Clips with voice at or above `likely`.
        misses: Clips with voice below `review`.
        cleared: Clips without voice below `review`.
        false_reject_wanted: The rule for `likely`.
        missed_wanted: The rule for `review`.
    """

    auc: float
    auc_low: float
    auc_high: float
    thresholds: Thresholds
    false_rejections: Rate
    caught: Rate
    misses: Rate
    cleared: Rate
    false_reject_wanted: float
    missed_wanted: float

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the thresholds as plain numbers."""
        return {name: value for name, value in asdict(self).items() if name != "thresholds"}


def read_labels(path: Path, folder: Path) -> list[Clip]:
    """Read the table of clips: columns `file` (path below the folder) and `vocal` (1 or 0, yes or no).

    Raises:
        DamerError: No such table, a clip that is not there, a label that is none, a clip named twice, or only
            one kind of clip.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as table:
            rows = list(csv.DictReader(table))
    except OSError as error:
        raise DamerError(f"{path}: cannot be read ({error.strerror}): name the table of labels") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DamerError(f"{path}: is no CSV table in UTF-8 ({error}): export it again") from None
    if not rows or not {"file", "vocal"} <= rows[0].keys():
        raise DamerError(f"{path}: needs a line of names with 'file' and 'vocal', and a line for each clip")
    clips: list[Clip] = []
    lines: dict[Path, int] = {}
    for number, row in enumerate(rows, start=2):
        word = (row["vocal"] or "").strip().lower()
        if word not in _YES | _NO:
            raise DamerError(f"{path}: line {number}: vocal is {word!r}: write 1 or 0, yes or no")
        name = (row["file"] or "").strip()
        if not name or not (folder / name).is_file():
            raise DamerError(f"{path}: line {number}: {folder / name} is not there: correct the table")
        if (here := (folder / name).resolve()) in lines:
            raise DamerError(
                f"{path}: line {number}: {name} stands in line {lines[here]} too: keep one line a clip"
            )
        lines[here] = number
        clips.append(Clip(name, word in _YES))
    if len({clip.vocal for clip in clips}) < 2:
        raise DamerError(f"{path}: only one kind of clip: label some with a voice and some without")
    return clips


@dataclass(frozen=True)
class _Task:
    clip: Clip
    folder: Path
    screener: str
    python: Path | None


_screeners: dict[tuple[str, Path | None], Screener] = {}


def _score(task: _Task) -> float | str:
    """Return a clip's score, or what is wrong with it."""
    from damer.audio import open_file, stereo

    path = task.folder / task.clip.file
    try:
        key = (task.screener, task.python)
        if key not in _screeners:
            _screeners[key] = screener(task.screener, spleeter_python=task.python)
        source = open_file(path)
        blocks = list(stereo(path, source, _RATE, stop_s=_LONGEST_S))
        if not blocks:
            return f"{path}: holds no sound; leave it out of the table"
        return _screeners[key].score(np.concatenate(blocks), _RATE)
    except DamerError as error:
        return str(error)
    except (OSError, MemoryError, ValueError) as error:
        return f"{path}: cannot be heard ({error}); leave it out of the table"


def score_clips(
    clips: Sequence[Clip], folder: Path, name: str, python: Path | None = None, workers: int = 1
) -> Iterator[Clip | str]:
    """Yield each clip with its score as it comes, or one line on what is wrong with it.

    Args:
        clips: What to hear.
        folder: Where the clips are.
        name: The screener.
        python: The Python that has Spleeter, for that screener.
        workers: Processes.

    Raises:
        DamerError: The screener is not installed.
    """
    first = screener(name, spleeter_python=python)
    first.close()
    tasks = (_Task(clip, folder, name, python) for clip in clips)
    for task, result in in_processes(_score, tasks, workers):
        if isinstance(result, Died):
            yield f"{folder / task.clip.file}: {result.told('use fewer --workers')}"
        elif isinstance(result, str):
            yield result
        else:
            yield replace(task.clip, score=result)


def calibrate(clips: Iterable[Clip], false_reject: float = 0.05, missed: float = 0.02) -> Calibration:
    """Return the ROC's area and the thresholds that follow from two rules.

    Args:
        clips: Scored clips, with and without a voice.
        false_reject: Largest share of clips without voice at or above `likely`, in [0, 1).
        missed: Largest share of clips with voice below `review`, in [0, 1); `review` never exceeds `likely`.

    Raises:
        DamerError: One kind of clip is missing.
    """
    scored = [clip for clip in clips if clip.score is not None]
    truth = np.array([clip.vocal for clip in scored], dtype=np.int64)
    score = np.array([clip.score for clip in scored], dtype=np.float64)
    if len(np.unique(truth)) < 2:
        raise DamerError(
            "of the clips that could be heard, all or none have a voice: add clips of the other kind"
        )
    with_voice, without = np.sort(score[truth == 1]), np.sort(score[truth == 0])
    limits = _limits(score)
    likely = min((x for x in limits if float((without >= x).mean()) <= false_reject), default=1.0)
    review = min(likely, max(x for x in limits if float((with_voice < x).mean()) <= missed))
    area = auc(truth, score)
    low, high = auc_interval(area, len(with_voice), len(without))
    return Calibration(
        auc=area, auc_low=low, auc_high=high, thresholds=Thresholds(review, likely),
        false_rejections=wilson(int((without >= likely).sum()), len(without)),
        caught=wilson(int((with_voice >= likely).sum()), len(with_voice)),
        misses=wilson(int((with_voice < review).sum()), len(with_voice)),
        cleared=wilson(int((without < review).sum()), len(without)),
        false_reject_wanted=false_reject, missed_wanted=missed,
    )  # fmt: skip


def _limits(score: Array) -> list[float]:
    """Return the places where a threshold makes a difference: 0, between two neighbouring scores, 1."""
    values = np.unique(score)
    return [0.0, *((values[1:] + values[:-1]) / 2).tolist(), 1.0]


def roc(clips: Iterable[Clip]) -> tuple[Array, Array]:
    """Return the ROC curve: the share of clips without and with voice at or above each score, falling.

    Returns:
        float64 (points,) false-positive and true-positive rates, both from 0 to 1.
    """
    scored = [(clip.score, clip.vocal) for clip in clips if clip.score is not None]
    score = np.array([value for value, _ in scored])
    vocal = np.array([is_vocal for _, is_vocal in scored])
    limits = [np.inf, *np.unique(score)[::-1]]
    return (
        np.array([(score[~vocal] >= limit).mean() for limit in limits]),
        np.array([(score[vocal] >= limit).mean() for limit in limits]),
    )


def wilson(count: int, total: int) -> Rate:
    """Return a share with Wilson's score interval (1927) at 95 %."""
    share = count / total
    middle = (share + Z95**2 / (2 * total)) / (1 + Z95**2 / total)
    half = Z95 / (1 + Z95**2 / total) * np.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    return Rate(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)), total)


def auc_interval(area: float, positives: int, negatives: int) -> tuple[float, float]:
    """Return the 95 % score interval of an area under a ROC curve: Newcombe (2006), method 5.

    It rests on Hanley and McNeil's variance with exponential scores, and stays sound at an area of 1, where
    the usual intervals shrink to nothing.
    """
    mean = (positives + negatives) / 2 - 1

    def excess(candidate: float) -> float:
        spread = 1 + mean * (1 - candidate) / (2 - candidate) + mean * candidate / (1 + candidate)
        variance = candidate * (1 - candidate) * spread / (positives * negatives)
        return float((area - candidate) ** 2 - Z95**2 * variance)

    low = 0.0 if area <= 0 else float(brentq(excess, 0.0, min(area, 1 - 1e-9))) if excess(0.0) > 0 else 0.0
    high = 1.0 if area >= 1 else float(brentq(excess, max(area, 1e-9), 1.0)) if excess(1.0) > 0 else 1.0
    return low, high


def write_scores(path: Path, clips: Iterable[Clip]) -> None:
    """Write the clips with their scores as CSV.

    Raises:
        DamerError: The file cannot be written.
    """
    with (
        replacing(path, "choose another --out") as part,
        part.open("w", encoding="utf-8", newline="") as table,
    ):
        writer = csv.writer(table)
        writer.writerow(["file", "vocal", "score"])
        for clip in clips:
            writer.writerow([clip.file, int(clip.vocal), "" if clip.score is None else f"{clip.score:.6f}"])

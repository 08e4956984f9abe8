"""The picture of a screener's calibration: its ROC curve, and where the scores of both kinds of clips lie."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from damer.core.files import replacing
from damer.curation.calibration import Calibration, Clip, roc

_VOICE, _NONE, _FAINT = "#c2410c", "#1d5fbf", "#6b7280"


def draw_calibration(clips: Sequence[Clip], found: Calibration, name: str) -> Figure:
    """Draw the ROC curve with both thresholds on it, and the scores of clips with and without a voice.

    Args:
        clips: Scored clips.
        found: What `calibrate` made of them.
        name: The screener.
    """
    figure = Figure(figsize=(11, 4.8), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    curve, strip = figure.subplots(1, 2)
    figure.suptitle(f"Screener {name}: {len(clips)} clips")
    _draw_curve(curve, clips, found)
    _draw_scores(strip, clips, found)
    return figure


def _draw_curve(axes: Axes, clips: Sequence[Clip], found: Calibration) -> None:
    wrong, right = roc(clips)
    axes.plot([0, 1], [0, 1], color=_FAINT, linestyle=":", linewidth=1)
    axes.step(wrong, right, where="post", color="#1f2430", linewidth=1.6)
    likely = (found.false_rejections.value, found.caught.value)
    review = (1 - found.cleared.value, 1 - found.misses.value)
    for point, label, colour in (
        (likely, "likely-vocal from here", _VOICE),
        (review, "review from here", _NONE),
    ):
        axes.plot(*point, "o", color=colour, label=label, clip_on=False, zorder=3)
    axes.set(
        xlabel="clips without voice at or above the threshold",
        ylabel="clips with voice at or above it",
        xlim=(0, 1),
        ylim=(0, 1.005),
        title=f"AUC {found.auc:.3f} (95 %: {found.auc_low:.3f} to {found.auc_high:.3f})",
    )
    axes.set_aspect("equal")
    axes.legend(loc="lower right", frameon=False)


def _draw_scores(axes: Axes, clips: Sequence[Clip], found: Calibration) -> None:
    generator = np.random.default_rng(0)  # only spreads the points so that they can be seen
    for height, vocal, colour in ((1, True, _VOICE), (0, False, _NONE)):
        scores = [clip.score for clip in clips if clip.vocal == vocal and clip.score is not None]
        axes.scatter(
            scores, height + generator.uniform(-0.3, 0.3, len(scores)), s=10, color=colour, alpha=0.6
        )
    limits = found.thresholds
    axes.axvline(
        limits.review, color=_NONE, linestyle="--", linewidth=1, label=f"review from {limits.review:.3f}"
    )
    axes.axvline(limits.likely, color=_VOICE, linewidth=1, label=f"likely-vocal from {limits.likely:.3f}")
    axes.legend(loc="upper center", ncols=2, frameon=False)
    axes.set(xlabel="score", yticks=[0, 1], xlim=(-0.02, 1.02), ylim=(-0.5, 1.65), title="Scores")
    axes.set_yticklabels(["no voice", "voice"])


def write_picture(path: Path, figure: Figure) -> None:
    """Write a figure as PNG under its final name only when it is whole.

    Raises:
        DamerError: The file cannot be written.
    """
    with replacing(path, "choose another --out") as part:
        figure.savefig(part, format="png", dpi=120)

"""The picture of a release: where its tracks lie in the plane, how long they are, how sure the labels are."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from damer.drawing import AROUSAL, VALENCE, draw_disc, printable

Values = npt.NDArray[np.float64]
_INK = "#1f2430"
_FAINT = "#6b7280"


def draw_overview(
    name: str,
    static: Mapping[str, npt.ArrayLike],
    dynamic: Mapping[str, npt.ArrayLike],
    lengths_s: npt.ArrayLike,
) -> Figure:
    """Draw a release.

    Args:
        name: Of the dataset.
        static: Columns of the labels a track: valence, arousal in [-1, 1].
        dynamic: Columns of the labels over time: valence, arousal, valence_sd, arousal_sd.
        lengths_s: Length of each track, seconds.

    Returns:
        A figure of 12 x 5.4 inches.
    """
    figure = Figure(figsize=(12, 5.4), facecolor="white")
    FigureCanvasAgg(figure)
    title, fonts = printable(name)
    figure.text(0.04, 0.93, title, fontsize=15, fontweight="bold", color=_INK, family=fonts, parse_math=False)
    disc = figure.add_axes((0.01, 0.03, 0.46, 0.86))
    draw_disc(disc, "large: one label a track; small: one a step")
    for table, size, alpha, colour in ((dynamic, 3, _fade(dynamic), _FAINT), (static, 26, 0.85, _INK)):
        valence, arousal = _floats(table["valence"]), _floats(table["arousal"])
        disc.scatter(
            valence, arousal, s=size, color=colour, alpha=alpha, linewidths=0, zorder=6, rasterized=True
        )
    upper = figure.add_axes((0.56, 0.56, 0.4, 0.3))
    lengths = _floats(lengths_s)
    low, high = 10 * np.floor(lengths.min() / 10), 10 * np.floor(lengths.max() / 10) + 10
    upper.hist(lengths, bins=20, range=(low, high), color=_FAINT)
    _label(upper, "length of a track, s", "tracks")
    lower = figure.add_axes((0.56, 0.12, 0.4, 0.3))
    for column, colour in (("arousal_sd", AROUSAL), ("valence_sd", VALENCE)):
        spread = _floats(dynamic[column])
        lower.hist(
            spread[np.isfinite(spread)], bins=30, range=(0, 1), color=colour, alpha=0.55, label=column[:-3]
        )
    lower.legend(frameon=False, fontsize=9)
    _label(lower, "standard deviation among the annotators", "labels")
    return figure


def save_overview(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; the same figure gives the same bytes.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, format="png", metadata={"Software": None})


def _fade(table: Mapping[str, npt.ArrayLike]) -> float:
    """Many points are drawn fainter, so that their density shows."""
    return float(np.clip(150 / max(len(_floats(table["valence"])), 1), 0.02, 0.35))


def _floats(values: npt.ArrayLike) -> Values:
    return np.asarray(values, dtype=np.float64)


def _label(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across, fontsize=10, color=_INK)
    axes.set_ylabel(up, fontsize=10, color=_INK)
    axes.tick_params(colors=_FAINT, labelsize=9)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)

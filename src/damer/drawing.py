"""The picture of one result: both curves over time, and the path through the valence-arousal disc.

Figures are built without pyplot: no window, no global state, safe in worker processes and notebooks.
"""

import os
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patches import Circle, Wedge
from matplotlib.ticker import FuncFormatter, MultipleLocator

from damer.core import plane
from damer.core.files import replacing
from damer.core.result import Emotion
from damer.core.text import clock, shortened

AROUSAL = "#c2410c"
VALENCE = "#1d5fbf"
QUADRANTS = {"Q1": "#f2b134", "Q2": "#d9534f", "Q3": "#6b7dc4", "Q4": "#4fa579"}
_INK = "#1f2430"
_FAINT = "#6b7280"
_TIME = LinearSegmentedColormap.from_list("time", ["#b9bfd0", "#1f2430"])
_MOST_PATH_POINTS = 90
_BASE_FONT = "DejaVu Sans"
_FALLBACK_FONTS = (
    *("cjk", "noto", "hiragino", "pingfang", "yahei", "yu gothic", "malgun", "arial unicode", "wenquanyi"),
    *("droid sans fallback", "nanum", "takao", "ipa", "unifont", "segoe ui", "symbola"),
)


def draw(emotion: Emotion) -> Figure:
    """Draw one result.

    Left, the probability of high arousal and of positive valence, each second, with one standard deviation
    of the networks' disagreement; below them each second's quadrant. Right, the same seconds as a path
    through the disc with its twelve terms, from light to dark (of a long piece, means of several seconds);
    the cross is the whole file.

    Args:
        emotion: a result with at least one segment.

    Returns:
        A figure of 12 x 5 inches. It belongs to no window: save it, or let a notebook show it.
    """
    figure = Figure(figsize=(12, 5), facecolor="white")
    FigureCanvasAgg(figure)
    curves = figure.add_axes((0.065, 0.2, 0.515, 0.6))
    ribbon = figure.add_axes((0.065, 0.105, 0.515, 0.035), sharex=curves)
    disc = figure.add_axes((0.61, 0.06, 0.39, 0.89))
    _draw_title(figure, emotion)
    _draw_curves(curves, emotion)
    _draw_ribbon(ribbon, emotion)
    draw_disc(disc, "from light to dark as time goes by; the cross is the whole file")
    _draw_path(disc, emotion)
    return figure


def save(emotion: Emotion, path: str | os.PathLike[str], dots_per_inch: int = 150) -> None:
    """Draw one result and write it as a PNG, whole or not at all.

    Args:
        emotion: a result with at least one segment.
        path: the file to write; its folder exists.
        dots_per_inch: 150 gives 1800 x 750 pixels.

    Raises:
        DamerError: it cannot be written.
    """
    with replacing(Path(path), "check the folder and the disk") as part:
        draw(emotion).savefig(part, dpi=dots_per_inch, format="png", metadata={"Software": None})


def _draw_title(figure: Figure, emotion: Emotion) -> None:
    name, fonts = printable(shortened(Path(emotion.file).name or emotion.file, 60))
    figure.text(
        0.065, 0.925, name, fontsize=15, fontweight="bold", color=_INK, family=fonts, parse_math=False
    )
    summary = (
        f"{emotion.term}  ·  {emotion.quadrant}: arousal {emotion.arousal_label} ({emotion.arousal:.2f}), "
        f"valence {emotion.valence_label} ({emotion.valence:.2f})  ·  uncertainty {emotion.uncertainty:.2f}"
    )
    figure.text(0.065, 0.865, summary, fontsize=10.5, color=_FAINT)


def _draw_curves(axes: Axes, emotion: Emotion) -> None:
    seconds = _edges(emotion)
    lines = (
        ("arousal", AROUSAL, [s.arousal for s in emotion.segments], [s.arousal_sd for s in emotion.segments]),
        ("valence", VALENCE, [s.valence for s in emotion.segments], [s.valence_sd for s in emotion.segments]),
    )
    axes.axhline(0.5, color=_FAINT, linewidth=0.8, linestyle=(0, (4, 4)), zorder=1)
    for name, colour, probability, deviation in lines:
        centre, spread = _held(probability), _held(deviation)
        low, high = np.clip(centre - spread, 0, 1), np.clip(centre + spread, 0, 1)
        axes.fill_between(seconds, low, high, color=colour, alpha=0.18, linewidth=0, zorder=2)
        width = 2.2 if len(probability) <= 180 else 1.2
        axes.plot(seconds, centre, color=colour, linewidth=width, label=name, zorder=3)
    axes.set_xlim(seconds[0], seconds[-1])
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
    axes.set_ylabel("probability of high arousal,\nof positive valence", fontsize=9, color=_FAINT)
    axes.tick_params(axis="x", labelbottom=False, length=0)
    axes.tick_params(axis="y", colors=_FAINT, length=0, labelsize=9)
    axes.grid(axis="x", color="#e8eaf0", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=10, borderaxespad=0.1
    )


def _draw_ribbon(axes: Axes, emotion: Emotion) -> None:
    for quadrant, run in groupby(emotion.segments, key=lambda segment: segment.quadrant):
        seconds = [segment.start_s for segment in run]
        axes.axvspan(seconds[0], seconds[-1] + 1.0, color=QUADRANTS[quadrant], linewidth=0)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MultipleLocator(_tick_step(len(emotion.segments))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))
    axes.tick_params(axis="x", colors=_FAINT, length=3, labelsize=9)
    axes.set_xlabel("time in the file, coloured by quadrant", fontsize=9, color=_FAINT, labelpad=2)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)


def _tick_step(seconds: int) -> int:
    """Return a round number of seconds that gives at most nine marks."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800)
    return next((step for step in steps if seconds <= 9 * step), 3600)


def draw_disc(axes: Axes, note: str = "") -> None:
    """Draw the valence-arousal disc with its quadrants and twelve terms, and a line of small print below."""
    axes.set_xlim(-1.42, 1.42)
    axes.set_ylim(-1.3, 1.3)
    axes.set_aspect("equal")
    axes.set_axis_off()
    for place, (name, colour) in enumerate(QUADRANTS.items()):
        start = 90 * place
        axes.add_patch(Wedge((0, 0), 1, start, start + 90, facecolor=colour, alpha=0.16, linewidth=0))
        x, y = 0.5 * np.cos(np.radians(start + 45)), 0.5 * np.sin(np.radians(start + 45))
        axes.text(x * 1.7, y * 1.7, name, ha="center", va="center", fontsize=10, color=colour, alpha=0.9)
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor="#9aa1b2", linewidth=1.2))
    axes.plot([-1, 1], [0, 0], color="#9aa1b2", linewidth=0.8, zorder=1)
    axes.plot([0, 0], [-1, 1], color="#9aa1b2", linewidth=0.8, zorder=1)
    for term in plane.TERMS:
        side = "left" if term.valence > 0.3 else "right" if term.valence < -0.3 else "center"
        axes.text(
            1.07 * term.valence, 1.08 * term.arousal, term.name, ha=side, va="center", fontsize=10, color=_INK
        )
    axes.text(0, -1.27, note, ha="center", va="center", fontsize=8, color=_FAINT)
    small: dict[str, Any] = {"fontsize": 8, "color": _FAINT, "style": "italic"}
    axes.text(0.98, -0.02, "positive", ha="right", va="top", **small)
    axes.text(-0.98, -0.02, "negative", ha="left", va="top", **small)
    axes.text(0.02, 0.96, "high", ha="left", va="top", **small)
    axes.text(0.02, -0.96, "low", ha="left", va="bottom", **small)


def _draw_path(axes: Axes, emotion: Emotion) -> None:
    points = _path(emotion)
    ages = np.linspace(0, 1, len(points))
    if len(points) > 1:
        pieces = list(np.stack([points[:-1], points[1:]], axis=1))
        axes.add_collection(LineCollection(pieces, cmap=_TIME, array=ages[1:], linewidths=1.4, zorder=4))
    axes.scatter(points[:, 0], points[:, 1], c=ages, cmap=_TIME, vmin=0, vmax=1, s=13, zorder=5, linewidths=0)
    centre = _place(emotion.valence, emotion.arousal)
    ends = {"start": points[0], "end": points[-1]}
    for (label, (x, y)), other in zip(ends.items(), reversed(ends.values()), strict=True):
        axes.scatter(x, y, s=46, facecolor="white", edgecolor=_INK, linewidth=1.4, zorder=6)
        # Away from the cross and from the other end; only near the rim towards the middle.
        side = np.sign(x - centre[0]) or 1.0
        if abs(x) > 0.75:
            side = -np.sign(x)
        above = y > other[1] or (y == other[1] and label == "start")
        axes.annotate(
            label, (x, y), xytext=(7 * side, 5 if above else -9), textcoords="offset points",
            fontsize=8, color=_INK, ha="left" if side > 0 else "right", zorder=8,
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.8},
        )  # fmt: skip
    axes.scatter(
        *centre, s=190, marker="P", facecolor=QUADRANTS[emotion.quadrant], edgecolor="white", linewidth=1.6,
        zorder=9,
    )  # fmt: skip


def _path(emotion: Emotion) -> np.ndarray:
    """Return at most `_MOST_PATH_POINTS` places in the disc, [n, 2]: the seconds, or means of neighbours."""
    probability = np.array([(segment.valence, segment.arousal) for segment in emotion.segments])
    parts = np.array_split(probability, min(len(probability), _MOST_PATH_POINTS))
    return np.array([_place(*part.mean(axis=0)) for part in parts])


def _place(valence: float, arousal: float) -> tuple[float, float]:
    return plane.disc_position(plane.coordinate(valence), plane.coordinate(arousal))


def _edges(emotion: Emotion) -> np.ndarray:
    """Return the middles of the seconds, with the first one's start and the last one's end around them."""
    starts = [segment.start_s for segment in emotion.segments]
    return np.array([starts[0], *(start + 0.5 for start in starts), starts[-1] + 1.0])


def _held(values: Sequence[float]) -> np.ndarray:
    """Return the values with the first and the last repeated, to go with `_edges`."""
    return np.array([values[0], *values, values[-1]])


@cache
def _characters(font_file: str) -> frozenset[int]:
    return frozenset(FT2Font(font_file).get_charmap())


@cache
def _fallback_files() -> tuple[tuple[str, str], ...]:
    found = {
        entry.name: entry.fname
        for entry in font_manager.fontManager.ttflist
        if any(part in entry.name.lower() for part in _FALLBACK_FONTS) and "emoji" not in entry.name.lower()
    }
    return tuple(sorted(found.items()))


def printable(text: str) -> tuple[str, list[str]]:
    """Return the text and the fonts that can draw it; what no font on this machine has becomes □.

    File names come in every script; matplotlib would warn of each missing glyph and draw nothing useful.
    """
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    fonts = [_BASE_FONT]
    known = set(_characters(font_manager.findfont(_BASE_FONT)))
    missing = {ord(character) for character in text} - known
    for name, file in _fallback_files() if missing else ():
        if missing & _characters(file):
            fonts.append(name)
            missing -= _characters(file)
        if not missing:
            break
    return "".join("□" if ord(character) in missing else character for character in text), fonts

"""Figures of a running study for a paper: who annotates, and what annotating looks like."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from damer.annotation.server.researcher_schemas import Count, Instruments, Trajectories
from damer.annotation.server.service import StudyService
from damer.core.errors import DamerError
from damer.core.text import clock
from damer.drawing import AROUSAL, VALENCE, draw_disc, printable

Values = npt.NDArray[np.float64]
_INK = "#1f2430"
_FAINT = "#6b7280"
_BAR = "#1d4f9e"
_TRAIL_S = 6.0  # how much of the path is still seen behind the point


@dataclass(frozen=True)
class Material:
    """What the figures are made of.

    Attributes:
        instruments: what the annotators said of themselves, counted.
        track: one track with all its takes; None where nobody has heard one to its end.
    """

    instruments: Instruments
    track: Trajectories | None


async def gather(url: str, track_id: str | None = None) -> Material:
    """Read what the figures need.

    Args:
        url: of the study's database.
        track_id: the track to show; None: the first of those that most people have heard.

    Raises:
        DamerError: the database cannot be read, or there is no such track.
    """
    service = await StudyService.open(url, serving=False)
    try:
        if track_id is not None and track_id not in service.tracks:
            raise DamerError(f"{track_id}: no track of this study; its tracks are on the page Tracks")
        if track_id is None:
            heard = max(await service.researcher.tracks(), key=lambda track: track.takes, default=None)
            track_id = heard.track_id if heard and heard.takes else None
        instruments = await service.researcher.instruments()
        found = await service.researcher.trajectories(track_id) if track_id is not None else None
        return Material(instruments, found if found and any(take.valid for take in found.takes) else None)
    finally:
        await service.close()


def draw_instruments(counted: Instruments) -> Figure:
    """Draw how many annotators play what, the most played first.

    Args:
        counted: with at least one instrument.

    Returns:
        A figure, 7 inches wide.
    """
    rows = counted.instruments
    figure = Figure(figsize=(7, 1.3 + 0.32 * len(rows)), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    people = [row.people for row in rows]
    axes.barh(range(len(rows)), people, color=_BAR, height=0.62)
    axes.invert_yaxis()
    _name_rows(axes, rows)
    for place, number in enumerate(people):
        axes.text(number + 0.012 * max(people), place, str(number), va="center", fontsize=10, color=_INK)
    axes.set_xlim(0, 1.08 * max(people))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel(f"annotators ({counted.answered} of {counted.people} told)", fontsize=10, color=_FAINT)
    _plain(axes)
    axes.grid(axis="x", color="#e8eaf0", linewidth=0.8)
    return figure


def draw_interface(found: Trajectories) -> Figure:
    """Draw annotating as it is done: the disc with a trail that fades, and both dimensions over time.

    The take is the first valid one of the work, or of all where nobody has it in their work; the moment is
    where it lies furthest from the centre. Behind it, faintly, are the others.

    Args:
        found: a track with at least one valid take.

    Returns:
        A figure of 12 x 5 inches.
    """
    valid = [take for take in found.takes if take.valid]
    takes = [take for take in valid if take.kind in ("work", "duplicate")] or valid
    take = takes[0]
    valence, arousal = _values(take.valence), _values(take.arousal)
    intensity = np.hypot(valence, arousal)
    now = int(np.nanargmax(intensity)) if np.isfinite(intensity).any() else 0
    figure = Figure(figsize=(12, 5), facecolor="white")
    FigureCanvasAgg(figure)
    title, fonts = printable(found.title or found.track_id)
    figure.text(0.5, 0.925, title, fontsize=15, fontweight="bold", color=_INK, family=fonts, parse_math=False)
    disc = figure.add_axes((0.01, 0.04, 0.44, 0.92))
    left = clock(max(0.0, found.duration_s - take.time_s[now]))
    draw_disc(disc, f"intensity {intensity[now]:.2f}, {left} left")
    _draw_trail(disc, np.column_stack([valence, arousal])[: now + 1], found.rate_hz)
    for place, (name, colour) in enumerate((("valence", VALENCE), ("arousal", AROUSAL))):
        axes = figure.add_axes((0.5, 0.53 - 0.4 * place, 0.475, 0.34))
        for one in takes[1:]:
            axes.plot(one.time_s, _values(getattr(one, name)), color=_FAINT, alpha=0.35, linewidth=0.8)
        axes.plot(take.time_s, _values(getattr(take, name)), color=colour, linewidth=2.0)
        axes.axvline(take.time_s[now], color=_INK, linewidth=1.0)
        _dress(axes, name, found.duration_s)
        axes.tick_params(axis="x", labelbottom=place == 1)
    return figure


def _draw_trail(axes: Axes, path: Values, rate_hz: float) -> None:
    path = path[max(0, len(path) - round(_TRAIL_S * rate_hz)) :]
    path = path[np.isfinite(path).all(axis=1)]
    if len(path) > 1:
        pieces = list(np.stack([path[:-1], path[1:]], axis=1))
        fading = np.linspace(0.05, 0.9, len(pieces))
        axes.add_collection(
            LineCollection(pieces, colors=_INK, alpha=fading.tolist(), linewidths=2.4, zorder=5)
        )
    if len(path):
        axes.scatter(
            path[-1:, 0], path[-1:, 1], s=150, facecolor=_INK, edgecolor="white", linewidth=2.0, zorder=7
        )


def _dress(axes: Axes, name: str, duration_s: float) -> None:
    axes.set_xlim(0, duration_s)
    axes.set_ylim(-1.03, 1.03)
    ends = ("negative", "positive") if name == "valence" else ("low", "high")
    axes.set_yticks([-1, 0, 1], [ends[0], "0", ends[1]])
    axes.set_ylabel(name, fontsize=10, color=_INK)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 3, 5, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))
    axes.axhline(0, color=_FAINT, linewidth=0.8, linestyle=(0, (4, 4)))
    _plain(axes)


def _name_rows(axes: Axes, rows: Sequence[Count]) -> None:
    axes.set_yticks(range(len(rows)), ["" for _ in rows])
    for place, row in enumerate(rows):
        name, fonts = printable(row.name)
        axes.annotate(
            name, (0, place), xytext=(-8, 0), textcoords="offset points", ha="right", va="center",
            fontsize=10, color=_INK, family=fonts, parse_math=False,
        )  # fmt: skip


def _plain(axes: Axes) -> None:
    axes.tick_params(colors=_FAINT, length=0, labelsize=9)
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)


def _values(numbers: Sequence[float | None]) -> Values:
    return np.array([np.nan if one is None else one for one in numbers], dtype=np.float64)

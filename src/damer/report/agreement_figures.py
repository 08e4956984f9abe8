"""The figures of agreement. Built without pyplot: no window, no global state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from damer.core.agreement.summary import track_means
from damer.core.fusion import TrackRatings, fuse
from damer.core.track import DIMENSIONS, Dimension
from damer.drawing import AROUSAL, VALENCE, draw_disc, printable
from damer.report.agreement_words import NAMES, SCOPES, Found

COLOURS: dict[Dimension, str] = {"arousal": AROUSAL, "valence": VALENCE}
_FAINT = "#6b7280"
_MOST_TRACES = 40

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """One figure of the page: a short name, a heading, a sentence that explains it, and the figure."""

    name: str
    title: str
    caption: str
    figure: Figure


def pictures(found: Found) -> list[Picture]:
    """Draw every figure for which there is something to draw."""
    makers: tuple[Callable[[Found], Picture | None], ...] = (
        _statistics, _plane, _raters, _tracks, _spread, _examples, _annotators, _lags, _repeats, _sizes,
    )  # fmt: skip
    return [picture for picture in (make(found) for make in makers) if picture is not None]


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plain(axes: Axes, x: str = "", y: str = "") -> None:
    axes.set_xlabel(x, fontsize=9, color=_FAINT)
    axes.set_ylabel(y, fontsize=9, color=_FAINT)
    axes.tick_params(colors=_FAINT, labelsize=9, length=0)
    axes.grid(color="#e8eaf0", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _whole(axes: Axes) -> None:
    """Put marks at whole numbers only: these are counts."""
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _series(track: TrackRatings, dimension: Dimension) -> Values:
    return track.arousal if dimension == "arousal" else track.valence


def _statistics(found: Found) -> Picture:
    figure = _figure(12, 5)
    panels: Sequence[Axes] = figure.subplots(1, 3, sharex=True, sharey=True)
    labels = list(reversed([(name, label) for name, label in NAMES.items() if name != "rmse"]))
    for axes, (scope, (title, _)) in zip(panels, SCOPES.items(), strict=True):
        for dimension, offset in zip(DIMENSIONS, (0.16, -0.16), strict=True):
            estimates = found.agreement.table(scope, dimension).estimates
            for row, (name, _) in enumerate(labels):
                one = estimates[name]
                low, high = one.interval
                colour = COLOURS[dimension]
                if np.isfinite(low) and np.isfinite(high):
                    axes.plot([low, high], [row + offset] * 2, color=colour, linewidth=2, alpha=0.5)
                if np.isfinite(one.value):
                    axes.plot(one.value, row + offset, "o", color=colour, markersize=5)
                else:
                    axes.text(
                        0.01, row, "the design cannot tell", fontsize=7, color=_FAINT, va="center",
                        backgroundcolor="white",
                    )  # fmt: skip
        axes.set_title(title, fontsize=11)
        axes.set_xlim(min(-0.1, axes.get_xlim()[0]), 1)
        _plain(axes)
    panels[0].set_yticks(range(len(labels)), [label for _, label in labels], color="#1f2430")
    _legend(panels[2])
    caption = "Each statistic, and its 95 % interval where there is one. 1 is perfect agreement, 0 is chance."
    return Picture("statistics", "How far annotators agree", caption, figure)


def _legend(axes: Axes) -> None:
    for dimension, colour in COLOURS.items():
        axes.plot([], [], "o", color=colour, label=dimension)
    axes.legend(frameon=False, fontsize=9)


def _plane(found: Found) -> Picture:
    figure = _figure(7.5, 6.5)
    axes = figure.subplots()
    draw_disc(axes, "one dot a track: the mean over annotators and time")
    fused = [[fuse(track_means(one)) for one in (track.valence, track.arousal)] for track in found.tracks]
    places = np.array([[one.value[0] for one in pair] for pair in fused])
    spreads = np.array([[one.spread[0] for one in pair] for pair in fused])
    size = max(6.0, min(30.0, 2500 / max(len(places), 1)))
    if len(places) <= 60:
        across, up = spreads.T
        axes.errorbar(places[:, 0], places[:, 1], up, across, fmt="none", ecolor="#1f2430", alpha=0.12)
    axes.scatter(places[:, 0], places[:, 1], s=size, color="#1f2430", alpha=0.6, linewidths=0, zorder=5)
    across = np.nanmedian(spreads, axis=0)
    caption = (
        "Where the tracks lie. Annotators of one track differ by a standard deviation of "
        f"{across[0]:.2f} in valence and {across[1]:.2f} in arousal (medians over tracks)."
    )
    return Picture("plane", "The labels in the plane", caption, figure)


def _raters(found: Found) -> Picture:
    figure = _figure(12, 3.6)
    panels: Sequence[Axes] = figure.subplots(1, 3, sharey=True)
    most = max(30, 2 * max(found.agreement.raters))
    count = np.arange(1, most + 1)
    for axes, (scope, (title, _)) in zip(panels, SCOPES.items(), strict=True):
        for dimension in DIMENSIONS:
            single = found.agreement.table(scope, dimension).estimates["icc_a1"].value
            if np.isfinite(single) and single > 0:
                mean = count * single / (1 + (count - 1) * single)
                axes.plot(count, mean, color=COLOURS[dimension], label=dimension)
        axes.axvline(float(np.mean(found.agreement.raters)), color=_FAINT, linestyle=":", linewidth=1)
        axes.set_title(title, fontsize=11)
        axes.set_ylim(0, 1)
        _plain(axes, "annotators a track", "ICC(A,k) of their mean" if scope == "static" else "")
    panels[0].legend(frameon=False, fontsize=9, loc="lower right")
    caption = (
        "How reliable the mean of k annotators is, from ICC(A,1) by Spearman and Brown; the dotted line is "
        "what there was. Within tracks it lies above the mean of the tracks' own ICC(A,k): some are below 0."
    )
    return Picture("raters", "How many annotators are enough", caption, figure)


def _tracks(found: Found) -> Picture:
    figure = _figure(12, 3.4)
    shown = ("krippendorff_alpha", "leave_one_out_ccc", "leave_one_out_pearson")
    panels: Sequence[Axes] = figure.subplots(1, len(shown))
    for axes, name in zip(panels, shown, strict=True):
        for dimension in DIMENSIONS:
            values = found.agreement.per_track[dimension][name]
            values = values[np.isfinite(values)]
            if len(values):
                bins = np.linspace(min(-0.25, float(values.min())), 1, 31).tolist()
                axes.hist(values, bins, color=COLOURS[dimension], alpha=0.5, label=dimension)
                axes.axvline(float(values.mean()), color=COLOURS[dimension], linewidth=1.5)
        axes.set_title(NAMES[name], fontsize=11)
        _whole(axes)
        _plain(axes, "", "tracks" if name == shown[0] else "")
    panels[-1].legend(frameon=False, fontsize=9)
    caption = "Each track by itself: do people move together while it plays? The lines are means."
    return Picture("tracks", "Agreement within tracks", caption, figure)


def _spread(found: Found) -> Picture:
    figure = _figure(12, 3.2)
    axes = figure.subplots()
    rate = found.tracks[0].rate_hz
    longest = int(np.median([len(track.valence) for track in found.tracks]))
    for dimension in DIMENSIONS:
        spreads = np.full((len(found.tracks), longest), np.nan)
        for row, track in enumerate(found.tracks):
            spread = fuse(_series(track, dimension)).spread[:longest]
            spreads[row, : len(spread)] = spread
        known = np.isfinite(spreads)
        count = known.sum(axis=0)
        total = np.where(known, spreads, 0.0).sum(axis=0)
        mean = np.divide(total, count, out=np.full(longest, np.nan), where=count > 0)
        axes.plot((np.arange(longest) + 0.5) / rate, mean, color=COLOURS[dimension], label=dimension)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9)
    _plain(axes, "seconds in the track", "standard deviation")
    caption = (
        "How far annotators are apart as a track goes on: mean over tracks, up to the median length. Where "
        "everybody starts from the centre it starts low, and the first seconds say little."
    )
    return Picture("spread", "Spread over time", caption, figure)


def _examples(found: Found) -> Picture | None:
    name = "leave_one_out_pearson"
    score = np.mean([found.agreement.per_track[one][name] for one in DIMENSIONS], axis=0)
    known = np.flatnonzero(np.isfinite(score))
    if len(known) < 3:
        return None
    order = known[np.argsort(score[known])]
    places = (order[-1], order[len(order) // 2], order[0])
    chosen = zip(("most agreed", "in the middle", "least agreed"), places, strict=True)
    figure = _figure(12, 5.2)
    grid = figure.subplots(2, 3, sharey=True)
    for column, (words, place) in enumerate(chosen):
        track = found.tracks[place]
        seconds = (np.arange(len(track.valence)) + 0.5) / track.rate_hz
        for row, dimension in enumerate(DIMENSIONS):
            axes, series = grid[row][column], _series(track, dimension)
            axes.plot(seconds, series[:, :_MOST_TRACES], color="#9aa1b2", linewidth=0.6, alpha=0.5)
            fused = fuse(series)
            low, high = fused.value - fused.spread, fused.value + fused.spread
            axes.fill_between(seconds, low, high, color=COLOURS[dimension], alpha=0.15, linewidth=0)
            axes.plot(seconds, fused.value, color=COLOURS[dimension], linewidth=2)
            axes.set_ylim(-1, 1)
            _plain(axes, "seconds" if row else "", dimension if column == 0 else "")
        text, fonts = printable(track.track if len(track.track) < 40 else f"…{track.track[-38:]}")
        grid[0][column].set_title(f"{words}\n{text}", fontsize=9, fontfamily=fonts)
    caption = (
        "Three tracks, by the mean correlation of one annotator with the others: every annotator in grey, "
        "their mean and one standard deviation in colour."
    )
    return Picture("examples", "Three tracks", caption, figure)


def _annotators(found: Found) -> Picture | None:
    people = found.agreement.per_annotator
    if not people:
        return None
    names = sorted(people, key=lambda name: np.nan_to_num(people[name]["arousal"] + people[name]["valence"]))
    figure = _figure(12, min(9.0, 1.2 + 0.2 * len(names)))
    axes = figure.subplots()
    for dimension in DIMENSIONS:
        values = [people[name][dimension] for name in names]
        axes.plot(values, range(len(names)), "o", color=COLOURS[dimension])
    axes.set_yticks(range(len(names)), names if len(names) <= 60 else [""] * len(names), fontsize=7)
    axes.set_xlim(min(0.0, axes.get_xlim()[0]), 1.02)
    _plain(axes, "CCC with the mean of the others, all seconds of all tracks")
    _legend(axes)
    caption = "Each annotator against the others. Who lies far left may be careless, or of another mind."
    return Picture("annotators", "Annotators", caption, figure)


def _lags(found: Found) -> Picture | None:
    if found.lags is None or not found.lags.error:
        return None
    names = sorted(found.lags.error, key=lambda name: found.lags.seconds[name] if found.lags else 0.0)
    figure = _figure(12, min(9.0, 1.2 + 0.2 * len(names)))
    axes = figure.subplots()
    seconds = [found.lags.seconds[name] for name in names]
    errors = [1.96 * found.lags.error[name] for name in names]
    axes.errorbar(seconds, range(len(names)), xerr=errors, fmt="o", color="#1f2430", ecolor="#9aa1b2")
    axes.set_yticks(range(len(names)), names if len(names) <= 60 else [""] * len(names), fontsize=7)
    behind = "the music" if found.lags.common is not None else "the median annotator"
    _plain(axes, f"seconds behind {behind}, with 95 % interval")
    return Picture("lags", "How late annotators are", f"Lag: {found.lag}.", figure)


def _repeats(found: Found) -> Picture | None:
    distances = np.array([one.distance for one in found.repeats])
    distances = distances[np.isfinite(distances)]
    if not len(distances):
        return None
    figure = _figure(12, 2.8)
    axes = figure.subplots()
    axes.hist(distances, np.linspace(0, max(0.3, float(distances.max())), 31).tolist(), color="#6b7dc4")
    _whole(axes)
    axes.axvline(0.25, color=_FAINT, linestyle=":", linewidth=1.5)
    _plain(axes, "mean distance of the two paths", "second hearings")
    caption = "The same track heard twice without knowing it. Dotted: the limit of calibration, 0.25."
    return Picture("repeats", "Annotators and themselves", caption, figure)


def _sizes(found: Found) -> Picture:
    figure = _figure(12, 2.8)
    left, right = figure.subplots(1, 2)
    lengths = [len(track.valence) / track.rate_hz for track in found.tracks]
    left.hist(lengths, 30 if len(set(lengths)) > 2 else 3, color="#6b7dc4", rwidth=0.9)
    _whole(left)
    _plain(left, "length of a track, seconds", "tracks")
    raters = found.agreement.raters
    right.hist(raters, np.arange(min(raters) - 0.5, max(raters) + 1.5).tolist(), color="#4fa579", rwidth=0.9)
    _whole(right)
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    _plain(right, "annotators of a track")
    caption = "Lengths of the tracks, and how many annotators each had."
    return Picture("sizes", "How much there is", caption, figure)

"""Counting numbers as they come, and drawing the counts as SVG that takes its colours from the page."""

import html
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

_WIDTH, _HEIGHT = 560, 230
_LEFT, _BOTTOM, _TOP = 34, 24, 8
_MOST_TICKS = 9


class Histogram:
    """Counts in bins of one width; holds as many numbers as there are bins, however many come.

    Args:
        width: width of a bin.
        origin: where some bin begins.
    """

    def __init__(self, width: float, origin: float = 0.0) -> None:
        self.width, self._origin = width, origin
        self.count = 0
        self.low, self.high = math.inf, -math.inf
        self._bins: Counter[int] = Counter()

    def add(self, value: float) -> None:
        """Count a number; what is not finite is left out."""
        if math.isfinite(value):
            self._bins[math.floor((value - self._origin) / self.width)] += 1
            self.count += 1
            self.low, self.high = min(self.low, value), max(self.high, value)

    def merged(self, steps: int, low: float, high: float) -> list[int]:
        """Return counts from `low` to `high` in bins of `steps` widths; the outermost take the rest."""
        width = steps * self.width
        counts = [0] * max(1, math.ceil((high - low) / width))
        for place, count in self._bins.items():
            index = math.floor((place * self.width + self._origin - low) / width + 1e-9)
            counts[min(max(index, 0), len(counts) - 1)] += count
        return counts


def draw(
    series: Mapping[str, Sequence[int]],
    span: tuple[float, float],
    width: float,
    marks: Sequence[float],
    label: Callable[[float], str],
    title: str,
    stacked: bool = True,
) -> str:
    """Return bars as an SVG: each series has the class of its name.

    Args:
        series: counts of each, in bins of one width from the span's first end on.
        span: the axis from left to right.
        width: width of a bin on the axis.
        marks: where to draw a line across.
        label: text of a number below the axis.
        title: what a screen reader says.
        stacked: series on top of one another; else the second hangs below the axis, on its own scale.
    """
    low, high = span
    columns = list(zip(*series.values(), strict=True))
    above = max((sum(column) if stacked else column[0] for column in columns), default=0)
    below = 0 if stacked else max((column[1] for column in columns), default=0)
    room = (_HEIGHT - _TOP - _BOTTOM) / (1 if stacked else 2)
    up, down = room / max(1, above), room / max(1, below)
    zero = _TOP + room
    across = (_WIDTH - _LEFT) / (high - low)
    parts = []
    for place, column in enumerate(columns):
        left, top = _LEFT + place * width * across, zero
        wide = max(1.0, width * across - 1.5)
        for index, (name, count) in enumerate(zip(series, column, strict=True)):
            if not count:
                continue
            hangs = index > 0 and not stacked
            tall = max(1.5, count * (down if hangs else up))
            top -= 0 if hangs else tall
            start = zero if hangs else top
            begin = low + place * width
            tip = html.escape(f"{label(begin)} to {label(begin + width)}: {count:,} {name}")
            parts.append(
                f'<rect class="{name}" x="{left:.1f}" y="{start:.1f}" width="{wide:.1f}" '
                f'height="{tall:.1f}"><title>{tip}</title></rect>'
            )
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}"/>')
    parts += _scale_marks(above, below, zero, room)
    for value in _ticks(low, high):
        at = _LEFT + (value - low) * across
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{label(value)}</text>')
    for value in marks:
        at = _LEFT + (value - low) * across
        parts.append(f'<line class="limit" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{_HEIGHT - _BOTTOM + 4}"/>')
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )


def _scale_marks(above: int, below: int, zero: float, room: float) -> list[str]:
    """Return the counts at the two ends of the upright axis."""
    ends = [(above, zero - room + 10), (below, zero + room)]
    return [
        f'<text x="{_LEFT - 6}" y="{at:.1f}" text-anchor="end">{count:,}</text>'
        for count, at in ends
        if count
    ]


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers along the axis."""
    steps = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
    step = next((one for one in steps if (high - low) / one <= _MOST_TICKS), steps[-1])
    first = math.ceil(low / step)
    return [float(place * step) for place in range(first, math.floor(high / step) + 1)]

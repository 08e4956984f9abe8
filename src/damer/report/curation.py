"""The page that sums up a curated folder: what was kept, what was not and why, how loud it was and is.

The page holds everything it needs and no script. Rows are read once; what is kept of them are counts, and of
every list the first so many, so that the number of files does not matter.
"""

import html
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from damer.core.files import replacing
from damer.core.text import clock
from damer.curation.disk import writing
from damer.curation.row import Row
from damer.curation.settings import CurationSettings
from damer.report.histogram import Histogram, draw
from damer.report.page import csp_hash, template

LONGEST_LIST = 500
"""Rows of a list on the page; the manifest has all."""

_MOST_LICENCES = 1000
_DURATIONS_S = 5.0
_STATUSES = {"kept": "kept", "rejected": "rejected by a rule", "failed": "could not be read"}


@dataclass
class _List:
    """The first rows of a list, and how many there are."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    count: int = 0

    def add(self, *cells: str) -> None:
        self.count += 1
        if len(self.rows) < LONGEST_LIST:
            self.rows.append(cells)


class _Summary:
    """What the page tells, taken in row by row."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.licences: Counter[str] = Counter()
        self.cc0 = 0
        self.seconds = 0.0
        self.durations = {status: Histogram(_DURATIONS_S) for status in _STATUSES}
        self.loudness = {when: Histogram(1.0, -0.5) for when in ("before", "after")}
        self.peaks = {when: Histogram(1.0, -0.5) for when in ("before", "after")}
        self.limited, self.noted, self.duplicates, self.dropped = _List(), _List(), _List(), _List()

    def add(self, row: Row) -> None:
        """Take in one row."""
        self.statuses[row.status] += 1
        if row.duration_s is not None:
            self.durations[row.status].add(row.duration_s)
        if row.duplicate_of:
            self.duplicates.add(row.file, row.duplicate_kind, row.duplicate_of)
        if row.status == "kept":
            self._add_kept(row)
        else:
            self.reasons[(row.status, _kind(row))] += 1
            self.dropped.add(row.file, row.status, row.reason)

    def _add_kept(self, row: Row) -> None:
        self.seconds += row.duration_s or 0.0
        self.cc0 += row.is_cc0
        licence = row.licence or "none stated"
        if licence in self.licences or len(self.licences) < _MOST_LICENCES:
            self.licences[licence] += 1
        else:
            self.licences["others"] += 1
        for histograms, before, after in (
            (self.loudness, row.loudness_in_lufs, row.loudness_lufs),
            (self.peaks, row.true_peak_in_dbtp, row.true_peak_dbtp),
        ):
            if before is not None and after is not None:
                histograms["before"].add(before)
                histograms["after"].add(after)
        if row.peak_limited:
            self.limited.add(row.file, f"{row.loudness_lufs:.1f} LUFS", f"{row.true_peak_dbtp:.1f} dBTP")
        elif row.note:
            self.noted.add(row.file, row.note)


def write_page(path: Path, rows: Iterable[Row], settings: CurationSettings) -> None:
    """Write the page, whole or not at all.

    Args:
        path: where to; its folder exists.
        rows: every row of the manifest, read once.
        settings: the rules, which the plots show.

    Raises:
        CannotWriteError: the folder takes no files.
    """
    summary = _Summary()
    for row in rows:
        summary.add(row)
    style = template("page.css") + template("curation.css")
    values = {
        "style": style,
        "style_hash": csp_hash(style),
        "lead": _lead(summary),
        "shares": _shares(summary.statuses),
        "durations": _durations(summary, settings),
        "reasons": _reasons(summary),
        "loudness": _before_after(summary.loudness, settings.loudness_lufs, "LUFS", "target"),
        "peaks": _before_after(summary.peaks, settings.true_peak_dbtp, "dBTP", "highest allowed"),
        "lists": _lists(summary),
        "rules": _rules(settings),
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template("curation.html"))
    with writing(path.parent), replacing(path) as part:
        part.write_text(page, encoding="utf-8")


def _kind(row: Row) -> str:
    """Return the rule that a row's reason names: what stands before its details."""
    if row.status == "failed":
        return "could not be read"
    return row.reason.split(" of ")[0] if row.duplicate_kind == "exact" else row.reason.split(":")[0]


def _files(number: int) -> str:
    return f"{number:,} file" + ("" if number == 1 else "s")


def _lead(summary: _Summary) -> str:
    kept, total = summary.statuses["kept"], summary.statuses.total()
    hours = (
        f"{summary.seconds / 3600:.1f} hours" if summary.seconds >= 3600 else clock(summary.seconds) + " min"
    )
    return (
        f"{kept:,} of {_files(total)} kept, {hours} of music; {summary.cc0:,} of them "
        f"{'is' if summary.cc0 == 1 else 'are'} CC0."
    )


def _shares(statuses: Counter[str]) -> str:
    left, strip, legend = 0.0, "", ""
    for status, words in _STATUSES.items():
        width = 100 * statuses[status] / max(1, statuses.total())
        strip += f'<rect class="{status}" x="{left:.3f}%" width="{width:.3f}%" height="100%"/>'
        legend += f'<li class="{status}">{words}: {statuses[status]:,}</li>'
        left += width
    return f'<svg class="shares" aria-hidden="true">{strip}</svg><ul class="legend">{legend}</ul>'


def _durations(summary: _Summary, settings: CurationSettings) -> str:
    """Draw how long files are; those far beyond the longest allowed share the last bar."""
    last = settings.max_s * 1.2
    steps = max(1, math.ceil(last / _DURATIONS_S / 60))
    series = {status: found.merged(steps, 0.0, last) for status, found in summary.durations.items()}
    marks = [settings.min_s, settings.max_s]
    chart = draw(series, (0.0, last), steps * _DURATIONS_S, marks, clock, "How long the files are, minutes")
    present = [status for status in _STATUSES if summary.durations[status].count]
    legend = "".join(f'<li class="{status}">{_STATUSES[status]}</li>' for status in present)
    return (
        f"{chart}<ul class='legend'>{legend}<li class='target'>kept from {clock(settings.min_s)} to "
        f"{clock(settings.max_s)} min; what is longer than {clock(last)} stands in the last bar</li></ul>"
    )


def _before_after(histograms: dict[str, Histogram], target: float, unit: str, what: str) -> str:
    if not histograms["after"].count:
        return '<p class="empty">Nothing was kept.</p>'
    low = min(found.low for found in histograms.values())
    high = max(found.high for found in histograms.values())
    low, high = 5 * math.floor(min(low, target) / 5), 5 * math.ceil(max(high, target, 0.0) / 5)
    low, high = max(low, -70) - 0.5, high + 0.5
    series = {when: found.merged(1, low, high) for when, found in histograms.items()}
    chart = draw(
        series, (low, high), 1.0, [target], lambda value: f"{value:.0f}", f"Files by {unit}", stacked=False
    )
    return (
        f"{chart}<ul class='legend'><li class='before'>before</li><li class='after'>after</li>"
        f"<li class='target'>{what}: {target:g} {unit}</li></ul>"
    )


def _reasons(summary: _Summary) -> str:
    if not summary.reasons:
        return '<p class="empty">Every file was kept.</p>'
    most = max(summary.reasons.values())
    items = "".join(
        f'<li>{html.escape(kind)} <b>{count:,}</b><svg aria-hidden="true"><rect class="{status}" '
        f'width="{100 * count / most:.1f}%" height="100%"/></svg></li>'
        for (status, kind), count in summary.reasons.most_common()
    )
    return f'<ul class="bars">{items}</ul>'


def _lists(summary: _Summary) -> str:
    licences = _List([(name, f"{count:,}") for name, count in summary.licences.most_common(LONGEST_LIST)])
    licences.count = len(summary.licences)
    return "".join(
        (
            _table("Not kept", summary.dropped, ("File", "What", "Why"), opened=True),
            _table("Duplicates", summary.duplicates, ("File", "Kind", "Of"), opened=True),
            _table(
                "Below the target, as the true peak would be too high",
                summary.limited,
                ("File", "Loudness", "True peak"),
                opened=True,
            ),
            _table("Worth a look", summary.noted, ("File", "Note"), opened=True),
            _table("Licences of what was kept", licences, ("Licence", "Files"), opened=False),
        )
    )


def _table(title: str, found: _List, heads: Sequence[str], opened: bool) -> str:
    if not found.rows:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>\n"
        for cells in found.rows
    )
    more = found.count - len(found.rows)
    rest = f'<p class="note">and {more:,} more, in the manifest</p>' if more else ""
    state = " open" if opened and found.count <= 50 else ""
    return (
        f"<section><details{state}><summary>{title} ({found.count:,})"
        f"</summary><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>{rest}</details></section>"
    )


def _rules(settings: CurationSettings) -> str:
    listener = html.escape(settings.screener)
    voices = "nobody listened for voices" if listener == "none" else f"voices sought by “{listener}”"
    return (
        f"Kept: {settings.min_s:g} to {settings.max_s:g} s, {voices}. Written as WAV, 44.1 kHz, 16 bit, "
        f"stereo, brought to {settings.loudness_lufs:g} LUFS (EBU R 128) by one gain a track, true peak at "
        f"most {settings.true_peak_dbtp:g} dBTP."
    )

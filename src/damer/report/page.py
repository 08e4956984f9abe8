"""Writes the report page; skeleton, style and script are `page.html`, `page.css` and `page.js` beside it.

The page holds everything it needs: nothing is fetched, and its content security policy forbids it. File
names come from anywhere: every value passes through `html.escape` or JSON that cannot end a script block.
"""

import base64
import hashlib
import html
import json
import os
import re
import tempfile
from collections import Counter
from importlib import resources
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Self, TextIO
from urllib.parse import quote

from damer.core import plane
from damer.core.files import replacing
from damer.core.result import Emotion, Failure
from damer.core.text import clock, one_line

CLIP_BUDGET = 96 * 2**20
"""Bytes of sound a page may hold; of the files after that the sound plays from its place on disk."""

_QUADRANT_WORDS = {
    "Q1": "high and positive",
    "Q2": "high and negative",
    "Q3": "low and negative",
    "Q4": "low and positive",
}
_SCALE = 10_000
_COPY_BLOCK = 2**20


class Report:
    """Collects results one by one and writes the page when closed.

    What grows with the number of files is kept in temporary files, not in memory.

    Args:
        path: the page to write; its folder exists.

    Example:
        with Report("report.html") as report:
            report.add(emotion, clip=mp3_bytes)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._rows = _spool()
        self._data = _spool()
        self._failures = _spool()
        self._failed = 0
        self._quadrants: Counter[str] = Counter()
        self._models: set[str] = set()
        self._clip_bytes = 0

    @property
    def wants_clip(self) -> bool:
        """Whether there is room for another file's sound."""
        return self._clip_bytes < CLIP_BUDGET

    def add(self, result: Emotion | Failure, clip: bytes | None = None) -> None:
        """Add one file.

        Args:
            result: what became of it.
            clip: the sound of its window as an MP3 file, or None.
        """
        if isinstance(result, Failure):
            self._failed += 1
            name, error = html.escape(one_line(result.file)), html.escape(result.error)
            self._failures.write(f"<li><strong>{name}</strong><br>{error}</li>\n")
            return
        index = self._quadrants.total()
        self._quadrants[result.quadrant] += 1
        self._models.add(f"{result.model.name} {result.model.version} ({result.model.sha256[:12]})")
        self._rows.write(_row(index, result))
        self._data.write(_block(f"song-{index}", "application/json", _json(self._song(result))))
        if clip is not None and self.wants_clip:
            self._clip_bytes += len(clip)
            sound = f"data:audio/mpeg;base64,{base64.b64encode(clip).decode()}"
            self._data.write(_block(f"clip-{index}", "text/plain", sound))

    def close(self) -> None:
        """Write the page, whole or not at all.

        Raises:
            DamerError: when the page cannot be written.
        """
        try:
            with (
                replacing(self.path, "choose another --out") as part,
                part.open("w", encoding="utf-8") as page,
            ):
                self._write(page)
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget everything and write nothing."""
        for spool in (self._rows, self._data, self._failures):
            spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _song(self, emotion: Emotion) -> dict[str, Any]:
        """Return what the script needs; probabilities as ten-thousandths."""
        curves = {
            name: [round(_SCALE * getattr(segment, name)) for segment in emotion.segments]
            for name in ("arousal", "valence", "arousal_sd", "valence_sd")
        }
        return curves | {
            "name": one_line(PurePath(emotion.file).name or emotion.file),
            "verdict": (
                f"{emotion.arousal_label} arousal ({emotion.arousal:.2f}), {emotion.valence_label} valence "
                f"({emotion.valence:.2f}), uncertainty {emotion.uncertainty:.2f}; "
                f"heard from {clock(emotion.window_s[0])} to {clock(emotion.window_s[1])}"
            ),
            "term": emotion.term,
            "quadrant": emotion.quadrant,
            "file_arousal": emotion.arousal,
            "file_valence": emotion.valence,
            "start": emotion.segments[0].start_s,
            "source": _relative_url(emotion.file, self.path.parent),
        }

    def _write(self, page: TextIO) -> None:
        style, script = template("page.css"), template("page.js")
        done = self._quadrants.total()
        summary = f"{_count(done, 'file')} heard, second by second"
        summary += f"; {self._failed} could not be read." if self._failed else "."
        failures = self._failures if self._failed else None
        values: dict[str, str | TextIO | None] = {
            "policy": (
                f"default-src 'none'; script-src '{csp_hash(script)}'; style-src '{csp_hash(style)}'; "
                "media-src data: file: 'self'; img-src data:; base-uri 'none'; form-action 'none'"
            ),
            "title": "How the music feels",
            "heading": "How the music feels",
            "summary": summary,
            "table_heading": _count(done, "file"),
            "shares": _shares(self._quadrants),
            "style": style,
            "script": script,
            "rows": self._rows,
            "data": self._data,
            "failures": failures,
            "model": html.escape("Made with " + ", ".join(sorted(self._models)) if self._models else ""),
        }
        self._data.write(_block("terms", "application/json", _json([term.name for term in plane.TERMS])))
        for place, part in enumerate(re.split(r"\{\{(\w+)\}\}", template("page.html"))):
            value = values[part] if place % 2 else part
            if value is failures and failures is not None:
                page.write('<section class="failed" aria-labelledby="failed"><h2 id="failed">')
                page.write(f"Could not be read ({self._failed})</h2><ul>\n")
                _copy(failures, page)
                page.write("</ul></section>")
            elif isinstance(value, str):
                page.write(value)
            elif value is not None:
                _copy(value, page)


def _row(index: int, emotion: Emotion) -> str:
    path = PurePath(emotion.file)
    name = html.escape(one_line(path.name or emotion.file))
    folder = html.escape(one_line(str(path.parent))) if path.parent != PurePath() else ""
    folder = f'<span class="folder">{folder}</span>' if folder else ""
    pick = f'<button type="button" class="pick" aria-pressed="false">{name}</button>{folder}'
    cells = [
        ("File", html.escape(one_line(emotion.file)), pick),
        ("Duration", f"{emotion.duration_s}", clock(emotion.duration_s)),
        ("Arousal", f"{emotion.arousal}", f"{_bar(emotion.arousal, 'arousal')}{emotion.arousal:.2f}"),
        ("Valence", f"{emotion.valence}", f"{_bar(emotion.valence, 'valence')}{emotion.valence:.2f}"),
        ("Quadrant", emotion.quadrant, f'<span class="dot {emotion.quadrant}"></span>{emotion.quadrant}'),
        ("Term", emotion.term, emotion.term),
        (
            "Uncertainty",
            f"{emotion.uncertainty}",
            f"{_bar(emotion.uncertainty, 'plain')}{emotion.uncertainty:.2f}",
        ),
    ]
    columns = "".join(
        f'<td role="cell" class="{label.lower()}" data-label="{label}" data-value="{value}">{shown}</td>'
        for label, value, shown in cells
    )
    return f'<tr role="row" data-index="{index}">{columns}</tr>\n'


def _bar(share: float, kind: str) -> str:
    return (
        '<svg class="bar" aria-hidden="true">'
        f'<rect class="{kind}" width="{100 * share:.0f}%" height="100%"/></svg>'
    )


def _shares(quadrants: Counter[str]) -> str:
    """Return the strip and its legend: how many files lie in each quadrant."""
    if not quadrants:
        return ""
    total, left, strip, legend = quadrants.total(), 0.0, "", ""
    for name, words in _QUADRANT_WORDS.items():
        width = 100 * quadrants[name] / total
        strip += f'<rect class="{name}" x="{left:.2f}%" width="{width:.2f}%" height="100%"/>'
        legend += f'<li class="{name}">{name}, {words}: {quadrants[name]}</li>'
        left += width
    return f'<svg class="shares" aria-hidden="true">{strip}</svg><ul class="legend">{legend}</ul>'


def _relative_url(file: str, folder: Path) -> str:
    """Return where the file lies as seen from the page, percent-encoded; empty when it is not there."""
    if not Path(file).is_file():
        return ""
    try:
        return quote(os.fsencode(Path(os.path.relpath(file, folder)).as_posix()))
    except ValueError:  # on another drive
        return Path(file).resolve().as_uri()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _json(value: object) -> str:
    """Return JSON that no HTML parser can take for markup."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _block(name: str, kind: str, text: str) -> str:
    return f'<script type="{kind}" id="{name}">{text}</script>\n'


def csp_hash(text: str) -> str:
    """Return what a content security policy calls an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def template(name: str) -> str:
    """Return a file of this package as text."""
    return resources.files("damer.report").joinpath(name).read_text(encoding="utf-8")


def _spool() -> TextIO:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


def _copy(source: TextIO, target: TextIO) -> None:
    source.seek(0)
    while block := source.read(_COPY_BLOCK):
        target.write(block)

"""The page of a curated folder: its numbers, its safety, its size."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from damer.core.text import clock
from damer.curation import CurationSettings, Row
from damer.report.curation import LONGEST_LIST, write_page
from damer.report.histogram import Histogram, draw


def rows() -> Iterator[Row]:
    for number in range(5):
        yield Row(
            file=f"kept {number}.wav", status="kept", duration_s=60.0 + 40 * number,
            loudness_in_lufs=-10.0 - number, loudness_lufs=-23.0,
            true_peak_in_dbtp=0.5, true_peak_dbtp=-12.0, licence="CC0" if number else "",
            is_cc0=number > 0,
        )  # fmt: skip
    yield Row(
        file="flagged.wav", status="kept", duration_s=100.0, loudness_in_lufs=-40.0, loudness_lufs=-30.0,
        true_peak_in_dbtp=-11.0, true_peak_dbtp=-1.0, peak_limited=True, note="7.0 LU below the target",
    )  # fmt: skip
    yield Row(
        file="a.wav", status="rejected", reason="too short: lasts 12.00 s, less than 30 s", duration_s=12.0
    )
    yield Row(
        file="b.wav", status="rejected", reason="too short: lasts 13.00 s, less than 30 s", duration_s=13.0
    )
    yield Row(
        file="c.wav", status="rejected", reason="too long: lasts 999.00 s, more than 300 s", duration_s=999.0
    )
    yield Row(
        file="d.wav", status="rejected", reason="exact duplicate of kept 1.wav", duration_s=100.0,
        duplicate_of="kept 1.wav", duplicate_kind="exact",
    )  # fmt: skip
    yield Row(file="<script>alert(1)</script>.wav", reason="cannot be <b>decoded</b>")


@pytest.fixture
def page(tmp_path: Path) -> str:
    write_page(tmp_path / "summary.html", rows(), CurationSettings())
    assert [path.name for path in tmp_path.iterdir()] == ["summary.html"]
    return (tmp_path / "summary.html").read_text(encoding="utf-8")


def test_numbers(page: str) -> None:
    assert "6 of 11 files kept, 13:20 min of music; 4 of them are CC0." in page
    for words in ("kept: 6", "rejected by a rule: 4", "could not be read: 1"):
        assert words in page
    reasons = re.findall(r"<li>([\w ]+) <b>(\d+)</b>", page)
    assert sorted(reasons) == [
        ("could not be read", "1"),
        ("exact duplicate", "1"),
        ("too long", "1"),
        ("too short", "2"),
    ]
    tips = re.findall(r"<title>([\d:-]+) to ([\d:-]+): (\d+) (\w+)</title>", page)
    durations = [(start, int(count)) for start, _, count, name in tips if name == "kept" and ":" in start]
    assert sum(count for _, count in durations) == 6
    assert ("1:00", 1) in durations
    after = [(start, int(count)) for start, _, count, name in tips if name == "after"]
    assert ("-24", 5) in after or ("-23", 5) in after
    assert "<td>flagged.wav</td><td>-30.0 LUFS</td><td>-1.0 dBTP</td>" in page


def test_nothing_is_fetched_and_no_name_becomes_markup(page: str) -> None:
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.wav" in page
    assert "cannot be &lt;b&gt;decoded" in page
    assert not re.findall(r"(?:src|href)=", page)


def test_the_policy_allows_the_style(page: str) -> None:
    import base64
    import hashlib

    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page


def test_markup_is_well_formed(page: str) -> None:
    class Balance(HTMLParser):
        void = frozenset(("meta", "br"))

        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    balance = Balance()
    balance.feed(page)
    assert balance.open == []


def test_ten_thousand_files_make_a_small_page(tmp_path: Path) -> None:
    many = (
        Row(file=f"{number:05}.wav", status="rejected", reason="too short: lasts 1.00 s", duration_s=1.0)
        for number in range(10_000)
    )
    write_page(tmp_path / "summary.html", many, CurationSettings())
    page = (tmp_path / "summary.html").read_text(encoding="utf-8")
    assert f"and {10_000 - LONGEST_LIST:,} more, in the manifest" in page
    assert "Nothing was kept." in page
    assert len(page) < 150_000


def test_nothing_at_all(tmp_path: Path) -> None:
    write_page(tmp_path / "summary.html", (), CurationSettings())
    assert "0 of 0 files kept" in (tmp_path / "summary.html").read_text(encoding="utf-8")


# -- histograms ----------------------------------------------------------------------------------------------


def test_counts() -> None:
    histogram = Histogram(1.0, -0.5)
    for value in (-23.0, -23.4, -22.6, -21.0, float("inf"), float("nan"), 40.0, -99.0):
        histogram.add(value)
    assert histogram.count == 6
    assert (histogram.low, histogram.high) == (-99.0, 40.0)
    assert histogram.merged(1, -25.5, -19.5) == [1, 0, 3, 0, 1, 1]  # what lies outside is at the ends
    assert histogram.merged(2, -25.5, -19.5) == [1, 3, 2]


def test_bars_are_as_tall_as_their_counts() -> None:
    drawn = draw({"kept": [1, 4], "failed": [1, 0]}, (0.0, 120.0), 60.0, [60.0], clock, "How long")
    bars = re.findall(r'<rect class="(\w+)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', drawn)
    tall = {(name, height) for name, _, height in bars}
    whole = max(float(height) for _, height in tall)
    assert sorted(float(height) / whole for _, _, height in bars) == pytest.approx(
        [0.25, 0.25, 1.0], abs=0.01
    )
    assert drawn.count('class="limit"') == 1
    below = draw({"before": [1, 2], "after": [9, 3]}, (0.0, 2.0), 1.0, [], str, "x", stacked=False)
    tops = re.findall(r'<rect class="(\w+)" x="[\d.]+" y="([\d.]+)"', below)
    assert {y for name, y in tops if name == "after"} == {re.search(r'y1="([\d.]+)"', below)[1]}  # type: ignore[index]

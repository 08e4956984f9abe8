"""The page: self-contained, safe from any file name, and complete."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from damer.core.result import Emotion, Failure, Model, Segment
from damer.report import Report, page

EVIL = "</script><script>alert(1)</script><b onclick='x'>\"&amp; .mp3"


def emotion(file: str, arousal: float = 0.8) -> Emotion:
    segments = (Segment(15.0, 0.9, 0.2, 0.01, 0.02), Segment(16.0, 0.7, 0.4, 0.03, 0.04))
    return Emotion(file, 200.4, (15.0, 17.0), arousal, 0.3, segments, Model("m", "1", "ab" * 32))


class Tags(HTMLParser):
    """Collects every tag, and the text of scripts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str | None, str] = {}
        self._script: str | None = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = dict(attrs).get("id") if tag == "script" else ""

    def handle_endtag(self, tag: str) -> None:
        self._script = ""

    def handle_data(self, data: str) -> None:
        if self._script != "":
            self.scripts[self._script] = self.scripts.get(self._script, "") + data


@pytest.fixture
def text(tmp_path: Path) -> str:
    with Report(tmp_path / "report.html") as report:
        report.add(emotion("a/one.mp3"), clip=b"sound")
        report.add(emotion(f"b/{EVIL}", 0.2))
        report.add(Failure(EVIL, f"{EVIL}: is empty"))
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_is_fetched(text: str) -> None:
    for _, attributes in Tags(text).tags:
        assert (
            not {"src", "href", "action", "data", "srcset"} & attributes.keys()
            or attributes["href"] == "#table"
        )
    assert "url(" not in text
    assert "@import" not in text


def test_the_policy_lets_only_our_script_and_style_run(text: str) -> None:
    tags = Tags(text)
    (policy,) = (a["content"] for t, a in tags.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)[0]
    for kind, content in (("script-src", tags.scripts[None]), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    assert not any("style" in a or any(name.startswith("on") for name in a) for _, a in tags.tags)


def test_no_name_becomes_markup(text: str) -> None:
    tags = Tags(text)
    assert [t for t, _ in tags.tags].count("script") == 5  # two songs, a clip, the terms, ours
    assert "b" not in [t for t, _ in tags.tags]
    assert html.escape(EVIL.split("/")[-1]) in text
    assert json.loads(tags.scripts["song-1"])["name"] == EVIL.rsplit("/", 1)[-1]


def test_the_script_gets_the_curves(text: str) -> None:
    song = json.loads(Tags(text).scripts["song-0"])
    assert song["arousal"] == [9000, 7000]
    assert song["valence_sd"] == [200, 400]
    assert (song["start"], song["term"], song["quadrant"], song["source"]) == (15.0, "angry", "Q2", "")


def test_the_sound_is_inside(text: str) -> None:
    clip = Tags(text).scripts["clip-0"]
    assert clip == "data:audio/mpeg;base64," + base64.b64encode(b"sound").decode()


def test_the_table_holds_values_to_sort_by(text: str) -> None:
    cells = [a for t, a in Tags(text).tags if t == "td"]
    assert [cell["data-value"] for cell in cells[:7]] == [
        "a/one.mp3",
        "200.4",
        "0.8",
        "0.3",
        "Q2",
        "angry",
        "0.801609",
    ]
    assert "Q2, high and negative: 1" in text
    assert "Q3, low and negative: 1" in text
    assert "Could not be read (1)" in text


def test_sound_beyond_the_budget_plays_from_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "CLIP_BUDGET", 10)
    file = tmp_path / "my songs#1" / "ä?.mp3"
    file.parent.mkdir()
    file.write_bytes(b"x")
    with Report(tmp_path / "report.html") as report:
        for _ in range(3):
            report.add(emotion(str(file)), clip=b"12345678")
    scripts = Tags((tmp_path / "report.html").read_text(encoding="utf-8")).scripts
    assert [name for name in scripts if name and name.startswith("clip")] == ["clip-0", "clip-1"]
    assert json.loads(scripts["song-2"])["source"] == "my%20songs%231/%C3%A4%3F.mp3"


def test_a_run_that_breaks_leaves_the_old_page(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    report = Report(target)
    report.add(emotion("a.mp3"))
    report.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_page_without_results(tmp_path: Path) -> None:
    with Report(tmp_path / "report.html") as report:
        report.add(Failure("a.mp3", "a.mp3: is empty"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "0 files heard, second by second; 1 could not be read." in text

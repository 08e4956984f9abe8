"""The annotator's pages in a real Chromium, driven as a person would: by what is on the screen."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from playwright.sync_api import Page, Request, Response

Path = Callable[[float], tuple[float, float]]
"""Where the hand is, valence and arousal, so many seconds into a track."""

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--mute-audio",
]  # fmt: skip
_WHERE = """() => {
  const main = document.querySelector('main[data-testid]');
  const stage = main?.dataset.stage;
  return {
    screen: main?.dataset.testid ?? '', stage: stage ?? '', step: main?.dataset.step ?? '',
    start: document.querySelector('[data-testid=start]') !== null,
  };
}"""

_DISC = """() => {
  const dial = document.querySelector('[data-testid=dial]');
  const box = dial.getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2, Number(dial.dataset.radius)];
}"""

SHEETS = ("consent", "profile", "instructions", "volume", "training-done", "retrain")
"""Pages of text that are left by a button."""


def wave(seconds: float) -> tuple[float, float]:
    """A slow round through the disc: the same for every track, so that two hearings are alike."""
    return 0.5 * math.cos(0.9 * seconds), 0.5 * math.sin(0.9 * seconds)


class Hand(Protocol):
    """What moves the pointer."""

    def __call__(self, page: "AnnotatorPage", valence: float, arousal: float) -> None:
        """Move it to a place of the disc."""


def by_mouse(page: "AnnotatorPage", valence: float, arousal: float) -> None:
    page.page.mouse.move(*page.place(valence, arousal))


@dataclass
class Ledger:
    """What the page sent and what was acknowledged, as the network saw it.

    Attributes:
        sent: samples of each batch, by trial and number; a batch that is sent again must be the same.
        acknowledged: those whose answer was 200.
    """

    sent: dict[tuple[str, int], list[list[Any]]] = field(default_factory=dict)
    acknowledged: set[tuple[str, int]] = field(default_factory=set)

    def request(self, request: Request) -> None:
        key = _batch(request)
        if key is not None and request.post_data is not None:
            samples = json.loads(request.post_data)["samples"]
            assert self.sent.setdefault(key, samples) == samples, f"batch {key} was sent with other content"

    def response(self, response: Response) -> None:
        key = _batch(response.request)
        if key is not None and response.status == 200:
            self.acknowledged.add(key)

    def samples(self, trial: str) -> list[list[Any]]:
        """Return all samples that were sent of a trial, in order of the batches."""
        return [row for key in sorted(self.sent) if key[0] == trial for row in self.sent[key]]


def _batch(request: Request) -> tuple[str, int] | None:
    parts = request.url.split("/")
    if request.method == "POST" and len(parts) > 3 and parts[-2] == "batches":
        return parts[-3], int(parts[-1])
    return None


class AnnotatorPage:
    """One annotator's page.

    Args:
        page: of Playwright.
        base: address of the server.

    Attributes:
        ledger: what it sent.
        errors: what it complained about.
        before: tracks of the work that were heard before this page was opened.
    """

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.ledger = Ledger()
        self.errors: list[str] = []
        self.before = 0
        self._disc: tuple[float, ...] = (0.0, 0.0, 1.0)
        page.on("request", self.ledger.request)
        page.on("response", self.ledger.response)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(30_000)

    def enter(self, token: str) -> None:
        """Open the link of an invitation."""
        self.page.goto(f"{self.base}/#/enter/{token}")
        self.until(lambda at: at["screen"] not in ("", "moment"))

    def at(self) -> dict[str, Any]:
        """Return what is on the screen: screen, stage, step, and whether Start can be pressed."""
        found: dict[str, Any] = self.page.evaluate(_WHERE)
        return found

    def until(self, there: Callable[[dict[str, Any]], bool], within_s: float = 30.0) -> dict[str, Any]:
        """Wait until the screen is as wanted, and return what is on it."""
        end = time.monotonic() + within_s
        while not there(at := self.at()):
            assert time.monotonic() < end, f"still {at}: {self.page.inner_text('body')[:300]!r} {self.errors}"
            self.page.wait_for_timeout(30)
        return at

    def click(self, testid: str) -> None:
        self.page.get_by_test_id(testid).first.click()

    def me(self) -> dict[str, Any]:
        """Ask the server where this annotator stands."""
        found: dict[str, Any] = self.page.evaluate("fetch('/api/v1/me').then(answer => answer.json())")
        return found

    def take_sheet(self, at: dict[str, Any]) -> None:
        """Do what a page of text asks for, and wait for the next page."""
        screen = at["screen"]
        assert screen in SHEETS, f"{at}: {self.page.inner_text('body')[:300]!r}; {self.me()}"
        if screen == "consent":
            self.page.get_by_test_id("agree").check()
        if screen == "volume":
            self.click("play-sound")
            self.page.get_by_test_id("heard").check()
        self.click("skip" if screen == "profile" else "go")
        self.until(lambda now: now["screen"] != screen)

    def locate(self) -> None:
        """Look where the disc is."""
        self._disc = tuple(self.page.evaluate(_DISC))

    def place(self, valence: float, arousal: float) -> tuple[float, float]:
        """Return where a place of the disc was on the screen when it was located, CSS pixels."""
        left, top, radius = self._disc
        return left + valence * radius, top - arousal * radius

    def start(self) -> None:
        """Press Start and wait for the music."""
        self.until(lambda at: at["start"])
        self.locate()
        self.click("start")
        self.until(lambda at: at["stage"] == "playing")

    def trace(self, path: Path, for_s: float = math.inf, hand: Hand = by_mouse) -> None:
        """Move the hand along a path until the track ends, or for so long."""
        begun = time.monotonic()
        while (now := time.monotonic() - begun) < for_s and self.at()["stage"] == "playing":
            hand(self, *path(now))
            self.page.wait_for_timeout(20)

    def hear(self, path: Path, hand: Hand = by_mouse) -> None:
        """Hear a track to its end and wait until it is saved."""
        exemplar = (self.me()["audio"] or {}).get("exemplar")
        self.start()
        self.trace((lambda _: (exemplar["valence"], exemplar["arousal"])) if exemplar else path, hand=hand)
        self.until(lambda at: at["stage"] not in ("ending", "playing"))

    def go_on(self, until: Callable[[dict[str, Any]], bool], path: Path = wave) -> list[str]:
        """Do whatever comes until the screen is as wanted; return the screens that were seen on the way."""
        seen: list[str] = []
        while True:
            at = self.until(lambda now: bool(now["screen"]) and now["screen"] not in ("moment", "judgement"))
            name = at["step"] if at["screen"] == "stage" else at["screen"]
            if not seen or seen[-1] != name:
                seen.append(name)
            if until(at):
                return seen
            if at["screen"] != "stage":
                self.take_sheet(at)
            elif at["start"]:
                self.hear(path)
            else:
                self.page.wait_for_timeout(50)

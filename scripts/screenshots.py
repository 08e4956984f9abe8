"""Take a picture of every annotator's and researcher's page, for the documentation.

usage: python scripts/screenshots.py [--out docs/images/annotate] [--only NAME…]

Makes a small study of the bundled music with simulated annotators, serves it on this machine, goes through it
in Chromium (CHROMIUM, /usr/bin/chromium by default) as a newcomer and as a researcher, and writes each page
at 1280 x 800, 1920 x 1080 and 390 x 844 as WebP, some also in Chinese and in the dark. Needs the built pages
(`make web`) and Playwright.
"""

import argparse
import io
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import screenshot_study as made
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

SIZES = {"1280": (1280, 800), "1920": (1920, 1080), "390": (390, 844)}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
RESEARCH = {
    "progress": "progress", "person": f"people/{made.FAILED}", "calibration": "calibration",
    "agreement": "agreement", "tracks": "tracks", "annotators": "annotators", "log": "log",
    "export": "export",
}  # fmt: skip
SETTLED_MS = 350


class Camera:
    """Takes pictures of a page.

    Args:
        out: folder of the pictures.
        only: names of the pictures to take; empty: all.
    """

    def __init__(self, out: Path, only: frozenset[str]) -> None:
        self._out, self._only = out, only
        self._taken: dict[str, bytes] = {}

    def take(self, page: Page, name: str, sizes: dict[str, tuple[int, int]] | None = None) -> None:
        """Take a picture of what is on the page now, at each size."""
        if self._only and name not in self._only:
            return
        for label, (width, height) in (sizes or SIZES).items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(SETTLED_MS)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                raise SystemExit(f"{name}: {wide} pixels wide at {width}")
            self._taken[f"{name}-{label}.webp"] = page.screenshot()
        page.set_viewport_size({"width": 1280, "height": 800})

    def develop(self) -> int:
        """Write all pictures; packing them takes longer than a track. Return their bytes."""
        self._out.mkdir(parents=True, exist_ok=True)
        return sum(self._keep(picture, name) for name, picture in self._taken.items())

    def _keep(self, picture: bytes, name: str) -> int:
        """Write a picture as WebP: without loss, or with little where that is much smaller."""
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        tries = []
        for options in ({"lossless": True, "method": 6}, {"quality": 82, "method": 6}):
            file = io.BytesIO()
            image.save(file, "WEBP", **options)
            tries.append(file.getvalue())
        best = tries[0] if len(tries[0]) < 1.6 * len(tries[1]) else tries[1]
        (self._out / name).write_bytes(best)
        return len(best)


class Visit:
    """A browser of its own for one person."""

    def __init__(self, browser: Browser, *, dark: bool = False, chinese: bool = False) -> None:
        width, height = SIZES["1280"]
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="zh-CN" if chinese else "en-GB",
        )
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: print("error on the page:", error))

    def enter(self, link: str, test_id: str) -> Page:
        """Open a link and wait for a page."""
        self.page.goto(link)
        self.see(test_id)
        return self.page

    def see(self, test_id: str) -> None:
        """Wait for something with a test id."""
        self.page.get_by_test_id(test_id).first.wait_for()

    def press(self, test_id: str) -> None:
        """Click something with a test id."""
        self.page.get_by_test_id(test_id).click()

    def stage(self, state: str) -> None:
        """Wait for the stage to be in a state."""
        self.page.locator(f"[data-testid=stage][data-stage={state}]").wait_for(timeout=60_000)

    def start(self) -> None:
        """Start the track that is ready."""
        self.page.get_by_test_id("start").wait_for(timeout=60_000)
        self.press("start")
        self.stage("playing")

    def wander(self, towards: tuple[float, float], seconds: float) -> None:
        """Move the pointer about a place of the disc, as somebody does who listens."""
        dial = self.page.get_by_test_id("dial")
        box = dial.bounding_box()
        radius = float(dial.get_attribute("data-radius") or 0)
        assert box is not None
        begun = time.monotonic()
        while (now := time.monotonic() - begun) < seconds:
            share, turn = min(1.0, now / 0.8), 2.8 * now
            x = share * towards[0] + 0.12 * math.sin(turn)
            y = share * towards[1] + 0.12 * math.cos(0.7 * turn)
            self.page.mouse.move(
                box["x"] + box["width"] / 2 + radius * x, box["y"] + box["height"] / 2 - radius * y
            )
            self.page.wait_for_timeout(20)

    def close(self) -> None:
        """Leave."""
        self.context.close()


def newcomer(browser: Browser, study: made.Study, camera: Camera) -> None:
    """Go a newcomer's way: everything before the first track, training, rest."""
    visit = Visit(browser)
    page = visit.enter(study.link(made.YOU), "consent")
    camera.take(page, "consent")
    visit.press("agree")
    visit.press("go")
    visit.see("profile")
    camera.take(page, "profile")
    visit.press("skip")
    visit.see("instructions")
    camera.take(page, "instructions")
    visit.press("go")
    visit.see("volume")
    camera.take(page, "volume")
    visit.press("play-sound")
    visit.press("heard")
    visit.press("go")
    visit.see("stage")
    page.get_by_test_id("start").wait_for()
    camera.take(page, "training-ready")
    visit.start()
    visit.wander((-0.5, 0.5), 1.5)
    camera.take(page, "training")
    visit.stage("idle")
    visit.see("rest")
    camera.take(page, "rest")
    while True:
        study.pass_time(made.SETTINGS.reset_s)
        page.reload()
        page.locator("[data-testid=start], [data-testid=training-done]").wait_for()
        if page.get_by_test_id("training-done").is_visible():
            break
        visit.start()
        over = "[data-testid=stage][data-stage=idle], [data-testid=training-done]"
        page.locator(over).wait_for(timeout=60_000)
    camera.take(page, "training-done")
    visit.close()


def at_work(browser: Browser, study: made.Study, camera: Camera) -> None:
    """A track of the work, in each language and by day and night, and what may come between."""
    visit = Visit(browser)
    page = visit.enter(study.link(made.MIDWAY), "stage")
    camera.take(page, "work-ready")
    visit.start()
    visit.wander((0.55, 0.5), 3.0)
    camera.take(page, "work", {"1280": SIZES["1280"]})
    for label in ("1920", "390"):
        page.set_viewport_size({"width": SIZES[label][0], "height": SIZES[label][1]})
        visit.wander((0.55, 0.5), 1.5)
        camera.take(page, "work", {label: SIZES[label]})
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for()
    camera.take(page, "break-off")
    other = visit.context.new_page()
    other.goto(study.base)
    other.get_by_test_id("other-tab").wait_for()
    camera.take(other, "other-tab")
    other.close()
    visit.press("break-off")
    visit.stage("idle")
    visit.close()
    for suffix, dark, chinese in (("zh", False, True), ("dark", True, False)):
        study.pass_time(made.SETTINGS.reset_s)
        visit = Visit(browser, dark=dark, chinese=chinese)
        page = visit.enter(study.link(made.MIDWAY), "stage")
        visit.start()
        visit.wander((-0.4, -0.55), 3.0)
        camera.take(page, f"work-{suffix}", {"1280": SIZES["1280"]})
        page.keyboard.press("Escape")
        visit.press("break-off")
        visit.stage("idle")
        visit.close()


def ends(browser: Browser, study: made.Study, camera: Camera) -> None:
    """Pages on which nothing is to be heard, and those of people without a session."""
    for name, person, test_id in (
        ("retrain", made.AGAIN, "retrain"),
        ("done-for-today", made.RESTING, "done-for-today"),
        ("finished", made.FINISHED, "finished"),
        ("paused", made.FAILED, "paused"),
    ):
        visit = Visit(browser)
        camera.take(visit.enter(study.link(person), test_id), name)
        visit.close()
    for name, address in (("no-session", study.base), ("old-link", f"{study.base}/#/enter/{'A' * 43}")):
        visit = Visit(browser)
        visit.page.goto(address)
        visit.page.locator(".entry .card").wait_for()
        camera.take(visit.page, name)
        visit.close()


def researcher(browser: Browser, study: made.Study, camera: Camera) -> None:
    """Every page of the researcher, and the questions before something is done."""
    visit = Visit(browser)
    page = visit.page
    page.goto(study.researcher)
    page.locator(".headline").wait_for()
    for name, address in RESEARCH.items():
        page.goto(f"{study.base}/#/researcher/{address}")
        page.locator("main .card").first.wait_for()
        page.locator("main .loading").first.wait_for(state="detached")
        camera.take(page, name)
    the_track(visit, study)
    camera.take(page, "track")
    page.goto(f"{study.base}/#/researcher/people/{made.MIDWAY}")
    page.get_by_role("button", name="Pause", exact=True).click()
    camera.take(page, "pause")
    page.get_by_role("button", name="Cancel").click()
    page.goto(f"{study.base}/#/researcher/people/{made.LEFT}")
    page.get_by_role("button", name="Replace").click()
    page.locator("dialog").get_by_role("button", name="Replace").click()
    page.get_by_role("button", name="Copy").wait_for()
    page.locator("dialog input").evaluate(
        "field => { field.value = field.value.replace(/enter.*/, 'enter/…') }"
    )
    camera.take(page, "link")
    visit.close()
    small: dict[str, Callable[[Page], object]] = {
        "progress": lambda page: page.locator(".headline").wait_for(),
        "agreement": lambda page: page.locator(".scopes").wait_for(),
    }
    for suffix, dark, chinese in (("zh", False, True), ("dark", True, False)):
        visit = Visit(browser, dark=dark, chinese=chinese)
        visit.page.goto(study.link_of_researcher())
        for name, wait in small.items():
            visit.page.locator(".headline").wait_for()
            visit.page.goto(f"{study.base}/#/researcher/{name}")
            wait(visit.page)
            camera.take(visit.page, f"{name}-{suffix}", {"1280": SIZES["1280"]})
            visit.page.goto(f"{study.base}/#/researcher/progress")
        the_track(visit, study)
        camera.take(visit.page, f"track-{suffix}", {"1280": SIZES["1280"]})
        visit.close()


def the_track(visit: Visit, study: made.Study) -> None:
    """Open a track with its sound, put one person in front, and go to the middle."""
    page = visit.page
    page.goto(f"{study.base}/#/researcher/tracks/joyful")
    page.locator(".transport .play:enabled").wait_for()
    page.locator(".takes label").nth(2).click()
    for _ in range(2):
        page.locator(".transport input").press("PageUp")
    page.evaluate("window.scrollTo(0, 0)")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take a picture of every page, for the documentation.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/annotate"), help="folder (%(default)s)")
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures to take again")
    arguments = parser.parse_args()
    camera = Camera(arguments.out, frozenset(arguments.only))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        study = made.Study(Path(folder))
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for part in (researcher, ends, newcomer, at_work):
            part(browser, study, camera)
        browser.close()
        study.close()
    print(f"{arguments.out}: {camera.develop() / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

"""Every hand and every reader: keys, fingers, Chinese; and the disc moves without lag."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from annotate_place import Place, make_place
from annotator_page import AnnotatorPage, wave
from fault_check import table
from playwright.sync_api import Browser, BrowserContext

# One process runs them all: they share a server and annotators who have been brought to their work.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("test_hands")]
TRACK_S = 4.0
FRAME_MS = 16.0
NAMES = ["a02", "a03"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, browser: Browser, noon: str) -> Iterator[Place]:
    found = make_place(tmp_path_factory.mktemp("hands"), 4, [TRACK_S] * 4)
    found.lead_to_work(NAMES, noon)
    yield found
    found.server.kill()


@pytest.fixture
def contexts(browser: Browser, noon: str) -> Iterator[list[BrowserContext]]:
    """Contexts that a test opens; they are closed when it ends."""
    opened: list[BrowserContext] = []
    yield opened
    for context in opened:
        context.close()


def recorded(place: Place, annotator: AnnotatorPage) -> Any:
    """Return the samples of the last trial as the database has them."""
    trial = list(annotator.ledger.sent)[-1][0]
    stored = place.stored()
    rows = np.concatenate([stored[key] for key in sorted(stored) if key[0] == trial])
    assert len(rows) == len(table(annotator.ledger.samples(trial)))
    return rows


def test_keyboard_alone_from_consent_to_the_first_example(
    place: Place, browser: Browser, noon: str, contexts: list[BrowserContext]
) -> None:
    contexts.append(browser.new_context(timezone_id=noon))
    annotator = AnnotatorPage(contexts[0].new_page(), place.server.base)
    page = annotator.page
    annotator.enter(place.tokens["a01"])

    def tab_to(testid: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            here = page.evaluate("document.activeElement.closest('[data-testid]')?.dataset.testid ?? ''")
            if here == testid:
                shown = page.evaluate("document.activeElement.matches(':focus-visible')")
                assert shown, f"{testid} has the focus, and nobody sees it"
                return
        raise AssertionError(f"{testid} cannot be reached by Tab")

    for screen, steps in (
        ("consent", ("agree", "go")),
        ("profile", ("skip",)),
        ("instructions", ("go",)),
        ("volume", ("play-sound", "heard", "go")),
    ):
        annotator.until(lambda at, screen=screen: at["screen"] == screen)  # type: ignore[misc]
        for step in steps:
            tab_to(step)
            page.keyboard.press("Enter" if step in ("go", "skip", "play-sound") else "Space")
    annotator.until(lambda at: at["start"])
    page.keyboard.press("Space")
    annotator.until(lambda at: at["stage"] == "playing")
    page.keyboard.down("ArrowRight")
    page.wait_for_timeout(250)
    page.keyboard.down("ArrowUp")
    page.wait_for_timeout(250)
    page.keyboard.up("ArrowRight")
    page.keyboard.up("ArrowUp")
    annotator.until(lambda at: at["stage"] not in ("playing", "ending"))
    rows = recorded(place, annotator)
    assert np.hypot(rows["valence"][0], rows["arousal"][0]) < 0.15, "who begins by keys begins in the centre"
    assert rows["valence"][-1] > 0.1
    assert rows["arousal"][-1] > 0.05
    assert rows["valence"][-1] > rows["arousal"][-1], "right was held longer than up"
    steps = np.hypot(np.diff(rows["valence"]), np.diff(rows["arousal"]))
    assert steps.max() < 0.25, "held keys move smoothly"


def test_a_finger(place: Place, browser: Browser, noon: str, contexts: list[BrowserContext]) -> None:
    phone = {"width": 390, "height": 844}
    contexts.append(browser.new_context(timezone_id=noon, viewport=phone, has_touch=True, is_mobile=True))  # type: ignore[arg-type]
    annotator = AnnotatorPage(contexts[0].new_page(), place.server.base)
    annotator.enter(place.tokens["a02"])
    annotator.until(lambda at: at["start"])
    wide = annotator.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= phone["width"], "nobody scrolls sideways"
    session = contexts[0].new_cdp_session(annotator.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    annotator.locate()
    annotator.page.get_by_test_id("start").tap()
    annotator.until(lambda at: at["stage"] == "playing")
    touch("touchStart", annotator.place(0.0, 0.0))
    annotator.trace(
        lambda seconds: (0.2 * min(seconds, 3.0), -0.2 * min(seconds, 3.0)),
        hand=lambda page, valence, arousal: touch("touchMove", page.place(valence, arousal)),
    )
    touch("touchEnd")
    annotator.until(lambda at: at["stage"] not in ("playing", "ending"))
    rows = recorded(place, annotator)
    said = ~np.isnan(rows["valence"])
    assert said.mean() > 0.7
    assert rows["valence"][-1] == pytest.approx(0.6, abs=0.08)
    assert rows["arousal"][-1] == pytest.approx(-0.6, abs=0.08)
    assert annotator.page.evaluate("scrollY") == 0, "a finger on the disc does not scroll"
    assert place.client_of(list(annotator.ledger.sent)[-1][0])["device"] == "touch"


def test_chinese(place: Place, browser: Browser, noon: str, contexts: list[BrowserContext]) -> None:
    contexts.append(browser.new_context(timezone_id=noon, locale="zh-CN"))
    annotator = AnnotatorPage(contexts[0].new_page(), place.server.base)
    annotator.enter(place.tokens["a04"])
    seen = []
    for screen in ("consent", "profile", "instructions", "volume"):
        at = annotator.until(lambda now, screen=screen: now["screen"] == screen)  # type: ignore[misc]
        seen.append(annotator.page.inner_text("main"))
        annotator.take_sheet(at)
    annotator.until(lambda at: at["start"])
    seen.append(annotator.page.inner_text("main"))
    assert annotator.page.evaluate("document.documentElement.lang").startswith("zh")
    for text in seen:
        letters = [letter for letter in text if letter.isalpha()]
        chinese = [letter for letter in letters if "一" <= letter <= "鿿"]
        assert len(chinese) > 0.9 * len(letters), text
    words = "".join(annotator.page.locator("svg text").all_text_contents())
    assert all(word in words for word in ("消极", "积极", "能量高", "能量低")), words
    annotator.page.get_by_text("English").click()
    annotator.until(lambda at: at["start"])
    assert annotator.page.evaluate("document.documentElement.lang") == "en"


FRAMES = """() => {
  const spans = (window.spans = []);
  let last = performance.now();
  const frame = () => { const now = performance.now(); spans.push(now - last); last = now;
    requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""


def test_a_frame_takes_less_than_16_ms_while_drawing(
    place: Place, browser: Browser, noon: str, contexts: list[BrowserContext]
) -> None:
    contexts.append(browser.new_context(timezone_id=noon, viewport={"width": 1280, "height": 800}))
    annotator = AnnotatorPage(contexts[0].new_page(), place.server.base)
    annotator.enter(place.tokens["a03"])
    session = contexts[0].new_cdp_session(annotator.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> dict[str, float]:
        found = session.send("Performance.getMetrics")["metrics"]
        return {one["name"]: float(one["value"]) for one in found}

    annotator.start()
    annotator.page.evaluate(FRAMES)
    before = spent()
    annotator.trace(wave, for_s=TRACK_S - 1.0)
    after = spent()
    frames = np.array(annotator.page.evaluate("window.spans"))
    busy = 1000 * (after["TaskDuration"] - before["TaskDuration"]) / len(frames)
    print(f"\nframes {len(frames)}, work in each {busy:.1f} ms, apart p50 {np.median(frames):.1f} ms")
    assert len(frames) > 20
    assert busy < FRAME_MS, "the page's own work, CPU time of its thread"
    moved = after["LayoutCount"] - before["LayoutCount"]
    assert moved < 0.5 * len(frames), "drawing does not lay the page out again"

"""The researcher's pages in a browser show what the server says, and what is done there is done."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from annotate_place import Place, make_place
from annotate_server import apart, damer
from playwright.sync_api import Browser, Page, expect

from damer.annotation.robots import Connection, Ear, Robot
from damer.annotation.simulation import Annotator

pytestmark = pytest.mark.e2e
PAGES = ("progress", "calibration", "agreement", "tracks", "annotators", "log", "export", "people/a02")
NARROW = {"a phone": (390, 844), "200 % of 1280 x 800": (640, 400)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, noon: str) -> Iterator[Place]:
    """A study in which two people have finished and two have not begun."""
    found = make_place(tmp_path_factory.mktemp("research"), 4, [2.5] * 3)
    ear = Ear()

    async def work() -> None:
        await asyncio.gather(
            *(
                Robot(
                    Connection(found.server.base), found.tokens[name],
                    Annotator(noise=0.04, lag_s=0.2, timezone=noon), seed, ear=ear,
                ).run()
                for seed, name in enumerate(("a01", "a02"))
            )
        )  # fmt: skip

    apart(lambda: asyncio.run(work()))
    yield found
    found.server.kill()


@pytest.fixture
def page(place: Place, browser: Browser) -> Iterator[Page]:
    """A researcher who has just come in; whatever goes wrong on a page is collected and must not be."""
    context = browser.new_context(locale="en-GB", base_url=place.server.base)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    link = damer("annotate", "invite", place.folder, "--researcher", "researcher").split()[-1]
    page.goto(f"{place.server.base}/#/enter/{link.rpartition('/')[2]}")
    expect(page.locator(".headline")).to_be_visible()
    assert "enter" not in page.url, "the token stays in the address"
    yield page
    context.close()
    assert wrong == []


def go(page: Page, place: Place, address: str) -> None:
    page.goto(f"{place.server.base}/#/researcher/{address}")
    expect(page.locator(".loading")).to_have_count(0)


def told(page: Page, path: str) -> Any:
    """Ask the server itself."""
    answer = page.request.get(f"/api/v1/researcher/{path}")
    assert answer.ok, answer.text()
    return answer.json()


def test_progress_is_what_the_server_says(page: Page, place: Place) -> None:
    page.goto(place.server.base)
    progress = told(page, "progress")
    assert (progress["done"], progress["total"]) == (6, 12)
    expect(page.locator(".headline")).to_have_text("50%")
    rows = page.locator(".table.people tbody tr")
    expect(rows).to_have_count(4)
    for person, row in zip(progress["annotators"], rows.all(), strict=True):
        assert f"{person['done']} / {person['total']}" in row.inner_text()
    expect(rows.first).to_contain_text("finished")
    expect(rows.last).to_contain_text("link not opened")
    page.get_by_role("searchbox").fill("a03")
    expect(rows).to_have_count(1)


@pytest.mark.parametrize("size", NARROW.values(), ids=NARROW)
def test_every_page_fits_a_narrow_screen_in_both_languages(
    page: Page, place: Place, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    track = told(page, "tracks")[0]["track_id"]
    for language, name in (("zh-Hans", "进度"), ("en", "Progress")):
        page.locator(f".languages [lang={language}]").click()
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("nav a").first).to_have_text(name)
        for address in (*PAGES, f"tracks/{track}"):
            go(page, place, address)
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], address
            expect(page.locator("main h1")).to_have_count(1)


def test_a_track_is_seen_and_heard(page: Page, place: Place) -> None:
    track = told(page, "tracks")[0]
    found = told(page, f"tracks/{track['track_id']}/trajectories")
    takes = [take for take in found["takes"] if take["kind"] == "work" and take["valid"]]
    assert len(takes) == 2
    go(page, place, f"tracks/{track['track_id']}")
    expect(page.locator(".timeplot .valence .one")).to_have_count(2)

    plot = page.locator(".timeplot svg").bounding_box()
    zero, end = (page.locator(".timeplot .zero").first.get_attribute(end) for end in ("x1", "x2"))
    assert plot is not None
    assert zero is not None
    assert end is not None
    expect(page.locator(".transport .play")).to_be_enabled()
    page.mouse.click(plot["x"] + (float(zero) + float(end)) / 2, plot["y"] + 60)
    time = page.locator(".transport input")
    assert float(time.input_value()) == pytest.approx(found["duration_s"] / 2, abs=0.06)

    # The readout is the mean over people at that moment, between two steps of the grid.
    exact = found["duration_s"] / 2 * found["rate_hz"]
    wanted = {}
    for dimension in ("valence", "arousal"):
        mean = np.nanmean(np.array([take[dimension] for take in takes], dtype=float)[:, 1:], axis=0)
        wanted[dimension] = float(np.interp(exact, np.arange(1, 1 + len(mean)), mean))
    words = page.locator(".values").inner_text().replace("−", "-")
    shown = {name: float(value) for name, value in re.findall(r"(\w+) (-?\d\.\d\d)", words)}
    assert shown == pytest.approx(wanted, abs=0.02)
    assert "2 people" in words

    page.locator(".takes label", has_text="a02").click()
    expect(page.locator(".timeplot .chosen")).to_have_count(2)
    expect(page.locator(".disc .chosen")).to_have_count(1)
    page.locator(".transport .play").click()
    at = float(time.input_value())
    head = page.locator(".playhead").get_attribute("transform")
    page.wait_for_timeout(500)
    assert at + 0.2 < float(time.input_value()) < at + 1.2
    assert page.locator(".playhead").get_attribute("transform") != head
    page.keyboard.press("Home")


def test_by_keyboard_alone(page: Page, place: Place) -> None:
    page.reload()  # a fresh page: the focus is nowhere
    expect(page.locator(".headline")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "a03":
            break
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("a03")
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Pause")).to_be_focused()


def test_pausing_wants_a_reason_and_is_logged(page: Page, place: Place) -> None:
    go(page, place, "people/a03")
    page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("alert")).to_have_text("Please say why.")
    dialog.get_by_role("textbox").fill("on holiday <b>until</b> May")
    dialog.get_by_role("button", name="Pause").click()
    expect(page.locator(".state").first).to_have_text("paused")
    assert {person["annotator"]: person["status"] for person in told(page, "progress")["annotators"]}[
        "a03"
    ] == "paused"
    page.get_by_role("button", name="Readmit").click()
    page.get_by_role("dialog").get_by_role("button", name="Readmit").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    go(page, place, "log")
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("readmitted")
    expect(rows.nth(1)).to_contain_text("on holiday <b>until</b> May")


def test_who_leaves_is_replaced_and_old_links_end(page: Page, place: Place, browser: Browser) -> None:
    go(page, place, "people/a04")
    page.get_by_role("button", name="Mark as left").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("moved away")
    dialog.get_by_role("button", name="Mark as left").click()
    expect(dialog.get_by_role("alert")).to_have_text("This is not the name.")
    dialog.get_by_label("Type a04 to confirm").fill("a04")
    dialog.get_by_role("button", name="Mark as left").click()
    page.get_by_role("button", name="Replace").click()
    dialog.get_by_role("textbox").fill("b01")
    dialog.get_by_role("button", name="Replace").click()
    link = page.locator("dialog input")
    expect(link).to_have_value(re.compile(r"/#/enter/[\w-]{20,}$"))
    newcomer = browser.new_context()
    seen = newcomer.new_page()
    seen.goto(link.input_value())
    expect(seen.get_by_test_id("consent")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("button", name="Replace")).to_have_count(0)

    # A new link ends the one before, also for whoever is inside with it.
    go(page, place, "people/b01")
    expect(page.locator("main")).to_contain_text("Takes over from a04")
    page.get_by_role("button", name="New link").click()
    page.get_by_role("dialog").get_by_role("button", name="New link").click()
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    assert seen.request.get(f"{place.server.base}/api/v1/me").status == 401
    newcomer.close()

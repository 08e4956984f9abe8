"""What goes wrong while somebody annotates: the server, the network, the browser, the clock. Nothing is lost.

Each test is another annotator of one study, at the beginning of the work. What the page sent is looked for in
the database: each sample once; and the track is counted once, heard to its end.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from annotate_place import Place, make_place
from annotate_server import damer
from annotator_page import ARGUMENTS, CHROMIUM, AnnotatorPage, wave
from fault_check import table
from playwright.sync_api import Browser, Playwright, Request, Route

from damer.annotation.records import Study

# One process runs them all: they share a server and annotators who have been brought to their work.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("test_faults_in_browser")]
TRACK_S = 4.0
NAMES = [f"a{number:02}" for number in range(1, 10)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, browser: Browser, noon: str) -> Iterator[Place]:
    found = make_place(tmp_path_factory.mktemp("faults"), len(NAMES), [TRACK_S] * 4)
    found.lead_to_work(NAMES, noon)
    yield found
    found.server.kill()


@pytest.fixture
def visit(
    place: Place, browser: Browser, noon: str, request: pytest.FixtureRequest
) -> Iterator[AnnotatorPage]:
    """The page of an annotator of this test's own, at the first track of the work."""
    context = browser.new_context(timezone_id=noon)
    annotator = AnnotatorPage(context.new_page(), place.server.base)
    annotator.enter(place.tokens[request.param])
    annotator.until(lambda at: at["start"])
    annotator.before = annotator.me()["number"] - 1
    yield annotator
    context.close()


def check(place: Place, annotator: AnnotatorPage, heard: int, broken: int = 0) -> dict[str, int]:
    """Every sample that was recorded is in the database once; so many tracks were heard, so many not.

    Returns:
        Samples of each trial, in order of time.
    """
    stored = place.stored()
    sent = annotator.ledger.sent
    for key, samples in sent.items():
        assert key in stored, f"batch {key} is lost"
        np.testing.assert_array_equal(stored[key]["seq"], table(samples)["seq"])
        np.testing.assert_allclose(stored[key]["valence"], table(samples)["valence"], atol=1e-6)
    counts = {}
    for trial in dict.fromkeys(trial for trial, _ in sent):
        rows = np.concatenate([stored[key] for key in sorted(sent) if key[0] == trial])
        np.testing.assert_array_equal(rows["seq"], np.arange(len(rows)))
        assert (np.diff(rows["position_ms"]) >= 0).all()
        counts[trial] = len(rows)
    me = annotator.me()
    assert me["number"] == annotator.before + heard + 1, me
    assert len(counts) == heard + broken
    assert not annotator.errors
    return counts


def whole(count: int) -> bool:
    """Whether so many samples are a whole track at 20 a second."""
    return count >= 19.5 * TRACK_S


@pytest.mark.parametrize("visit", ["a01"], indirect=True)
def test_the_server_is_killed_in_mid_track(place: Place, visit: AnnotatorPage) -> None:
    visit.start()
    visit.trace(wave, for_s=1.2)
    place.server.kill()
    visit.trace(wave)
    visit.until(lambda at: at["stage"] == "ending")
    assert visit.page.get_by_test_id("save-state").get_attribute("data-state") != "saved"
    place.server.start()
    visit.until(lambda at: at["start"])
    (count,) = check(place, visit, heard=1).values()
    assert whole(count)


@pytest.mark.parametrize("visit", ["a02"], indirect=True)
@pytest.mark.parametrize("seconds", [3.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_no_network_for_the_rest_of_the_track_and_longer(
    place: Place, visit: AnnotatorPage, seconds: float
) -> None:
    visit.start()
    visit.trace(wave, for_s=1.0)
    visit.page.context.set_offline(True)
    visit.trace(wave)
    visit.page.wait_for_timeout(1000 * seconds)
    assert visit.page.get_by_test_id("save-state").get_attribute("data-state") == "offline"
    acknowledged = len(visit.ledger.acknowledged)
    visit.page.context.set_offline(False)
    visit.until(lambda at: at["start"])
    assert len(visit.ledger.acknowledged) > acknowledged
    (count,) = check(place, visit, heard=1).values()
    assert whole(count)


@pytest.mark.parametrize("visit", ["a03"], indirect=True)
def test_batches_come_twice_late_and_in_another_order(place: Place, visit: AnnotatorPage) -> None:
    held: list[Route] = []
    done = {"lost": 0, "twice": 0}

    def bad_line(route: Route) -> None:
        number = int(route.request.url.rpartition("/")[2])
        if number == 1 and not held:  # overtaken by those after it
            held.append(route)
        elif number == 2 and not done["lost"]:  # stored, but nobody is told: it will come again
            route.fetch()
            done["lost"] += 1
            route.abort()
        elif number == 3 and not done["twice"]:
            route.fetch()
            done["twice"] += 1
            route.continue_()
        else:
            route.continue_()

    visit.page.route("**/batches/*", bad_line)
    visit.start()
    visit.trace(wave)
    for route in held:
        route.abort()
    visit.until(lambda at: at["start"])
    assert held
    (count,) = check(place, visit, heard=1).values()
    assert whole(count)


@pytest.mark.parametrize("visit", ["a04"], indirect=True)
def test_the_page_is_loaded_again_in_mid_track(place: Place, visit: AnnotatorPage) -> None:
    visit.start()
    visit.trace(wave, for_s=1.6)
    visit.page.reload()
    visit.until(lambda at: at["start"])
    visit.hear(wave)
    visit.until(lambda at: at["start"])
    first, second = check(place, visit, heard=1, broken=1).values()
    assert first >= 19.5 * 1.0, "what was recorded before the page went is kept"
    assert whole(second)


@pytest.mark.parametrize("visit", ["a05"], indirect=True)
def test_two_tabs(place: Place, visit: AnnotatorPage) -> None:
    other = AnnotatorPage(visit.page.context.new_page(), place.server.base)
    visit.page.bring_to_front()
    visit.start()
    visit.trace(wave, for_s=0.5)
    other.page.goto(f"{place.server.base}/#/")
    other.until(lambda at: at["screen"] == "other-tab")
    visit.page.bring_to_front()
    visit.trace(wave)
    visit.until(lambda at: at["start"])
    (count,) = check(place, visit, heard=1).values()
    assert whole(count)
    other.page.bring_to_front()
    other.click("take-over")
    other.until(lambda at: at["start"])
    assert visit.at()["screen"] == "other-tab"


@pytest.mark.parametrize("visit", ["a06"], indirect=True)
def test_the_clocks_are_set_back_in_mid_track(place: Place, visit: AnnotatorPage) -> None:
    visit.start()
    visit.trace(wave, for_s=1.0)
    place.server.kill()
    place.server.start(clock_off_s=-3600.0)
    visit.page.evaluate("{ const real = Date.now; Date.now = () => real() - 86400000; }")
    visit.trace(wave)
    visit.until(lambda at: at["start"])
    (count,) = check(place, visit, heard=1).values()
    assert whole(count)
    visit.hear(wave)
    visit.until(lambda at: at["start"])
    check(place, visit, heard=2)
    place.server.kill()
    place.server.start()


@pytest.mark.parametrize("visit", ["a07"], indirect=True)
def test_the_session_is_lost_in_mid_track(place: Place, visit: AnnotatorPage) -> None:
    visit.start()
    visit.trace(wave, for_s=1.0)
    visit.page.context.clear_cookies()
    visit.trace(wave)
    visit.until(lambda at: at["screen"] == "link-again")
    entered: list[Request] = []
    visit.page.on("request", lambda sent: entered.append(sent) if sent.url.endswith("/session") else None)
    visit.page.get_by_test_id("link").fill(f"{place.server.base}/#/enter/{place.tokens['a07']}")
    visit.click("go")
    visit.until(lambda at: at["start"])
    # Of two sessions the page might know the one's token and the browser send the other's cookie.
    assert [sent.method for sent in entered].count("POST") == 1
    (count,) = check(place, visit, heard=1).values()
    assert whole(count)


@pytest.mark.parametrize("visit", ["a09"], indirect=True)
def test_the_link_is_opened_in_another_tab_too(place: Place, visit: AnnotatorPage) -> None:
    other = AnnotatorPage(visit.page.context.new_page(), place.server.base)
    visit.start()
    visit.trace(wave, for_s=1.0)
    other.enter(place.tokens["a09"])  # the browser's cookie is the new session's from here on
    visit.page.bring_to_front()
    visit.trace(wave)
    visit.until(lambda at: at["start"])
    other.enter(place.tokens["a09"])
    visit.page.bring_to_front()
    visit.click("start")
    visit.page.get_by_test_id("remark").wait_for()
    visit.hear(wave)
    visit.until(lambda at: at["start"])
    for count in check(place, visit, heard=2).values():
        assert whole(count)


def test_the_browser_is_killed_while_the_server_is_away(
    place: Place, playwright: Playwright, noon: str, tmp_path: Path
) -> None:
    def open_browser() -> tuple[AnnotatorPage, int]:
        before = set(browser_processes(tmp_path))
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, args=ARGUMENTS, timezone_id=noon
        )
        (process,) = set(browser_processes(tmp_path)) - before
        return AnnotatorPage(context.pages[0], place.server.base), process

    annotator, process = open_browser()
    annotator.enter(place.tokens["a08"])
    annotator.start()
    annotator.trace(wave, for_s=1.2)
    place.server.kill()
    annotator.trace(wave, for_s=1.6)
    sent_before = {key for key in annotator.ledger.sent if key in annotator.ledger.acknowledged}
    os.kill(process, signal.SIGKILL)
    place.server.start()

    again, process = open_browser()
    again.enter(place.tokens["a08"])
    again.until(lambda at: at["start"])
    sent_after = set(again.ledger.acknowledged)
    assert sent_after - sent_before, "what the killed browser had not sent came from its profile"
    again.hear(wave)
    again.until(lambda at: at["start"])
    again.ledger.sent |= annotator.ledger.sent
    broken, heard = check(place, again, heard=1, broken=1).values()
    assert whole(heard)
    assert broken >= 19.5 * 2.0, "of 2.8 s all but what was in the making"
    again.page.context.close()


def test_the_export_has_every_sample_of_all_this(place: Place, tmp_path: Path) -> None:
    damer("annotate", "export", place.folder, "--out", tmp_path / "export")
    study = Study.open(tmp_path / "export")
    found = {trial.trial_id: (trial, samples) for trial, samples in study.samples()}
    stored = place.stored()
    for trial_id in dict.fromkeys(trial for trial, _ in stored):
        rows = np.concatenate([stored[key] for key in sorted(stored) if key[0] == trial_id])
        np.testing.assert_array_equal(found[trial_id][1].seq, rows["seq"])
        np.testing.assert_array_equal(found[trial_id][1].valence, rows["valence"])
    work = [(trial, samples) for trial, samples in found.values() if trial.kind == "work"]
    heard = [(trial.annotator, trial.track_id) for trial, _ in work if trial.valid]
    assert heard, "this test follows the others"
    assert len(set(heard)) == len(heard), "no track counts twice"
    assert all(whole(len(samples)) for trial, samples in work if trial.valid)


def browser_processes(folder: Path) -> list[int]:
    """Return the main processes of browsers that keep their profile in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        ours = any(word.startswith("--user-data-dir=") and str(folder) in word for word in words)
        if ours and not any(word.startswith("--type=") for word in words) and "chrom" in words[0]:
            found.append(int(path.parent.name))
    return found

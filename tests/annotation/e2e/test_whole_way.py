"""From the invitation to the day's cap, in a browser; then the researcher, the export, and what reads it."""

import asyncio
import math
import threading
import zipfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from annotate_place import Place, make_place
from annotate_server import damer
from annotator_page import AnnotatorPage, wave
from fault_check import table
from playwright.sync_api import Browser

from damer.annotation.records import Study
from damer.annotation.robots import Connection, Ear, Robot
from damer.annotation.simulation import Annotator

pytestmark = pytest.mark.e2e
CAP_S = 2 * (4 * 1.2 + 3 * 1.5) + 3 * 2.0 + 0.5  # two trainings, two calibrations, three tracks, not a fourth


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = make_place(tmp_path_factory.mktemp("way"), 3, [2.0] * 5, f"daily_cap_s={CAP_S}")
    yield found
    found.server.kill()


class Restless:
    """A hand that is in another corner of the disc in each hearing."""

    def __init__(self) -> None:
        self._corners = cycle([(0.6, 0.6), (-0.6, -0.6), (-0.6, 0.6), (0.6, -0.6)])
        self._last = math.inf

    def __call__(self, seconds: float) -> tuple[float, float]:
        if seconds < self._last:
            self._corner = next(self._corners)
        self._last = seconds
        return self._corner[0] + 0.2 * math.sin(3 * seconds), self._corner[1]


def others_work(place: Place, timezone: str) -> threading.Thread:
    """Let two robots work beside: agreement needs more than one opinion."""

    async def work() -> None:
        who = Annotator(noise=0.03, lag_s=0.2, timezone=timezone)
        ear = Ear()
        names = ("a02", "a03")
        await asyncio.gather(
            *(Robot(Connection(place.server.base), place.tokens[name], who, ear=ear).run() for name in names)
        )

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    return thread


def test_from_the_invitation_to_the_release(
    place: Place, browser: Browser, noon: str, tmp_path: Path
) -> None:
    others = others_work(place, noon)
    context = browser.new_context(timezone_id=noon)
    annotator = AnnotatorPage(context.new_page(), place.server.base)
    annotator.enter(place.tokens["a01"])

    # Every hearing of the first calibration is somewhere else, so the covert duplicate differs: not passed.
    seen = annotator.go_on(lambda at: at["screen"] == "retrain", path=Restless())
    assert [name for name in seen if name != "rest"][:4] == ["consent", "profile", "instructions", "volume"]
    assert {"training", "training-done", "calibrate"} <= set(seen)
    assert annotator.me()["verdict"] == {"passed": False, "attempt": 1}

    # The second time the hand does the same each time: passed, and the work begins.
    seen = annotator.go_on(lambda at: at["step"] == "work")
    assert {"retrain", "calibrate"} <= set(seen)
    assert annotator.me()["verdict"] == {"passed": True, "attempt": 2}
    annotator.go_on(lambda at: at["screen"] == "done-for-today")
    me = annotator.me()
    assert me["step"] == "done_for_today"
    assert me["number"] == 4, "three of five tracks fit into the day"
    assert me["until"] > me["server_time"] + 3600
    assert not annotator.errors
    check_samples(place, annotator)
    others.join(60)
    context.close()
    export_and_read(place, browser, tmp_path)


def check_samples(place: Place, annotator: AnnotatorPage) -> None:
    """What the page sent is in the database, 20 a second and more, and it is what the hand did."""
    stored = place.stored()
    assert annotator.ledger.acknowledged == set(annotator.ledger.sent)
    for key, batch in annotator.ledger.sent.items():
        sent = table(batch)
        np.testing.assert_array_equal(stored[key]["seq"], sent["seq"])
        np.testing.assert_allclose(stored[key]["valence"], sent["valence"], atol=1e-6)
    work = sorted({trial for trial, _ in annotator.ledger.sent})
    assert len(work) == 2 * (4 + 3) + 3
    rates, misses = [], []
    for trial in work:
        rows = table(annotator.ledger.samples(trial))
        np.testing.assert_array_equal(rows["seq"], np.arange(len(rows)))
        assert (np.diff(rows["position_ms"]) >= 0).all()
        assert not np.isnan(rows["valence"]).any(), "the hand is where Start was pressed"
        seconds = rows["position_ms"][-1] / 1000
        rates.append(len(rows) / seconds)
        if abs(seconds - 2.0) < 0.2:  # the work: where the hand was a moment ago
            wanted = np.array([wave(position / 1000) for position in rows["position_ms"]])
            misses.append(np.hypot(rows["valence"] - wanted[:, 0], rows["arousal"] - wanted[:, 1])[10:])
    assert min(rates) >= 19.0, rates
    assert np.nanmedian(np.concatenate(misses)) < 0.2


def export_and_read(place: Place, browser: Browser, folder: Path) -> None:
    """The researcher sees it and downloads it; the command that reads a study agrees."""
    link = damer("annotate", "invite", place.folder, "--researcher", "researcher").split()[-1]
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{place.server.base}/#/enter/{link.rpartition('/')[2]}")
    page.get_by_text("a01").first.wait_for()
    text = page.inner_text("body")
    assert {"a01", "a02", "a03"} <= set(text.split())
    with page.expect_download() as download:
        page.goto(f"{place.server.base}/#/researcher/export")
        page.locator("a[href='/api/v1/researcher/export']").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(folder)
    context.close()
    (study_file,) = folder.rglob("study.json")
    study = Study.open(study_file.parent)
    mine = [trial for trial in study.trials if trial.annotator == "a01"]
    assert [trial.kind for trial in mine] == 2 * (4 * ["training"] + 3 * ["calibration"]) + 3 * ["work"]
    assert all(trial.valid and trial.device == "mouse" for trial in mine)
    rests = [trial.reset_s for trial in mine[1:]]
    assert min(rests) >= 0.5
    printed = damer("dataset", "agreement", study_file.parent)
    assert "ICC" in printed

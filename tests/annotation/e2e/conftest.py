"""A real browser for the tests of the annotation pages."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from annotator_page import ARGUMENTS, CHROMIUM
from playwright.sync_api import Browser, Playwright, sync_playwright

from damer.annotation.server.serving import has_pages


@pytest.fixture(scope="module")  # it has an event loop in this thread: other modules want their own
def playwright() -> Iterator[Playwright]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed (scripts/system_packages.sh)")
    if not has_pages():
        pytest.skip("the pages are not built (make web)")
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield running
    running.close()


@pytest.fixture(scope="session")
def noon() -> str:
    """A time zone in which it is about noon, so that no test runs over midnight."""
    hours = 12 - time.gmtime().tm_hour
    return f"Etc/GMT{-hours:+d}"

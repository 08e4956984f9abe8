"""The demonstration as a newcomer meets it: one command, two links that work, Ctrl-C."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from annotate_server import free_port

from damer.annotation.robots import Connection, Visitor
from damer.annotation.robots.demo import PAST, PRESENT
from damer.annotation.server.serving import has_pages

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not has_pages(), reason="the pages are not built (make web)"),
]


def started(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    """Start the command and return it with what it printed until the links were there."""
    command = [
        sys.executable,
        "-m",
        "damer",
        "annotate",
        "demo",
        "--out",
        str(folder),
        "--port",
        str(free_port()),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    printed = ""
    while "Ctrl-C" not in printed:
        line = process.stdout.readline()
        assert line, printed
        printed += line
    return process, printed


async def ask(link: str, path: str) -> dict[str, Any]:
    """Enter by a link and ask for something."""
    base, _, token = link.partition("/#/enter/")
    visitor = Visitor(Connection(base.replace("localhost", "127.0.0.1")))
    until = time.monotonic() + 20
    session = await visitor.enter(token)
    found: dict[str, Any] = await visitor.call("ask", "GET", path)
    assert time.monotonic() < until
    await visitor.door.close()
    return session | found


def test_two_links_that_work_and_an_end(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    process, printed = started(folder)
    try:
        links = re.findall(r"http://\S+", printed)
        assert len(links) == 2
        me = asyncio.run(ask(links[0], "/me"))
        assert (me["annotator"], me["role"], me["step"]) == ("you", "annotator", "invitation")
        people: dict[str, Any] = {}
        until = time.monotonic() + 60  # the first of those who come now has begun
        while people.get("fay", {}).get("phase", "new") == "new" and time.monotonic() < until:
            progress = asyncio.run(ask(links[1], "/researcher/progress"))
            people = {one["annotator"]: one for one in progress["annotators"]}
            time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in printed + rest
    assert set(people) == {"you", *PAST, *PRESENT}
    finished = {name for name, one in people.items() if one["phase"] == "finished"}
    assert finished == set(PAST) - {"eli"}
    assert people["eli"]["status"] == "paused"
    assert people["fay"]["phase"] != "new"
    assert (folder / "study.sqlite3").stat().st_size > 100_000

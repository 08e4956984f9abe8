"""The description of the API is current, whole and true."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pydantic
import pytest
from annotate_api import API, Running, running

from damer.annotation.protocol.rules import Code
from damer.annotation.server import batches, security
from damer.annotation.server.app import openapi
from damer.annotation.server.limits import Rates
from damer.annotation.server.problems import Problem
from damer.annotation.server.schemas import MOST_SAMPLES, Batch
from damer.annotation.server.sounds import ANSWERS_AFTER_S

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("openapi")) as found:
        yield found


def test_the_committed_description_is_current() -> None:
    script = ROOT / "scripts" / "openapi.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", script, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_stale_description_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail, and writing mends it."""
    spec = importlib.util.spec_from_file_location("openapi_script", ROOT / "scripts" / "openapi.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    target = tmp_path / "web" / "openapi.json"
    monkeypatch.setattr(script, "TARGET", target)
    monkeypatch.setattr(sys, "argv", ["openapi.py", "--check"])
    assert script.main() == 1
    target.parent.mkdir()
    target.write_text((ROOT / "web/openapi.json").read_text(encoding="utf-8")[:-2], encoding="utf-8")
    assert script.main() == 1
    monkeypatch.setattr(sys, "argv", ["openapi.py"])
    assert script.main() == 0
    assert target.read_bytes() == (ROOT / "web" / "openapi.json").read_bytes()


def test_every_error_has_one_shape() -> None:
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if status >= "4":
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Error"}, (method, path, status)


def test_names_of_operations_are_given_once() -> None:
    names = [one["operationId"] for methods in openapi()["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


# -- the batch: described by pydantic, read by msgspec -------------------------------------------------------

GOOD: list[Any] = [
    {"samples": []},
    {"samples": [[0, 0, 0, None, None, 0]]},
    {"samples": [[0, 0.5, 1e12, -1, 1.0, 1], [7, 50, 50.25, 0.1, -0.1, 0]], "events": []},
    {"samples": [], "events": [{"kind": "play", "position_ms": 0, "client_ms": 0.5}]},
    {"samples": [], "events": [{"kind": "error", "position_ms": 1, "client_ms": 2, "detail": "é\n中"}]},
    {"samples": [[n, n, n, 0, 0, 1] for n in range(MOST_SAMPLES)]},
]
SAMPLE: list[Any] = [0, 0.0, 0.0, 0.1, 0.1, 1]
BAD: list[Any] = [
    {},
    [],
    None,
    {"samples": None},
    {"samples": {}},
    {"samples": [[]]},
    {"samples": [SAMPLE[:5]]},
    {"samples": [[*SAMPLE, 1]]},
    {"samples": [[0.5, *SAMPLE[1:]]]},
    {"samples": [[-1, *SAMPLE[1:]]]},
    {"samples": [[2**31, *SAMPLE[1:]]]},
    {"samples": [["0", *SAMPLE[1:]]]},
    {"samples": [[True, *SAMPLE[1:]]]},
    {"samples": [[0, -1.0, *SAMPLE[2:]]]},
    {"samples": [[0, 1e9, *SAMPLE[2:]]]},
    {"samples": [[0, None, *SAMPLE[2:]]]},
    {"samples": [[0, 0.0, -1.0, *SAMPLE[3:]]]},
    {"samples": [[0, 0.0, 1e14, *SAMPLE[3:]]]},
    {"samples": [[0, 0.0, 0.0, 1.1, 0.0, 1]]},
    {"samples": [[0, 0.0, 0.0, 0.0, -1.1, 1]]},
    {"samples": [[0, 0.0, 0.0, "0", 0.0, 1]]},
    {"samples": [[0, 0.0, 0.0, 0.0, 0.0, 2]]},
    {"samples": [[0, 0.0, 0.0, 0.0, 0.0, True]]},
    {"samples": [[0, 0.0, 0.0, 0.0, 0.0, None]]},
    {"samples": [SAMPLE] * (MOST_SAMPLES + 1)},
    {"samples": [], "more": 1},
    {"samples": [], "events": None},
    {"samples": [], "events": [{}]},
    {"samples": [], "events": [{"kind": "explode", "position_ms": 0, "client_ms": 0}]},
    {"samples": [], "events": [{"kind": "play", "position_ms": -1, "client_ms": 0}]},
    {"samples": [], "events": [{"kind": "play", "position_ms": 0, "client_ms": 0, "more": 1}]},
    {"samples": [], "events": [{"kind": "play", "position_ms": 0, "client_ms": 0, "detail": "x" * 201}]},
    {"samples": [], "events": [{"kind": "play", "position_ms": 0, "client_ms": 0, "detail": "\0"}]},
    {"samples": [], "events": [{"kind": "play", "position_ms": 0, "client_ms": 0}] * 201},
]


def read(text: str) -> Any:
    return batches.read("application/json", text.encode())


@pytest.mark.parametrize("batch", GOOD, ids=range(len(GOOD)))
def test_a_good_batch_is_read_as_it_is_described(batch: Any) -> None:
    text = json.dumps(batch)
    found, described = read(text), Batch.model_validate_json(text)
    assert [list(row) for row in found.samples] == [list(row) for row in described.samples]
    assert batches.plain_events(found) == [event.model_dump() for event in described.events]


@pytest.mark.parametrize("batch", BAD, ids=range(len(BAD)))
def test_a_bad_batch_is_refused_as_it_is_described(batch: Any) -> None:
    text = json.dumps(batch)
    with pytest.raises(pydantic.ValidationError):
        Batch.model_validate_json(text)
    with pytest.raises(Problem) as caught:
        read(text)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"samples":[[0,0,NaN,0,0,1]]}', '{"samples":[[0,0,1e999,0,0,1]]}', "\udcff", "[" * 100_000],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        batches.read("application/json", text.encode("utf-8", "surrogateescape"))
    assert caught.value.status in (400, 422)


def test_only_json_is_taken(study: Running) -> None:
    person = study.enter("a01")
    for kind in ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": kind, "X-CSRF-Token": person.csrf}
        for path in ("/trials/x/batches/0", "/trials", "/me/steps", "/session"):
            answer = person.client.post(API + path, content=b'{"samples": []}', headers=headers)
            assert answer.status_code in (415, 422), (kind, path, answer.text)


# -- the page ------------------------------------------------------------------------------------------------


class Addresses(HTMLParser):
    """What a page loads, and what its policy would not let it do."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = dict(attributes)
        if tag in ("link", "script", "img", "iframe"):
            self.loads.append(str(names.get("href") or names.get("src")))
        if tag == "style" or "style" in names or any(name.startswith("on") for name in names):
            self.inline.append(tag)
        if tag == "script" and "src" not in names:
            self.inline.append(tag)


def test_the_documentation_needs_nothing_from_elsewhere(study: Running) -> None:
    answer = study.client.get("/api/docs")
    assert answer.status_code == 200
    page = Addresses()
    page.feed(answer.text)
    assert page.loads == ["data:,", "/api/docs.css"]
    assert page.inline == []
    style = study.client.get("/api/docs.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_the_documentation_names_every_route_and_schema(study: Running) -> None:
    text = study.client.get("/api/docs").text
    description = study.client.get(f"{API}/openapi.json").json()
    assert description == openapi()
    for path, methods in description["paths"].items():
        for method in methods:
            assert f"<b>{method.upper()}</b> <code>{path}</code>" in text
    anchors, links = set(re.findall(r'id="(\w+)"', text)), set(re.findall(r'href="#(\w+)"', text))
    assert anchors == set(description["components"]["schemas"])
    assert links <= anchors


# -- the documentation in the repository ---------------------------------------------------------------------


def codes_in_the_program() -> set[str]:
    """Every code that a refusal of the protocol or a problem of the server can have."""
    found = set(get_args(Code))
    for path in (ROOT / "src/damer/annotation/server").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'Problem\(\s*(?:\d+|error\.status_code),\s*"(\w+)"', text))
        found |= set(re.findall(r'^    \d{3}: \("(\w+)",', text, re.M))
    return found


def test_every_code_of_an_error_is_documented() -> None:
    page = (ROOT / "docs" / "annotate-api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d{3} \| (.*?) \|", page, re.M)
    documented = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert documented == codes_in_the_program() - {"refused"}


def test_the_limits_in_the_documentation_are_those_of_the_program() -> None:
    page = (ROOT / "docs" / "annotate-security.md").read_text(encoding="utf-8")
    rates = Rates()
    for number in (rates.requests.burst, rates.requests.per_s, rates.samples.burst, rates.samples.per_s,
                   rates.sounds.burst, rates.entry_address.burst, rates.entry_all.burst):  # fmt: skip
        assert f"{number:,.0f}".replace(",", " ") in page
    assert f"{security.LARGEST_BODY // 1024} KiB" in page
    assert f"{security.LARGEST_BATCH // 1024} KiB" in page
    assert f"{security.SLOWEST_BODY_S:.0f} s for a whole body" in page
    assert f"{ANSWERS_AFTER_S * 1000:.0f} ms after it was asked for" in page

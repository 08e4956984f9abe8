"""Every route of the OpenAPI description, tried by everybody who may not call it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from annotate_api import API, Person, Running, running, start, walk_to
from fastapi import APIRouter

from damer.annotation.server.app import openapi
from damer.annotation.server.auth import check_guards

OPERATIONS = [
    (method.upper(), path, operation["x-who"])
    for path, methods in openapi()["paths"].items()
    for method, operation in methods.items()
]
GUARDED = [one for one in OPERATIONS if one[2] != "anyone"]
CHANGING = [one for one in GUARDED if one[0] != "GET"]
BODIES: dict[str, Any] = {
    "/me/steps": {"step": "volume_check"},
    "/me/timezone": {"timezone": "Asia/Shanghai"},
    "/me/profile": {"gender": "x"},
    "/trials": {"audio_name": "NAME", "client": {}},
    "/trials/{trial_id}/batches/{number}": {"samples": [[0, 0.0, 0.0, 0.1, 0.1, 1]]},
    "/trials/{trial_id}/finish": {"batches": 1},
    "/trials/{trial_id}/interrupt": {"reason": "test"},
    "/researcher/annotators/{annotator}/pause": {"reason": "test"},
    "/researcher/annotators/{annotator}/drop": {"reason": "test"},
    "/researcher/annotators/{annotator}/replace": {"newcomer": "b01"},
}


class Scene:
    """a01 with a track that plays, a02 with one to come, and a researcher."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.annotator = running.enter("a01")
        self.other = running.enter("a02")
        self.researcher = running.enter("boss", "researcher")
        me = walk_to(self.annotator, running.clock, ["calibrate"])
        self.names = {"name": me["audio"]["name"], "trial_id": start(self.annotator, me)}
        walk_to(self.other, running.clock, ["training"])
        running.clock.now += 1.0

    def path(self, path: str, annotator: str = "a01") -> str:
        values = {**self.names, "number": "0", "annotator": annotator, "track_id": "t04"}
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)

    def body(self, path: str) -> Any:
        body = BODIES.get(path.removeprefix(API))
        return {**body, "audio_name": self.names["name"]} if body and "audio_name" in body else body

    def who(self, role: str) -> Person:
        return self.researcher if role == "researcher" else self.annotator

    def record(self) -> list[Any]:
        """All that a request might have changed."""
        call, service = self.running.call, self.running.service
        found = [call(service.histories.events, name) for name in ("a01", "a02", "a03")]
        batches = call(service.next_batch, self.names["trial_id"])
        profile = call(service.get_profile, "a01")
        return [*found, batches, profile, len(service.info.assignment.plans)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with running(tmp_path_factory.mktemp("routes")) as found:
        yield Scene(found)


@pytest.fixture(autouse=True)
def nothing_changes(scene: Scene) -> Iterator[None]:
    before = scene.record()
    yield
    assert scene.record() == before


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert set(answer.json()) <= {"code", "message", "until", "missing"}
    assert answer.headers["cache-control"] == "no-store"


def test_the_walk_has_every_route() -> None:
    assert len(GUARDED) >= 28
    assert {one[2] for one in OPERATIONS} == {"anyone", "session", "annotator", "researcher"}
    assert [(method, path) for method, path, who in OPERATIONS if who == "anyone"] == [
        ("GET", f"{API}/health"),
        ("POST", f"{API}/session"),
    ]


@pytest.mark.parametrize(("method", "path", "who"), GUARDED)
def test_every_route_is_for_whom_its_address_says(method: str, path: str, who: str) -> None:
    part = path.removeprefix(f"{API}/").partition("/")[0]
    wanted = {"researcher": "researcher", "me": "annotator", "trials": "annotator", "audio": "annotator"}
    assert who == wanted.get(part, "session")


def test_nothing_is_served_beside_the_described_routes_but_pages(scene: Scene) -> None:
    described = {path for _, path, _ in OPERATIONS}
    served = {getattr(route, "path", "") for route in scene.running.app.routes} - described
    pages = {path for path in served if path and not path.startswith(API)}
    assert pages <= {"/", "/assets", "/api/docs", "/api/docs.css", "/licences.txt"}, pages


def test_a_route_without_a_guard_is_not_served() -> None:
    router = APIRouter()
    router.add_api_route("/open", lambda: None)
    with pytest.raises(RuntimeError, match="0 guards"):
        check_guards(router.routes)


@pytest.mark.parametrize(("method", "path", "who"), GUARDED)
def test_nobody(scene: Scene, method: str, path: str, who: str) -> None:
    client, path_filled = scene.running.client, scene.path(path)
    refused(client.request(method, path_filled, json=scene.body(path)), 401, "session")
    for cookie in ("x" * 43, "x", "", "a" * 300, scene.annotator.token, scene.annotator.csrf):
        headers = {"Cookie": f"damer_session={cookie}", "X-CSRF-Token": scene.annotator.csrf}
        refused(client.request(method, path_filled, json=scene.body(path), headers=headers), 401, "session")


@pytest.mark.parametrize(("method", "path", "who"), [one for one in GUARDED if one[2] != "session"])
def test_the_other_role(scene: Scene, method: str, path: str, who: str) -> None:
    wrong = scene.annotator if who == "researcher" else scene.researcher
    answer = wrong.send(method, scene.path(path).removeprefix(API), scene.body(path))
    refused(answer, 403, "role")


@pytest.mark.parametrize(("method", "path", "who"), CHANGING)
def test_csrf(scene: Scene, method: str, path: str, who: str) -> None:
    person = scene.who(who)
    other = scene.other.csrf
    wrong: list[dict[str, Any]] = [
        {},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": other},
        {"X-CSRF-Token": b"\xfc"},
        {"X-CSRF-Token": person.csrf, "Sec-Fetch-Site": "cross-site"},
    ]
    for headers in wrong:
        answer = person.client.request(method, scene.path(path), json=scene.body(path), headers=headers)
        refused(answer, 403, "csrf")


@pytest.mark.parametrize(
    ("method", "path", "who"), [one for one in GUARDED if "{trial_id}" in one[1] or "{name}" in one[1]]
)
def test_another_annotator(scene: Scene, method: str, path: str, who: str) -> None:
    answer = scene.other.send(method, scene.path(path).removeprefix(API), scene.body(path))
    refused(answer, 404, "not_found")
    nothing = re.sub("[0-9a-f]{24,}", "0" * 32, scene.path(path))
    absent = scene.other.send(method, nothing.removeprefix(API), scene.body(path))
    assert absent.json() == answer.json(), "what is somebody else's cannot be told from what is not there"


def test_another_annotator_cannot_start_with_a_name_that_was_seen(scene: Scene) -> None:
    refused(scene.other.post("/trials", scene.body(f"{API}/trials")), 409, "order")


@pytest.mark.parametrize(("method", "path", "who"), [one for one in GUARDED if one[0] == "GET"])
def test_the_right_one_comes_through(scene: Scene, method: str, path: str, who: str) -> None:
    answer = scene.who(who).client.get(scene.path(path))
    assert answer.status_code == 200, answer.text


class TestEnds:
    """Sessions that have ended open no route, whatever they could do before."""

    @pytest.fixture(autouse=True)
    def nothing_changes(self) -> None:
        """Each test here has a person of its own."""

    def all_refused(self, scene: Scene, person: Person, role: str) -> None:
        for method, path, who in GUARDED:
            if who in ("session", role):
                answer = person.send(method, scene.path(path, "a03").removeprefix(API), scene.body(path))
                refused(answer, 401, "session")

    @pytest.mark.parametrize("role", ["annotator", "researcher"])
    def test_revoked_link(self, scene: Scene, role: str) -> None:
        name = "a03" if role == "annotator" else "gone"
        person = scene.running.enter(name, role)
        assert person.get("/session").status_code == 200
        scene.running.call(scene.running.service.people.revoke, name)
        self.all_refused(scene, person, role)
        refused(person.client.post(f"{API}/session", json={"token": person.token}), 401, "token")

    @pytest.mark.parametrize("role", ["annotator", "researcher"])
    def test_expired_session(self, scene: Scene, role: str) -> None:
        person = scene.running.enter("a03" if role == "annotator" else "late", role)
        assert person.get("/session").status_code == 200
        scene.running.clock.now += 40 * 86_400.0
        try:
            self.all_refused(scene, person, role)
        finally:
            scene.running.clock.now -= 40 * 86_400.0

    def test_logged_out(self, scene: Scene) -> None:
        person = scene.running.enter("a03")
        cookie = person.client.cookies["damer_session"]
        assert person.send("DELETE", "/session").status_code == 204
        assert "damer_session" not in person.client.cookies
        person.client.cookies.set("damer_session", cookie)
        self.all_refused(scene, person, "annotator")


def test_paths_are_covered_by_bodies(scene: Scene, tmp_path: Path) -> None:
    """A route that changes something is tried with a body that would do so."""
    described = openapi()["paths"]
    with_body = {path.removeprefix(API) for path, methods in described.items() for one in methods.values()
                 if "requestBody" in one}  # fmt: skip
    assert with_body - {"/session"} == set(BODIES)

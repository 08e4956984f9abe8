"""Tokens, cookies, headers, sizes and rates: what the server puts between a study and the world."""

import hashlib
import json
import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from annotate_api import API, Running, running, start, walk_to

from damer.annotation.server import security
from damer.annotation.server.app import ServerSettings
from damer.annotation.server.limits import Buckets, Limits, Rate, Rates, network
from damer.annotation.server.problems import Problem
from damer.annotation.server.security import LARGEST_BATCH, LARGEST_BODY

RATES = Rates(entry_address=Rate(5, 0.5), entry_all=Rate(50, 5), samples=Rate(4000, 10), sounds=Rate(3, 0.1))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("limits")) as found:
        yield found


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, settings=ServerSettings(folder=tmp_path, sound_after_s=0.0, rates=RATES)) as found:
        yield found


# -- tokens and cookies --------------------------------------------------------------------------------------


def test_secrets_are_long_random_and_kept_as_hashes_only(study: Running) -> None:
    people = [study.enter("a01"), study.enter("a02"), study.enter("boss", "researcher")]
    secrets = [(person.token, person.client.cookies["damer_session"]) for person in people]
    for token, cookie in secrets:
        assert len(token) >= 43, "256 bits"
        assert len(cookie) >= 43
    assert len({secret for pair in secrets for secret in pair}) == 6
    with sqlite3.connect(study.folder / "study.sqlite3") as database:
        dump = "\n".join(database.iterdump())
    files = b"".join(path.read_bytes() for path in study.folder.glob("study.sqlite3*"))
    for pair in secrets:
        for secret in pair:
            assert secret not in dump
            assert secret.encode() not in files
            assert hashlib.sha256(secret.encode()).hexdigest() in dump.lower()
    database.close()


@pytest.mark.parametrize("secure", [False, True])
def test_cookie(tmp_path: Path, secure: bool) -> None:
    settings = ServerSettings(folder=tmp_path, secure=secure)
    with running(tmp_path, settings=settings) as study:
        token = study.call(study.service.invite, "a01").token
        answer = study.client.post(f"{API}/session", json={"token": token})
    name, *parts = (part.strip() for part in answer.headers["set-cookie"].split(";"))
    wanted = {"HttpOnly", "Path=/", "SameSite=strict"} | ({"Secure"} if secure else set())
    assert {part for part in parts if not part.startswith(("Max-Age", "expires"))} == wanted
    assert name.partition("=")[2] not in answer.text
    assert ("strict-transport-security" in answer.headers) == secure


def test_a_session_of_https_without_settings_is_secure_too(study: Running) -> None:
    token = study.call(study.service.invite, "a01").token
    answer = study.client.post(f"https://testserver{API}/session", json={"token": token})
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "token", ["", "x", "x" * 43, "x" * 201, "é" * 10, "\ud800", "\0", "' OR 1=1 --", 5, None, []]
)
def test_wrong_tokens(study: Running, token: Any) -> None:
    body = json.dumps({"token": token}).encode("ascii")
    answer = study.client.post(f"{API}/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (401, 422)
    assert "set-cookie" not in answer.headers


def test_another_sites_page_cannot_log_somebody_in(study: Running) -> None:
    token = study.call(study.service.invite, "a01").token
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        answer = study.client.post(f"{API}/session", json={"token": token}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status, site


def test_no_secret_is_logged(study: Running, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    person = study.enter("a02")
    person.client.post(f"{API}/session", json={"token": person.token[:-1] + "!"})
    person.me()
    walk_to(person, study.clock, ["training"])
    person.send("DELETE", "/session")
    said = caplog.text + "".join(capfd.readouterr())
    for secret in (person.token, person.csrf, person.token[:-1]):
        assert secret not in said


# -- headers -------------------------------------------------------------------------------------------------

PLACES = [
    "/",
    "/api/docs",
    f"{API}/health",
    f"{API}/me",
    "/nothing",
    "/assets/nothing.js",
    f"{API}/session/x",
]


@pytest.mark.parametrize("path", PLACES)
def test_secure_headers_are_on_every_answer(study: Running, path: str) -> None:
    headers = study.client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert not re.search(r"unsafe|\*|https?:", headers["content-security-policy"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "microphone=()" in headers["permissions-policy"]
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_pages_are_revalidated_and_assets_kept(tmp_path: Path) -> None:
    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html>page")
    (web / "licences.txt").write_text("licences")
    (web / "assets" / "app-1a2b.js").write_text("1")
    (web / ".secret").mkdir()
    with running(tmp_path, settings=ServerSettings(folder=tmp_path, web=web)) as study:
        assert study.client.get("/").text == "<!doctype html>page"
        assert study.client.get("/").headers["cache-control"] == "no-cache"
        kept = study.client.get("/assets/app-1a2b.js").headers
        assert kept["cache-control"] == "public, max-age=31536000, immutable"
        assert kept["content-type"].startswith("text/javascript")
        assert study.client.get("/licences.txt").text == "licences"
        missing = study.client.get("/assets/gone.js")
        assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-store")
        assert study.client.get("/assets/").status_code == 404
        for path in (
            "/.secret",
            "/index.html/x",
            "/web",
            "/study.sqlite3",
            "/assets/%00",
            f"/assets/{'x' * 5000}",
        ):
            assert study.client.get(path).status_code == 404, path


def test_without_the_build_the_page_says_so(tmp_path: Path) -> None:
    with running(tmp_path, settings=ServerSettings(folder=tmp_path, web=tmp_path / "none")) as study:
        answer = study.client.get("/")
        assert answer.status_code == 200
        assert "make web" in answer.text
        assert study.client.get(f"{API}/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", f"{API}/nothing", 404, "not_found"),
        ("POST", f"{API}/health", 405, "method"),
        ("TRACE", f"{API}/health", 405, "method"),
        ("DELETE", "/", 405, "method"),
    ],
)
def test_errors_have_one_shape(study: Running, method: str, path: str, status: int, code: str) -> None:
    answer = study.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"


def test_what_nobody_expected_is_answered_without_a_word_about_it(
    study: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = study.enter("a01")

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(study.service, "following", broken)
    with pytest.raises(ZeroDivisionError):  # the server's log gets it
        person.get("/me")
    monkeypatch.setattr(person.client._transport, "raise_server_exceptions", False)
    answer = person.get("/me")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


# -- sizes ---------------------------------------------------------------------------------------------------


def parts(size: int) -> Iterator[bytes]:
    """A body whose length no header tells."""
    while size > 0:
        yield b" " * min(size, 50_000)
        size -= 50_000


@pytest.mark.parametrize(
    ("path", "limit"), [("/me/steps", LARGEST_BODY), ("/trials/x/batches/0", LARGEST_BATCH)]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_that_are_too_large(study: Running, path: str, limit: int, chunked: bool) -> None:
    person = study.enter("a01")
    headers = {"X-CSRF-Token": person.csrf, "Content-Type": "application/json"}
    for size, wanted in ((limit, (400, 422)), (limit + 1, (413,))):
        body: Any = parts(size) if chunked else b" " * size
        answer = person.client.post(API + path, content=body, headers=headers)
        assert answer.status_code in wanted, (size, answer.text)


def test_a_length_that_is_none_is_refused(study: Running) -> None:
    for length in ("-1", "1e3", "x"):
        answer = study.client.post(f"{API}/session", content=b"{}", headers={"Content-Length": length})
        assert answer.status_code == 413


@pytest.mark.anyio
async def test_a_body_that_never_ends_is_given_up(study: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    import anyio

    monkeypatch.setattr(security, "SLOWEST_BODY_S", 0.2)
    sent: list[Any] = []

    async def receive() -> Any:
        await anyio.sleep(0.05)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": f"{API}/session", "raw_path": b"", "query_string": b"",
             "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http",
             "root_path": "", "client": ("1.2.3.4", 5), "server": ("x", 80), "app": study.app}  # fmt: skip
    with anyio.fail_after(5):
        await study.app(scope, receive, send)
    assert sent[0]["status"] == 408


# -- rates ---------------------------------------------------------------------------------------------------


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_holds_its_burst_and_fills_at_its_rate() -> None:
    time = Time()
    bucket = Buckets(Rate(3, 0.5), time)
    assert [bucket.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take("a") == pytest.approx(2.0)
    assert bucket.take("b") == 0.0
    time.now = 1.9
    assert bucket.take("a") == pytest.approx(0.1)
    time.now = 2.0
    assert bucket.take("a") == 0.0
    time.now = 1000.0
    assert [bucket.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(2.0)]


def test_more_than_a_bucket_holds_passes_when_it_is_full() -> None:
    """A batch may be larger than a very small limit: it must not wait for ever."""
    bucket = Buckets(Rate(10, 1), Time())
    assert bucket.take("a", 50) == 0.0
    assert bucket.take("a") > 0


def test_many_addresses_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("damer.annotation.server.limits._MOST_BUCKETS", 100)
    bucket = Buckets(Rate(1, 1), Time())
    for number in range(1000):
        bucket.take(str(number))
    assert len(bucket._levels) == 100
    assert bucket.take("999") > 0, "the newest are remembered"


def test_one_network_of_ipv6_is_one_address() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("fe80::1%eth0") == network("fe80::2")
    assert network("testclient") == "testclient"


def test_wrong_tokens_from_many_addresses_are_limited_in_all() -> None:
    limits = Limits(Rates(entry_address=Rate(5, 1), entry_all=Rate(20, 1)), Time())
    for number in range(20):
        limits.entry(f"192.0.2.{number}")
        limits.wrong_token(f"192.0.2.{number}")
    with pytest.raises(Problem) as caught:
        limits.entry("198.51.100.1")
    assert caught.value.status == 429


def test_right_tokens_at_once_do_not_count() -> None:
    """A class of annotators behind one address: none of them waits, however slow the database is."""
    limits = Limits(Rates(entry_address=Rate(5, 1)), Time())
    for _ in range(300):
        limits.entry("192.0.2.1")


def test_entry_is_limited_for_wrong_tokens_only(strict: Running) -> None:
    token = strict.call(strict.service.invite, "a01").token
    for _ in range(12):
        assert strict.client.post(f"{API}/session", json={"token": token}).status_code == 200
    wrong = [strict.client.post(f"{API}/session", json={"token": "x" * 43}) for _ in range(7)]
    assert [answer.status_code for answer in wrong[:6]] == [401] * 5 + [429]
    assert 1 <= int(wrong[-1].headers["retry-after"]) <= 2
    assert strict.client.post(f"{API}/session", json={"token": token}).status_code == 429


def test_samples_and_sounds_are_limited(strict: Running) -> None:
    person = strict.enter("a01")
    me = walk_to(person, strict.clock, ["training"])
    assert [person.client.get(me["audio"]["url"]).status_code for _ in range(4)] == [200, 200, 200, 429]
    trial_id = start(person, me)
    for number in range(3):
        rows = [[n + 2000 * number, 0.0, float(n), 0.1, 0.1, 1] for n in range(2000)]
        answer = person.post(f"/trials/{trial_id}/batches/{number}", {"samples": rows})
        assert answer.status_code == (200 if number < 2 else 429), answer.text
    other = strict.enter("a02")
    assert other.get("/me").status_code == 200


def test_requests_of_one_person_are_limited(tmp_path: Path) -> None:
    rates = Rates(requests=Rate(10, 0.01))
    with running(tmp_path, settings=ServerSettings(folder=tmp_path, rates=rates)) as study:
        one, other = study.enter("a01"), study.enter("a02")
        assert [one.get("/time").status_code for _ in range(11)] == [200] * 10 + [429]
        assert other.get("/time").status_code == 200

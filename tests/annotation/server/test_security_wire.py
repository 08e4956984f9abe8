"""What no HTTP client sends: heads without end, silence, and bytes that are no request."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from annotate_api import API, SETTINGS, tracks

from damer.annotation.server import wire
from damer.annotation.server.app import ServerSettings, create_app
from damer.annotation.server.security import LARGEST_BATCH, LARGEST_BODY
from damer.annotation.server.service import StudyService
from damer.annotation.server.serving import Serving, listen, make_server
from damer.annotation.server.studies import Draft, make_study

pytestmark = pytest.mark.anyio
HEALTH = f"GET {API}/health HTTP/1.1\r\nhost: x\r\n\r\n".encode()


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[int]:
    """Serve a study in this loop; give the port."""
    rows, database = tracks(folder, (1.0,) * 8, (".flac",)), str(folder / "study.sqlite3")
    await make_study(database, Draft("Wire", rows[4:], ["a01"], [], rows[1:4], SETTINGS))

    async def opened() -> StudyService:
        return await StudyService.open(database, folder=folder)

    server = make_server(create_app(opened, ServerSettings(folder=folder)), Serving(folder, database))
    with listen("127.0.0.1", 0) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.stop()
            await task


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def port(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    async with served(tmp_path_factory.mktemp("wire")) as found:
        yield found


async def said(port: int, *parts: bytes) -> bytes:
    """Send parts one after another, and return what comes until the connection ends or falls silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        while data := await asyncio.wait_for(reader.read(65_536), 2.0):
            answer += data
            if answer.startswith(b"HTTP/1.1") and b"\r\n\r\n" in answer:
                break
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()
    return answer


async def closed(port: int, *parts: bytes, within_s: float = 10.0) -> bool:
    """Return whether the server ends a connection over which some parts come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(100), within_s) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    finally:
        writer.transport.abort()


async def healthy(port: int) -> bool:
    return (await said(port, HEALTH)).startswith(b"HTTP/1.1 200")


BLOCK = b"a" * 65_536
ENDLESS = {
    "address": [b"GET /", *[BLOCK] * 40],
    "one header": [b"GET / HTTP/1.1\r\nhost: x\r\nx: ", *[BLOCK] * 40],
    "name of a header": [b"GET / HTTP/1.1\r\nhost: x\r\n", *[BLOCK] * 40],
    "many headers": [b"GET / HTTP/1.1\r\nhost: x\r\n", *[b"x: y\r\n" * 10_000] * 40],
    "second request": [HEALTH + b"GET /", *[BLOCK] * 40],
}


@pytest.mark.parametrize("kind", ENDLESS)
async def test_a_head_without_end_is_cut(port: int, kind: str) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    with contextlib.suppress(ConnectionError):
        for part in ENDLESS[kind]:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05)  # for the server to look at it
            sent += 1
    writer.transport.abort()
    assert sent < 10
    assert await healthy(port)


async def test_memory_does_not_grow_with_a_head(port: int) -> None:
    """The connection ends soon after the limit, not after everything has been taken in."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = 0
    writer.write(b"GET /")
    with contextlib.suppress(ConnectionError):
        for _ in range(2000):  # 131 MB
            writer.write(BLOCK)
            await writer.drain()
            taken += len(BLOCK)
    writer.transport.abort()
    assert taken < 20_000_000, "buffers of both sides, not the whole"


async def test_whoever_says_nothing_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SLOWEST_HEAD_S", 0.3)
    assert await closed(port)
    assert await closed(port, b"GET / HT")
    assert await closed(port, b"GET / HTTP/1.1\r\nhost: x\r\n")
    assert not await closed(port, HEALTH, within_s=1.0), "somebody who was answered may think"


async def test_a_connection_that_rests_between_requests_is_kept(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SLOWEST_HEAD_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(HEALTH)
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.5)
    writer.transport.abort()


ODD = [
    b"\r\n\r\n", b"\0" * 100, b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nhost: x\r\n\r\n", b"GET * HTTP/1.1\r\nhost: x\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nx\0y: z\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\ncookie: damer_session=\xff\xfe\r\n\r\n",
    b"GET /api/v1/me HTTP/1.1\r\nhost: x\r\ncookie: damer_session=" + b"\xe9" * 40 + b"\r\n\r\n",
    b"GET /api/v1/me HTTP/1.1\r\ncookie: " + b"a=b; " * 3000 + b"\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x",
    b"POST /api/v1/session HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\ntransfer-encoding: x\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\ncontent-type: application/json; charset=nonsense\r\n"
    b"content-length: 4\r\n\r\n\xff\xfe\xfd\xfc",
    b"GET /?" + b"a=b&" * 5000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /api/v1/audio/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /assets/../../service.py HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /assets/%2e%2e/%2e%2e/service.py HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET //etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: "
    b"AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("request_bytes", ODD, ids=range(len(ODD)))
async def test_odd_bytes_are_answered_or_dropped(
    port: int, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    answer = await said(port, request_bytes)
    if answer:
        assert answer.startswith(b"HTTP/1.1 ")
        assert int(answer.split(b" ")[1]) in {200, 400, 401, 404, 405, 413, 415, 422}, answer[:200]
    assert b"def " not in answer
    assert not [one for one in caplog.records if one.exc_info], caplog.text
    assert await healthy(port)


@pytest.mark.parametrize(
    ("path", "limit"), [("/session", LARGEST_BODY), ("/trials/x/batches/0", LARGEST_BATCH)]
)
async def test_chunks_without_end_are_refused(port: int, path: str, limit: int) -> None:
    head = f"POST {API}{path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    head += "transfer-encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = await said(port, head.encode(), *[chunk] * (limit // 0x10000 + 2))
    # Without a session nobody's body is read; with one it is counted.
    assert answer.split(b" ")[1] in (b"413", b"401"), answer[:200]
    assert await healthy(port)

"""A door to an application in this process: a study's past is lived on a clock of its own, off line."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

from damer.annotation.robots.connection import Answer, UnreachableError

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class Inside:
    """Sends requests straight to an ASGI application.

    Args:
        app: the application, started.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to one request.

        Raises:
            UnreachableError: the application gave none.
        """
        lines = {"host": "127.0.0.1", "content-length": str(len(body)), **headers}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in lines.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        sent: list[Message] = []
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if not waiting:
                await asyncio.Event().wait()  # nobody hangs up
            return waiting.pop()

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        if not sent:
            raise UnreachableError(f"{method} {path}: no answer")
        found = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0].get("headers", ())}
        return Answer(sent[0]["status"], found, b"".join(one.get("body", b"") for one in sent[1:]))

    async def close(self) -> None:
        """Nothing is open."""


class FastClock:
    """A clock on which waiting takes no time: seconds since 1970, from any moment on.

    Whoever lives by it makes it theirs with `live_by`; then `present` is its time for all that they ask for,
    so that several can live in one server, each at another time.

    Attributes:
        at: the present, UTC seconds.
    """

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        """Return the present."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.at += max(0.0, seconds)

    def live_by(self) -> None:
        """Make this the clock of the present task and of all that it starts."""
        _clock.set(self)


_clock: ContextVar[FastClock] = ContextVar("clock")


def present() -> float:
    """Return the time of whoever asks, UTC seconds: the clock of a server in which several live."""
    clock = _clock.get(None)
    return time.time() if clock is None else clock.at

"""Somebody with an invitation, as the server knows them: a session and a token against forged requests."""

import json
import time
from collections.abc import Callable
from typing import Any

from damer.annotation.robots.connection import Answer, Door, UnreachableError

API = "/api/v1"
Watch = Callable[[str, float, int], None]
"""Told of every request: its kind ("batch", "me", …), the seconds it took, the status."""


class Visitor:
    """A session on a server.

    Args:
        door: where requests go.
        watch: told of every request.

    Attributes:
        session: what the server said of it when it began: annotator, role, csrf_token, study.
    """

    def __init__(self, door: Door, watch: Watch | None = None) -> None:
        self.door = door
        self.session: dict[str, Any] = {}
        self._cookie = ""
        self._watch = watch

    async def enter(self, token: str) -> dict[str, Any]:
        """Open a session with the token of an invitation.

        Raises:
            RefusedError: the token is not, or no longer, good.
            UnreachableError: no answer came.
        """
        answer = await self.send("session", "POST", "/session", _encode({"token": token}))
        self.session = answer.json()
        self._cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        return self.session

    async def call(self, kind: str, method: str, path: str, value: Any = None) -> Any:
        """Ask for something in JSON and return the answer.

        Args:
            kind: one word for who watches.
            method: of HTTP.
            path: behind the prefix of the API.
            value: to be sent as JSON.

        Raises:
            RefusedError: the server said no.
            UnreachableError: no answer came.
        """
        body = b"" if value is None else _encode(value)
        return (await self.send(kind, method, path, body)).json()

    async def fetch(self, path: str) -> bytes:
        """Return a sound.

        Raises:
            RefusedError: the server said no.
            UnreachableError: no answer came.
        """
        answer = await self.send("audio", "GET", path)
        if answer.status != 200:
            answer.json()
            raise UnreachableError(f"{path} answered {answer.status}")
        return answer.body

    async def send(self, kind: str, method: str, path: str, body: bytes = b"") -> Answer:
        """Send a body that is JSON already, or none, and return the answer, whatever it is.

        Raises:
            UnreachableError: no answer came.
        """
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if method != "GET" and self.session:
            headers["X-CSRF-Token"] = str(self.session["csrf_token"])
        if body:
            headers["Content-Type"] = "application/json"
        path = path if path.startswith(API) else API + path
        begun = time.perf_counter()
        status = 0
        try:
            answer = await self.door.request(method, path, headers, body)
            status = answer.status
        finally:
            if self._watch is not None:
                self._watch(kind, time.perf_counter() - begun, status)
        return answer


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

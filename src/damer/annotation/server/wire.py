"""Connections that cannot hold the server up: heads of requests are bounded in size and in time.

The fast parser that uvicorn uses (httptools) takes addresses and headers of any length, and uvicorn waits for
the first request of a connection for ever. Both are open to whoever can reach the port, before any login.
"""

import asyncio
import contextlib
from typing import Literal

LARGEST_HEAD = 64 * 1024
"""Bytes of a request's first line and headers, about: counted by what arrives at once."""
SLOWEST_HEAD_S = 20.0
_MOST_FILES = 65_536


def http_protocol() -> "type[asyncio.Protocol] | Literal['auto']":
    """Return the HTTP protocol for uvicorn; "auto", which has limits of its own, without httptools."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:  # other interpreters than CPython
        return "auto"

    class BoundedProtocol(HttpToolsProtocol):
        """Closes connections whose request does not begin properly."""

        _arrived = 0
        _in_head = True
        _deadline: asyncio.TimerHandle | None = None

        # asyncio calls it with any transport; uvicorn says which one it takes, and so narrows the type.
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait_for_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_is_there()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            self._arrived = 0
            self._wait_for_head()
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._head_is_there()
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._in_head:
                self._arrived += len(data)
                if self._arrived > LARGEST_HEAD:
                    self._give_up()

        def _wait_for_head(self) -> None:
            self._in_head = True
            if self._deadline is None:
                self._deadline = self.loop.call_later(SLOWEST_HEAD_S, self._give_up)

        def _head_is_there(self) -> None:
            self._in_head = False
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _give_up(self) -> None:
            self._head_is_there()
            if not self.transport.is_closing():
                self.transport.abort()

    return BoundedProtocol


def allow_many_connections() -> None:
    """Take as many open files as the system gives: each annotator holds a connection, at times a sound."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

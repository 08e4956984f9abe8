"""Around every request, as plain ASGI: secure headers, the limit of a body's size and of the time it takes.

Starlette's BaseHTTPMiddleware would cost more than the rest of a small request.
"""

import asyncio
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from damer.annotation.server.problems import Problem, internal_error, stopping

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""No inline script or style, nothing from elsewhere, no frame around it."""

PERMISSIONS_POLICY = (
    "accelerometer=(), autoplay=(self), camera=(), display-capture=(), encrypted-media=(), "
    "fullscreen=(self), gamepad=(self), geolocation=(), gyroscope=(), hid=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), "
    "screen-wake-lock=(self), serial=(), usb=(), xr-spatial-tracking=()"
)

_HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"permissions-policy", PERMISSIONS_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_TLS_HEADERS = [(b"strict-transport-security", b"max-age=31536000")]
_NO_STORE = (b"cache-control", b"no-store")

LARGEST_BODY = 64 * 1024
LARGEST_BATCH = 512 * 1024
SLOWEST_BODY_S = 30.0


class SecureHeaders:
    """Put the secure headers on every response; whatever says nothing of caching is not to be stored.

    An exception that nobody expected is answered here too, without a word about it.
    """

    def __init__(self, app: ASGIApp, secure: bool = False) -> None:
        """Stand around an application.

        Args:
            app: what to stand around.
            secure: whether the server is behind TLS.
        """
        self._app = app
        self._always = [*_HEADERS, *(_TLS_HEADERS if secure else ())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = [*message.get("headers", ()), *self._always]
                if not _has(headers, b"cache-control"):
                    headers.append(_NO_STORE)
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except asyncio.CancelledError:  # the server is being stopped, and this took too long
            if not started:
                await stopping()(scope, receive, send_with_headers)
        except Exception:
            if not started:
                await internal_error()(scope, receive, send_with_headers)
            raise  # the server logs it


class BodyLimit:
    """Refuse bodies that are too large, by what they say or by what arrives, and bodies that never end."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = LARGEST_BATCH if "/batches/" in scope["path"] else LARGEST_BODY
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or int(length) > limit:
            await _too_large().response()(scope, receive, send)
            return
        arrived = 0
        deadline = asyncio.get_running_loop().time() + SLOWEST_BODY_S
        complete = started = False

        async def limited() -> Message:
            nonlocal arrived, complete
            if complete:
                return await receive()  # waits for the client to go away
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Problem(408, "slow", "The body came too slowly.") from None
            if message["type"] == "http.request":
                arrived += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if arrived > limit:
                    raise _too_large()
            return message

        async def tracked(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, limited, tracked)
        except Problem as problem:
            if started:
                raise
            await problem.response()(scope, receive, send)


def _too_large() -> Problem:
    return Problem(413, "too_large", "The request is larger than is taken here.")


def _has(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bool:
    return any(key.lower() == name for key, _ in headers)

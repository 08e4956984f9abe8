"""The application as a process: a socket, a server, an end in good order."""

import asyncio
import contextlib
import functools
import gc
import logging
import multiprocessing
import multiprocessing.connection
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from damer.annotation.server.app import ServerSettings, create_app
from damer.annotation.server.pages import WEB
from damer.annotation.server.wire import allow_many_connections, http_protocol
from damer.core.errors import DamerError

GRACE_S = 1
"""Seconds that requests have to end when the server is stopped; what is not acknowledged is sent again."""
_STOP_S = 10.0
_NO_STUDY = 3


@dataclass(frozen=True)
class Serving:
    """Where and how a study is served.

    Attributes:
        folder: of the study.
        url: of its database.
        workers: processes; several need PostgreSQL.
        behind_proxy: address of the proxy whose word on client address and scheme is taken; "" for none.
        tls_cert, tls_key: PEM files; None: no TLS here.
    """

    folder: Path
    url: str
    workers: int = 1
    behind_proxy: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @property
    def secure(self) -> bool:
        """Whether clients come through TLS."""
        return bool(self.behind_proxy) or self.tls_cert is not None

    def settings(self) -> ServerSettings:
        """Return what the application needs to know of it."""
        return ServerSettings(secure=self.secure, folder=self.folder)


_SAME_SIGNAL_S = 1.0


class Server(uvicorn.Server):
    """A server that is stopped by a signal without being killed by it, or by `should_exit`."""

    _asked = 0.0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever started the loop."""
        yield

    def stop(self) -> None:
        """End soon: requests that are being answered have a second, then all that was taken is stored.

        Asked again a second or more later it ends at once: one signal may come twice, by way of make.
        """
        now = time.monotonic()
        if not self.should_exit:
            self._asked = now
        self.force_exit = self.should_exit and now - self._asked >= _SAME_SIGNAL_S
        self.should_exit = True


def make_server(app: FastAPI, serving: Serving) -> Server:
    """Return a server that runs in the present event loop: `await server.serve(sockets=[listen(…)])`.

    Args:
        app: what `create_app` made.
        serving: of which proxy and TLS count here.
    """
    return Server(
        uvicorn.Config(
            app,
            lifespan="on",
            http=http_protocol(),
            ws="none",
            log_level="warning",
            access_log=False,  # addresses of trials and people are nobody's business
            server_header=False,
            proxy_headers=bool(serving.behind_proxy),
            forwarded_allow_ips=serving.behind_proxy or None,
            ssl_certfile=serving.tls_cert,
            ssl_keyfile=serving.tls_key,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: name or address.
        port: 0: any free one.

    Raises:
        DamerError: the port is taken, or the address is not this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise DamerError(f"host {host}: is not known ({error.strerror}); use 127.0.0.1 or a name") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise DamerError(
            f"{host}:{port}: cannot be listened at ({error.strerror}); choose another --port or --host"
        ) from error
    listener.set_inheritable(True)
    return listener


def check_tls(serving: Serving) -> None:
    """See whether certificate and key fit.

    Raises:
        DamerError: one is missing, cannot be read, or they do not fit.
    """
    if (serving.tls_cert is None) != (serving.tls_key is None):
        raise DamerError("--tls-cert and --tls-key: are given together or not at all")
    if serving.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(serving.tls_cert, serving.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise DamerError(f"{serving.tls_cert}: certificate and key cannot be used ({error})") from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int, tls: bool) -> str:
    """Return the URL of a server."""
    named = f"[{host}]" if ":" in host else host
    return f"http{'s' if tls else ''}://{named}:{port}"


def has_pages() -> bool:
    """Return whether the client was built."""
    return (WEB / "index.html").is_file()


def serve(serving: Serving, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve a study until SIGINT or SIGTERM.

    Args:
        serving: what and how.
        listener: from `listen`.
        ready: called when the study is open.

    Raises:
        DamerError: the study cannot be opened.
    """
    if serving.workers > 1:
        _Workers(serving, listener).run(ready)
    else:
        _run(serving, listener, ready)


def _work(serving: Serving, listener: socket.socket) -> None:
    """Be one of several processes."""
    try:
        _run(serving, listener, lambda: None)
    except DamerError as error:
        print(f"damer: {error}", file=sys.stderr)
        sys.exit(_NO_STUDY)


def _run(serving: Serving, listener: socket.socket, ready: Callable[[], None]) -> None:
    allow_many_connections()
    _speak_as_damer()
    loop = uvicorn.Config(lambda: None).get_loop_factory()
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(_serve(serving, listener, ready))


def _speak_as_damer() -> None:
    """Let what the study says while it is served look like all that the command says."""
    logger = logging.getLogger("damer.annotate")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("damer: %(message)s"))
        logger.addHandler(handler)


async def _serve(serving: Serving, listener: socket.socket, ready: Callable[[], None]) -> None:
    from damer.annotation.server.service import StudyService

    # Opened here and not when the server starts: what is wrong with it is then told in one line.
    service = await StudyService.open(serving.url, folder=serving.folder)

    async def opened() -> StudyService:
        return service

    server = make_server(create_app(opened, serving.settings()), serving)
    _collect_seldom()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    ready()
    await server.serve(sockets=[listener])


def _collect_seldom() -> None:
    """Let the cyclic collector pass over what stays for good: its full rounds are pauses for everybody."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class _Workers:
    """So many processes at one socket until a signal comes; one that dies is replaced."""

    def __init__(self, serving: Serving, listener: socket.socket) -> None:
        context = multiprocessing.get_context("spawn")
        self._make = functools.partial(context.Process, target=_work, args=(serving, listener))
        self._workers = [self._make() for _ in range(serving.workers)]
        self._stopping = False

    def run(self, ready: Callable[[], None]) -> None:
        """Start them, and come back when all have ended.

        Raises:
            DamerError: one could not open the study; it has said why.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop())
        for worker in self._workers:
            worker.start()
        ready()
        while not self._stopping:
            multiprocessing.connection.wait([worker.sentinel for worker in self._workers], timeout=1.0)
            self._replace()
        for worker in self._workers:
            worker.join(_STOP_S)
            if worker.is_alive():
                worker.kill()
        if any(worker.exitcode == _NO_STUDY for worker in self._workers):
            raise DamerError("a worker could not open the study; the line above says why")

    def stop(self) -> None:
        """End them all."""
        self._stopping = True
        for worker in self._workers:
            if worker.is_alive():
                worker.terminate()

    def _replace(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker.is_alive() or self._stopping:
                continue
            if worker.exitcode == _NO_STUDY:
                self.stop()
                return
            self._workers[place] = self._make()
            self._workers[place].start()

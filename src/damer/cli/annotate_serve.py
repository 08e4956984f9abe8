"""`damer annotate serve`."""

import argparse
import sys
from pathlib import Path

from damer.cli.annotate_extra import add_study, need_extra
from damer.core.errors import DamerError

_EPILOG = """\
The server listens on this machine only, unless --host says otherwise. For annotators elsewhere put a proxy
with TLS in front of it (--behind-proxy), or give it a certificate (--tls-cert, --tls-key): without it anybody
on the way can read the sessions. Ctrl-C ends it; whatever was acknowledged is stored.

exit status: 0 after Ctrl-C or SIGTERM, 1 when the study cannot be served (one line says why), 2 for wrong
usage.

examples:
  damer annotate serve study
  damer annotate serve study --port 9000 --behind-proxy
  damer annotate serve study --db postgresql://damer@db.example.org/study --workers 4
  damer annotate serve study --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
"""


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this action to those of `damer annotate`."""
    parser = actions.add_parser(
        "serve",
        help="serve a study: the pages for annotators and researchers",
        description="Serve a study that `damer annotate init` made: its pages and its HTTP API, whose "
        "documentation is at /api/docs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add_study(parser)
    add("--host", default="127.0.0.1", metavar="NAME", help="name or address to listen at (127.0.0.1)")
    add("--port", type=_port, default=8642, metavar="N", help="port to listen at; 0: any free one (8642)")
    add("--workers", type=_count, default=1, metavar="N", help="processes; several need PostgreSQL (1)")
    add("--behind-proxy", nargs="?", const="127.0.0.1", metavar="ADDRESS",
        help="a proxy with TLS passes requests on; its word on the clients' addresses is taken. ADDRESS "
        "is the proxy's, 127.0.0.1 where none is given")  # fmt: skip
    add("--tls-cert", type=Path, metavar="FILE", help="certificate with its chain, PEM: serve HTTPS")
    add("--tls-key", type=Path, metavar="FILE", help="the certificate's key, PEM")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes; return 0."""
    need_extra()
    from damer.annotation.server import serving
    from damer.annotation.server.config import find_study

    study = find_study(arguments.folder, arguments.db)
    if arguments.workers > 1 and not study.url.startswith("postgres"):
        raise DamerError("--workers: several processes need PostgreSQL; a file of SQLite has one server")
    wanted = serving.Serving(
        folder=study.folder,
        url=study.url,
        workers=arguments.workers,
        behind_proxy=arguments.behind_proxy or "",
        tls_cert=arguments.tls_cert,
        tls_key=arguments.tls_key,
    )
    serving.check_tls(wanted)
    with serving.listen(arguments.host, arguments.port) as listener:
        address = serving.address(arguments.host, listener.getsockname()[1], wanted.tls_cert is not None)
        if not wanted.secure and not serving.is_loopback(arguments.host):
            _say(
                f"warning: {address} is open to the network without TLS: whoever listens on the way can take "
                "over sessions. Use --behind-proxy or --tls-cert outside a closed network."
            )
        if not serving.has_pages():
            _say("warning: the pages are not built; run `make web` in a copy of the repository")
        serving.serve(wanted, listener, lambda: _say(f"{study.name}: {address} (Ctrl-C ends it)"))
    return 0


def _say(text: str) -> None:
    print(f"damer: {text}", file=sys.stderr, flush=True)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 64")
    return int(text)

"""`damer annotate demo`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli.annotate_extra import need_extra
from damer.core.errors import DamerError

if TYPE_CHECKING:
    import socket

_EPILOG = """\
Everything is small, so that you get through in about four minutes: excerpts of 6 to 8.5 seconds, rests of 3,
a calibration of 3 tracks that is passed at a distance of 0.4. A real study has whole pieces, rests of 15
seconds, and 20 tracks at 0.25. Nobody of those you see is real, but you.

The study is kept: the same command goes on with it, with new links. Delete the folder to begin anew.

examples:
  damer annotate demo
  damer annotate demo --out out/another --port 9000
"""
_PORT = 8642


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this action to those of `damer annotate`."""
    parser = actions.add_parser(
        "demo",
        help="try it: a small study of the bundled music, with simulated annotators",
        description="Make and serve a small study of the bundled music with simulated annotators, on this "
        "machine only, and print two links: one to annotate, one to look on as a researcher.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--out", type=Path, default=Path("out/annotate-demo"), metavar="DIR",
        help="folder of the study; goes on if it is there (out/annotate-demo)")  # fmt: skip
    add("--port", type=int, metavar="N", help=f"port to listen at ({_PORT}, or any where it is taken)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the demonstration until Ctrl-C; return 0."""
    need_extra()
    from damer.annotation.robots import demo
    from damer.annotation.server import serving

    if not serving.has_pages():
        raise DamerError("the pages are not built; run `make annotate-demo` in a copy of the repository")
    with _listener(arguments.port) as listener:
        demo.run(arguments.out, listener, lambda line: print(line, flush=True))
    return 0


def _listener(port: int | None) -> "socket.socket":
    from damer.annotation.server.serving import listen

    if port is not None:
        return listen("127.0.0.1", port)
    try:
        return listen("127.0.0.1", _PORT)
    except DamerError:
        return listen("127.0.0.1", 0)

"""Options that several commands have in common, and how their values are read."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from damer.core.processes import cores

if TYPE_CHECKING:
    from damer.core.track import Dimension

MOST_WORKERS = 256
_DIMENSIONS: "tuple[Dimension, ...]" = ("arousal", "valence")  # damer.core.track would load numpy for --help


def whole(least: int = 1, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`, for `type` of an option."""
    wanted = f"of {least} or more" if most is None else f"from {least} to {most}"

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= (int(text) if most is None else most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {wanted}")
        return int(text)

    return read


def lag(text: str) -> float | str:
    """Read how late annotators are: "auto", "none", or up to 30 seconds either way."""
    if text in ("auto", "none"):
        return text
    value = number(text)
    if not -30 <= value <= 30:
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, none or up to 30 seconds")
    return value


def number(text: str) -> float:
    """Return a number, NaN for what is none: no range holds it."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add `--workers`, by default one a core."""
    parser.add_argument(
        "--workers",
        type=whole(most=MOST_WORKERS),
        default=cores(),
        metavar="N",
        help="processes (one a core)",
    )


def add_jobs(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--workers`, by default one, for commands that train `what` ("jobs", "trials"), and `--device`."""
    parser.add_argument(
        "--workers",
        type=whole(most=MOST_WORKERS),
        default=1,
        metavar="N",
        help=f"{what} at a time, one thread each (%(default)s)",
    )
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute (auto)"
    )


def add_threads(parser: argparse.ArgumentParser, explanation: str) -> None:
    """Add `--threads`; `limit_threads` does what it says."""
    parser.add_argument("--threads", type=whole(), metavar="N", help=explanation)


def limit_threads(count: int | None) -> None:
    """Let PyTorch use so many threads; None leaves it its choice."""
    if count is not None:
        import torch

        torch.set_num_threads(count)


def add_dimension(parser: argparse.ArgumentParser) -> None:
    """Add `--dimension`; `dimensions` tells which are meant."""
    parser.add_argument(
        "--dimension", choices=(*_DIMENSIONS, "both"), default="both", help="what to learn (both)"
    )


def dimensions(chosen: str) -> "tuple[Dimension, ...]":
    """Return the dimensions that a value of `--dimension` means."""
    return tuple(one for one in _DIMENSIONS if chosen in (one, "both"))


def add_recipe(parser: argparse.ArgumentParser, metavar: str, kind: str) -> None:
    """Add what is run: the name or path of a TOML file, and `--list` is told in its help."""
    parser.add_argument(
        "recipe",
        nargs="?",
        metavar=metavar,
        help=f"a packaged {kind} (--list tells all) or a path that ends in .toml",
    )


def add_stores(parser: argparse.ArgumentParser) -> None:
    """Add `--data`."""
    parser.add_argument(
        "--data", type=Path, nargs="+", metavar="STORE", help="stores of `damer dataset prepare`"
    )


def add_settings(parser: argparse.ArgumentParser, explanation: str) -> None:
    """Add `--set`, which may be repeated."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help=explanation
    )

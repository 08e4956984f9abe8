"""The command line: parses, calls, prints.

Each subcommand is one module with `add_parser(subparsers)` and `run(arguments) -> exit status`. Modules
import what they need inside `run`, so that `damer --help` starts without torch.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from damer import __version__
from damer.core.errors import DamerError


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg]
    """Commands of which some have two words: `curate calibrate` beside `curate SRC`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: "str | Sequence[Any] | None",
        option_string: str | None = None,
    ) -> None:
        """Join the first two words where they are such a command."""
        words = list(values or ())
        if " ".join(words[:2]) in self.choices:
            words = [" ".join(words[:2]), *words[2:]]
        super().__call__(parser, namespace, words, option_string)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `damer` with every subcommand."""
    from damer.cli import (
        annotate,
        benchmark,
        curate,
        curate_calibrate,
        dataset,
        evaluate,
        features,
        predict,
        report,
        sweep,
        train,
    )

    parser = argparse.ArgumentParser(prog="damer", description="How music feels, second by second.")
    parser.add_argument("--version", action="version", version=f"damer {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, action=_Commands)
    for module in (
        predict,
        train,
        evaluate,
        features,
        dataset,
        curate,
        curate_calibrate,
        annotate,
        benchmark,
        report,
        sweep,
    ):
        module.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 a problem named on standard error, 2 usage."""
    parsed = build_parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except DamerError as error:
        print(f"damer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("damer: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return status

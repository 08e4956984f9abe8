"""What every command of `damer annotate` needs first."""

import argparse
import importlib.util
from pathlib import Path

from damer.core.errors import DamerError

_PACKAGES = ("sqlalchemy", "alembic", "asyncpg", "fastapi", "uvicorn", "pydantic", "msgspec")


def need_extra() -> None:
    """See to it that the packages of the extra are there.

    Raises:
        DamerError: one is missing.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise DamerError(
            f"damer annotate needs the extra: pip install 'damer[annotate]' ({missing[0]} is missing)"
        )


def add_study(parser: argparse.ArgumentParser) -> None:
    """Add the folder of a study, and the way to its database."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the study (with annotate.json)")
    parser.add_argument(
        "--db", metavar="URL", help="its database, where the folder does not say all, a password for example"
    )

"""The client's files and the page of the API's documentation."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI


def install(app: FastAPI, web: Path | None, description: dict[str, Any]) -> None:
    """Serve them."""

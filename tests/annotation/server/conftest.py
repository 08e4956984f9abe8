"""A study's database for tests: each test that takes `url` runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    if postgres.programs() is None:
        pytest.skip("PostgreSQL's server is not installed (scripts/system_packages.sh)")
    with postgres.Cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is, or may be made."""
    if request.param == "sqlite":
        return str(tmp_path / "study.sqlite3")
    running: postgres.Cluster = request.getfixturevalue("cluster")
    return running.emptied()

"""Stores to test: every contract test runs on SQLite and on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics.store import TraceStore
from tests.metrics.postgres_cluster import PostgresCluster


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store that does not exist yet."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    cluster: PostgresCluster = request.getfixturevalue("postgres")
    with cluster.database() as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[TraceStore]:
    """An empty store on either database."""
    with TraceStore.open(store_url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[TraceStore]:
    """An empty store on SQLite, for what only SQLite can do."""
    with TraceStore.open(sqlite_url(tmp_path)) as opened:
        yield opened


@pytest.fixture
def postgres_url(postgres: PostgresCluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, for what only PostgreSQL can do."""
    with postgres.database() as url:
        yield url


def sqlite_url(folder: Path) -> str:
    """The URL of a SQLite store in a folder."""
    return f"sqlite:///{folder / 'traces.sqlite'}"

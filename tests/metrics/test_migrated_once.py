"""Stores that are told what the first one was told are what migrating makes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from metrics.migration import migrate
from tests.metrics.conftest import sqlite_url
from tests.migrated_once import Told, migrate_as_before


@contextmanager
def empty(database: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection to an empty database, in a transaction."""
    if database == "sqlite":
        engine = create_engine(sqlite_url(folder))
        with engine.begin() as connection:
            yield connection
    else:
        with request.getfixturevalue("postgres").database() as url:
            engine = create_engine(url)
            with engine.begin() as connection:
                yield connection
            engine.dispose()
    engine.dispose()


MADE = {
    "sqlite": "SELECT name, sql FROM sqlite_master ORDER BY name",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
}


def what_is_in(connection: Connection) -> dict[str, Any]:
    """Tables with their columns and rows, and what the database says it made."""
    found: dict[str, Any] = {"made": connection.execute(text(MADE[connection.dialect.name])).fetchall()}
    looked = inspect(connection)
    for table in looked.get_table_names():
        columns = [(each["name"], str(each["type"]), each["nullable"]) for each in looked.get_columns(table)]
        named = ", ".join(f'"{name}"' for name, _, _ in columns if name != "store_id")
        found[table] = (columns, connection.execute(text(f'SELECT {named} FROM "{table}"')).fetchall())
    return found


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.slow
def test_stores_after_the_first_are_as_migrated_ones_and_no_two_have_a_name(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    told: dict[str, Told] = {}
    seen, names = [], []
    for place in range(4):
        folder = tmp_path / str(place)
        folder.mkdir()
        with empty(database, folder, request) as connection:
            if place == 0:
                migrate(connection, location="a test")
            else:
                migrate_as_before(connection, location="a test", told=told)
            seen.append(what_is_in(connection))
            names.append(connection.scalar(text("SELECT store_id FROM state")))
    assert seen == [seen[0]] * 4
    assert len(seen[0]) > 20
    assert len(set(names)) == 4

"""New stores without the price of a migration each: Alembic loads and words eleven revisions, which takes several times what the database
takes to carry them out. The first store of a process, on each kind of database, is migrated as ever, and what was told to the database is
told to the next ones. Stores that exist already, and processes that a test starts, migrate by themselves."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from metrics import migration, postgres_database, sqlite_database
from metrics.migration import HEAD, current_revision

Told = list[tuple[str, Any]]
"""Statements with their parameters, in order."""


def migrate_as_before(connection: Connection, *, location: str, told: dict[str, Told]) -> None:
    """Migrate to the newest schema. told: by dialect, what an empty database was told; added to."""
    dialect = connection.dialect.name
    if current_revision(connection) is not None:
        migration.migrate(connection, location=location)
    elif dialect in told:
        cursor = connection.connection.cursor()
        for statement, parameters in told[dialect]:
            cursor.execute(statement, parameters)
        cursor.close()
        connection.execute(text("UPDATE state SET store_id = :store_id"), {"store_id": uuid.uuid4().hex})
    else:
        with listening(connection) as heard:
            migration.migrate(connection, location=location)
        told[dialect] = heard


@contextmanager
def listening(connection: Connection) -> Iterator[Told]:
    """What a connection tells its database while the block runs."""
    heard: Told = []

    def hear(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        heard.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(connection, "before_cursor_execute", hear)


@pytest.fixture(scope="session", autouse=True)
def migrated_once() -> Iterator[None]:
    """New stores are told what the first was told."""
    told: dict[str, Told] = {}

    def migrate(connection: Connection, *, location: str, revision: str = HEAD) -> None:
        assert revision == HEAD, "a store is opened at the newest schema"
        migrate_as_before(connection, location=location, told=told)

    with pytest.MonkeyPatch.context() as patch:
        for database in (sqlite_database, postgres_database):
            patch.setattr(database, "migrate", migrate)
        yield

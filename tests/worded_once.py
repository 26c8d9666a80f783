"""Statements that are put into words of SQL once a process, not once a store: SQLAlchemy keeps the words with the engine, and every test
opens stores of its own. SQLite engines share the words where they share a dialect, which holds nothing of one file. PostgreSQL's are left:
their dialect is told what the server knows."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from metrics import sqlite_database


@pytest.fixture(scope="session", autouse=True)
def worded_once() -> Iterator[None]:
    """Stores on SQLite share the words of their statements."""
    first = create_engine("sqlite://")
    first.connect().close()  # which tells the dialect the version
    words: dict[Any, Any] = {}

    def create(*arguments: Any, **given: Any) -> Engine:
        made = create_engine(*arguments, **given)
        made.dialect = first.dialect
        made.update_execution_options(compiled_cache=words)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_database, "create_engine", create)
        yield
    first.dispose()

"""What tests of plans share: a store that holds few and is asked as if it held many, and what SQLite makes of a query."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from benchmarks.query_plans import Record, Scan, find_scans
from metrics import conditions, paging, sessions
from metrics.store import TraceStore

FEW, MANY = "of few", "of many"


def limit_to_few(patch: pytest.MonkeyPatch) -> None:
    """Let two rows be more than are looked up first, counted, or grouped at once."""
    for name in ("COUNT_LIMIT", "HIT_LIMIT", "EXAMINED"):
        patch.setattr(paging, name, 2)
    patch.setattr(conditions, "FOUND_LIMIT", 2)
    patch.setattr(sessions, "FEW", 2)


@contextmanager
def connected_to_unknown(folder: Path) -> Iterator[Connection]:
    """A connection to an empty store that was never looked through: SQLite then takes every table for a large one."""
    with (
        TraceStore.open(f"sqlite:///{folder / 'unknown.sqlite'}") as unknown,
        unknown._database.engine.connect() as connection,
    ):
        yield connection


def whole_reads(connection: Connection, record: Record) -> list[Scan]:
    """What the recorded statements read to its other end, of tables that grow; or read with no index."""
    scans: Iterable[Scan] = (scan for each in record.statements.values() for scan in find_scans(connection, each))
    return [scan for scan in scans if scan.reading == "scan" or not scan.index]

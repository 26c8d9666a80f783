"""What a database does for the statements of a piece of work: recorded as they are sent, then explained, and looked through for scans.

A scan reads every row of a table, or of an index, that grows with what is stored. Where a LIMIT ends it early it is a walk, whose cost
depends on how soon enough rows are found.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, event

GROWING = frozenset(
    {
        "traces",
        "payloads",
        "search_texts",
        "trace_labels",
        "stage_times",
        "quality",
        "token_use",
        "sketches",
        "quarter_sketches",
        "answer_counts",
        "run_answers",
        "explanations",
    }
)
"""Tables that grow with what is stored."""

STEPS = 1_000
"""SQLite's own steps between two counts of them."""

Reading = Literal["scan", "walk"]
"""All of a table, or of an index; or until there are enough rows."""

_SQLITE_SCAN = re.compile(r"SCAN (?:TABLE )?(\w+)(?: USING (?:COVERING )?INDEX (\w+))?")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the driver got it."""

    sql: str
    """Its text."""
    values: Any
    """What is bound."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A table that is read from one end."""

    table: str
    """Which."""
    reading: Reading
    """Whether to its other end."""
    index: str = ""
    """The index that is read in its place; empty for the table itself."""

    def __str__(self) -> str:
        """In words."""
        return f"{self.reading} of {self.table}{f' by {self.index}' if self.index else ''}"


@dataclass(slots=True)
class Record:
    """What was sent to a database while something was done."""

    statements: dict[str, Statement]
    """By text: of several with one text the first."""
    sent: int = 0
    """Statements in all."""
    steps: int = 0
    """SQLite's steps, to the nearest STEPS of each statement; 0 for PostgreSQL."""


@contextmanager
def recording(engine: Engine) -> Iterator[Record]:
    """Record what is read while the block runs. Connections that are in use already are not counted in steps."""
    record = Record({})

    def note(_connection: Any, _cursor: Any, sql: str, values: Any, _context: Any, many: bool) -> None:
        record.sent += 1
        if not many and sql.lstrip().upper().startswith(("SELECT", "WITH")):
            record.statements.setdefault(sql, Statement(sql, values))

    def count() -> int:
        record.steps += STEPS
        return 0

    def watch(driver: Any, *_: Any) -> None:
        if hasattr(driver, "set_progress_handler"):
            driver.set_progress_handler(count, STEPS)

    engine.dispose()
    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "checkout", watch)
    try:
        yield record
    finally:
        event.remove(engine, "before_cursor_execute", note)
        event.remove(engine, "checkout", watch)
        engine.dispose()


def find_scans(connection: Connection, statement: Statement) -> list[Scan]:
    """What a statement reads from one end, of tables that grow."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values).all()
        return _read_sqlite([str(row[-1]) for row in rows], statement.sql)
    found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.values).scalar_one()
    plans = json.loads(found) if isinstance(found, str) else found
    return list(_read_postgres(plans[0]["Plan"], limited=False))


def _read_sqlite(lines: list[str], sql: str) -> list[Scan]:
    """SQLite does not say where a LIMIT ends a scan: one that sorts first does not end early."""
    sorts = any("TEMP B-TREE FOR ORDER" in line or "TEMP B-TREE FOR GROUP" in line for line in lines)
    reading: Reading = "walk" if "LIMIT" in sql.upper() and not sorts else "scan"
    matches = (_SQLITE_SCAN.match(line) for line in lines)
    return [Scan(found[1], reading, found[2] or "") for found in matches if found and found[1] in GROWING]


def _read_postgres(plan: Mapping[str, Any], *, limited: bool) -> Iterator[Scan]:
    kind, table = plan["Node Type"], plan.get("Relation Name", "")
    # What sorts or groups reads all that is below it, whatever limits it.
    limited = kind == "Limit" or (
        limited and kind not in ("Sort", "Aggregate", "Hash", "Incremental Sort", "WindowAgg")
    )
    whole = kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in plan)
    if table in GROWING and whole:
        yield Scan(table, "walk" if limited else "scan", plan.get("Index Name", ""))
    for below in plan.get("Plans", ()):
        yield from _read_postgres(below, limited=limited)


def shorten(sql: str, width: int = 110) -> str:
    """A statement in one line that fits, its columns left out."""
    line = " ".join(sql.split())
    line = re.sub(r"SELECT .{60,}? FROM ", "SELECT … FROM ", line)
    return line if len(line) <= width else f"{line[: width - 1]}…"

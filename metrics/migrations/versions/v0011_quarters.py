"""Latency by quarters of an hour, so that a week is read from hundreds of sketches, not from ten thousand.

What was measured is summed up: some ten thousand sketches a second.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from metrics.sketches import Sketch

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Seq = sa.BigInteger().with_variant(sa.Integer, "sqlite")

QUARTER = 15
"""Minutes."""

DAY = 1_440
"""Minutes that are summed up at once."""

KEYS = ("backend", "stage", "origin")


def upgrade() -> None:
    """Make the table, and fill it."""
    quarters = op.create_table(
        "quarter_sketches",
        sa.Column("minute", Seq, primary_key=True, autoincrement=False),
        *(sa.Column(key, sa.Text, primary_key=True) for key in KEYS),
        sa.Column("count", Seq, nullable=False),
        sa.Column("errors", Seq, nullable=False),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    for first in _days(connection):
        rows = connection.execute(
            sa.text(
                "SELECT minute, backend, stage, origin, count, errors, sketch FROM sketches WHERE minute >= :a AND minute < :b"
            ),
            {"a": first, "b": first + DAY},
        )
        summed: dict[tuple[int, str, str, str], list[tuple[int, int, bytes]]] = {}
        for minute, backend, stage, origin, *found in rows:
            summed.setdefault((minute // QUARTER * QUARTER, backend, stage, origin), []).append(tuple(found))
        connection.execute(sa.insert(quarters), [_sum(key, parts) for key, parts in summed.items()])


def _days(connection: sa.Connection) -> Iterator[int]:
    """The first minute of each day that has a sketch, ascending; a leap from one to the next, as many days may have none."""
    following = sa.text("SELECT min(minute) FROM sketches WHERE minute >= :a")
    minute = connection.scalar(sa.text("SELECT min(minute) FROM sketches"))
    while minute is not None:
        first = minute // DAY * DAY
        yield first
        minute = connection.scalar(following, {"a": first + DAY})


def _sum(key: tuple[int, str, str, str], parts: list[tuple[int, int, bytes]]) -> dict[str, object]:
    counts, errors, stored = zip(*parts, strict=True)
    names = ("minute", *KEYS, "count", "errors", "sketch")
    return dict(zip(names, (*key, sum(counts), sum(errors), Sketch.merged(stored).to_bytes()), strict=True))

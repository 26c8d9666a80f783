"""Latency by whence the questions came, how answers ended by minute, and which documents were consulted.

What was measured before has an empty origin: it counts in all, and in none by itself. Older traces are not counted by their documents,
for which every one of them would have to be read.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Seq = sa.BigInteger().with_variant(sa.Integer, "sqlite")

KEYS = ["minute", "backend", "stage", "origin"]


def upgrade() -> None:
    """Make the tables, and give the sketches an origin."""
    if op.get_bind().dialect.name == "sqlite":
        _copy_sketches()
    else:
        op.add_column("sketches", sa.Column("origin", sa.Text, nullable=False, server_default=""))
        op.drop_constraint("sketches_pkey", "sketches", type_="primary")
        op.create_primary_key("sketches_pkey", "sketches", KEYS)
    _make_counts("answer_counts", "minute")
    _make_counts("document_use", "day", "document")


def _copy_sketches() -> None:
    """SQLite changes no primary key: the rows are copied, some hundred thousand a second."""
    op.create_table(
        "sketches_by_origin",
        sa.Column("minute", Seq, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, primary_key=True) for name in KEYS[1:]),
        sa.Column("count", Seq, nullable=False),
        sa.Column("errors", Seq, nullable=False),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    kept = "minute, backend, stage, count, errors, sketch"
    op.execute(f"INSERT INTO sketches_by_origin (origin, {kept}) SELECT '', {kept} FROM sketches")
    op.drop_table("sketches")
    op.rename_table("sketches_by_origin", "sketches")


def _make_counts(name: str, period: str, *more: str) -> None:
    """A table of how questions ended, in the order in which it is read."""
    op.create_table(
        name,
        sa.Column(period, Seq, primary_key=True, autoincrement=False),
        *(sa.Column(key, sa.Text, primary_key=True) for key in ("backend", "origin", *more)),
        *(sa.Column(each, Seq, nullable=False) for each in ("asked", "failed", "abstained", "known")),
        sa.Column("confidence", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )

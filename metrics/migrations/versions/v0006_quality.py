"""Scores of traces by the quality rules, and how far the rules have come."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Seq = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table; the rules begin once a dashboard runs."""
    op.create_table(
        "quality",
        sa.Column("seq", Seq, primary_key=True, autoincrement=False),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("backend", sa.Text, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("scored_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("quality_by_time", "quality", ["rule", "backend", "asked_at", "value"])
    op.create_index("quality_by_value", "quality", ["rule", "value", "seq"])
    for name in ("scored", "judged"):
        op.add_column("state", sa.Column(name, Seq))

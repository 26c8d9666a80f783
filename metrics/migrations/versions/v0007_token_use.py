"""Tokens by trace and model. Older traces get no rows, for which every one of them would have to be read: the store notes since when."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTS = ("calls", "input_tokens", "output_tokens", "uncounted")

Seq = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table; a store that holds traces counts from now on."""
    op.create_table(
        "token_use",
        sa.Column("seq", Seq, primary_key=True, autoincrement=False),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("asked_at", sa.Double, nullable=False),
        *(sa.Column(name, Seq, nullable=False) for name in COUNTS),
        sqlite_with_rowid=False,
    )
    # All that sums by time need, so that they look into nothing else.
    op.create_index("token_use_by_time", "token_use", ["asked_at", "model", *COUNTS])
    op.add_column("state", sa.Column("counted_from", sa.Double))
    op.execute(sa.text("UPDATE state SET counted_from = :now WHERE folded > 0").bindparams(now=time.time()))

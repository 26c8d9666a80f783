"""Traces of other applications: spans that arrive in pieces, what a trace is found by, keys, saved views.

Traces that runs made are known by their answers. Older traces get no labels and no times of stages, for which every one of them would
have to be read: a filter by model, kind, service, tag or time of a stage finds only what is stored from now on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Seq = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables; what a trace is of follows from what is known of it."""
    for name, default in (("origin", "person"), ("service", ""), ("session", ""), ("asked_by", "")):
        op.add_column("traces", sa.Column(name, sa.Text, nullable=False, server_default=default))
    op.execute("UPDATE traces SET origin = 'run' WHERE trace_id IN (SELECT trace_id FROM run_answers)")
    op.create_index("traces_by_origin", "traces", ["origin", "asked_at", "seq"])
    for name in ("session", "asked_by"):
        given = sa.text(f"{name} <> ''")
        op.create_index(f"traces_by_{name}", "traces", [name, "asked_at"], sqlite_where=given, postgresql_where=given)
    op.add_column("state", sa.Column("forgotten", Seq, nullable=False, server_default="0"))
    op.add_column("state", sa.Column("changed", Seq, nullable=False, server_default="0"))
    op.create_table(
        "pieces",
        sa.Column("id", Seq, primary_key=True),
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("arrived_at", sa.Double, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_index("pieces_by_trace", "pieces", ["trace_id", "id"])
    _make_finding_tables()
    op.create_table(
        "keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("last_used_at", sa.Double),
        sa.Column("revoked_at", sa.Double),
    )
    op.create_table(
        "views",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("saved_at", sa.Double, nullable=False),
    )


def _make_finding_tables() -> None:
    """Tables whose rows lie in the order in which they are looked for: on SQLite they have no other."""
    op.create_table(
        "labels",
        sa.Column("label_id", Seq, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.UniqueConstraint("kind", "value"),
    )
    op.create_table(
        "trace_labels",
        sa.Column("label_id", Seq, primary_key=True, autoincrement=False),
        sa.Column("seq", Seq, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("trace_labels_by_trace", "trace_labels", ["seq"])
    op.create_table(
        "stage_times",
        sa.Column("stage", sa.Text, primary_key=True),
        sa.Column("duration_ms", sa.Double, primary_key=True, autoincrement=False),
        sa.Column("seq", Seq, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("stage_times_by_trace", "stage_times", ["seq"])

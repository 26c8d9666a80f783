"""The first schema: outbox, traces, payloads, search index, sketches, state."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make every table and index."""
    _create_trace_tables()
    _create_derived_tables()
    _create_trace_indexes()
    _create_search_index()


def _create_trace_tables() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", SEQ, primary_key=True),
        sa.Column("trace_id", sa.Text, nullable=False, unique=True),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "traces",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=False),
        sa.Column("trace_id", sa.Text, nullable=False, unique=True),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("backend", sa.Text, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("duration_ms", sa.Double, nullable=False),
        sa.Column("error_kind", sa.Text),
        sa.Column("error_stage", sa.Text),
        sa.Column("top_score", sa.Double),
        sa.Column("confidence", sa.Double),
        sa.Column("abstained", sa.SmallInteger, nullable=False),
        sa.Column("rating", sa.SmallInteger),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("annotated_at", sa.Double),
    )


def _create_derived_tables() -> None:
    for name in ("payloads", "search_texts"):
        kept = ("payload", sa.LargeBinary) if name == "payloads" else ("folded", sa.Text)
        op.create_table(
            name,
            sa.Column("seq", SEQ, primary_key=True, autoincrement=False),
            sa.Column(*kept, nullable=False),
        )
    op.create_table(
        "sketches",
        sa.Column("minute", SEQ, primary_key=True, autoincrement=False),
        sa.Column("backend", sa.Text, primary_key=True),
        sa.Column("stage", sa.Text, primary_key=True),
        sa.Column("count", SEQ, nullable=False),
        sa.Column("errors", SEQ, nullable=False),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    state = op.create_table(
        "state",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("folded", SEQ, nullable=False),
        sa.Column("annotations", SEQ, nullable=False),
    )
    op.bulk_insert(state, [{"id": 1, "store_id": uuid.uuid4().hex, "folded": 0, "annotations": 0}])


def _create_trace_indexes() -> None:
    for column in ("asked_at", "duration_ms", "confidence", "top_score"):
        op.create_index(f"traces_by_{column}", "traces", [column, "seq"])
    op.create_index("traces_by_backend", "traces", ["backend", "asked_at", "seq"])
    for name, columns, condition in (
        ("failed", ["error_kind"], "error_kind IS NOT NULL"),
        ("rated", ["rating"], "rating IS NOT NULL"),
        ("abstained", [], "abstained = 1"),
    ):
        where = sa.text(condition)
        keys = ["asked_at", "seq", *columns]
        op.create_index(f"traces_{name}", "traces", keys, sqlite_where=where, postgresql_where=where)


def _create_search_index() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute("CREATE INDEX search_index ON search_texts USING gin (folded gin_trgm_ops)")
        return
    op.execute(
        "CREATE VIRTUAL TABLE search_index USING fts5("
        "folded, content='search_texts', content_rowid='seq', columnsize=0, detail='none', "
        "tokenize='trigram case_sensitive 1')"
    )
    op.execute("CREATE VIRTUAL TABLE search_terms USING fts5vocab('search_index', 'row')")

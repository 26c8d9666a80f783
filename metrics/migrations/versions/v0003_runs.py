"""Batch evaluations: runs, their answers, and calibrations fitted on them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("about", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "run_answers",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("question_id", sa.Text, primary_key=True),
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("score", sa.LargeBinary, nullable=False),
    )
    op.create_index("run_answers_by_trace", "run_answers", ["trace_id"])
    op.create_table(
        "calibrations",
        sa.Column("answered_by", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("fitted", sa.LargeBinary, nullable=False),
    )

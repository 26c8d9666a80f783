"""The store's tables as SQLAlchemy sees them. The migrations make them; this module only names them.

A trace is appended to `outbox` and later folded into the other tables (see docs/adr/0002-trace-store.md).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData()

Seq = BigInteger().with_variant(Integer, "sqlite")
"""SQLite makes only a plain INTEGER primary key the row id."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Seq, primary_key=True),
    Column("trace_id", Text, nullable=False, unique=True),
    Column("payload", LargeBinary, nullable=False),
)
"""Traces that are stored, but not yet folded. Appending to it is all that `put` does."""

traces = Table(
    "traces",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("trace_id", Text, nullable=False, unique=True),
    Column("asked_at", Double, nullable=False),
    Column("backend", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("duration_ms", Double, nullable=False),
    Column("error_kind", Text),
    Column("error_stage", Text),
    Column("top_score", Double),
    Column("confidence", Double),
    Column("abstained", SmallInteger, nullable=False),
    Column("rating", SmallInteger),
    Column("note", Text, nullable=False, default=""),
    Column("annotated_at", Double),
    Column("origin", Text, nullable=False, default="person"),
    Column("service", Text, nullable=False, default=""),
    Column("session", Text, nullable=False, default=""),
    Column("asked_by", Text, nullable=False, default=""),
)
"""What is filtered, sorted and shown in a list: one light row per trace. `rating` is -1, 1 or NULL; `asked_by` is the trace's user."""

pieces = Table(
    "pieces",
    metadata,
    Column("id", Seq, primary_key=True),
    Column("trace_id", Text, nullable=False),
    Column("arrived_at", Double, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
"""Spans of other applications as they arrived, several of one trace to a row, not yet folded: a trace may come in many pieces."""

labels = Table(
    "labels",
    metadata,
    Column("label_id", Seq, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
)
"""What traces are found by and may have several of. `kind` is `tag`, `model`, `kind` (of a span), `service` or `document`."""

trace_labels = Table(
    "trace_labels",
    metadata,
    Column("label_id", Seq, primary_key=True, autoincrement=False),
    Column("seq", Seq, primary_key=True, autoincrement=False),
)
"""Which traces have a label."""

stage_times = Table(
    "stage_times",
    metadata,
    Column("stage", Text, primary_key=True),
    Column("duration_ms", Double, primary_key=True, autoincrement=False),
    Column("seq", Seq, primary_key=True, autoincrement=False),
)
"""How long each stage of a trace took, in all: what `stage.generate.ms > 2000` looks through."""

quality = Table(
    "quality",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("rule", Text, primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("backend", Text, nullable=False),
    Column("value", Double),
    Column("scored_at", Double, nullable=False),
)
"""What the rules say of a trace. `value` is NULL where a rule has nothing to say of it, `asked_at` and `backend` are the trace's."""

token_use = Table(
    "token_use",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("model", Text, primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("calls", Seq, nullable=False),
    Column("input_tokens", Seq, nullable=False),
    Column("output_tokens", Seq, nullable=False),
    Column("uncounted", Seq, nullable=False),
)
"""What a trace used of each model that is paid by the token: see `metrics.token_costs.TokenUse`. `asked_at` is the trace's."""

payloads = Table(
    "payloads",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
)
"""The whole trace as JSON, deflated."""

search_texts = Table(
    "search_texts",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("folded", Text, nullable=False),
)
"""Question, answer, note and what else is looked through, case-folded: what a search looks through."""

explanations = Table(
    "explanations",
    metadata,
    Column("trace_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)
"""What an explanation scored, as JSON, deflated: costly to make again. One of each kind a trace; it need not be folded yet."""

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("started_at", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("about", LargeBinary, nullable=False),
)
"""Batch evaluations. `about` is JSON: dataset, backend, settings, versions. `status` is `running`, `stopped`, `finished` or `failed`."""

run_answers = Table(
    "run_answers",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("question_id", Text, primary_key=True),
    Column("trace_id", Text, nullable=False),
    Column("score", LargeBinary, nullable=False),
)
"""The answers of a run, each with its trace. `score` is JSON."""

calibrations = Table(
    "calibrations",
    metadata,
    Column("answered_by", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("fitted", LargeBinary, nullable=False),
)
"""What a run says about how far a backend's confidence can be trusted; the last one for each. `fitted` is JSON."""


def _sketched() -> list[Column[Any]]:
    """Durations of one stage, by the origin of the trace."""
    return [
        Column("minute", Seq, primary_key=True, autoincrement=False),
        *(Column(name, Text, primary_key=True) for name in ("backend", "stage", "origin")),
        Column("count", Seq, nullable=False),
        Column("errors", Seq, nullable=False),
        Column("sketch", LargeBinary, nullable=False),
    ]


sketches = Table("sketches", metadata, *_sketched())
"""Durations of one stage in one minute since the epoch, as a DDSketch, by the origin of the trace; empty where it was measured before
origins were told apart. The stage `total` is the whole trace."""

quarter_sketches = Table("quarter_sketches", metadata, *_sketched())
"""The same durations by quarters of an hour: `minute` is the quarter's first. A week of minutes is a hundred megabytes."""


def _ends() -> list[Column[Any]]:
    """How some questions ended: how many were asked, failed, abstained; of how many a confidence is known, and the sum of these."""
    counts = [Column(name, Seq, nullable=False) for name in ("asked", "failed", "abstained", "known")]
    return [*counts, Column("confidence", Double, nullable=False)]


answer_counts = Table(
    "answer_counts",
    metadata,
    Column("minute", Seq, primary_key=True, autoincrement=False),
    Column("backend", Text, primary_key=True),
    Column("origin", Text, primary_key=True),
    *_ends(),
)
"""How the questions of one minute since the epoch ended."""

document_use = Table(
    "document_use",
    metadata,
    Column("day", Seq, primary_key=True, autoincrement=False),
    Column("backend", Text, primary_key=True),
    Column("origin", Text, primary_key=True),
    Column("document", Text, primary_key=True),
    *_ends(),
)
"""How the questions of one day since the epoch ended for which a chunk of a document was retrieved. Taken back with the traces."""

state = Table(
    "state",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("store_id", Text, nullable=False),
    Column("folded", Seq, nullable=False),
    Column("annotations", Seq, nullable=False),
    Column("forgotten", Seq, nullable=False, default=0),
    Column("changed", Seq, nullable=False, default=0),
    Column("scored", Seq),
    Column("judged", Seq),
    Column("counted_from", Double),
)
"""One row: who this store is, how many traces were ever folded, how often one was annotated, how many were deleted, and how many
pieces were folded beyond the first of each trace: `folded + changed` and what waits to be folded only ever grow. The rules that score
quality have looked at traces up to number `scored`, a judge up to `judged`; NULL where they never did. Traces that were stored before
`counted_from`, in seconds since the epoch, are not in `token_use`, nor in what came with it; NULL where all are."""

keys = Table(
    "keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("scope", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double),
    Column("revoked_at", Double),
)
"""Keys of applications: `digest` is the SHA-256 of the secret, which is nowhere kept. `scope` is `ingest` or `read`."""

prompts = Table(
    "prompts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("saved_at", Double, nullable=False),
)
"""Saved prompts: each text that was kept under a name, numbered from 1."""

views = Table(
    "views",
    metadata,
    Column("name", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("saved_at", Double, nullable=False),
)
"""Saved filters of the list of traces: `address` is the query part of its address."""

alert_rules = Table(
    "alert_rules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("about", Text, nullable=False),
    Column("changed_at", Double, nullable=False),
)
"""What raises alerts. `about` is JSON: the series, its bound, how long it must hold."""

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("value", Double),
    Column("about", Text, nullable=False),
)
"""Alerts that were raised; `state` is `open` or `ended`, `value` the newest. `about` is JSON: the rule as it was, ids of traces, and the
messages with what became of each. Ids alone are kept of traces, so that deleting one leaves nothing of it here."""

silences = Table(
    "silences",
    metadata,
    Column("silence_id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("until", Double, nullable=False),
    Column("why", Text, nullable=False),
    Column("made_at", Double, nullable=False),
)
"""Until when a rule (an empty name: every rule) sends no message, and why."""

audit = Table(
    "audit",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("did", Text, nullable=False),
    Column("subject", Text, nullable=False),
)
"""Who changed what, and when. Subjects are ids and names, so that deleting a trace leaves nothing of it here."""

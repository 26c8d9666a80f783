"""Whole traces: one by its id, wherever what was sent of it lies, or a stream of all that a query matches."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from metrics import merging, paging, payloads, pieces
from metrics.database import Database
from metrics.merging import Assemble
from metrics.queries import Position, StoredTrace, TraceQuery
from metrics.tables import outbox, traces
from metrics.tables import payloads as payload_table

EXPORT_BATCH = 200
"""Traces held in memory by an export."""


def read(database: Database, trace_id: str, assembling: Assemble) -> StoredTrace | None:
    """The trace with all that was sent of it, folded or not, and its feedback; None if it is not stored."""
    with database.engine.connect() as connection:
        waiting = connection.scalar(select(outbox.c.payload).where(outbox.c.trace_id == trace_id))
        sent = pieces.read_payloads(connection, trace_id)
    # A new transaction: one begun before the trace left the outbox, or a piece the pieces, would still not see it in the list.
    with database.engine.connect() as connection:
        stored = next(_load(connection, traces.c.trace_id == trace_id), None)
    known = None if stored is None else stored.trace
    if waiting is not None:
        own = payloads.decode(waiting)
        known = merging.join(own, known) if known is not None and known.origin == "application" else own
    trace = merging.add_payloads(sent, known, assembling) if sent else known
    if trace is None:
        return None
    return StoredTrace(trace) if stored is None else replace(stored, trace=trace)


def stream(connection: Connection, query: TraceQuery) -> Iterator[StoredTrace]:
    """Every listed trace that a query matches, in its order, read EXPORT_BATCH at a time."""
    listing = paging.plan(connection, query)
    position: Position | None = None
    while rows := paging.select_rows(connection, listing, position, EXPORT_BATCH):
        seqs = [row.seq for row in rows]
        loaded = {stored.trace.trace_id: stored for stored in _load(connection, traces.c.seq.in_(seqs))}
        yield from (loaded[row.trace_id] for row in rows)
        position = paging.to_position(query, rows[-1], backward=False)


def _load(connection: Connection, where: Any) -> Iterator[StoredTrace]:
    """Whole traces from the list."""
    columns = (payload_table.c.payload, traces.c.rating, traces.c.note, traces.c.annotated_at)
    joined = traces.join(payload_table, payload_table.c.seq == traces.c.seq)
    for payload, rating, note, annotated_at in connection.execute(select(*columns).select_from(joined).where(where)):
        yield StoredTrace(payloads.decode(payload), rating or 0, note, annotated_at)

"""A stored trace by its id."""

from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import InputError
from pipeline.types import Trace

LAST = "LAST"
"""Stands for the id of the trace that was stored last."""


def find_trace(store: TraceStore, trace_id: str) -> Trace:
    """A trace by its id, or the newest for LAST. Raises InputError if there is none."""
    if trace_id == LAST:
        newest = store.page(TraceQuery(), limit=1).rows
        trace_id = newest[0].trace_id if newest else trace_id
    stored = store.get(trace_id)
    if stored is None:
        raise InputError(f"There is no trace {trace_id[:64]!r}. `raglass traces` lists them.")
    return stored.trace

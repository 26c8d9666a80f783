"""Feedback: what people say of a trace, checked and written."""

import time

from sqlalchemy import Connection, select, update

from metrics import search
from metrics.queries import MAX_NOTE_CHARS
from metrics.tables import state, traces
from pipeline.errors import InputError


def check(rating: int, note: str) -> None:
    """Raise InputError for a rating that there is not, or a note that is too long."""
    if rating not in (-1, 0, 1):
        raise InputError(f"The rating is {rating}; give 1 (up), -1 (down) or 0 (neither).")
    if len(note) > MAX_NOTE_CHARS:
        raise InputError(f"The note has {len(note):,} characters; at most {MAX_NOTE_CHARS:,} are kept. Shorten it.")


def write(connection: Connection, trace_id: str, rating: int, note: str) -> None:
    """Write what is said of a trace in place of what was said before. Raises InputError for a trace that is not in the list."""
    seq = connection.scalar(select(traces.c.seq).where(traces.c.trace_id == trace_id))
    if seq is None:
        raise InputError(f"There is no trace {trace_id[:64]!r} to annotate. Open it from the list of traces.")
    values = {"rating": rating or None, "note": note, "annotated_at": time.time()}
    connection.execute(update(traces).where(traces.c.seq == seq).values(values))
    search.note_text(connection, seq, note)
    connection.execute(update(state).values(annotations=state.c.annotations + 1))

"""Merging: what is stored of a trace, and what came of it since, made one trace, outside any transaction as far as that goes."""

import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import Connection, delete, select, update

from metrics import payloads
from metrics.derived import Change, Derived, derive, insert_traces, replace_traces
from metrics.latency import list_timings
from metrics.masking import MASKED_SPAN, count_masked
from metrics.otlp.records import SpanRecord, decode_records
from metrics.pieces import Key, Piece
from metrics.tables import payloads as payload_table
from metrics.tables import pieces, state, traces
from pipeline.types import Trace

log = logging.getLogger(__name__)

MAX_SPANS = 20_000
"""Spans that a trace keeps. A page cannot show more, and every span that comes late writes the whole trace anew."""

MAX_LATE_ROOTS = 16
"""Spans without a parent that a full trace still takes: such a span comes last, and tells the question and the answer."""

DROPPED = "spans_dropped"
"""In a trace's metadata: how many spans were left out because it had too many."""


class Assemble(Protocol):
    """What makes a trace of spans; see `metrics.otlp.assembly.assemble`."""

    def __call__(self, records: Sequence[SpanRecord], base: Trace | None = None) -> Trace:
        """base: the trace as it is known already; its spans stay."""


def assemble(records: Sequence[SpanRecord], base: Trace | None = None) -> Trace:
    """The trace that spans make; imported once the first span has come."""
    from metrics.otlp.assembly import assemble as assembling

    return assembling(records, base)


@dataclass(frozen=True, slots=True)
class Stored:
    """A trace as it is stored."""

    seq: int
    """Its number."""
    note: str
    """What a person wrote about it."""
    payload: bytes
    """Its JSON, deflated."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Pieces of one trace made ready, and what they were made ready for."""

    keys: frozenset[Key]
    """The pieces."""
    base: Stored | None
    """The trace as it was stored then; None if it was not."""
    new: Derived
    """The trace with the pieces."""
    spans: int
    """How many spans it has."""


class Unreadable(Exception):
    """Pieces that no trace can be made of; `keys` are those."""

    def __init__(self, keys: Collection[Key]) -> None:
        super().__init__()
        self.keys = keys


def read_stored(connection: Connection, trace_ids: Collection[str]) -> dict[str, Stored]:
    """Of some traces those that are stored, by id."""
    joined = traces.join(payload_table, payload_table.c.seq == traces.c.seq)
    columns = (traces.c.trace_id, traces.c.seq, traces.c.note, payload_table.c.payload)
    found = connection.execute(select(*columns).select_from(joined).where(traces.c.trace_id.in_(trace_ids)))
    return {trace_id: Stored(*rest) for trace_id, *rest in found}


def merge(taken: Sequence[Piece], base: Stored | None, assembling: Assemble) -> Merged:
    """Make pieces of one trace ready. Raises Unreadable, after which the others can be tried."""
    trace_id = taken[0].trace_id
    records: list[SpanRecord] = []
    for piece in taken:
        try:
            records += decode_records(piece.payload)
        except Exception as error:
            log.exception("spans of the trace %s cannot be read; they stay among the pieces", trace_id)
            raise Unreadable({piece.key}) from error
    try:
        known = None if base is None else payloads.decode(base.payload)
        trace = add_records(records, known, assembling)
        if trace.trace_id != trace_id or not (0 <= trace.asked_at < math.inf and math.isfinite(trace.duration_ms)):
            raise ValueError(f"asked at {trace.asked_at}, {trace.duration_ms} ms, called {trace.trace_id[:64]!r}")
        return Merged(frozenset(piece.key for piece in taken), base, derive(payloads.encode(trace)), len(trace.spans))
    except Exception as error:
        log.exception("no trace can be made of the spans of %s; they stay among the pieces", trace_id)
        raise Unreadable({piece.key for piece in taken}) from error


def add_records(records: Sequence[SpanRecord], base: Trace | None, assembling: Assemble) -> Trace:
    """The trace with what came of it, as far as it has room."""
    kept, dropped = _fit(records, base)
    trace = base if base is not None and not kept else assembling(kept, base)
    if any(name.startswith(MASKED_SPAN) for record in kept for name in record.attributes):
        trace = count_masked(trace)
    dropped += 0 if base is None else int(base.metadata.get(DROPPED, 0))
    return replace(trace, metadata={**trace.metadata, DROPPED: dropped}) if dropped else trace


def add_payloads(sent: Sequence[bytes], base: Trace | None, assembling: Assemble) -> Trace | None:
    """The trace with pieces that are not folded yet, for whoever opens it; without those that cannot be read."""
    records: list[SpanRecord] = []
    for payload in sent:
        try:
            records += decode_records(payload)
        except Exception:
            log.debug("a piece cannot be read", exc_info=True)
    try:
        return add_records(records, base, assembling) if records else base
    except Exception:
        log.debug("no trace can be made of the pieces", exc_info=True)
        return base


def _fit(records: Sequence[SpanRecord], base: Trace | None) -> tuple[Sequence[SpanRecord], int]:
    """The spans that a trace has room for, those first that began first, and how many it has not."""
    known = set() if base is None else {span.span_id for span in base.spans}
    if len(known) + len(records) <= MAX_SPANS:
        return records, 0
    new = {record.span_id: record for record in records if record.span_id not in known}
    ordered = sorted(new.values(), key=lambda record: (bool(record.parent_id), record.start_ns))
    roots = sum(not record.parent_id for record in ordered[:MAX_LATE_ROOTS])
    room = max(MAX_SPANS - len(known), roots if len(known) < MAX_SPANS + MAX_LATE_ROOTS else 0)
    return ordered[:room], max(len(ordered) - room, 0)


def write_merged(connection: Connection, merged: Sequence[Merged]) -> None:
    """Move pieces into the traces that were made ready, each exactly once.

    Whoever deletes pieces owns them. Left for the next time is a trace of which another folder took a piece, or which changed meanwhile.
    """
    keys = {key for item in merged for key in item.keys}
    chosen = select(pieces.c.id, pieces.c.arrived_at).where(pieces.c.id.in_([number for number, _ in keys]))
    present = {(row.id, row.arrived_at) for row in connection.execute(chosen)}
    stored = read_stored(connection, [item.new.row["trace_id"] for item in merged])
    owned = [item for item in merged if item.keys <= present and _unchanged(item, stored)]
    if not owned:
        return
    taken = [number for item in owned for number, _ in item.keys]
    connection.execute(delete(pieces).where(pieces.c.id.in_(taken)))
    new = [item.new for item in owned if item.base is None]
    insert_traces(connection, new)
    replace_traces(connection, [_change(stored[item.new.row["trace_id"]], item.new) for item in owned if item.base])
    values = {"folded": state.c.folded + len(new), "changed": state.c.changed + len(taken) - len(new)}
    connection.execute(update(state).values(values))


def _unchanged(item: Merged, stored: dict[str, Stored]) -> bool:
    now = stored.get(item.new.row["trace_id"])
    if now is None or item.base is None:
        return now is item.base
    return (now.seq, now.payload) == (item.base.seq, item.base.payload)


def _change(before: Stored, new: Derived) -> Change:
    return Change(before.seq, before.note, new, list_timings(payloads.decode_data(before.payload)))


def join(own: Trace, sent: Trace) -> Trace:
    """A trace of ours, and what another application sent of it before ours was stored: ours tells more, and stays as it is."""
    later_ms = (sent.asked_at - own.asked_at) * 1000
    known = {span.span_id for span in own.spans}
    added = [
        replace(
            span,
            start_ms=span.start_ms + later_ms,
            events=tuple(replace(event, at_ms=event.at_ms + later_ms) for event in span.events),
        )
        for span in sent.spans
        if span.span_id not in known
    ]
    return replace(
        own,
        spans=(*own.spans, *added),
        session=own.session or sent.session,
        user=own.user or sent.user,
        tags=tuple(dict.fromkeys((*own.tags, *sent.tags))),
        metadata={**sent.metadata, **own.metadata},
    )


def join_stored(connection: Connection, sent: dict[str, Stored], own: dict[str, Any]) -> None:
    """Write traces of ours over what another application sent of them. sent, own: by trace id, own as bytes."""
    changes = []
    for trace_id, payload in own.items():
        before = sent[trace_id]
        trace = join(payloads.decode(payload), payloads.decode(before.payload))
        changes.append(_change(before, derive(payloads.encode(trace))))
    replace_traces(connection, changes)
    connection.execute(update(state).values(changed=state.c.changed + len(changes)))

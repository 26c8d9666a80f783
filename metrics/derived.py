"""What is derived from a trace: its row in lists, its text for searches, its labels and times; how they are written and replaced.

All of it can be made again from the trace's JSON. The caller's transaction keeps other writers out.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from metrics import costs, labels, latency, outcomes, payloads, search
from metrics.database import insert_rows
from metrics.labels import bounded
from metrics.quality import forget_scores
from metrics.tables import payloads as payload_table
from metrics.tables import stage_times, state, traces
from metrics.token_costs import TokenUse, list_uses

MAX_LIGHT_CHARS = 20_000
"""Characters of a question, and of an answer, in lists and searches. The trace itself keeps them whole."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A trace made ready to be written."""

    row: dict[str, Any]
    """Its row of `traces`, less the number."""
    payload: bytes
    """Its JSON, deflated."""
    folded: str
    """What a search looks through."""
    timings: list[latency.Timing]
    """What the sketches count."""
    labels: list[labels.Label]
    """What it is found by."""
    stage_ms: dict[str, float]
    """How long each stage took, in all."""
    uses: list[TokenUse]
    """What it used of models that are paid by the token."""


@dataclass(frozen=True, slots=True)
class Change:
    """A trace that is stored already, made anew."""

    seq: int
    """Its number."""
    note: str
    """What a person wrote about it, which stays."""
    new: Derived
    """What is to be written."""
    counted: Sequence[latency.Timing]
    """What the sketches counted of it before."""


def derive(payload: bytes) -> Derived:
    """All that follows from the bytes of a trace. Raises anything for what is no trace."""
    data = payloads.decode_data(payload)
    row = light_row(data)
    return Derived(
        row,
        payloads.deflate(payload),
        search.fold_text(row["question"], row["answer"], "", search.gather_rest(data)),
        latency.list_timings(data),
        labels.list_labels(data),
        sum_stages(data["spans"]),
        list_uses(data),
    )


def light_row(data: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `traces` (less its `seq`) for a trace in its JSON form."""
    generation = data["generation"] or {}
    error = data["error"] or {}
    confidence = generation.get("confidence") or {}
    return {
        "trace_id": data["trace_id"],
        "asked_at": data["asked_at"],
        "backend": bounded(data["backend"]),
        "question": search.storable(data["question"][:MAX_LIGHT_CHARS]),
        "answer": search.storable(generation.get("answer", "")[:MAX_LIGHT_CHARS]),
        "duration_ms": data["duration_ms"],
        "error_kind": _bounded(error.get("kind")),
        "error_stage": _bounded(error.get("stage")),
        "top_score": _finite(
            max((chunk["score"] for chunk in data["chunks"] if chunk["score"] is not None), default=None)
        ),
        "confidence": _finite(confidence.get("value")),
        "abstained": int(generation.get("abstained", False)),
        "note": "",
        "origin": data.get("origin", "person"),
        "service": bounded(data.get("service", "")),
        "session": bounded(data.get("session", "")),
        "asked_by": bounded(data.get("user", "")),
    }


def _bounded(value: str | None) -> str | None:
    return None if value is None else bounded(value)


def _finite(value: float | None) -> float | None:
    """The value, or None for what cannot be sorted: NaN and the infinities."""
    return value if value is not None and abs(value) < float("inf") else None


def sum_stages(spans: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Milliseconds by stage, of spans in their JSON form. What no clock should give counts as 0, as in sketches."""
    found: dict[str, float] = {}
    for span in spans:
        if stage := bounded(span["stage"]):
            duration_ms = span["duration_ms"]
            found[stage] = found.get(stage, 0.0) + (duration_ms if math.isfinite(duration_ms) else 0.0)
    return found


def insert_traces(connection: Connection, new: Sequence[Derived]) -> None:
    """Write traces that are not stored yet."""
    if not new:
        return
    # Beyond those of deleted traces, too: a number that was given never means another trace.
    last = connection.execute(select(select(func.max(traces.c.seq)).scalar_subquery(), state.c.folded)).one()
    first = max(last[0] or 0, last[1]) + 1
    numbered = dict(enumerate(new, first))
    rows = [(seq, *item.row.values()) for seq, item in numbered.items()]
    insert_rows(connection, traces, rows, ("seq", *new[0].row))
    insert_rows(connection, payload_table, [(seq, item.payload) for seq, item in numbered.items()])
    search.index_texts(connection, {seq: item.folded for seq, item in numbered.items()})
    _add_findings(connection, numbered)
    latency.add_timings(connection, [timing for item in new for timing in item.timings])


def replace_traces(connection: Connection, changes: Sequence[Change]) -> None:
    """Write traces anew that are stored. What people said about them stays."""
    if not changes:
        return
    numbered = {change.seq: change.new for change in changes}
    outcomes.take_back(connection, list(numbered))
    rows = [{"place": seq, **{name: item.row[name] for name in _REPLACED}} for seq, item in numbered.items()]
    connection.execute(_REPLACE_ROW, rows)
    connection.execute(_REPLACE_PAYLOAD, [{"place": seq, "payload": item.payload} for seq, item in numbered.items()])
    search.reindex_texts(
        connection, {change.seq: search.with_note(change.new.folded, change.note) for change in changes}
    )
    labels.remove_labels(connection, list(numbered))
    connection.execute(delete(stage_times).where(stage_times.c.seq.in_(list(numbered))))
    costs.remove_uses(connection, list(numbered))
    _add_findings(connection, numbered)
    forget_scores(connection, list(numbered))
    latency.add_timings(
        connection,
        [timing for item in numbered.values() for timing in item.timings],
        [timing for change in changes for timing in change.counted],
    )


def _add_findings(connection: Connection, numbered: Mapping[int, Derived]) -> None:
    """Write what traces, by number, are found by."""
    labels.add_labels(connection, {seq: item.labels for seq, item in numbered.items()})
    rows = [(stage, duration_ms, seq) for seq, item in numbered.items() for stage, duration_ms in item.stage_ms.items()]
    insert_rows(connection, stage_times, rows)
    outcomes.add_up(connection, list(numbered))
    costs.add_uses(connection, {seq: (item.row["asked_at"], item.uses) for seq, item in numbered.items()})


_REPLACED = tuple(
    column.name for column in traces.c if column.name not in ("seq", "trace_id", "rating", "note", "annotated_at")
)
"""The columns of a row that follow from the trace."""

_REPLACE_ROW = (
    update(traces).where(traces.c.seq == bindparam("place")).values({name: bindparam(name) for name in _REPLACED})
)

_REPLACE_PAYLOAD = (
    update(payload_table).where(payload_table.c.seq == bindparam("place")).values(payload=bindparam("payload"))
)

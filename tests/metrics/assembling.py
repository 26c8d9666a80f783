"""A small stand-in for `metrics.otlp.assembly`: spans of other applications, and the trace that it makes of them."""

import itertools
from collections.abc import Sequence
from typing import Any

from metrics.otlp.records import SpanRecord
from pipeline.spans import STAGE_OF_KIND, Failure, Span
from pipeline.types import Generation, Trace

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
"""The example of the W3C's Trace Context."""

START_NS = 1_757_000_000_000_000_000
"""When spans here begin, unless they say otherwise."""

_numbers = itertools.count(1)


def make_record(**overrides: Any) -> SpanRecord:
    """A span of 5 ms without a parent, with an id of its own."""
    fields: dict[str, Any] = {
        "trace_id": TRACE_ID,
        "span_id": f"{next(_numbers):016x}",
        "parent_id": "",
        "name": "a span",
        "start_ns": START_NS,
        "end_ns": START_NS + 5_000_000,
        "resource": {"service.name": "shop"},
    }
    return SpanRecord(**{**fields, **overrides})


def make_records(
    trace_id: str = TRACE_ID, *, start_ns: int = START_NS, question: str = "Where is my parcel?"
) -> list[SpanRecord]:
    """The spans of one question to another application: a root, a retriever, a model that failed."""
    root = make_record(
        trace_id=trace_id,
        name="ask",
        start_ns=start_ns,
        end_ns=start_ns + 40_000_000,
        attributes={
            "input.value": question,
            "output.value": "In Lisbon.",
            "session.id": "talk",
            "user.id": "ana",
            "tag.tags": ("vip",),
        },
    )
    given = {"trace_id": trace_id, "parent_id": root.span_id}
    return [
        root,
        make_record(
            **given,
            name="look up",
            start_ns=start_ns + 1_000_000,
            end_ns=start_ns + 6_000_000,
            attributes={"openinference.span.kind": "retriever", "output.value": "Depot Beja holds it"},
        ),
        make_record(
            **given,
            name="write",
            start_ns=start_ns + 7_000_000,
            end_ns=start_ns + 37_000_000,
            attributes={"openinference.span.kind": "llm", "llm.model_name": "gpt-x"},
            status="error",
            status_message="too long",
        ),
    ]


def assemble(records: Sequence[SpanRecord], base: Trace | None = None) -> Trace:
    """A trace of spans, the same in whatever pieces and order they come. Of `base`, spans stay."""
    if any(record.name == "poison" for record in records):
        raise ValueError("poison")
    begins = [record.start_ns for record in records] + ([] if base is None else [round(base.asked_at * 1e9)])
    start_ns = min(begins)
    known = {} if base is None else {span.span_id: _moved(span, base.asked_at - start_ns / 1e9) for span in base.spans}
    for record in records:
        known.setdefault(record.span_id, _span(record, start_ns))
    spans = tuple(sorted(known.values(), key=lambda span: (span.start_ms, span.span_id)))
    if base is not None and base.origin != "application":
        added = [span for span in spans if span.span_id not in {kept.span_id for kept in base.spans}]
        return Trace(**{**_fields(base), "spans": (*base.spans, *added)})
    root = next((span for span in spans if span.parent_id is None), spans[0])
    service = min(span.service for span in spans)
    return Trace(
        trace_id=records[0].trace_id if records else base.trace_id,
        question=str(root.attributes.get("input.value", "")),
        backend=f"otlp/{service}",
        asked_at=start_ns / 1e9,
        duration_ms=max(span.end_ms for span in spans),
        chunks=(),
        generation=Generation(str(root.attributes.get("output.value", "")), (), 0, "stop"),
        spans=spans,
        error=next((span.error for span in spans if span.error), None),
        origin="application",
        service=service,
        session=str(root.attributes.get("session.id", "")),
        user=str(root.attributes.get("user.id", "")),
        tags=tuple(map(str, root.attributes.get("tag.tags", ()))),
    )


def _fields(trace: Trace) -> dict[str, Any]:
    return {name: getattr(trace, name) for name in trace.__dataclass_fields__}


def _moved(span: Span, later_s: float) -> Span:
    fields = {name: getattr(span, name) for name in span.__dataclass_fields__}
    return Span(**{**fields, "start_ms": round(span.start_ms + later_s * 1000, 3)})


def _span(record: SpanRecord, start_ns: int) -> Span:
    kind = record.attributes.get("openinference.span.kind", "unknown")
    stage = STAGE_OF_KIND.get(kind, "")
    return Span(
        stage,
        round((record.start_ns - start_ns) / 1e6, 3),
        (record.end_ns - record.start_ns) / 1e6,
        dict(record.attributes),
        Failure("RateLimit", record.status_message, stage or None) if record.status == "error" else None,
        record.parent_id or None,
        record.span_id,
        record.name,
        kind,
        record.service,
    )

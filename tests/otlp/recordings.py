"""Spans of a recorded request, for tests of what is read from them."""

import gzip
import json
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from metrics.otlp.records import EventRecord, SpanRecord
from pipeline.spans import Status

RECORDED = Path(__file__).parent / "recorded"
STATUSES: tuple[Status, ...] = ("unset", "ok", "error")


def recorded_spans(name: str) -> list[SpanRecord]:
    """What `record.py` wrote of an example, in the order in which it arrived."""
    request = ExportTraceServiceRequest.FromString(gzip.decompress((RECORDED / f"{name}.pb.gz").read_bytes()))
    return [
        SpanRecord(
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            _attributes(span.attributes),
            _attributes(of_resource.resource.attributes),
            of_scope.scope.name,
            STATUSES[span.status.code],
            span.status.message,
            tuple(EventRecord(e.name, e.time_unix_nano, _attributes(e.attributes)) for e in span.events),
        )
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def question_spans(name: str) -> list[SpanRecord]:
    """The spans of the trace in which the example asked its question; another may have made the index."""
    spans = recorded_spans(name)
    [asked] = {span.trace_id for span in spans if span.name == "ask"}
    return [span for span in spans if span.trace_id == asked]


def _attributes(given: Any) -> dict[str, Any]:
    return {pair.key: _flat(_value(pair.value)) for pair in given}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    return None if kind is None else getattr(value, kind)


def _flat(value: Any) -> Any:
    """Lists of plain values stay lists; what is nested deeper is JSON text."""
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return tuple(value)
    return json.dumps(value) if isinstance(value, (list, dict)) else value

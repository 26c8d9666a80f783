"""Spans of a recorded request, and what the examples that sent them say, for tests of what is read from them."""

import gzip
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from metrics.otlp.records import EventRecord, SpanRecord
from pipeline.spans import Status
from pipeline.types import Trace

RECORDED = Path(__file__).parent / "recorded"
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
STATUSES: tuple[Status, ...] = ("unset", "ok", "error")


def _load_stand_in() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stand_in", EXAMPLES / "stand_in.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STAND_IN = _load_stand_in()
"""What the examples share: the question, the documents and the stand-in for a model."""

ANSWER = "A refund may take up to ten days."
"""What the stand-in says to the question."""


def what_arrived(trace: Trace) -> list[str]:
    """Of an example's trace, what the table in docs/ingest.md says of its sender: `yes` or `–` for each column."""
    assert trace.generation is not None
    found = (
        {chunk.chunk_id for chunk in trace.chunks} == {"refunds", "cards"},
        all(chunk.text for chunk in trace.chunks),
        all(chunk.score is not None for chunk in trace.chunks),
        all(chunk.title for chunk in trace.chunks),
        len(trace.retrieved) > 0,
        trace.generation.prompt is not None,
        trace.generation.prompt_tokens > 0,
        any(span.stage == "embed" for span in trace.spans),
        trace.session != "",
    )
    return ["yes" if there else "–" for there in found]


def told_of_senders() -> dict[str, list[str]]:
    """The rows of that table, by the name of the example."""
    page = (EXAMPLES.parent / "ingest.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+_rag)` \| (.*) \|$", page, re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in rows}


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

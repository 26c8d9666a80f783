"""What senders send: requests in protobuf and the same in OTLP/JSON."""

import base64
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE_ID, SPAN_ID = bytes(range(1, 17)), bytes(range(1, 9))
START_NS = 1_760_000_000_000_000_000
"""In October 2025."""

PROTOBUF, JSON = "application/x-protobuf", "application/json"


def pair(key: str, value: AnyValue | str) -> KeyValue:
    """An attribute."""
    return KeyValue(key=key, value=AnyValue(string_value=value) if isinstance(value, str) else value)


def span(**changes: Any) -> Span:
    """A span of a millisecond."""
    told = {"trace_id": TRACE_ID, "span_id": SPAN_ID, "name": "retrieve", "start_time_unix_nano": START_NS}
    return Span(**{**told, "end_time_unix_nano": START_NS + 1_000_000, **changes})


def request(*spans: Span, service: str = "shop") -> ExportTraceServiceRequest:
    """A request of one application with one instrumentation."""
    made = ExportTraceServiceRequest()
    resource_spans = made.resource_spans.add()
    resource_spans.resource.attributes.append(pair("service.name", service))
    scope = resource_spans.scope_spans.add()
    scope.scope.name = "by.hand"
    scope.spans.extend(spans)
    return made


def many(count: int) -> bytes:
    """A request with so many spans of one trace, in protobuf."""
    return request(*(span(span_id=number.to_bytes(8, "big")) for number in range(1, count + 1))).SerializeToString()


def to_json(made: ExportTraceServiceRequest) -> dict[str, Any]:
    """A request as OTLP/JSON: protobuf's own mapping, but for ids, which are hexadecimal digits."""
    data: dict[str, Any] = MessageToDict(made, use_integers_for_enums=True)
    for resource_spans in data.get("resourceSpans", []):
        for scope in resource_spans.get("scopeSpans", []):
            for each in scope.get("spans", []):
                for field in ("traceId", "spanId", "parentSpanId"):
                    if field in each:
                        each[field] = base64.b64decode(each[field]).hex()
    return data


def bodies(made: ExportTraceServiceRequest) -> list[tuple[bytes, str]]:
    """The request in both encodings, each with its content type."""
    return [(made.SerializeToString(), PROTOBUF), (orjson.dumps(to_json(made)), JSON)]

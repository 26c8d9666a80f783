"""Spans from the protobuf of an ExportTraceServiceRequest, one at a time, so that a bad one spoils no other."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from metrics.otlp.admission import Refused, Sender, SentEvent, SentSpan, admit, make_sender
from metrics.otlp.bounds import MAX_DEPTH, TOO_DEEP, Plain, clean, to_scalar
from metrics.otlp.records import SpanRecord

MAX_SPAN_BYTES = 16_777_216
"""A larger span is refused unread: what protobuf makes of one takes many times its size."""

SPLIT = {
    "Request": {1: ("resource_spans", True)},
    "ResourceSpans": {1: ("resource", False), 2: ("scope_spans", True)},
    "ScopeSpans": {1: ("scope", False), 2: ("spans", True)},
}
"""The messages around spans with what they hold as bytes (trace.proto, trace_service.proto): field number, name, whether it repeats."""


def read_protobuf(body: bytes) -> Iterator[SpanRecord | Refused]:
    """Every span of a request, or why it cannot be taken. Raises protobuf's DecodeError for a body that is no request."""
    split = _split_messages()
    for packed in split["Request"].FromString(body).resource_spans:
        resource_spans = split["ResourceSpans"].FromString(packed)
        pieces = [split["ScopeSpans"].FromString(scope) for scope in resource_spans.scope_spans]
        resource = Resource.FromString(resource_spans.resource)
        total = sum(len(piece.spans) for piece in pieces)
        for piece in pieces:
            scope = InstrumentationScope.FromString(piece.scope).name
            sender = make_sender(_pairs(resource.attributes), scope, total)
            yield from (_read(packed_span, sender) for packed_span in piece.spans)


def _read(packed: bytes, sender: Sender) -> SpanRecord | Refused:
    if len(packed) > MAX_SPAN_BYTES:
        return Refused(f"a span has more than {MAX_SPAN_BYTES:,} bytes")
    try:
        return admit(_unpack(Span.FromString(packed)), sender)
    except DecodeError:
        return Refused("a span is no protobuf that can be read")
    except Refused as refused:
        return refused


def _unpack(span: Span) -> SentSpan:
    return SentSpan(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_span_id,
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        pairs=_pairs(span.attributes),
        status=span.status.code,
        status_message=span.status.message,
        events=[SentEvent(event.name, event.time_unix_nano, _pairs(event.attributes)) for event in span.events],
        dropped=span.dropped_attributes_count
        + span.dropped_events_count
        + sum(event.dropped_attributes_count for event in span.events),
    )


def _pairs(attributes: Any) -> Iterator[tuple[str, Plain]]:
    pair: KeyValue
    for pair in attributes:
        value = pair.value
        # Most are texts, and asking which it is takes longer.
        yield pair.key, clean(text) if (text := value.string_value) else _plain(value, MAX_DEPTH)


def _plain(value: AnyValue, depth: int) -> Plain:
    kind = value.WhichOneof("value")
    match kind:
        case "string_value" | "int_value" | "bool_value" | "double_value" | "bytes_value":
            return to_scalar(getattr(value, kind))
        case "array_value" if depth:
            return [_plain(each, depth - 1) for each in value.array_value.values]
        case "kvlist_value" if depth:
            return {str(to_scalar(pair.key)): _plain(pair.value, depth - 1) for pair in value.kvlist_value.values}
        case "array_value" | "kvlist_value":
            return TOO_DEEP
        case _:
            return None


@cache
def _split_messages() -> dict[str, Any]:
    """Classes for the messages of SPLIT, in a pool of their own: the real ones would read all spans at once."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="raglass_split.proto", package="raglass", syntax="proto3")
    for name, fields in SPLIT.items():
        message = file.message_type.add(name=name)
        for number, (field_name, repeats) in fields.items():
            label = field.LABEL_REPEATED if repeats else field.LABEL_OPTIONAL
            message.field.add(name=field_name, number=number, type=field.TYPE_BYTES, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"raglass.{name}")) for name in SPLIT}

"""What a span must have to be taken, and what is put right or cut: the same whether it came as protobuf or as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass

from metrics.otlp import bounds
from metrics.otlp.bounds import Plain, clean, shorten
from metrics.otlp.records import EventRecord, SpanRecord
from pipeline.spans import Attribute, Status

TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8
"""Lengths of ids (opentelemetry-proto, trace.proto: `Span.trace_id`, `Span.span_id`)."""

LAST_NS = 2**64 - 1
"""The last moment that OTLP can tell, in the year 2554."""

MAX_NAME_CHARS = 1_024
"""Characters of a name: of a span, an event, an instrumentation."""

MAX_MESSAGE_CHARS = 65_536
"""Characters of what is said of an error."""

MAX_EVENTS = 1_000
"""Events of a span."""

MAX_RESOURCE_CHARS = 16_384
"""Characters of what is said of an application, which every span of it repeats."""

MAX_REPEATED_CHARS = 134_217_728
"""Characters that all spans of one resource in a request may repeat."""

UNKNOWN_NAME = "unknown"
"""An empty name is equivalent to an unknown one (trace.proto: `Span.name`)."""

END_AS_SENT = "raglass.end_as_sent_ns"
"""Attribute of a span that ended before it began: the end as it was sent. The span is kept with no duration."""

STATUSES: tuple[Status, ...] = ("unset", "ok", "error")
"""By code (trace.proto: `Status.StatusCode`)."""

Pairs = Iterable[tuple[str, Plain]]
"""Attributes as they were sent."""


class Refused(ValueError):
    """A span that cannot be taken. Its message is safe to show, and the same for all spans with the same fault."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What all spans of one instrumentation of one application share."""

    resource: dict[str, Attribute]
    """What was said of the application."""
    scope: str
    """The instrumentation."""
    dropped: int = 0
    """What was left out of the resource."""


@dataclass(slots=True)
class SentEvent:
    """An event as it was sent."""

    name: str
    """What happened."""
    at_ns: int
    """When."""
    pairs: Pairs
    """Its attributes."""


@dataclass(slots=True)
class SentSpan:
    """A span as it was sent, of the right types, but with anything in them."""

    trace_id: bytes
    """16 bytes, if it is right."""
    span_id: bytes
    """8 bytes, if it is right."""
    parent_id: bytes
    """8 bytes; empty or zeros at the top."""
    name: str
    """May be empty."""
    start_ns: int
    """Since the Unix epoch."""
    end_ns: int
    """May lie before the start, or be 0 for a span that has not ended."""
    pairs: Pairs
    """Its attributes."""
    status: int
    """Index into STATUSES, if it is right."""
    status_message: str
    """What was said of an error."""
    events: list[SentEvent]
    """What happened within it."""
    dropped: int
    """What its sender left out."""


def make_sender(pairs: Pairs, scope: str, spans: int) -> Sender:
    """What the `spans` of one resource share, short enough to be repeated as often."""
    chars = min(MAX_RESOURCE_CHARS, MAX_REPEATED_CHARS // max(spans, 1))
    resource, dropped = bounds.bound(pairs, chars)
    return Sender(resource, shorten(clean(scope), MAX_NAME_CHARS), dropped)


def admit(sent: SentSpan, sender: Sender) -> SpanRecord:
    """The span as a record. Raises Refused for one that no trace could hold."""
    _check_id(sent.trace_id, TRACE_ID_BYTES, "trace id")
    _check_id(sent.span_id, SPAN_ID_BYTES, "span id")
    _check_time(sent.start_ns, "start")
    _check_time(sent.end_ns, "end")
    found, dropped = bounds.bound(sent.pairs)
    if sent.end_ns < sent.start_ns:
        found[END_AS_SENT] = sent.end_ns
    # A parent that cannot be one is left out: the span is worth more than its place.
    parent = sent.parent_id if any(sent.parent_id) else b""
    lost_parent = len(parent) not in (0, SPAN_ID_BYTES)
    events, lost = _bound_events(sent.events)
    return SpanRecord(
        trace_id=sent.trace_id.hex(),
        span_id=sent.span_id.hex(),
        parent_id="" if lost_parent else parent.hex(),
        name=shorten(clean(sent.name), MAX_NAME_CHARS) or UNKNOWN_NAME,
        start_ns=sent.start_ns,
        end_ns=max(sent.start_ns, sent.end_ns),
        attributes=found,
        resource=sender.resource,
        scope=sender.scope,
        status=STATUSES[sent.status] if 0 <= sent.status < len(STATUSES) else "unset",
        status_message=shorten(clean(sent.status_message), MAX_MESSAGE_CHARS),
        events=events,
        dropped=sent.dropped + sender.dropped + dropped + lost + lost_parent,
    )


def _check_id(sent: bytes, length: int, what: str) -> None:
    if len(sent) != length:
        raise Refused(f"the {what} has {len(sent)} bytes instead of {length}")
    if not any(sent):
        raise Refused(f"the {what} is all zeros")


def _check_time(at_ns: int, what: str) -> None:
    if not 0 <= at_ns <= LAST_NS:
        raise Refused(f"the {what} is no time in nanoseconds since 1970 that 64 bits can hold")


def _bound_events(sent: list[SentEvent]) -> tuple[tuple[EventRecord, ...], int]:
    """Events, which share MAX_SPAN_CHARS, and how much was left out."""
    kept: list[EventRecord] = []
    dropped = max(len(sent) - MAX_EVENTS, 0)
    room = bounds.MAX_SPAN_CHARS
    taken = sent[:MAX_EVENTS]
    for left, event in zip(range(len(taken), 0, -1), taken, strict=True):
        _check_time(event.at_ns, "time of an event")
        found, lost = bounds.bound(event.pairs, room // left)
        room -= bounds.size(found)
        dropped += lost
        kept.append(EventRecord(shorten(clean(event.name), MAX_NAME_CHARS), event.at_ns, found))
    return tuple(kept), dropped

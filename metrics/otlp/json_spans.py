"""Spans from OTLP/JSON, one at a time.

OTLP/JSON (opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding"): ids in hexadecimal digits, enums as numbers, 64-bit
integers as text. Taken as well: names of enums, integers as numbers, and field names as in the .proto files. Unknown fields are ignored,
and null is as good as nothing. What is an object where a list should be, or the like, spoils its span, and above the spans the request.
"""

import json
from collections.abc import Iterator
from typing import Any

import orjson

from metrics.otlp.admission import STATUSES, Refused, Sender, SentEvent, SentSpan, admit, make_sender
from metrics.otlp.bounds import MAX_DEPTH, TOO_DEEP, Plain, to_scalar
from metrics.otlp.records import SpanRecord

CODES = {name: code for code, status in enumerate(STATUSES) for name in (status, f"status_code_{status}", str(code))}
"""Status codes by what may stand for them, in lower case."""

SCALARS = ("stringValue", "intValue", "boolValue", "doubleValue", "bytesValue")
"""Fields of an AnyValue that hold no other."""

NESTING = ("arrayValue", "kvlistValue")
"""Fields of an AnyValue that hold others."""

Object = dict[str, Any]


def read_json(body: bytes) -> Iterator[SpanRecord | Refused]:
    """Every span of a request, or why it cannot be taken. Raises ValueError or RecursionError for a body that is no request."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Lone surrogates and NaN are no JSON, but some senders write them, and Python's own parser reads them.
        request = json.loads(body)
    if not isinstance(request, dict):
        raise ValueError("not an object")
    for resource_spans in _objects(request, "resourceSpans"):
        pieces = [(scope, _list(scope, "spans")) for scope in _objects(resource_spans, "scopeSpans")]
        total = sum(len(spans) for _, spans in pieces)
        resource = _object(resource_spans, "resource")
        for scope, spans in pieces:
            sender = make_sender(_pairs(resource), _text(_object(scope, "scope"), "name"), total)
            yield from (_read(span, sender) for span in spans)


def _read(span: Any, sender: Sender) -> SpanRecord | Refused:
    try:
        return admit(_unpack(span), sender)
    except Refused as refused:
        return refused
    except ValueError:
        return Refused("a span has a field of another type than it should have")


def _unpack(span: Any) -> SentSpan:
    if not isinstance(span, dict):
        raise Refused("a span is no object")
    status = _object(span, "status")
    events = _objects(span, "events")
    return SentSpan(
        trace_id=_id(span, "traceId", "trace id"),
        span_id=_id(span, "spanId", "span id"),
        parent_id=_parent(span),
        name=_text(span, "name"),
        start_ns=_integer(span, "startTimeUnixNano"),
        end_ns=_integer(span, "endTimeUnixNano"),
        pairs=_pairs(span),
        status=_code(_get(status, "code")),
        status_message=_text(status, "message"),
        events=[SentEvent(_text(event, "name"), _integer(event, "timeUnixNano"), _pairs(event)) for event in events],
        dropped=_count(span, "droppedAttributesCount")
        + _count(span, "droppedEventsCount")
        + sum(_count(event, "droppedAttributesCount") for event in events),
    )


def _id(span: Object, field: str, what: str) -> bytes:
    try:
        return bytes.fromhex(_text(span, field))
    except ValueError:
        raise Refused(f"the {what} is not written in hexadecimal digits") from None


def _code(found: Any) -> int:
    """A status code by number or name; 0 for any other. Raises ValueError for a list or an object."""
    if isinstance(found, list | dict):
        raise ValueError("code is no scalar")
    return CODES.get(str(found).lower(), 0) if isinstance(found, str | int) else 0


def _parent(span: Object) -> bytes:
    """The parent's id; a text that cannot be read is of a wrong length as well."""
    digits = _text(span, "parentSpanId")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b"\xff"


def _pairs(holder: Object) -> Iterator[tuple[str, Plain]]:
    return _read_pairs(_objects(holder, "attributes"), MAX_DEPTH)


def _read_pairs(pairs: list[Object], depth: int) -> Iterator[tuple[str, Plain]]:
    """Keys and values of a list."""
    for pair in pairs:
        yield _text(pair, "key"), _plain(_object(pair, "value"), depth)


def _plain(value: Object, depth: int) -> Plain:
    """An AnyValue. Raises ValueError for one that holds something else than its field says, as far as that is a list or an object."""
    for field in SCALARS:
        found = _get(value, field)
        if isinstance(found, str | bool | int | float):
            return _scalar(field, found)
        if found is not None:
            raise ValueError(f"{field} is no scalar")
    for field in NESTING:
        if _get(value, field) is not None:
            inner = _object(value, field)
            if not depth:
                return TOO_DEEP
            values = _objects(inner, "values")
            if field == "kvlistValue":
                return {str(to_scalar(key)): plain for key, plain in _read_pairs(values, depth - 1)}
            return [_plain(each, depth - 1) for each in values]
    return None


def _scalar(field: str, found: str | bool | int | float) -> Plain:
    """A scalar of the type that its field tells, where it can be one; else as it was sent."""
    try:
        if field == "intValue" and isinstance(found, str):
            return to_scalar(_parse_integer(found))
        if field == "doubleValue" and not isinstance(found, bool):
            return to_scalar(float(found))  # reads "NaN" and "Infinity" as well
        if field in ("stringValue", "bytesValue"):
            return to_scalar(str(found))
    except (ValueError, OverflowError):
        pass
    return to_scalar(found)


def _get(holder: Object, field: str) -> Any:
    """A field by its name in JSON, or as the .proto file writes it."""
    if field in holder:
        return holder[field]
    return holder.get("".join(f"_{each.lower()}" if each.isupper() else each for each in field))


def _object(holder: Object, field: str) -> Object:
    """An object; an empty one where there is none. Raises ValueError for anything else."""
    found = _get(holder, field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{field} is no object")
    return found


def _objects(holder: Object, field: str) -> list[Object]:
    """A list of objects; an empty one where there is none. Raises ValueError for anything else."""
    found = _list(holder, field)
    if not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{field} holds what is no object")
    return found


def _list(holder: Object, field: str) -> list[Any]:
    found = _get(holder, field)
    if found is None:
        return []
    if not isinstance(found, list):
        raise ValueError(f"{field} is no list")
    return found


def _text(holder: Object, field: str) -> str:
    found = _get(holder, field)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ValueError(f"{field} is no text")
    return found


def _integer(holder: Object, field: str) -> int:
    found = _get(holder, field)
    if found is None:
        return 0
    if isinstance(found, str):
        return _parse_integer(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"{field} is no number")
    try:
        return int(found)
    except OverflowError:
        raise ValueError(f"{field} is infinite") from None


def _parse_integer(text: str) -> int:
    """An integer as JSON's mapping writes it: digits, perhaps with an exponent."""
    if len(text) > 40:
        raise ValueError("too many digits")
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if not number.is_integer():
        raise ValueError("no whole number")
    return int(number)


def _count(holder: Object, field: str) -> int:
    """A count of what a sender left out, as uint32."""
    return min(max(_integer(holder, field), 0), 2**32 - 1)

"""What exports write in ways of their own, as spans have it: ids, times, nested attributes, tokens."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from metrics.otlp.admission import SPAN_ID_BYTES, TRACE_ID_BYTES, Refused
from metrics.otlp.bounds import clean, to_scalar

MAX_DEPTH = 32
"""Objects within one another that are looked into."""

EPOCH_UNITS = ((10**17, 1), (10**14, 10**3), (10**11, 10**6), (0, 10**9))
"""A number from each of these on is a time in so many nanoseconds: nano-, micro-, milliseconds, seconds. From 1973 on, none is another."""


def trace_id(sent: object) -> bytes:
    """A trace's id as 16 bytes. One that is no such number, as a cuid or any other word, becomes the same 16 bytes each time."""
    return _id(sent, TRACE_ID_BYTES, "trace id")


def span_id(sent: object) -> bytes:
    """A span's id as 8 bytes, likewise."""
    return _id(sent, SPAN_ID_BYTES, "span id")


def parent_id(sent: object) -> bytes:
    """A parent's id as 8 bytes; empty where there is none."""
    return _id(sent, SPAN_ID_BYTES, "parent") if sent not in (None, "") and sent == sent else b""


def _id(sent: object, length: int, what: str) -> bytes:
    if not isinstance(sent, str | int) or isinstance(sent, bool) or sent == "":
        raise Refused(f"it has no {what}")
    text = str(sent).strip()
    digits = text.replace("-", "") if len(text) == 36 else text
    if re.fullmatch(f"[0-9a-fA-F]{{{2 * length}}}", digits, re.ASCII):
        return bytes.fromhex(digits)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=length).digest()


def is_otel_id(sent: object, digits: int) -> bool:
    """Whether an id is OpenTelemetry's own: so many hexadecimal digits."""
    return isinstance(sent, str) and bool(re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", sent, re.ASCII))


def time_ns(sent: object, what: str) -> int:
    """A time as nanoseconds since the Unix epoch: ISO 8601, UTC where no zone is told, or a number. Raises Refused."""
    if isinstance(sent, datetime):
        return _datetime_ns(sent)
    if isinstance(sent, str):
        try:
            return _datetime_ns(datetime.fromisoformat(sent.strip()))
        except (ValueError, OverflowError):
            pass
        try:
            sent = float(sent) if not sent.strip().isdigit() else int(sent)
        except ValueError:
            raise Refused(f"its {what} is no time") from None
    if isinstance(sent, bool) or not isinstance(sent, int | float) or not math.isfinite(sent):
        raise Refused(f"it has no {what}")
    scale = next(scale for least, scale in EPOCH_UNITS if abs(sent) >= least)
    return int(sent * scale)


def _datetime_ns(moment: datetime) -> int:
    whole = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = whole - datetime.fromtimestamp(0, UTC)
    return ((since.days * 86_400 + since.seconds) * 10**6 + since.microseconds) * 1_000


def flatten(value: Mapping[str, Any], kept: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Attributes by their whole name, `a.b` for b in a and `a.0.b` for b in a's first item, as OpenInference names them.

    kept: names, or the ends of names, whose objects stay JSON text.
    """
    yield from _flatten("", value, kept, MAX_DEPTH)


def _flatten(name: str, value: Any, kept: tuple[str, ...], depth: int) -> Iterator[tuple[str, Any]]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return
    whole = not depth or any(name == end or name.endswith(f".{end}") for end in kept)
    objects = isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
    if whole or not (isinstance(value, dict) or objects):
        # A table has every key that any of its rows has: what a row does not say is null there.
        told = _told(value)
        if told not in (None, {}):
            yield name, to_text(told) if isinstance(value, dict) or objects else told
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield from _flatten(f"{name}.{key}" if name else str(key), inner, kept, depth - 1)


def _told(value: Any) -> Any:
    """A value without what in its objects says nothing."""
    if isinstance(value, dict):
        return {key: told for key, inner in value.items() if (told := _told(inner)) not in (None, {})}
    return [_told(inner) for inner in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """A value as `metrics.otlp.bounds` takes it: texts that a store can hold, numbers, and lists and objects of these."""
    if isinstance(value, dict):
        return {clean(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, str | bool | int | float | bytes):
        return None if value is None else to_scalar(value)
    return clean(str(value))


def to_text(value: Any) -> str:
    """A text as it is; anything else as JSON."""
    if isinstance(value, str):
        return value
    return orjson.dumps(plain(value)).decode()


def mime_type(value: Any) -> str:
    """What `to_text` made of it."""
    return "text/plain" if isinstance(value, str) else "application/json"


def whole(value: Any) -> int | None:
    """A count; None for what is none."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number >= 0 and not isinstance(value, bool) else None

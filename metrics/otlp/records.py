"""`SpanRecord`: a span as another application sent it, before it is part of a trace; and the bytes in which it waits for that."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.spans import Attribute, Status

ZERO_SPAN_ID = "0" * 16
"""What stands for no parent, where it is not left empty."""

COMPRESSION_LEVEL = 1
"""They do not wait for long, and the quickest level leaves an eighth of them to be written: every stage repeats the same documents."""

HEAD_BYTES = 4
"""At the beginning of what waits: its size before it was deflated, the highest byte first."""

MAX_RATIO = 1_032
"""What is deflated takes at most so many times its bytes (https://zlib.net/zlib_tech.html)."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event of a span as it was sent."""

    name: str
    """What happened."""
    at_ns: int
    """Nanoseconds since the Unix epoch."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """What was said of it."""


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span of another application. Ids are hexadecimal digits in lower case; times are nanoseconds since the Unix epoch, UTC."""

    trace_id: str
    """32 digits."""
    span_id: str
    """16 digits."""
    parent_id: str
    """16 digits; empty at the top."""
    name: str
    """What the application calls it."""
    start_ns: int
    """When it began."""
    end_ns: int
    """When it ended, at `start_ns` or later."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """All that was said of it. Lists stay lists; what is nested deeper is JSON text."""
    resource: Mapping[str, Attribute] = field(default_factory=dict)
    """What was said of the application, such as `service.name`."""
    scope: str = ""
    """The instrumentation that made it."""
    status: Status = "unset"
    """How it ended."""
    status_message: str = ""
    """What was said of an error."""
    events: tuple[EventRecord, ...] = ()
    """What happened within it."""
    dropped: int = 0
    """Attributes and events that the sender, or a limit here, left out."""

    @property
    def service(self) -> str:
        """The application's name; empty where it does not say."""
        return str(self.resource.get("service.name", ""))


def encode_records(records: Sequence[SpanRecord]) -> bytes:
    """Records, of one trace or of several, as JSON in UTF-8, deflated behind its size."""
    raw = orjson.dumps(records)
    return len(raw).to_bytes(HEAD_BYTES, "big") + zlib.compress(raw, COMPRESSION_LEVEL)


def decode_records(payload: bytes) -> list[SpanRecord]:
    """The records that `encode_records` wrote. Raises ValueError, KeyError, TypeError or zlib.error for anything else."""
    return [_record(data) for data in orjson.loads(zlib.decompress(payload[HEAD_BYTES:]))]


def size_decoded(head: bytes, length: int) -> int:
    """Bytes of the JSON in what `encode_records` wrote, by its HEAD_BYTES and its length."""
    return min(int.from_bytes(head, "big"), length * MAX_RATIO)


def _record(data: dict[str, Any]) -> SpanRecord:
    events = tuple(
        EventRecord(event["name"], event["at_ns"], _attributes(event["attributes"])) for event in data.pop("events")
    )
    return SpanRecord(
        **{**data, "attributes": _attributes(data["attributes"]), "resource": _attributes(data["resource"])},
        events=events,
    )


def _attributes(given: Mapping[str, Any]) -> dict[str, Attribute]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}

"""A request's body as spans: what came compressed, in protobuf or in JSON. Refuses to know HTTP and the store."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from metrics.otlp.admission import Refused
from metrics.otlp.json_spans import read_json
from metrics.otlp.protobuf_spans import read_protobuf
from metrics.otlp.records import SpanRecord
from pipeline.errors import InputError

PROTOBUF, JSON = "application/x-protobuf", "application/json"
"""The media types of OTLP/HTTP."""

ENCODINGS = ("gzip", "deflate", "identity")
"""How a body may be compressed."""

MAX_SPANS = 200_000
"""Spans of one request; those after them are refused."""

MAX_REASONS = 5
"""Different reasons that are told."""

MAX_PLACES = 4
"""Spans that are told for each of them."""

MAX_MEMBERS = 64
"""Pieces that a gzip file may consist of."""

CHUNK_BYTES = 65_536
"""What is decompressed at a time."""

READERS: dict[str, Callable[[bytes], Iterator[SpanRecord | Refused]]] = {
    PROTOBUF: read_protobuf,
    "application/protobuf": read_protobuf,
    JSON: read_json,
}
"""Readers by media type."""


class Undecodable(InputError):
    """A body that is not what its headers say."""


class Unsupported(InputError):
    """A media type or a compression that is not read."""


class TooLarge(InputError):
    """A body of more bytes than are taken."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The spans of a request."""

    records: list[SpanRecord]
    """Those that can be kept, in order."""
    rejected: int
    """How many cannot."""
    reasons: list[str]
    """Why, each once, MAX_REASONS at most."""
    places: dict[str, list[int]] = field(default_factory=dict)
    """The numbers of the spans, from 1 as they stand in the request, that were rejected for each of these reasons, MAX_PLACES at most."""


def media_type(content_type: str) -> str:
    """The media type that a Content-Type header tells, in lower case. Raises Unsupported for one that is not read."""
    found = content_type.partition(";")[0].strip().lower()
    if found not in READERS:
        shown = f"is {found[:80]!r}" if found else "is missing"
        raise Unsupported(f"The content type {shown}; send {PROTOBUF} or {JSON}.")
    return found


def decode_traces(body: bytes, content_type: str) -> Decoded:
    """The spans of an ExportTraceServiceRequest. One that cannot be kept is counted, and the others are read all the same.

    content_type: as the request's header tells.
    Raises Unsupported for one that is not read, Undecodable for a body that is no such request.
    """
    read = READERS[media_type(content_type)]
    records: list[SpanRecord] = []
    places: dict[str, list[int]] = {}
    rejected = 0
    try:
        for number, found in enumerate(read(body), start=1):
            if isinstance(found, SpanRecord) and len(records) < MAX_SPANS:
                records.append(found)
                continue
            rejected += 1
            why = str(found) if isinstance(found, Refused) else f"a request has more than {MAX_SPANS:,} spans"
            if why in places or len(places) < MAX_REASONS:
                _note(places.setdefault(why, []), number)
    except (DecodeError, ValueError, RecursionError):
        kind = "JSON" if read is read_json else "protobuf"
        raise Undecodable(
            f"The body ({len(body):,} bytes) is no ExportTraceServiceRequest in {kind}. Nothing of it was stored. "
            "Check that the exporter's protocol (OTEL_EXPORTER_OTLP_PROTOCOL) and its Content-Type agree."
        ) from None
    return Decoded(records, rejected, list(places), places)


def _note(numbers: list[int], number: int) -> None:
    if len(numbers) < MAX_PLACES:
        numbers.append(number)


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its compression. encoding: as the Content-Encoding header tells; limit: bytes that it may come to.

    Raises Unsupported, Undecodable or TooLarge; stops at the limit, whatever would follow.
    """
    kind = encoding.strip().lower().removeprefix("x-") or "identity"
    if kind not in ENCODINGS:
        raise Unsupported(
            f"The content encoding {kind[:80]!r} is not read; compress with {' or '.join(ENCODINGS[:2])}, or not at all."
        )
    if kind == "identity":
        if len(body) > limit:
            raise _too_large(limit)
        return body
    try:
        return _inflate(body, kind, limit)
    except zlib.error:
        raise Undecodable(
            f"The body ({len(body):,} bytes) is no {kind}, or it is damaged. Nothing was stored."
        ) from None


def _inflate(body: bytes, kind: str, limit: int) -> bytes:
    """Raises zlib.error, Undecodable for a body that ends too early, TooLarge."""
    # 32 more: gzip or zlib, whichever it is (https://docs.python.org/3/library/zlib.html#zlib.decompress). Some send deflate unframed.
    bare = kind == "deflate" and (body[:1] or b"\x08")[0] & 0x0F != zlib.DEFLATED
    window = -zlib.MAX_WBITS if bare else 32 + zlib.MAX_WBITS
    inflated, members = bytearray(), 1
    stream = zlib.decompressobj(window)
    for start in range(0, len(body), CHUNK_BYTES):
        piece = body[start : start + CHUNK_BYTES]
        while piece:
            if stream.eof:
                members += 1
                if members > MAX_MEMBERS:
                    raise zlib.error("too many members")
                stream = zlib.decompressobj(window)
            inflated += stream.decompress(piece, limit + 1 - len(inflated))
            if len(inflated) > limit:
                raise _too_large(limit)
            piece = stream.unused_data if stream.eof else stream.unconsumed_tail
    if not stream.eof:
        raise Undecodable(
            f"The body ({len(body):,} bytes) ends in the middle of its {kind}. Nothing was stored; send it again."
        )
    return bytes(inflated)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body has more than {limit / 1e6:g} MB once it is decompressed. Send fewer spans at a time, or raise RAGLASS_OTLP_MAX_MB."
    )

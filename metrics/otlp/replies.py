"""What a sender is answered, in the encoding in which it sent (opentelemetry-proto, docs/specification.md, "OTLP/HTTP Response")."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import orjson

from metrics.otlp.decoding import JSON, PROTOBUF

INVALID, DENIED, UNAUTHENTICATED = 3, 7, 16
EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 8, 12, 13, 14

CODES: Mapping[int, int] = MappingProxyType(
    {
        400: INVALID,
        401: UNAUTHENTICATED,
        403: DENIED,
        405: UNIMPLEMENTED,
        408: INVALID,
        413: INVALID,
        415: INVALID,
        429: EXHAUSTED,
        500: INTERNAL,
        503: UNAVAILABLE,
    }
)
"""Codes of google.rpc (https://github.com/googleapis/googleapis, google/rpc/code.proto) by HTTP status."""


def encoding_of(media_type: str) -> str:
    """The media type to answer in: JSON, unless protobuf was sent."""
    return PROTOBUF if "protobuf" in media_type else JSON


def success(encoding: str, rejected: int = 0, reasons: Sequence[str] = ()) -> bytes:
    """An ExportTraceServiceResponse; of metrics and logs as well where nothing was rejected, since it is empty then."""
    message = _told(rejected, reasons)
    if encoding == JSON:
        partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}}
        return orjson.dumps(partial if rejected else {})
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = message
    return bytes(response.SerializeToString())


def failure(encoding: str, status: int, message: str) -> bytes:
    """A google.rpc.Status. status: of HTTP."""
    if encoding == JSON:
        return orjson.dumps({"code": CODES[status], "message": message})
    from google.rpc.status_pb2 import Status

    return bytes(Status(code=CODES[status], message=message).SerializeToString())


def _told(rejected: int, reasons: Sequence[str]) -> str:
    return f"{rejected:,} spans were not stored: {'; '.join(reasons)}. All others were."

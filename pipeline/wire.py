"""The wire between a client and the stack: replies, status codes and trace headers, read and written here by both sides.

Requests are in `pipeline.wire_requests`; `wire.schema.json` beside this file has the JSON Schema of both. Owns the form of a message;
refuses to send one.
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import errors
from pipeline.errors import BackendError, BadResponse, InputError
from pipeline.schema import (
    SCHEMA_VERSION,
    VERSION_1,
    failure_from_dict,
    failure_to_dict,
    trace_from_dict,
    trace_to_dict,
    trace_to_version_1,
)
from pipeline.types import Failure, PartReadiness, Readiness, Trace

SCHEMA_HEADER = "x-raglass-schema"
"""The request header by which a caller says which trace schema it reads. One that does not say reads schema 1."""

STATUS = {"InputError": 400, "Throttled": 429, "Timeout": 504}
"""HTTP status by an error's kind; any other is 502."""


@dataclass(frozen=True, slots=True)
class QueryResponse:
    """What came back for a question."""

    request_id: str
    """The stack's own id of the request, to find it in the logs."""
    gateway_ms: float
    """The orchestrator's time, as it measured it."""
    trace: Trace | None
    """All that happened, failed or not; None if nothing could be begun."""
    error: Failure | None
    """Why there is no (whole) answer."""


@dataclass(frozen=True, slots=True)
class ScoreResponse:
    """Log-probabilities of a forced answer."""

    request_id: str
    """The stack's own id of the request."""
    tokens: tuple[str, ...]
    """The answer's tokens."""
    logprobs_nats: tuple[tuple[float, ...], ...]
    """(n_sets, n_tokens), nats."""


def wire_schema() -> dict[str, Any]:
    """The JSON Schemas of all requests and replies, by name under `$defs`."""
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("wire.schema.json").read_text("utf-8"))
    return schema


def status_of(failure: Failure | None) -> int:
    """The HTTP status that says what became of a request."""
    return 200 if failure is None else STATUS.get(failure.kind, 502)


def query_response(
    request_id: str, gateway_ms: float, trace: Trace | None, error: Failure | None, *, reads: str | None = None
) -> dict[str, Any]:
    """The reply to a question, as JSON-ready data. reads: the caller's SCHEMA_HEADER; without it, schema 1 is all that it reads."""
    newer = reads is not None and reads.split(".")[0].isdecimal() and int(reads.split(".")[0]) >= 2
    write = trace_to_dict if newer else trace_to_version_1
    return {
        **_head(request_id),
        "schema_version": SCHEMA_VERSION if newer else VERSION_1,
        "gateway_ms": gateway_ms,
        "trace": None if trace is None else write(trace),
        "error": failure_to_dict(error),
    }


def score_response(
    request_id: str, gateway_ms: float, tokens: Sequence[str], logprobs_nats: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """The reply with scores, as JSON-ready data."""
    rows = [list(row) for row in logprobs_nats]
    return {
        **_head(request_id),
        "gateway_ms": gateway_ms,
        "tokens": list(tokens),
        "logprobs_nats": rows,
        "error": None,
    }


def health_response(request_id: str, readiness: Readiness) -> dict[str, Any]:
    """The reply on readiness, as JSON-ready data."""
    parts = [{"name": part.name, "ready": part.ready, "detail": part.detail} for part in readiness.parts]
    return {**_head(request_id), "ready": readiness.ready, "parts": parts, "error": None}


def error_response(request_id: str, gateway_ms: float, error: Failure) -> dict[str, Any]:
    """The reply to a request of any operation that failed before there was a trace."""
    return query_response(request_id, gateway_ms, None, error)


def parse_query_response(data: Mapping[str, Any]) -> QueryResponse:
    """The reply that `query_response` wrote. Raises BadResponse for anything else."""
    try:
        _check_version(data)
        trace, error = data["trace"], data["error"]
        return QueryResponse(
            request_id=str(data["request_id"]),
            gateway_ms=float(data["gateway_ms"]),
            trace=None if trace is None else trace_from_dict(trace),
            error=failure_from_dict(error),
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as fault:
        raise _no_reply("a trace", fault) from fault


def parse_score_response(data: Mapping[str, Any]) -> ScoreResponse:
    """The reply that `score_response` wrote. Raises the error it carries, BadResponse for anything else."""
    try:
        _check_version(data)
        raise_failure(failure_from_dict(data["error"]))
        rows = tuple(tuple(float(value) for value in row) for row in data["logprobs_nats"])
        return ScoreResponse(str(data["request_id"]), tuple(map(str, data["tokens"])), rows)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as fault:
        raise _no_reply("scores", fault) from fault


def parse_health_response(data: Mapping[str, Any]) -> Readiness:
    """The reply that `health_response` wrote. Raises the error it carries, BadResponse for anything else."""
    try:
        _check_version(data)
        raise_failure(failure_from_dict(data["error"]))
        return Readiness(
            tuple(PartReadiness(str(p["name"]), p["ready"] is True, str(p["detail"])) for p in data["parts"])
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as fault:
        raise _no_reply("readiness", fault) from fault


def raise_failure(failure: Failure | None) -> None:
    """Raise a failure that came over the wire as the error that it was; an unknown kind is a BackendError."""
    if failure is None:
        return
    kind = getattr(errors, failure.kind, BackendError)
    if isinstance(kind, type) and issubclass(kind, BackendError):
        raise kind(failure.message, stage=failure.stage)
    raise InputError(failure.message) if kind is InputError else BackendError(failure.message, stage=failure.stage)


REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""What a caller's `x-request-id` may be: it goes into headers and log lines as it is."""


def request_id_of(header: str | None) -> str | None:
    """The request id of an `x-request-id` header; None where there is none that may be passed on."""
    return header if header and REQUEST_ID.fullmatch(header) else None


TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id of a W3C `traceparent` header; None where there is none that is valid."""
    found = TRACEPARENT.fullmatch((traceparent or "").strip().lower())
    return None if found is None or set(found[1]) == {"0"} or set(found[2]) == {"0"} else found[1]


def make_traceparent(trace_id: str, span_id: str = "") -> str:
    """A W3C `traceparent` header, sampled. span_id: the span that calls; empty for a new id."""
    return f"00-{trace_id}-{span_id or secrets.token_hex(8)}-01"


def _head(request_id: str) -> dict[str, Any]:
    return {"schema_version": VERSION_1, "request_id": request_id}


def _check_version(data: Mapping[str, Any]) -> None:
    major = int(str(data["schema_version"]).split(".")[0])
    if major > int(SCHEMA_VERSION.split(".")[0]):
        raise BadResponse(
            f"The stack speaks schema version {data['schema_version']}; this Raglass reads {SCHEMA_VERSION}. Update Raglass."
        )


def _no_reply(what: str, fault: Exception) -> BadResponse:
    return BadResponse(
        f"The reply is not {what} ({type(fault).__name__}). Check that RAGLASS_API_URL is the URL of a Raglass stack."
    )

"""The wire between a client and the stack: requests, replies, status codes and trace headers, read and written here by both sides.

`wire.schema.json` beside this file is its JSON Schema. Owns the form of a message; refuses to send one.
"""

import json
import math
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import errors
from pipeline.errors import BackendError, BadResponse, InputError
from pipeline.pipeline import MAX_TOP_K
from pipeline.schema import (
    SCHEMA_VERSION,
    chunk_from_dict,
    chunk_to_dict,
    failure_from_dict,
    failure_to_dict,
    trace_from_dict,
    trace_to_dict,
)
from pipeline.types import Chunk, Failure, PartReadiness, Readiness, Trace

MAX_BODY_BYTES = 6_000_000
"""API Gateway and SageMaker take no more."""

MAX_SETS = 1_024
"""Chunk subsets scored by one request: all of those of ten chunks."""

MAX_ANSWER_CHARS = 10_000
"""A forced answer longer than this is no answer."""

MAX_NEW_TOKENS = 1_024
"""More would not be made before API Gateway gives up."""

DEFAULT_DEADLINE_S = 25.0
"""Below the 30 seconds after which API Gateway gives up."""

HEALTH = "health"


class WireError(InputError):
    """A request that cannot be served; `status` is its HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A question to answer, or to find chunks for."""

    question: str
    """As typed."""
    top_k: int = 5
    """Chunks to retrieve."""
    deadline_s: float = DEFAULT_DEADLINE_S
    """Seconds for everything."""
    rerank: bool = False
    """Whether to rerank."""
    max_new_tokens: int | None = None
    """Upper bound on the answer's length; None leaves it to the stack."""


@dataclass(frozen=True, slots=True)
class RetrieveRequest:
    """A question to find chunks for."""

    question: str
    """As typed."""
    top_k: int = 5
    """Chunks to retrieve."""
    deadline_s: float = DEFAULT_DEADLINE_S
    """Seconds for everything."""


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """An answer to score over subsets of chunks."""

    question: str
    """As typed."""
    chunks: tuple[Chunk, ...]
    """All chunks."""
    sets: tuple[tuple[int, ...], ...]
    """Subsets, as positions in `chunks`."""
    answer: str
    """The forced answer."""
    deadline_s: float = DEFAULT_DEADLINE_S
    """Seconds for everything."""


@dataclass(frozen=True, slots=True)
class HealthRequest:
    """Whether every part is ready."""


Request = QueryRequest | RetrieveRequest | ScoreRequest | HealthRequest

ROUTES = {
    "/query": ("POST", QueryRequest),
    "/retrieve": ("POST", RetrieveRequest),
    "/score": ("POST", ScoreRequest),
    "/health": ("GET", HealthRequest),
}
"""Method and request of each path."""

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


def parse_request(method: str, path: str, content_type: str, body: bytes) -> Request:
    """The request of an HTTP call. Raises WireError, with the status to answer, for what is none.

    path: below the stage, for example `/query`.
    """
    route = ROUTES.get("/" + path.strip("/"))
    if route is None:
        raise WireError(f"There is no operation {path[:80]!r}. Known: {', '.join(ROUTES)}.", 404)
    if method != route[0]:
        raise WireError(f"{path} takes {route[0]}, not {method[:20]!r}.", 405)
    if route[1] is HealthRequest:
        return HealthRequest()
    if len(body) > MAX_BODY_BYTES:
        raise WireError(f"The body has {len(body):,} bytes; at most {MAX_BODY_BYTES:,} are taken. Send less.", 413)
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise WireError(f"The content type is {content_type[:80]!r}; send application/json.", 415)
    data = _object(body)
    return READERS[route[1]](_Fields(data))


def request_to_dict(request: QueryRequest | RetrieveRequest | ScoreRequest) -> dict[str, Any]:
    """A request's body as JSON-ready data."""
    if isinstance(request, ScoreRequest):
        return {
            "question": request.question,
            "chunks": [chunk_to_dict(chunk) for chunk in request.chunks],
            "sets": [list(subset) for subset in request.sets],
            "answer": request.answer,
            "deadline_s": request.deadline_s,
        }
    given = {"question": request.question, "top_k": request.top_k, "deadline_s": request.deadline_s}
    if isinstance(request, RetrieveRequest):
        return given
    limit = {} if request.max_new_tokens is None else {"max_new_tokens": request.max_new_tokens}
    return {**given, "rerank": request.rerank, **limit}


def status_of(failure: Failure | None) -> int:
    """The HTTP status that says what became of a request."""
    return 200 if failure is None else STATUS.get(failure.kind, 502)


def query_response(request_id: str, gateway_ms: float, trace: Trace | None, error: Failure | None) -> dict[str, Any]:
    """The reply to a question, as JSON-ready data."""
    return {
        **_head(request_id),
        "gateway_ms": gateway_ms,
        "trace": None if trace is None else trace_to_dict(trace),
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
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise _no_reply("a trace", fault) from fault


def parse_score_response(data: Mapping[str, Any]) -> ScoreResponse:
    """The reply that `score_response` wrote. Raises the error it carries, BadResponse for anything else."""
    try:
        _check_version(data)
        raise_failure(failure_from_dict(data["error"]))
        rows = tuple(tuple(float(value) for value in row) for row in data["logprobs_nats"])
        return ScoreResponse(str(data["request_id"]), tuple(map(str, data["tokens"])), rows)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise _no_reply("scores", fault) from fault


def parse_health_response(data: Mapping[str, Any]) -> Readiness:
    """The reply that `health_response` wrote. Raises the error it carries, BadResponse for anything else."""
    try:
        _check_version(data)
        raise_failure(failure_from_dict(data["error"]))
        return Readiness(
            tuple(PartReadiness(str(p["name"]), p["ready"] is True, str(p["detail"])) for p in data["parts"])
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
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


def make_traceparent(trace_id: str) -> str:
    """A W3C `traceparent` header with a new parent id, sampled."""
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"


def _head(request_id: str) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "request_id": request_id}


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


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise WireError("The body is not JSON. Send a JSON object.") from error
    if not isinstance(data, dict):
        raise WireError("The body is not a JSON object.")
    return data


def _refuse_constant(name: str) -> float:
    """NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


@dataclass(slots=True)
class _Fields:
    """A request's fields, taken one by one; what is left over is refused."""

    data: dict[str, Any]
    taken: set[str] = field(default_factory=set)

    def take(self, name: str, kinds: type | tuple[type, ...], default: Any = ...) -> Any:
        self.taken.add(name)
        value = self.data.get(name, default)
        if value is ...:
            raise WireError(f"The field {name!r} is missing.")
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise WireError(f"The field {name!r} is {type(value).__name__}, which it cannot be.")
        return value

    def deadline_s(self) -> float:
        given = self.take("deadline_s", (int, float), DEFAULT_DEADLINE_S)
        try:
            seconds = float(given)
        except OverflowError:
            seconds = math.inf
        if not math.isfinite(seconds):
            raise WireError("The field 'deadline_s' is no number of seconds that can be waited for.")
        return seconds

    def max_new_tokens(self) -> int | None:
        if "max_new_tokens" not in self.data:
            return None
        tokens: int = self.take("max_new_tokens", int)
        if not 1 <= tokens <= MAX_NEW_TOKENS:
            raise WireError(f"max_new_tokens is {tokens}; ask for between 1 and {MAX_NEW_TOKENS:,}.")
        return tokens

    def end(self) -> None:
        unknown = sorted(set(self.data) - self.taken)
        if unknown:
            raise WireError(f"Unknown fields: {', '.join(name[:40] for name in unknown[:5])}. Leave them out.")


def _query(fields: _Fields) -> QueryRequest:
    request = QueryRequest(
        question=fields.take("question", str),
        top_k=fields.take("top_k", int, 5),
        deadline_s=fields.deadline_s(),
        rerank=fields.take("rerank", bool, False),
        max_new_tokens=fields.max_new_tokens(),
    )
    fields.end()
    return request


def _retrieve(fields: _Fields) -> RetrieveRequest:
    request = RetrieveRequest(
        question=fields.take("question", str),
        top_k=fields.take("top_k", int, 5),
        deadline_s=fields.deadline_s(),
    )
    fields.end()
    return request


def _score(fields: _Fields) -> ScoreRequest:
    question, answer, deadline_s = fields.take("question", str), fields.take("answer", str), fields.deadline_s()
    chunks, sets = fields.take("chunks", list), fields.take("sets", list)
    fields.end()
    if not 1 <= len(sets) <= MAX_SETS:
        raise WireError(f"{len(sets):,} sets were sent; send between 1 and {MAX_SETS:,}.")
    if len(chunks) > MAX_TOP_K:
        raise WireError(f"{len(chunks):,} chunks were sent; send at most {MAX_TOP_K}, as many as a question can find.")
    if not answer.strip() or len(answer) > MAX_ANSWER_CHARS:
        raise WireError(
            f"The answer has {len(answer):,} characters. Send one that is not blank, of at most {MAX_ANSWER_CHARS:,}."
        )
    try:
        found = tuple(chunk_from_dict(chunk) for chunk in chunks)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WireError("A chunk is not one that /query or /retrieve answered.") from error
    return ScoreRequest(question, found, tuple(_subset(one, len(found)) for one in sets), answer, deadline_s)


def _subset(positions: Any, count: int) -> tuple[int, ...]:
    if not isinstance(positions, list) or not all(type(one) is int and 0 <= one < count for one in positions):
        raise WireError(f"A set must be a list of positions from 0 to {count - 1} in 'chunks'.")
    if len(set(positions)) != len(positions):
        raise WireError("A set names a position twice. Name each chunk once.")
    return tuple(positions)


READERS: Mapping[type, Callable[[_Fields], Request]] = {
    QueryRequest: _query,
    RetrieveRequest: _retrieve,
    ScoreRequest: _score,
}

"""Requests to a stack: their fields, their bounds, and reading and writing them. Replies are `pipeline.wire`'s."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.checks import MAX_TOP_K
from pipeline.errors import InputError
from pipeline.schema import chunk_from_dict, chunk_to_dict
from pipeline.types import Chunk

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

"""The JSON form of a trace: one versioned schema for the store, the wire, the shell and every download.

`trace.schema.json` beside this file is its JSON Schema. A reader ignores fields that it does not know, so that a newer
minor version can be read; a payload of a newer major version is refused.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pipeline.errors import BadResponse
from pipeline.spans import SPAN_KINDS, Attribute, Failure, Span, SpanEvent, Status
from pipeline.types import Chunk, Confidence, Evidence, Generation, Origin, Token, Trace

T = TypeVar("T", bound=str)

ORIGINS: tuple[Origin, ...] = get_args(Origin)

STATUSES: tuple[Status, ...] = get_args(Status)

SCHEMA_VERSION = "2.0"
"""`major.minor`; the major number rises when an old reader would misread."""

VERSION_1 = "1.1"
"""What a reader takes that knows no tree of spans. It ignores what it does not know: only the version and a parent's name differ."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a trace."""
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("trace.schema.json").read_text("utf-8"))
    return schema


def trace_to_dict(trace: Trace) -> dict[str, Any]:
    """A trace as JSON-ready data."""
    return {
        "schema_version": SCHEMA_VERSION,
        "trace_id": trace.trace_id,
        "question": trace.question,
        "backend": trace.backend,
        "asked_at": trace.asked_at,
        "duration_ms": trace.duration_ms,
        "chunks": [chunk_to_dict(chunk) for chunk in trace.chunks],
        "generation": None if trace.generation is None else generation_to_dict(trace.generation),
        "spans": [span_to_dict(span) for span in trace.spans],
        "settings": dict(trace.settings),
        "error": failure_to_dict(trace.error),
        "retrieved": [chunk_to_dict(chunk) for chunk in trace.retrieved],
        "origin": trace.origin,
        "service": trace.service,
        "session": trace.session,
        "user": trace.user,
        "tags": list(trace.tags),
        "metadata": dict(trace.metadata),
    }


def trace_to_version_1(trace: Trace) -> dict[str, Any]:
    """A trace as JSON-ready data for a reader of schema 1: what the stack's own spans and chunks hold, it can read."""
    stages = {span.span_id: span.stage for span in trace.spans}
    data = trace_to_dict(trace)
    for span in data["spans"]:
        span["parent"] = stages.get(span["parent_id"])
    return {**data, "schema_version": VERSION_1}


def trace_to_json(trace: Trace) -> str:
    """A trace as compact JSON text. Non-ASCII is kept as it is."""
    return json.dumps(trace_to_dict(trace), ensure_ascii=False, separators=(",", ":"))


def trace_from_dict(data: Mapping[str, Any]) -> Trace:
    """The trace that `trace_to_dict` wrote. Raises BadResponse for anything else."""
    try:
        major = int(str(data["schema_version"]).split(".")[0])
        if major > int(SCHEMA_VERSION.split(".")[0]):
            raise BadResponse(
                f"The trace has schema version {data['schema_version']}; this Raglass reads {SCHEMA_VERSION}. Update Raglass."
            )
        return Trace(
            trace_id=_text(data, "trace_id"),
            question=_text(data, "question"),
            backend=_text(data, "backend"),
            asked_at=_number(data, "asked_at"),
            duration_ms=_number(data, "duration_ms"),
            chunks=tuple(chunk_from_dict(chunk) for chunk in _take(data, "chunks", list)),
            generation=None if data["generation"] is None else generation_from_dict(data["generation"]),
            spans=tuple(span_from_dict(span) for span in _take(data, "spans", list)),
            settings=_mapping(data, "settings"),
            error=failure_from_dict(data["error"]),
            **({} if major < 2 else _since_2(data)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadResponse(
            f"This is not a trace: {type(error).__name__} at {error}. See pipeline/trace.schema.json."
        ) from error


def trace_from_json(text: str) -> Trace:
    """The trace that `trace_to_json` wrote. Raises BadResponse for anything else."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadResponse("This is not a trace: it is not JSON.") from error
    return trace_from_dict(data)


def chunk_to_dict(chunk: Chunk) -> dict[str, Any]:
    """A chunk as JSON-ready data."""
    return {
        "chunk_id": chunk.chunk_id,
        "document_id": chunk.document_id,
        "title": chunk.title,
        "text": chunk.text,
        "score": chunk.score,
        "rank": chunk.rank,
        "signals": dict(chunk.signals),
        "section": list(chunk.section),
        "place": chunk.place,
        "source": chunk.source,
    }


def chunk_from_dict(data: Mapping[str, Any]) -> Chunk:
    """The chunk that `chunk_to_dict` wrote. Raises KeyError, TypeError or ValueError, naming the field, for anything else."""
    return Chunk(
        chunk_id=_text(data, "chunk_id"),
        document_id=_text(data, "document_id"),
        title=_text(data, "title"),
        text=_text(data, "text"),
        score=None if data["score"] is None else _number(data, "score"),
        rank=_whole(data, "rank"),
        signals={name: _number(given, name) for given in (_mapping(data, "signals"),) for name in given},
        section=tuple(map(str, _take(data, "section", list))) if "section" in data else (),
        place=_text(data, "place") if "place" in data else "",
        source=_text(data, "source") if "source" in data else "",
    )


def failure_to_dict(failure: Failure | None) -> dict[str, Any] | None:
    """A failure as JSON-ready data."""
    return None if failure is None else {"kind": failure.kind, "message": failure.message, "stage": failure.stage}


def failure_from_dict(data: Mapping[str, Any] | None) -> Failure | None:
    """The failure that `failure_to_dict` wrote; raises as `chunk_from_dict` does."""
    return (
        None
        if data is None
        else Failure(kind=_text(data, "kind"), message=_text(data, "message"), stage=_optional_text(data, "stage"))
    )


def _since_2(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that traces of schema 1 lack."""
    return {
        "retrieved": tuple(chunk_from_dict(chunk) for chunk in _take(data, "retrieved", list)),
        "origin": _one_of(data, "origin", ORIGINS),
        "service": _text(data, "service"),
        "session": _text(data, "session"),
        "user": _text(data, "user"),
        "tags": tuple(map(str, _take(data, "tags", list))),
        "metadata": _mapping(data, "metadata"),
    }


def span_to_dict(span: Span) -> dict[str, Any]:
    """A span as JSON-ready data."""
    return {
        "stage": span.stage,
        "start_ms": span.start_ms,
        "duration_ms": span.duration_ms,
        "attributes": dict(span.attributes),
        "error": failure_to_dict(span.error),
        "parent_id": span.parent_id,
        "span_id": span.span_id,
        "name": span.name,
        "kind": span.kind,
        "service": span.service,
        "status": span.status,
        "events": [
            {"name": event.name, "at_ms": event.at_ms, "attributes": dict(event.attributes)} for event in span.events
        ],
    }


def span_from_dict(data: Mapping[str, Any]) -> Span:
    """The span that `span_to_dict` wrote; raises as `chunk_from_dict` does. In schema 1 a span's stage is its id."""
    timed = _text(data, "stage"), _number(data, "start_ms"), _number(data, "duration_ms")
    known = _attributes(data), failure_from_dict(data["error"])
    if "span_id" not in data:
        return Span(*timed, *known, parent_id=_optional_text(data, "parent"))
    return Span(
        *timed,
        *known,
        parent_id=_optional_text(data, "parent_id"),
        span_id=_text(data, "span_id"),
        name=_text(data, "name"),
        kind=_one_of(data, "kind", SPAN_KINDS),
        service=_text(data, "service"),
        status=_one_of(data, "status", STATUSES),
        events=tuple(
            SpanEvent(_text(event, "name"), _number(event, "at_ms"), _attributes(event))
            for event in _take(data, "events", list)
        ),
    )


def _attributes(data: Mapping[str, Any]) -> dict[str, Attribute]:
    given = _mapping(data, "attributes")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def generation_to_dict(generation: Generation) -> dict[str, Any]:
    """A generation as JSON-ready data."""
    confidence = generation.confidence
    return {
        "answer": generation.answer,
        "tokens": [
            {"text": token.text, "logprob_nats": token.logprob_nats, "entropy_nats": token.entropy_nats}
            for token in generation.tokens
        ],
        "prompt_tokens": generation.prompt_tokens,
        "finish_reason": generation.finish_reason,
        "confidence": None if confidence is None else {"value": confidence.value, "kind": confidence.kind},
        "abstained": generation.abstained,
        "evidence": [
            {"chunk_id": e.chunk_id, "start": e.start, "end": e.end, "answer": e.answer and list(e.answer)}
            for e in generation.evidence
        ],
        "used_chunk_ids": list(generation.used_chunk_ids),
        "prompt": generation.prompt,
        "completion_tokens": generation.completion_tokens,
    }


def generation_from_dict(data: Mapping[str, Any]) -> Generation:
    """The generation that `generation_to_dict` wrote; raises as `chunk_from_dict` does."""
    confidence = data["confidence"]
    return Generation(
        answer=_text(data, "answer"),
        tokens=tuple(_token(token) for token in _take(data, "tokens", list)),
        prompt_tokens=_whole(data, "prompt_tokens"),
        finish_reason=_text(data, "finish_reason"),
        confidence=None
        if confidence is None
        else Confidence(_number(confidence, "value"), _confidence_kind(confidence)),
        abstained=_take(data, "abstained", bool),
        evidence=tuple(_evidence(e) for e in _take(data, "evidence", list)),
        used_chunk_ids=tuple(_text({"used": each}, "used") for each in _take(data, "used_chunk_ids", list)),
        prompt=_optional_text(data, "prompt") if "prompt" in data else None,
        completion_tokens=None if data.get("completion_tokens") is None else _whole(data, "completion_tokens"),
    )


def _token(data: Mapping[str, Any]) -> Token:
    """Older traces do not say how undecided the generator was."""
    logprob = None if data["logprob_nats"] is None else _number(data, "logprob_nats")
    entropy = None if data.get("entropy_nats") is None else _number(data, "entropy_nats")
    return Token(_text(data, "text"), logprob, entropy)


def _evidence(data: Mapping[str, Any]) -> Evidence:
    """Older traces do not say which words of a quotation answer."""
    words = data.get("answer")
    if words is not None:
        start, end = _take(data, "answer", list)
        words = _whole({"start": start}, "start"), _whole({"end": end}, "end")
    return Evidence(_text(data, "chunk_id"), _whole(data, "start"), _whole(data, "end"), words)


def _take(data: Mapping[str, Any], name: str, *kinds: type) -> Any:
    """A field of one of some types. In JSON a boolean is no number, although Python's is."""
    value = data[name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{name!r}, which is {type(value).__name__}")
    return value


def _text(data: Mapping[str, Any], name: str) -> str:
    return str(_take(data, name, str))


def _optional_text(data: Mapping[str, Any], name: str) -> str | None:
    return None if data[name] is None else _text(data, name)


def _number(data: Mapping[str, Any], name: str) -> float:
    """A number as a float, which every database takes: JSON's integers have no end."""
    try:
        return float(_take(data, name, int, float))
    except OverflowError:
        raise ValueError(f"{name!r}, which is beyond every float") from None


def _whole(data: Mapping[str, Any], name: str) -> int:
    value: int = _take(data, name, int)
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{name!r}, which has more than 64 bits")
    return value


def _mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: Mapping[str, Any] = _take(data, name, Mapping)
    return value


def _one_of(data: Mapping[str, Any], name: str, known: Collection[T]) -> T:
    """A field that is one of some words; of a newer minor version's words, the first of ours."""
    value = _text(data, name)
    return next((word for word in known if word == value), next(iter(known)))


def _confidence_kind(data: Mapping[str, Any]) -> Literal["calibrated", "token_probability"]:
    kind = _text(data, "kind")
    if kind == "calibrated":
        return "calibrated"
    if kind == "token_probability":
        return "token_probability"
    raise ValueError(f"'kind', which is {kind[:40]!r}")

"""The JSON form of a trace: one versioned schema for the store, the wire, the shell and every download.

`trace.schema.json` beside this file is its JSON Schema. A reader ignores fields that it does not know, so that a newer
minor version can be read; a payload of a newer major version is refused.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import BadResponse
from pipeline.types import Chunk, Confidence, Evidence, Failure, Generation, Span, Token, Trace

SCHEMA_VERSION = "1.1"
"""`major.minor`; the major number rises when an old reader would misread."""


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
        "spans": [_span_to_dict(span) for span in trace.spans],
        "settings": dict(trace.settings),
        "error": failure_to_dict(trace.error),
    }


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
            spans=tuple(_span_from_dict(span) for span in _take(data, "spans", list)),
            settings=_mapping(data, "settings"),
            error=failure_from_dict(data["error"]),
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
        score=_number(data, "score"),
        rank=_whole(data, "rank"),
        signals=_mapping(data, "signals"),
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


def _span_to_dict(span: Span) -> dict[str, Any]:
    return {
        "stage": span.stage,
        "start_ms": span.start_ms,
        "duration_ms": span.duration_ms,
        "attributes": dict(span.attributes),
        "error": failure_to_dict(span.error),
        "parent": span.parent,
    }


def _span_from_dict(data: Mapping[str, Any]) -> Span:
    return Span(
        stage=_text(data, "stage"),
        start_ms=_number(data, "start_ms"),
        duration_ms=_number(data, "duration_ms"),
        attributes=_mapping(data, "attributes"),
        error=failure_from_dict(data["error"]),
        parent=_optional_text(data, "parent"),
    )


def generation_to_dict(generation: Generation) -> dict[str, Any]:
    """A generation as JSON-ready data."""
    confidence = generation.confidence
    return {
        "answer": generation.answer,
        "tokens": [{"text": token.text, "logprob_nats": token.logprob_nats} for token in generation.tokens],
        "prompt_tokens": generation.prompt_tokens,
        "finish_reason": generation.finish_reason,
        "confidence": None if confidence is None else {"value": confidence.value, "kind": confidence.kind},
        "abstained": generation.abstained,
        "evidence": [
            {"chunk_id": e.chunk_id, "start": e.start, "end": e.end, "answer": e.answer and list(e.answer)}
            for e in generation.evidence
        ],
        "used_chunk_ids": list(generation.used_chunk_ids),
    }


def generation_from_dict(data: Mapping[str, Any]) -> Generation:
    """The generation that `generation_to_dict` wrote; raises as `chunk_from_dict` does."""
    confidence = data["confidence"]
    return Generation(
        answer=_text(data, "answer"),
        tokens=tuple(
            Token(_text(token, "text"), _number(token, "logprob_nats")) for token in _take(data, "tokens", list)
        ),
        prompt_tokens=_whole(data, "prompt_tokens"),
        finish_reason=_text(data, "finish_reason"),
        confidence=None
        if confidence is None
        else Confidence(_number(confidence, "value"), _confidence_kind(confidence)),
        abstained=_take(data, "abstained", bool),
        evidence=tuple(_evidence(e) for e in _take(data, "evidence", list)),
        used_chunk_ids=tuple(_take(data, "used_chunk_ids", list)),
    )


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
    value: float = _take(data, name, int, float)
    return value


def _whole(data: Mapping[str, Any], name: str) -> int:
    value: int = _take(data, name, int)
    return value


def _mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: Mapping[str, Any] = _take(data, name, Mapping)
    return value


def _confidence_kind(data: Mapping[str, Any]) -> Literal["calibrated", "token_probability"]:
    kind = _text(data, "kind")
    if kind == "calibrated":
        return "calibrated"
    if kind == "token_probability":
        return "token_probability"
    raise ValueError(f"'kind', which is {kind[:40]!r}")

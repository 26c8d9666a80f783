"""Traces and observations that Langfuse exported: its tables as JSON, JSON lines or CSV, a downloaded trace, what its API gives, and the
files that its blob storage integration writes (https://langfuse.com/docs/api-and-data-platform/features/export-from-ui,
…/blob-storage-export-fields). Names are written as `traceId` there and as `trace_id` here.

A trace of Langfuse is no span. Where it was not sent over OpenTelemetry, whose root span is an observation, it becomes the span around
all others.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from openinference.semconv.trace import MessageAttributes, SpanAttributes

from app.ingesting.imports.values import (
    is_otel_id,
    mime_type,
    parent_id,
    span_id,
    time_ns,
    to_text,
    trace_id,
    whole,
)
from metrics.otlp.admission import STATUSES, Refused, SentSpan

SCOPE = "langfuse export"
"""Stands for the instrumentation, which the export does not name."""

KINDS = {
    "GENERATION": "LLM",
    "RETRIEVER": "RETRIEVER",
    "EMBEDDING": "EMBEDDING",
    "TOOL": "TOOL",
    "AGENT": "AGENT",
    "CHAIN": "CHAIN",
    "EVALUATOR": "EVALUATOR",
    "GUARDRAIL": "GUARDRAIL",
}
"""OpenInference's kind of each type of observation; a `SPAN` and an `EVENT` may be anything."""

TYPES = frozenset({*KINDS, "SPAN", "EVENT"})
"""Every type of observation."""

MAX_LATENCY_S = 1e6
"""A trace that took longer was never meant: eleven days."""

Row = Mapping[str, Any]


def is_langfuse(row: Row) -> bool:
    """Whether an object is an observation, a trace, or both."""
    if isinstance(row.get("trace"), dict) and isinstance(row.get("observations"), list):
        return True
    return _is_observation(row) or _is_trace(row)


def _is_observation(row: Row) -> bool:
    return str(_get(row, "type")).upper() in TYPES and _get(row, "traceId") is not None and "id" in row


def _is_trace(row: Row) -> bool:
    told = ("observations", "sessionId", "userId", "input", "output", "tags", "htmlPath", "bookmarked")
    return "id" in row and "timestamp" in row and any(_has(row, name) for name in told)


def read_row(row: Row) -> Iterator[SentSpan | Refused]:
    """The spans of an object, or why one cannot be taken. Raises Refused for a trace without an id or a time."""
    if _is_observation(row):
        yield _tried(row, {})
        return
    trace = row["trace"] if isinstance(row.get("trace"), dict) else row
    inside = row.get("observations")
    observations = [each for each in inside if isinstance(each, dict)] if isinstance(inside, list) else []
    tops = [each for each in observations if not _get(each, "parentObservationId")]
    if observations and _over_otel(trace.get("id"), observations[0].get("id")) and len(tops) == 1:
        for each in observations:
            yield _tried({**each, "traceId": trace["id"]}, trace if each is tops[0] else {})
        return
    tried = [_tried({**each, "traceId": trace.get("id")}, {}) for each in observations]
    yield _root(trace, [each for each in tried if isinstance(each, SentSpan)])
    yield from tried


def _tried(row: Row, trace: Row) -> SentSpan | Refused:
    try:
        return _observation(row, trace)
    except Refused as refused:
        return refused


def _over_otel(trace: object, observation: object) -> bool:
    """Whether a trace was sent over OpenTelemetry, so that its root is an observation."""
    return is_otel_id(trace, 32) and is_otel_id(observation, 16)


def _root_id(trace: object) -> bytes:
    """The id of the span that stands for a trace."""
    return span_id(f"trace {trace}")


def _root(trace: Row, inside: list[SentSpan]) -> SentSpan:
    start_ns = time_ns(trace.get("timestamp"), "timestamp")
    latency_s = trace.get("latency")
    told_ns = round(latency_s * 1e9) if isinstance(latency_s, int | float) and 0 < latency_s < MAX_LATENCY_S else 0
    return SentSpan(
        trace_id=trace_id(trace.get("id")),
        span_id=_root_id(trace.get("id")),
        parent_id=b"",
        name=str(trace.get("name") or "trace"),
        start_ns=min((start_ns, *(span.start_ns for span in inside))),
        end_ns=max((start_ns + told_ns, *(span.end_ns for span in inside))),
        pairs=[(SpanAttributes.OPENINFERENCE_SPAN_KIND, "CHAIN"), *_said(trace), *_about(trace)],
        status=STATUSES.index("unset"),
        status_message="",
        events=[],
        dropped=0,
    )


def _observation(row: Row, trace: Row) -> SentSpan:
    """The span of an observation. trace: what is said of its trace, if this is its root."""
    start_ns = time_ns(_get(row, "startTime"), "startTime")
    ended, traced, above = _get(row, "endTime"), _get(row, "traceId"), _get(row, "parentObservationId")
    failed = str(_get(row, "level")).upper() == "ERROR"
    parent = parent_id(above) or (b"" if _over_otel(traced, row.get("id")) else _root_id(traced))
    said = _text(_get(row, "statusMessage"))
    return SentSpan(
        trace_id=trace_id(traced),
        span_id=span_id(row.get("id")),
        parent_id=parent,
        name=str(row.get("name") or ""),
        start_ns=start_ns,
        end_ns=start_ns if not ended else time_ns(ended, "endTime"),
        pairs=list({**dict(_about(trace)), **dict(_observed(row))}.items()),
        status=STATUSES.index("error" if failed else "unset"),
        status_message=said if failed else "",
        events=[],
        dropped=0,
    )


def _said(row: Row) -> Iterator[tuple[str, Any]]:
    """What it was given and what it returned."""
    names = (
        ("input", SpanAttributes.INPUT_VALUE, SpanAttributes.INPUT_MIME_TYPE),
        ("output", SpanAttributes.OUTPUT_VALUE, SpanAttributes.OUTPUT_MIME_TYPE),
    )
    for name, value_name, mime_name in names:
        value = row.get(name)
        if value is not None and value != "":
            yield value_name, to_text(value)
            yield mime_name, mime_type(value)


def _about(row: Row) -> Iterator[tuple[str, Any]]:
    """Whose it is: the session, the user, tags and whatever else was said of it."""
    named = {"sessionId": SpanAttributes.SESSION_ID, "userId": SpanAttributes.USER_ID}
    yield from ((key, str(_get(row, name))) for name, key in named.items() if _get(row, name))
    tags = _get(row, "tags") or _get(row, "traceTags")
    if isinstance(tags, list) and tags:
        yield SpanAttributes.TAG_TAGS, [str(tag) for tag in tags]
    told = _parsed(row.get("metadata"))
    told = dict(told) if isinstance(told, dict) else {} if told in (None, "") else {"metadata": told}
    told |= {name: row[name] for name in ("release", "version", "environment") if row.get(name)}
    if told:
        yield SpanAttributes.METADATA, to_text(told)


def _observed(row: Row) -> Iterator[tuple[str, Any]]:
    """Everything that an observation says."""
    kind = KINDS.get(str(_get(row, "type")).upper())
    if kind:
        yield SpanAttributes.OPENINFERENCE_SPAN_KIND, kind
        if kind == "LLM":
            yield from _messages(SpanAttributes.LLM_INPUT_MESSAGES, _parsed(row.get("input")))
            yield from _messages(SpanAttributes.LLM_OUTPUT_MESSAGES, _parsed(row.get("output")))
    yield from _said(row)
    yield from _about(row)
    model = _get(row, "model") or _get(row, "providedModelName")
    if model:
        yield SpanAttributes.LLM_MODEL_NAME, str(model)
    parameters = _parsed(_get(row, "modelParameters"))
    if parameters:
        yield SpanAttributes.LLM_INVOCATION_PARAMETERS, to_text(parameters)
    counts = (
        (SpanAttributes.LLM_TOKEN_COUNT_PROMPT, ("input", "promptTokens", "prompt_tokens", "inputUsage")),
        (SpanAttributes.LLM_TOKEN_COUNT_COMPLETION, ("output", "completionTokens", "completion_tokens", "outputUsage")),
        (SpanAttributes.LLM_TOKEN_COUNT_TOTAL, ("total", "totalTokens", "total_tokens", "totalUsage")),
    )
    usage = _usage(row)
    for key, names in counts:
        count = next((number for name in names if (number := whole(usage.get(name))) is not None), None)
        if count:
            yield key, count


def _messages(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Messages that a model was sent or returned: one, a list, or an object that has one. Of anything else nothing is known."""
    if isinstance(value, dict):
        value = value["messages"] if isinstance(value.get("messages"), list) else [value]
    said = [each for each in value if isinstance(each, dict) and "role" in each] if isinstance(value, list) else []
    for place, message in enumerate(said):
        yield f"{prefix}.{place}.{MessageAttributes.MESSAGE_ROLE}", str(message["role"])
        if message.get("content") is not None:
            yield f"{prefix}.{place}.{MessageAttributes.MESSAGE_CONTENT}", to_text(message["content"])


def _usage(row: Row) -> dict[str, Any]:
    """Tokens, by whatever they are called: `usageDetails`, the earlier `usage`, or fields beside it."""
    beside = ("promptTokens", "completionTokens", "totalTokens", "inputUsage", "outputUsage", "totalUsage")
    found = {name: row[name] for name in beside if row.get(name) not in (None, "")}
    for name in ("usage", "usageDetails"):
        told = _parsed(_get(row, name))
        found |= {key: value for key, value in told.items() if value is not None} if isinstance(told, dict) else {}
    return found


def _parsed(value: Any) -> Any:
    """A value that some exports write as JSON text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _text(value: Any) -> str:
    return "" if value is None else to_text(value)


def _get(row: Row, name: str) -> Any:
    """A field by its name in the API, or as files of the blob storage have it."""
    return row[name] if name in row else row.get(_snake(name))


def _has(row: Row, name: str) -> bool:
    return name in row or _snake(name) in row


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)

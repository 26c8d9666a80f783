"""Spans that Phoenix exported: rows of `client.spans.get_spans_dataframe()` as JSON lines, JSON or Parquet, or what its REST API gives.

A row has `name`, `span_kind`, `parent_id`, `start_time`, `end_time`, `status_code`, `status_message`, `events`, `context.trace_id`,
`context.span_id` (or an object `context`), and attributes as columns `attributes.*` or as an object `attributes`
(https://arize.com/docs/phoenix/tracing/how-to-tracing/importing-and-exporting-traces/extract-data-from-spans).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from openinference.semconv.trace import DocumentAttributes, SpanAttributes, ToolCallAttributes

from app.ingesting.imports.values import flatten, parent_id, span_id, time_ns, to_text, trace_id
from metrics.otlp.admission import STATUSES, Refused, SentEvent, SentSpan

PREFIX = "attributes."

SCOPE = "phoenix export"
"""Stands for the instrumentation, which the export does not name."""

KEPT_JSON = (
    DocumentAttributes.DOCUMENT_METADATA,
    SpanAttributes.LLM_PROMPT_TEMPLATE_VARIABLES,
    SpanAttributes.METADATA,
    SpanAttributes.TOOL_PARAMETERS,
    SpanAttributes.LLM_INVOCATION_PARAMETERS,
    ToolCallAttributes.TOOL_CALL_FUNCTION_ARGUMENTS_JSON,
)
"""Attributes that are JSON text in OpenInference, and that Phoenix writes as objects."""


_inside = re.compile(rf"(?:^|\.)({'|'.join(map(re.escape, KEPT_JSON))})\.")


def is_phoenix(row: Mapping[str, Any]) -> bool:
    """Whether an object is such a row."""
    return "context.span_id" in row or isinstance(row.get("context"), dict)


def read_row(row: Mapping[str, Any]) -> SentSpan:
    """The span of a row. Raises Refused for one without ids or times."""
    context = row.get("context")
    context = context if isinstance(context, dict) else {}
    start_ns = time_ns(row.get("start_time"), "start_time")
    ended = row.get("end_time")
    return SentSpan(
        trace_id=trace_id(row.get("context.trace_id", context.get("trace_id"))),
        span_id=span_id(row.get("context.span_id", context.get("span_id"))),
        parent_id=parent_id(row.get("parent_id")),
        name=str(row.get("name") or ""),
        start_ns=start_ns,
        end_ns=start_ns if ended in (None, "") else time_ns(ended, "end_time"),
        pairs=list(_attributes(row)),
        status=_status(row.get("status_code")),
        status_message=str(row.get("status_message") or ""),
        events=list(_events(row.get("events"), start_ns)),
        dropped=0,
    )


def _attributes(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    given = row.get("attributes")
    nested = dict(given) if isinstance(given, dict) else {}
    nested |= {key.removeprefix(PREFIX): value for key, value in row.items() if key.startswith(PREFIX)}
    kind = row.get("span_kind")
    told = dict(flatten(_joined(nested), KEPT_JSON))
    if kind and SpanAttributes.OPENINFERENCE_SPAN_KIND not in told:
        told[SpanAttributes.OPENINFERENCE_SPAN_KIND] = str(kind).rpartition(".")[2].upper()
    yield from told.items()


def _joined(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes with the objects put together again that the REST API has taken apart, as `metadata.team`."""
    joined: dict[str, Any] = {}
    for key, value in attributes.items():
        found = _inside.search(key)
        whole = key[: found.end(1)] if found else key
        if found is None or not isinstance(joined.get(whole, {}), dict):
            joined[key] = value
        else:
            joined.setdefault(whole, {})[key[found.end() :]] = value
    return joined


def _status(sent: object) -> int:
    word = str(sent or "").rpartition(".")[2].lower()
    return STATUSES.index("error" if word == "error" else "ok" if word == "ok" else "unset")


def _events(sent: object, start_ns: int) -> Iterator[SentEvent]:
    """Events; they are JSON text where a table cannot hold them. One without a time happened at the start."""
    try:
        found = orjson.loads(sent) if isinstance(sent, str) else sent
    except orjson.JSONDecodeError:
        return
    for event in found if isinstance(found, list) else []:
        if isinstance(event, dict):
            said = event.get("attributes")
            said = dict(flatten(said)) if isinstance(said, dict) else {}
            yield SentEvent(to_text(event.get("name") or ""), _event_ns(event.get("timestamp"), start_ns), said.items())


def _event_ns(sent: object, start_ns: int) -> int:
    try:
        return time_ns(sent, "timestamp")
    except Refused:
        return start_ns

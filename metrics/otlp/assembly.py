"""`assemble`: one trace of the spans that arrived, in whatever order, pieces and repetitions.

A trace of another application is found anew from all its spans whenever some arrive. It therefore does not matter in which order
they come: the same spans make the same trace. A trace of ours stays what it is; others' spans only join its tree.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from metrics.otlp import names
from metrics.otlp.attributes import as_text
from metrics.otlp.content import SpanContent, read_content, read_tags
from metrics.otlp.records import ZERO_SPAN_ID, SpanRecord
from metrics.otlp.roles import Roles, used_ids
from pipeline.checks import UNSTORABLE
from pipeline.span_tree import SpanTree
from pipeline.spans import Attribute, Failure, Span, SpanEvent
from pipeline.types import Generation, Setting, Trace

MAX_MESSAGE_CHARS = 2_000
"""Of an error's message, which may hold a whole reply, as much is kept; the rest stands in the span's events."""

MAX_BACKEND_CHARS = 60
"""Of an application's name, as much is part of its backend's."""

FINISH_REASONS: Mapping[str, str] = {
    "": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "max_tokens": "length",
    "model_length": "length",
}
"""What other words for why a model stopped mean in ours; in lower case."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A span, and when it began on everybody's clock."""

    span: Span
    """The span. Its offsets, and its events', count from `zero_ns`."""
    zero_ns: int
    """Nanoseconds since the Unix epoch."""

    @property
    def start_ns(self) -> int:
        return self.zero_ns + round(self.span.start_ms * 1e6)

    def placed_at(self, zero_ns: int, **changes: Any) -> Span:
        """The span with its offsets from another moment, and other changes. Whole nanoseconds, so that no rounding adds up."""
        if zero_ns != self.zero_ns:
            changes["start_ms"] = (self.start_ns - zero_ns) / 1e6
        if zero_ns != self.zero_ns and self.span.events:
            changes["events"] = tuple(
                replace(event, at_ms=(self.zero_ns + round(event.at_ms * 1e6) - zero_ns) / 1e6)
                for event in self.span.events
            )
        return replace(self.span, **changes) if changes else self.span


def assemble(records: Sequence[SpanRecord], base: Trace | None = None) -> Trace:
    """The trace of some spans.

    records: of one trace, at least one unless there is a base. base: what is known of the trace already, its spans among them: ours, or
    as it was assembled before. Of two spans of one id the one that ended later counts, then the longer, then the one that says more.
    """
    placed = [_place(record) for record in records]
    resources = _resources(records, base)
    if base is not None and base.origin != "application":
        return _joined(base, placed, resources)
    known = [] if base is None else [_Placed(_bare(span), _zero_ns(base)) for span in base.spans]
    trace_id = records[0].trace_id if base is None else base.trace_id
    said = (read_tags(record.attributes) for record in records)
    tags = {tag for found in (() if base is None else base.tags, *said) for tag in found if tag}
    return _derive(trace_id, _distinct([*known, *placed]), resources, tuple(sorted(tags)))


def _zero_ns(trace: Trace) -> int:
    """Where a trace's offsets count from: a whole microsecond, which is as fine as `asked_at` can tell today."""
    return round(trace.asked_at * 1e6) * 1_000


def _bare(span: Span) -> Span:
    """Another's span less what is found only when its trace is: its stage and kind."""
    error = None if span.error is None else replace(span.error, stage=None)
    return replace(span, stage="", kind="unknown", error=error)


def _place(record: SpanRecord) -> _Placed:
    """A span as it arrived, as a trace has it."""
    attributes = dict(record.attributes)
    if record.scope:
        attributes.setdefault(names.SCOPE, record.scope)
    if record.dropped:
        attributes.setdefault(names.DROPPED, record.dropped)
    events = tuple(SpanEvent(e.name, (e.at_ns - record.start_ns) / 1e6, dict(e.attributes)) for e in record.events)
    span = Span(
        stage="",
        start_ms=0.0,
        duration_ms=max(record.end_ns - record.start_ns, 0) / 1e6,
        attributes=attributes,
        error=_failure(record),
        parent_id=None if record.parent_id in ("", ZERO_SPAN_ID) else record.parent_id,
        span_id=record.span_id,
        name=record.name or "span",
        service=_service(record.resource),
        status=record.status,
        events=events,
    )
    return _Placed(span, record.start_ns)


def _failure(record: SpanRecord) -> Failure | None:
    """Why a span failed, as its exception says, else its attributes, else its status."""
    if record.status != "error":
        return None
    raised = next((e.attributes for e in reversed(record.events) if e.name == names.EXCEPTION_EVENT), {})
    kind = raised.get(names.EXCEPTION_TYPE) or record.attributes.get(names.ERROR_TYPE) or "Error"
    said = (raised.get(names.EXCEPTION_MESSAGE), record.status_message, record.attributes.get(names.ERROR_MESSAGE))
    message = next((as_text(text) for text in said if text), "The application did not say why.")
    return Failure(as_text(kind).rpartition(".")[2] or "Error", message[:MAX_MESSAGE_CHARS])


def _service(resource: Mapping[str, Attribute]) -> str:
    """The application's name: its service's, else its project's in OpenInference, else `unknown`; never empty, as ours are."""
    service = as_text(resource.get(names.SERVICE, ""))
    named = "" if service.startswith(names.UNNAMED_SERVICE) else service
    return named or as_text(resource.get(names.PROJECT, "")) or "unknown"


def _resources(records: Sequence[SpanRecord], base: Trace | None) -> dict[str, dict[str, Any]]:
    """What was said of each application. Where two pieces differ, the greater text counts, whichever came first."""
    found = {} if base is None else _known_resources(base)
    for resource in {id(record.resource): record.resource for record in records}.values():
        known = found.setdefault(_service(resource), {})
        for key, value in resource.items():
            said = list(value) if isinstance(value, tuple) else value
            if repr(known.get(key)) != repr(said):
                known[key] = max((known.get(key, said), said), key=lambda one: (as_text(one), type(one).__name__))
    return found


def _known_resources(trace: Trace) -> dict[str, dict[str, Any]]:
    return {service: dict(said) for service, said in trace.metadata.get("resources", {}).items()}


def _distinct(spans: Iterable[_Placed]) -> list[_Placed]:
    """Each id once."""
    found: dict[str, _Placed] = {}
    for placed in spans:
        known = found.get(placed.span.span_id)
        if known is None or _weight(placed) > _weight(known):
            found[placed.span.span_id] = placed
    return list(found.values())


def _weight(placed: _Placed) -> tuple[int, int, int, bytes]:
    """What decides between two spans of one id, down to their every letter, so that the order in which they came does not."""
    duration_ns = round(placed.span.duration_ms * 1e6)
    span = placed.placed_at(placed.start_ns)
    said = len(span.attributes) + len(span.events)
    return placed.start_ns + duration_ns, duration_ns, said, orjson.dumps(span, option=orjson.OPT_SORT_KEYS)


def _joined(own: Trace, placed: Iterable[_Placed], resources: Mapping[str, Any]) -> Trace:
    """A trace of ours with others' spans in its tree. They are no stages: their time lies within ours."""
    zero_ns = _zero_ns(own)
    ours = {span.span_id for span in own.spans if not span.service}
    known = [_Placed(_bare(span), zero_ns) for span in own.spans if span.service]
    others = [p.placed_at(zero_ns) for p in _distinct([*known, *placed]) if p.span.span_id not in ours]
    others.sort(key=_in_order)
    mine = [span for span in own.spans if not span.service]
    contents = [read_content(span.attributes, span.events, span.name) for span in others]
    return replace(
        own,
        spans=(*mine, *(replace(span, kind=content.kind) for span, content in zip(others, contents, strict=True))),
        session=own.session or _first(content.session for content in contents),
        user=own.user or _first(content.user for content in contents),
        metadata={**own.metadata, **({"resources": resources} if resources else {})},
    )


def _derive(trace_id: str, placed: Sequence[_Placed], resources: Mapping[str, Any], tags: Sequence[str]) -> Trace:
    """All that a trace says, found from its spans."""
    first_ns = min(p.start_ns for p in placed)
    spans = sorted((p.placed_at(first_ns) for p in placed), key=_in_order)
    contents = {span.span_id: read_content(span.attributes, span.events, span.name) for span in spans}
    roles = Roles(SpanTree(spans), contents)
    began_ns = first_ns + round(min(span.start_ms for span in roles.roots) * 1e6)
    zero_ns = began_ns // 1_000 * 1_000
    chunks, retrieved = roles.chunks
    root = roles.roots[0]
    in_order = [contents[root.span_id], *(contents[span.span_id] for span in spans)]
    return Trace(
        trace_id=trace_id,
        question=roles.question.translate(UNSTORABLE),
        backend=f"otlp/{_cleaned(root.service)}",
        asked_at=zero_ns / 1e9,
        duration_ms=_duration_ms(roles.roots, spans),
        chunks=chunks,
        generation=_generation(roles),
        spans=tuple(_staged(p, zero_ns, contents, roles.stages) for p in sorted(placed, key=_placed_order)),
        settings=_settings(roles, contents),
        error=_propagated(roles, spans),
        retrieved=retrieved,
        origin="application",
        service=root.service,
        session=_first(content.session for content in in_order),
        user=_first(content.user for content in in_order),
        tags=tuple(tags),
        metadata=_metadata(roles, contents, resources),
    )


def _in_order(span: Span) -> tuple[float, str]:
    return span.start_ms, span.span_id


def _placed_order(placed: _Placed) -> tuple[int, str]:
    return placed.start_ns, placed.span.span_id


def _staged(placed: _Placed, zero_ns: int, contents: Mapping[str, SpanContent], stages: Mapping[str, str]) -> Span:
    span = placed.span
    stage = stages.get(span.span_id, "")
    error = None if span.error is None else replace(span.error, stage=stage or None)
    return placed.placed_at(zero_ns, stage=stage, kind=contents[span.span_id].kind, error=error)


def _duration_ms(roots: Sequence[Span], spans: Sequence[Span]) -> float:
    """A single root's; of several, or of none yet, from the first beginning to the last end."""
    if len(roots) == 1 and roots[0].parent_id is None:
        return roots[0].duration_ms
    return max(span.end_ms for span in spans) - min(span.start_ms for span in roots)


def _generation(roles: Roles) -> Generation | None:
    """The answer; None where nobody gave one and no model ended well."""
    span = roles.answering
    if not roles.answer and (span is None or span.status == "error"):
        return None
    content = None if span is None else roles.model_content(span)
    reason = "" if content is None else content.finish_reason.lower()
    prompt = "" if content is None else content.prompt
    return Generation(
        answer=roles.answer.translate(UNSTORABLE),
        tokens=(),
        prompt_tokens=0 if content is None else content.prompt_tokens or 0,
        finish_reason=FINISH_REASONS.get(reason, reason),
        used_chunk_ids=used_ids(roles.chunks[0], prompt),
        prompt=prompt or None,
        completion_tokens=None if content is None else content.completion_tokens,
    )


def _settings(roles: Roles, contents: Mapping[str, SpanContent]) -> dict[str, Setting]:
    """What is known of how it was asked, by the names that our own pipeline gives it."""
    spans = {"embedder": roles.embedders[:1], "reranker": (roles.reranker,), "generator": (roles.answering,)}
    models = {name: contents[span.span_id].model for name, found in spans.items() for span in found if span is not None}
    asked = [contents[span.span_id].top_k for span in (roles.reranker, *roles.retrievers) if span is not None]
    top_k = next((count for count in asked if count is not None), len(roles.chunks[0]) or None)
    found: dict[str, Setting] = {name: model for name, model in models.items() if model}
    if top_k is not None:
        found |= {"top_k": top_k, "rerank": roles.reranker is not None}
    return found


def _propagated(roles: Roles, spans: Sequence[Span]) -> Failure | None:
    """The root's error, told by the innermost span that it came from; none where the application went on and answered."""
    tree = SpanTree(spans)
    root = next((span for span in roles.roots if span.status == "error"), None)
    failed = roles.roots[0] if root is None and not roles.answer else root
    if failed is None or failed.span_id not in tree.failing:
        return None
    cause = failed
    while inside := [span for span in tree.children(cause) if span.span_id in tree.failing]:
        cause = max(inside, key=lambda span: (span.end_ms, span.span_id))
    around: Span | None = cause
    while around is not None and around.span_id not in roles.stages:
        around = tree.parent(around)
    told = root if root is not None and root.error is not None and root.error.kind != "Error" else cause
    error = told.error or cause.error
    return None if error is None else replace(error, stage=None if around is None else roles.stages[around.span_id])


def _metadata(roles: Roles, contents: Mapping[str, SpanContent], resources: Mapping[str, Any]) -> dict[str, Any]:
    """What the root says, the tokens of all models together, and what was said of the applications."""
    said = dict(contents[roles.roots[0].span_id].metadata)
    asked = [roles.model_content(span) for span in roles.models]
    for name in ("prompt_tokens", "completion_tokens"):
        counts = [count for content in asked if (count := getattr(content, name)) is not None]
        if counts:
            said[f"all_{name}"] = sum(counts)
    return {**said, "resources": dict(resources)}


def _cleaned(service: str) -> str:
    """A name as a backend's may be: letters, digits, dots, dashes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", service).strip("-.")[:MAX_BACKEND_CHARS] or "unknown"


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")

"""Spans of a made-up application, for tests of what is read from them."""

from typing import Any

from metrics.otlp.records import EventRecord, SpanRecord
from pipeline.spans import Attribute

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
ZERO_NS = 1_757_000_000_000_000_000
"""September 2025."""


def span_id(number: int) -> str:
    """The id of a span that a test knows by a number."""
    return f"{number:016x}"


def make_record(
    number: int, parent: int | None = None, *, start_ms: float = 0, ms: float = 10, **said: Any
) -> SpanRecord:
    """A span. said: `attributes`, or another field of the record."""
    start_ns = ZERO_NS + round(start_ms * 1e6)
    fields: dict[str, Any] = {
        "name": f"span {number}",
        "resource": {"service.name": "shop"},
        "parent_id": "" if parent is None else span_id(parent),
        **said,
    }
    return SpanRecord(
        trace_id=TRACE_ID, span_id=span_id(number), start_ns=start_ns, end_ns=start_ns + round(ms * 1e6), **fields
    )


def documents(prefix: str, *given: dict[str, Attribute]) -> dict[str, Attribute]:
    """Attributes `{prefix}.{i}.document.*`."""
    return {f"{prefix}.{i}.document.{key}": value for i, one in enumerate(given) for key, value in one.items()}


def messages(prefix: str, *given: tuple[str, str]) -> dict[str, Attribute]:
    """Attributes `{prefix}.{i}.message.role` and `.content`."""
    return {
        f"{prefix}.{i}.message.{key}": value
        for i, (role, content) in enumerate(given)
        for key, value in (("role", role), ("content", content))
    }


def kind(name: str, **said: Attribute) -> dict[str, Attribute]:
    """The attribute that tells a span's kind, and others."""
    return {"openinference.span.kind": name, **said}


def make_question(*, reranked: bool = False) -> list[SpanRecord]:
    """A question as a RAG application answers it: embed, retrieve, perhaps rerank, ask a model; its root first."""
    found = documents(
        "retrieval.documents",
        *({"id": n, "content": f"Text {n}.", "score": s} for n, s in (("a", 0.9), ("b", 0.8), ("c", 0.7))),
    )
    kept = documents(
        "reranker.output_documents",
        *({"id": n, "content": f"Text {n}.", "score": s} for n, s in (("c", 5.0), ("a", 4.0))),
    )
    read = "Text c. Text a." if reranked else "Text a. Text b. Text c."
    asked = messages("llm.input_messages", ("system", read), ("user", "Why?"))
    spans = [
        make_record(1, ms=100, attributes=kind("CHAIN", **{"input.value": "Why?", "output.value": "Because."})),
        make_record(2, 1, start_ms=1, ms=40, attributes=kind("RETRIEVER", **{"input.value": "why", **found})),
        make_record(3, 2, start_ms=2, ms=20, attributes=kind("EMBEDDING", **{"embedding.model_name": "e5"})),
        make_record(
            5,
            1,
            start_ms=60,
            ms=35,
            attributes=kind(
                "LLM",
                **{"llm.model_name": "m", "llm.token_count.prompt": 12, "llm.token_count.completion": 2},
                **asked,
                **messages("llm.output_messages", ("assistant", "Because.")),
            ),
            events=(EventRecord("first token", ZERO_NS + 70_000_000),),
        ),
    ]
    if reranked:
        spans.append(
            make_record(4, 1, start_ms=45, ms=10, attributes=kind("RERANKER", **{"reranker.query": "why", **kept}))
        )
    return spans

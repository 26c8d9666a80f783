"""Traces of other applications, as trees of spans. Names and attributes are those that OpenInference's instrumentations send."""

import json
from typing import Any

from pipeline.spans import Failure, Span, SpanEvent
from pipeline.types import Chunk, Generation, Trace

SERVICE = "shop-assistant"


def make_tree(*, retrievals: int = 3) -> tuple[Span, ...]:
    """A chain that retrieves several times, reranks and asks a model, which fails once. Times are in ms."""
    found = {
        "retrieval.documents.0.document.content": "Returns are taken back within 30 days.",
        "retrieval.documents.0.document.id": "doc-7",
        "retrieval.documents.0.document.score": 0.71,
        "retrieval.documents.1.document.content": "Shipping is free above 50 euros.",
        "retrieval.documents.2.document.content": "A refund is paid to the card that was used.",
        "retrieval.documents.2.document.id": "doc-9",
        "input.value": "Can I return my order?",
    }
    before = ["doc-1", "doc-2", "doc-3", "doc-4"]
    after = ["doc-3", "doc-1", "doc-5"]
    reranked: dict[str, Any] = {"reranker.query": "Can I return my order?", "reranker.model_name": "cross-encoder"}
    for side, ids in (("input", before), ("output", after)):
        for number, name in enumerate(ids):
            reranked[f"reranker.{side}_documents.{number}.document.id"] = name
            reranked[f"reranker.{side}_documents.{number}.document.content"] = f"Text of {name}."
    model = {
        "llm.model_name": "gpt-oss-20b",
        "llm.provider": "local",
        "llm.token_count.prompt": 812,
        "llm.token_count.completion": 64,
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Answer from the documents alone.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "Can I return my order?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Yes, within 30 days.",
        "llm.invocation_parameters": json.dumps({"temperature": 0.2, "stop": ["x" * 900]}),
    }
    failed = Failure("RateLimitError", "429 from the model server.", "generate")
    raised = SpanEvent("exception", 395.0, {"exception.type": "RateLimitError", "exception.message": "429"})
    step_ms = 180.0 / retrievals
    retrieved = [
        _span(f"r{number}", "chain", "retrieve", 10 + number * step_ms, step_ms * 0.9, found, kind="retriever")
        for number in range(retrievals)
    ]
    return (
        _span("root", None, "RetrievalQA", 0, 1000, {"input.value": "Can I return my order?"}, kind="chain"),
        _span("chain", "root", "gather", 5, 330, {}, kind="chain"),
        *retrieved,
        _span("rerank", "chain", "rerank", 200, 130, reranked, kind="reranker"),
        _span("model-1", "root", "ChatOpenAI", 340, 60, model, kind="llm", error=failed, events=(raised,)),
        _span("model-2", "root", "ChatOpenAI", 410, 580, model, kind="llm"),
    )


def _span(
    span_id: str, parent: str | None, name: str, start_ms: float, duration_ms: float, attributes: Any, **more: Any
) -> Span:
    stage = {"retriever": "retrieve", "reranker": "rerank", "llm": "generate"}.get(more["kind"], "")
    return Span(
        stage,
        start_ms,
        duration_ms,
        attributes,
        parent_id=None if parent is None else _hex(parent),
        span_id=_hex(span_id),
        name=name,
        service=SERVICE,
        **more,
    )


def _hex(name: str) -> str:
    """16 hexadecimal digits for a name."""
    return name.encode().hex().zfill(16)[-16:]


def make_foreign_trace(trace_id: str = "a" * 32, **overrides: Any) -> Trace:
    """A trace of another application: documents without score, an answer, a session."""
    fields: dict[str, Any] = {
        "trace_id": trace_id,
        "question": "Can I return my order?",
        "backend": SERVICE,
        "asked_at": 1_757_000_000.0,
        "duration_ms": 1000.0,
        "chunks": (
            Chunk("doc-7", "doc-7", "", "Returns are taken back within 30 days.", 0.71, 1),
            Chunk("", "", "Shipping", "", None, 2),
        ),
        "generation": Generation(
            "Yes, within 30 days.", (), prompt_tokens=812, finish_reason="stop", completion_tokens=64
        ),
        "spans": make_tree(),
        "origin": "application",
        "service": SERVICE,
        "session": "visit-42",
        "user": "ada",
        "tags": ("beta",),
    }
    return Trace(**{**fields, **overrides})


def make_large_tree(spans: int = 10_000, *, names: int = 0) -> tuple[Span, ...]:
    """An agent with as many calls of a tool just inside it as steps that stand each inside the one before.

    names: how many different tools, or 0 for calls that are all alike.
    """
    root = _span("root", None, "agent", 0, spans, {}, kind="agent")
    made, deep = [root], "root"
    for number in range(spans - 1):
        if number % 2:
            name = f"tool {number % names}" if names else "retrieve"
            made.append(_span(f"t{number}", "root", name, number, 0.9, {"n": number}, kind="tool"))
        else:
            made.append(_span(f"d{number}", deep, "step", number, spans - number, {"n": number}, kind="chain"))
            deep = f"d{number}"
    return tuple(made)

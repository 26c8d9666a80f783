"""Realistic traces for tests. `make_trace()` is an answered question; every field can be set."""

import uuid
from typing import Any

from pipeline.types import Chunk, Confidence, Failure, Generation, Span, Token, Trace

QUESTION = "Who proposed that continents drift?"
ANSWER = "Alfred Wegener proposed continental drift in 1912."


def make_chunk(**overrides: Any) -> Chunk:
    """A chunk of some 200 characters."""
    fields: dict[str, Any] = {
        "chunk_id": "c0ffee0000000001",
        "document_id": "d0c0000000000001",
        "title": "Continental drift",
        "text": "Alfred Wegener, a German meteorologist, proposed in 1912 that the continents were once joined and have since "
        "drifted apart. Geologists rejected the idea for fifty years, for want of a cause.",
        "score": 0.87,
        "rank": 1,
        "signals": {"bm25": 11.4, "fused": 0.93},
    }
    return Chunk(**{**fields, **overrides})


def make_generation(answer: str = ANSWER, **overrides: Any) -> Generation:
    """An answer, one token a word, with a calibrated confidence."""
    words = answer.split(" ")
    fields: dict[str, Any] = {
        "answer": answer,
        "tokens": tuple(Token((" " if place else "") + word, -0.125) for place, word in enumerate(words)),
        "prompt_tokens": 412,
        "finish_reason": "stop",
        "confidence": Confidence(0.91, "calibrated"),
        "used_chunk_ids": ("c0ffee0000000001",),
    }
    return Generation(**{**fields, **overrides})


def make_spans(*, embed_ms: float = 8.0, retrieve_ms: float = 2.0, generate_ms: float = 25.0) -> tuple[Span, ...]:
    """The three stages of an answered question, one after the other."""
    return (
        Span("embed", 0.1, embed_ms, {"model": "multilingual-e5-small"}),
        Span("retrieve", 0.1 + embed_ms, retrieve_ms, {"top_k": 5, "returned": 5}),
        Span("generate", 0.1 + embed_ms + retrieve_ms, generate_ms, {"model": "extractive", "tokens": 7}),
    )


def make_trace(**overrides: Any) -> Trace:
    """An answered question with a new trace id, asked in September 2025."""
    fields: dict[str, Any] = {
        "trace_id": uuid.uuid4().hex,
        "question": QUESTION,
        "backend": "local/embedded",
        "asked_at": 1_757_000_000.0,
        "duration_ms": 36.0,
        "chunks": (make_chunk(),),
        "generation": make_generation(),
        "spans": make_spans(),
        "settings": {"top_k": 5, "deadline_s": 30.0, "rerank": False},
        "error": None,
    }
    return Trace(**{**fields, **overrides})


def make_failed_trace(kind: str = "Timeout", stage: str = "generate", **overrides: Any) -> Trace:
    """A question whose `stage` failed, and which has no answer."""
    failure = Failure(kind, "The question's deadline passed. Raise the deadline.", stage)
    spans = (*make_spans()[:2], Span(stage, 10.1, 25.0, {}, failure))
    return make_trace(**{"generation": None, "spans": spans, "error": failure, **overrides})

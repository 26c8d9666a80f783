"""Traces of another application, with every part that its sender may leave out left out or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from pipeline.types import Chunk, Failure, Generation, Span, Trace

QUESTION = "Who proposed that continents drift?"
ANSWER = "Alfred Wegener proposed it in 1912. He was a poet [1]."
TEXTS = ("Alfred Wegener proposed in 1912 that continents drift.", "Plates move by a few centimetres a year.")


def make_foreign_trace(number: int = 1, **overrides: Any) -> Trace:
    """A question that the application `shop` answered, with texts and scores; no tokens, confidence or settings."""
    fields: dict[str, Any] = {
        "trace_id": f"{number:032x}",
        "question": QUESTION,
        "backend": "otlp/shop",
        "asked_at": 1_757_000_000.0 + number,
        "duration_ms": 1_200.0,
        "chunks": make_foreign_chunks(),
        "generation": Generation(ANSWER, (), 0, "stop"),
        "spans": (
            Span("", 0.0, 1_200.0, span_id="a" * 16, name="rag", kind="chain", service="shop"),
            Span("retrieve", 10.0, 200.0, parent_id="a" * 16, span_id="b" * 16, name="search", service="shop"),
            Span("embed", 20.0, 50.0, parent_id="b" * 16, span_id="c" * 16, name="embed", service="shop"),
            Span("generate", 220.0, 900.0, parent_id="a" * 16, span_id="d" * 16, name="ask", service="shop"),
        ),
        "origin": "application",
        "service": "shop",
    }
    return Trace(**{**fields, **overrides})


def make_foreign_chunks(*, texts: bool = True, scores: bool = True, titles: bool = True) -> tuple[Chunk, ...]:
    """Two chunks of which any part but the ids may be missing."""
    return tuple(
        Chunk(
            f"node-{rank}",
            f"node-{rank}",
            "Drift" * titles,
            text * texts,
            7.5 / rank if scores else None,
            rank,
            source="",
        )
        for rank, text in enumerate(TEXTS, start=1)
    )


@dataclass(frozen=True, slots=True)
class Case:
    """A trace, and what it lacks in words."""

    name: str
    trace: Trace


def all_cases() -> Iterator[Case]:
    """Every combination of what may be missing."""
    answers = {
        "answer": Generation(ANSWER, (), 0, "stop"),
        "answer with prompt and tokens counted": Generation(
            ANSWER, (), 412, "length", prompt=f"Answer. {TEXTS[0]}", completion_tokens=9, used_chunk_ids=("node-1",)
        ),
        "blank answer": Generation("", (), 0, ""),
        "no answer": None,
    }
    chunks = {
        "chunks": make_foreign_chunks(),
        "chunks without scores": make_foreign_chunks(scores=False, titles=False),
        "chunks without texts": make_foreign_chunks(texts=False),
        "one text of two": (make_foreign_chunks()[0], make_foreign_chunks(texts=False, scores=False)[1]),
        "ids alone": make_foreign_chunks(texts=False, scores=False, titles=False),
        "no chunks": (),
    }
    questions = {"question": QUESTION, "no question": ""}
    settings = {"no settings": {}, "settings": {"top_k": 2, "rerank": True, "generator": "gpt-4o"}}
    spans = {"stages": make_foreign_trace().spans, "no stages": make_foreign_trace().spans[:1], "no spans": ()}
    errors = {"no error": None, "error": Failure("RateLimitError", "429", None)}
    parts = (questions, answers, chunks, settings, spans, errors)
    for number, chosen in enumerate(product(*(part.items() for part in parts)), start=1):
        names, (question, generation, found, told, ran, error) = zip(*chosen, strict=True)
        yield Case(
            ", ".join(names),
            make_foreign_trace(
                number, question=question, generation=generation, chunks=found, settings=told, spans=ran, error=error
            ),
        )

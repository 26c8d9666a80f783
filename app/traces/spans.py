"""What one span was given and what it returned: of another application as its attributes say, of a stage here as its trace keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.kit.numbers import minus
from metrics.otlp.content import SpanContent, read_content
from metrics.otlp.documents import Document
from pipeline.spans import Span
from pipeline.types import Chunk, Trace


@dataclass(frozen=True, slots=True)
class Placed:
    """A document in its place, and in that which it had before reranking."""

    document: Document
    """The document."""
    rank: int | None
    """1 is best; None where the reranker dropped it."""
    before: int | None = None
    """Its rank before; None where it was not there, or where nothing was reranked."""
    move: str = ""
    """How it moved: `↑2`, `↓1`, `=`, `new` or `dropped`; empty where nothing was reranked."""


@dataclass(frozen=True, slots=True)
class SpanDetails:
    """One span, to be read."""

    span: Span
    """The span: times, attributes and events as they are."""
    content: SpanContent
    """What it was given and what it returned; empty where its sender did not say."""
    documents: tuple[Placed, ...] = ()
    """What it found or worked on, best first; those that a reranker dropped come last."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Model, tokens and the like, by name."""


def read_span(trace: Trace, span: Span) -> SpanDetails:
    """What there is to see of a span of a trace."""
    foreign = trace.origin == "application" or span.service
    content = read_content(span.attributes, span.events, span.name) if foreign else _stage(trace, span)
    return SpanDetails(span, content, place(content.documents, content.documents_before), _facts(content))


def _facts(content: SpanContent) -> dict[str, str]:
    told = {
        "Model": content.model,
        "Provider": content.provider,
        "Tokens read": content.prompt_tokens,
        "Tokens written": content.completion_tokens,
        "Documents asked for": content.top_k,
        "Finish reason": content.finish_reason,
    }
    return {
        name: f"{value:,}" if isinstance(value, int) else value
        for name, value in told.items()
        if value not in (None, "")
    }


def _stage(trace: Trace, span: Span) -> SpanContent:
    """The content of a stage here, which stands in the trace."""
    chunks, retrieved = _documents(trace.chunks), _documents(trace.retrieved)
    generation = trace.generation
    asked = trace.question if span.stage in ("embed", "retrieve", "rerank", "generate") else ""
    if span.stage == "retrieve":
        return SpanContent(span.kind, "", input=asked, documents=retrieved or chunks)
    if span.stage == "rerank":
        return SpanContent(span.kind, "", input=asked, documents=chunks, documents_before=retrieved)
    if span.stage != "generate" or generation is None:
        return SpanContent(span.kind, "", input=asked)
    used = set(generation.used_chunk_ids)
    # What was quoted was not written, and its pieces are sentences.
    pieces = None if generation.evidence else len(generation.tokens) or None
    return SpanContent(
        span.kind,
        "",
        input=asked,
        output=generation.answer,
        documents=_documents([chunk for chunk in trace.chunks if not used or chunk.chunk_id in used]),
        prompt=generation.prompt or "",
        prompt_tokens=generation.prompt_tokens or None,
        completion_tokens=pieces if generation.completion_tokens is None else generation.completion_tokens,
        finish_reason=generation.finish_reason,
    )


def _documents(chunks: Sequence[Chunk]) -> tuple[Document, ...]:
    return tuple(
        Document(
            chunk.chunk_id or None,
            chunk.text or None,
            chunk.score,
            chunk.heading,
            chunk.source,
            {name: minus(f"{value:.3g}") for name, value in chunk.signals.items()},
        )
        for chunk in chunks
    )


def place(documents: Sequence[Document], before: Sequence[Document] = ()) -> tuple[Placed, ...]:
    """Documents in their order, each with its rank in an earlier order, if there is one; then those that are not in it any more.

    Two are the same if their ids are, or, where either has none, their texts, or without texts their titles.
    """
    if not before:
        return tuple(Placed(document, rank) for rank, document in enumerate(documents, start=1))
    by_id, by_text = dict[str | None, list[int]](), dict[str, list[int]]()
    for rank, document in enumerate(before, start=1):
        by_id.setdefault(document.document_id, []).append(rank)
        by_text.setdefault(document.text or document.title, []).append(rank)
    taken = set[int]()
    placed = []
    for rank, document in enumerate(documents, start=1):
        said = document.text or document.title
        alike = by_text.get(said, ()) if said else ()
        known = [
            *(by_id.get(document.document_id, ()) if document.document_id else ()),
            *(each for each in alike if not (document.document_id and before[each - 1].document_id)),
        ]
        was = next((each for each in known if each not in taken), None)
        if was is not None:
            taken.add(was)
        placed.append(Placed(document, rank, was, "new" if was is None else _move(was - rank)))
    dropped = (
        Placed(document, None, rank, "dropped") for rank, document in enumerate(before, start=1) if rank not in taken
    )
    return (*placed, *dropped)


def _move(up: int) -> str:
    return f"↑{up}" if up > 0 else f"↓{-up}" if up < 0 else "="

"""Documents of spans as chunks of a trace: in one order, each once, with an id whatever their sender left out."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from metrics.otlp.documents import Document, filled
from pipeline.types import Chunk


def merge_documents(lists: Iterable[Sequence[Document]]) -> list[Document]:
    """Several retrievers' documents, one after the other. What is there already, by its text or its id, only fills in what is missing."""
    merged: list[Document] = []
    by_id: dict[str, int] = {}
    by_text: dict[str, int] = {}
    for document in (document for found in lists for document in found):
        known = by_text.get(document.text) if document.text else None
        if known is None and document.document_id is not None:
            same = by_id.get(document.document_id)
            if same is not None and (not document.text or not merged[same].text):
                known = same
        if known is None:
            known = len(merged)
            merged.append(document)
        else:
            merged[known] = filled(merged[known], document)
        if merged[known].text:
            by_text.setdefault(merged[known].text or "", known)
        if merged[known].document_id is not None:
            by_id.setdefault(merged[known].document_id or "", known)
    return merged


def make_chunks(documents: Sequence[Document]) -> tuple[Chunk, ...]:
    """Chunks in the documents' order. Two of one id get a number after it, as ids are unique within a trace."""
    chunks: list[Chunk] = []
    taken: dict[str, int] = {}
    for rank, document in enumerate(documents, start=1):
        name = document.document_id or _named_after_text(document.text) or f"document-{rank}"
        count = taken[name] = taken.get(name, 0) + 1
        chunks.append(
            Chunk(
                chunk_id=name if count == 1 else f"{name}#{count}",
                document_id=_document_id(document, name),
                title=document.title,
                text=document.text or "",
                score=document.score,
                rank=rank,
                source=document.source,
            )
        )
    return tuple(chunks)


def reranked_chunks(
    kept: Sequence[Document], before: Sequence[Document]
) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
    """(What a reranker kept, what it chose from). A chunk bears one id in both; its `score` is the retriever's, if it gave one."""
    whole = list(before)
    by_text = {document.text: index for index, document in reversed(list(enumerate(before))) if document.text}
    ids = Counter(document.document_id for document in before)
    by_id = {document.document_id: index for index, document in enumerate(before) if ids[document.document_id] == 1}
    places: dict[int, Document] = {}
    for document in kept:
        place = None if document.document_id is None else by_id.get(document.document_id)
        place = by_text.get(document.text or "") if place is None else place
        if place is None:
            place = len(whole)
            whole.append(document)
        places.setdefault(place, document)
    named = make_chunks(whole)
    chosen = tuple(
        replace(
            named[place],
            rank=rank,
            text=document.text or named[place].text,
            signals={} if document.score is None else {"rerank": document.score},
        )
        for rank, (place, document) in enumerate(places.items(), start=1)
    )
    return chosen, named[: len(before)]


def _named_after_text(text: str | None) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16] if text else ""


def _document_id(document: Document, name: str) -> str:
    """The document that a chunk is a piece of, as its metadata say; else the chunk's source, else the chunk itself."""
    fields = ("document_id", "doc_id", "ref_doc_id", "source_id")
    said = (document.metadata.get(field) for field in fields)
    return next(
        (str(value) for value in said if isinstance(value, (str, int)) and value != ""), document.source or name
    )

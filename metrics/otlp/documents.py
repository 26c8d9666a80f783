"""`Document`: what a retriever or a reranker of any make returned, each field of which may be missing; and where senders put them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from metrics.otlp import names
from metrics.otlp.attributes import AttributeReader, as_number, as_text, parse, parse_list, parse_mapping
from pipeline.spans import Attribute

TEXT_FIELDS = ("content", "page_content", "text", "document", "document_content", "chunk", "body", "passage")
ID_FIELDS = ("id", "document_id", "doc_id", "node_id", "id_", "chunk_id", "_id")
SCORE_FIELDS = ("score", "relevance_score", "similarity", "relevance", "_score")
METADATA_FIELDS = ("metadata", "meta", "metadatas", "extra_info", "payload")
"""What frameworks call a document's parts where they write it as JSON."""

TITLE_FIELDS = ("title", "name", "document_title", "file_name", "filename", "source", "url", "file_path")
SOURCE_FIELDS = ("source", "file_name", "filename", "file_path", "url", "uri", "path")
"""Where in a document's metadata its title and its file are looked for."""

LIST_FIELDS = ("documents", "source_documents", "nodes", "source_nodes", "context", "results", "matches")
"""Where in a JSON object a list of documents is looked for."""


class NamedEvent(Protocol):
    """An event of a span, as it was sent or as a trace keeps it."""

    @property
    def name(self) -> str:
        """What happened."""

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        """What is known of it."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document, or a piece of one, as a span names it."""

    document_id: str | None = None
    """Its sender's id for it."""
    text: str | None = None
    """Its text."""
    score: float | None = None
    """What its retriever, or its reranker, thinks of it; in whatever unit."""
    title: str = ""
    """Its title, or its file's name; empty where neither is known."""
    source: str = ""
    """Its file or address; empty where it is not known."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What else is said of it."""


def indexed_documents(reader: AttributeReader, prefixes: Iterable[str]) -> tuple[Document, ...]:
    """Documents of attributes `{prefix}.{i}.document.*`, under the first prefix that has any."""
    found: tuple[Document, ...] = ()
    for prefix in prefixes:
        items = reader.items(prefix)
        found = found or tuple(map(_of_attributes, items))
    return found


def _of_attributes(item: Mapping[str, Attribute]) -> Document:
    metadata = parse_mapping(item.get(names.DOCUMENT_METADATA))
    return _document(
        item.get(names.DOCUMENT_ID),
        item.get(names.DOCUMENT_TEXT),
        item.get(names.DOCUMENT_SCORE),
        metadata,
        title=item.get(names.DOCUMENT_TITLE),
        source=item.get(names.DOCUMENT_URL),
    )


def result_documents(events: Sequence[NamedEvent]) -> tuple[Document, ...]:
    """Documents of which each is an event, as OpenLLMetry's readers of vector stores write them. A distance counts as a score below 0."""
    found = []
    for event in events:
        if event.name not in names.RESULT_EVENTS:
            continue
        item = {key.removeprefix(f"{event.name}."): value for key, value in event.attributes.items()}
        distance = as_number(item.get("distance"))
        metadata = parse_mapping(item.get("metadata"))
        text = item.get("document") or _first(metadata, TEXT_FIELDS)
        score = item.get("score", None if distance is None else -distance)
        found.append(_document(item.get("id"), text, score, metadata))
    return tuple(found)


def json_documents(value: object) -> tuple[Document, ...]:
    """Documents of a JSON text: a list of them, or an object that has one; nothing where an item could as well be something else."""
    given = parse(value)
    if isinstance(given, dict):
        lists = (given[name] for name in LIST_FIELDS if name in given)
        given = next((found for found in map(parse, lists) if isinstance(found, list)), None)
    if not isinstance(given, (list, tuple)):
        return ()
    found = [_of_json(item) for item in given]
    return tuple(document for document in found if document is not None) if all(found) else ()


def completed(documents: Sequence[Document], others: Sequence[Document]) -> tuple[Document, ...]:
    """Documents with what they lack taken from another telling of the same, in the same order; the other telling where there are none."""
    if not documents or len(documents) != len(others):
        return tuple(documents or others)
    return tuple(
        filled(one, other) if one.text is None or other.text is None or one.text == other.text else one
        for one, other in zip(documents, others, strict=True)
    )


def filled(document: Document, other: Document) -> Document:
    """A document with what it lacks taken from another telling of it."""
    return Document(
        document_id=other.document_id if document.document_id is None else document.document_id,
        text=document.text or other.text,
        score=other.score if document.score is None else document.score,
        title=document.title or other.title,
        source=document.source or other.source,
        metadata={**other.metadata, **document.metadata},
    )


def listed_documents(value: object) -> tuple[Document, ...]:
    """Documents of an attribute that holds nothing else, as GenAI's `gen_ai.retrieval.documents`."""
    items = (parse(item) for item in parse_list(value))
    return tuple(_of_mapping(item) if isinstance(item, dict) else Document(text=as_text(item)) for item in items)


def _of_json(item: object) -> Document | None:
    """A document; None for what has neither a text nor an id with a score."""
    document = _of_mapping(item) if isinstance(item, dict) else None
    if document is None or (document.text is None and None in (document.document_id, document.score)):
        return None
    return document


def _of_mapping(item: Mapping[str, Any]) -> Document:
    """A document; the object may wrap it, with its score beside it."""
    inner = item
    for name in ("node", "document", "kwargs"):
        if isinstance(item.get(name), dict):
            inner = {**item, **item[name]}
    metadata = _first(inner, METADATA_FIELDS)
    metadata = metadata if isinstance(metadata, dict) else {}
    text, score = _first(inner, TEXT_FIELDS), _first(inner, SCORE_FIELDS)
    text = text if isinstance(text, str) else _first(metadata, TEXT_FIELDS)
    text = text if isinstance(text, str) else None
    return _document(_first(inner, ID_FIELDS), text, score, metadata, title=inner.get("title"), source=inner.get("url"))


def _document(
    sender_id: object,
    text: object,
    score: object,
    metadata: Mapping[str, Any],
    *,
    title: object = None,
    source: object = None,
) -> Document:
    return Document(
        document_id=None if sender_id is None or sender_id == "" else as_text(sender_id),
        text=None if text is None else as_text(text),
        score=as_number(score),
        title=_words(title) or _words(_first(metadata, TITLE_FIELDS)),
        source=_words(source) or _words(_first(metadata, SOURCE_FIELDS)),
        metadata=metadata,
    )


def _first(item: Mapping[str, Any], fields: Iterable[str]) -> Any:
    for name in fields if item else ():
        value = item.get(name)
        if value is not None and value != "":
            return value
    return None


def _words(value: object) -> str:
    return as_text(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""

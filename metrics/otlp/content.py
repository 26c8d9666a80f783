"""`read_content`: what a span's attributes and events say, by whichever convention its sender kept to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics.otlp import names
from metrics.otlp.attributes import AttributeReader, as_text, parse, parse_list, parse_mapping
from metrics.otlp.documents import (
    Document,
    NamedEvent,
    completed,
    indexed_documents,
    json_documents,
    listed_documents,
    result_documents,
)
from metrics.otlp.messages import Message, joined, messages_in, messages_out
from pipeline.spans import Attribute, SpanKind

MAX_EMBEDDINGS = 100
"""Embedded texts that are kept: a question is one, an index may be thousands."""


_finish_reason = re.compile(r'"(?:finish_reason|stop_reason)": ?"(\w{1,40})"')


@dataclass(frozen=True, slots=True)
class SpanContent:
    """What a span was given and what it returned. What its sender did not say is empty, or None where 0 would say something."""

    kind: SpanKind
    """What the span does."""
    convention: names.Convention
    """Whose names the attributes have."""
    input: str = ""
    """What it was given: plain text, or JSON."""
    output: str = ""
    """What it returned: plain text, or JSON."""
    documents: tuple[Document, ...] = ()
    """What a retriever found, or a reranker kept; best first."""
    documents_before: tuple[Document, ...] = ()
    """What a reranker was given, in the order in which it was."""
    query: str = ""
    """What a retriever or a reranker looked for."""
    top_k: int | None = None
    """How many documents were asked for."""
    texts: tuple[str, ...] = ()
    """What was embedded, up to MAX_EMBEDDINGS of them."""
    messages_in: tuple[Message, ...] = ()
    """What a model was sent."""
    messages_out: tuple[Message, ...] = ()
    """What it returned."""
    prompt: str = ""
    """What it was sent, as one text."""
    answer: str = ""
    """What it returned, as one text."""
    template: str = ""
    """What the prompt was made from."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """What was put into it."""
    model: str = ""
    """The model: the one that answered, where it is not the one that was asked for."""
    provider: str = ""
    """Who runs it."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """How it was asked: its temperature and the like."""
    prompt_tokens: int | None = None
    """Tokens read."""
    completion_tokens: int | None = None
    """Tokens written."""
    total_tokens: int | None = None
    """Both, as the sender counts."""
    finish_reason: str = ""
    """Why it stopped, in the sender's word."""
    tools: tuple[str, ...] = ()
    """Tools that a model was offered, each as JSON; of a tool's own span its name."""
    session: str = ""
    """The conversation that it is part of."""
    user: str = ""
    """Who asked."""
    tags: tuple[str, ...] = ()
    """Words by which to find it."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What else its sender said, by names of its own."""
    unknown: tuple[str, ...] = ()
    """Names of attributes of which nothing above tells."""


def read_content(attributes: Mapping[str, Attribute], events: Sequence[NamedEvent] = (), name: str = "") -> SpanContent:
    """What is known of a span of these attributes and events. name: the span's own, by which a retriever is known that does not say so."""
    reader = AttributeReader(_with_details(attributes, events))
    given, returned = reader.text(names.INPUT), reader.text(names.OUTPUT)
    reader.value((*names.MIME_TYPES, names.SCOPE, names.DROPPED))
    convention = _convention(attributes)
    documents, before = _documents(reader, events), indexed_documents(reader, names.DOCUMENTS_BEFORE)
    kind = _kind(reader)
    if kind == "unknown" and documents:
        kind = "reranker" if before else "retriever"
    searched = kind in ("retriever", "reranker") or (convention == "openllmetry" and "retriev" in name.lower())
    documents = completed(documents, json_documents(returned)) if searched else documents
    if kind in ("unknown", "chain") and searched and documents:
        kind = "retriever"
    query = reader.text(names.QUERY)
    return SpanContent(
        kind=kind,
        convention=convention,
        input=given or query,
        output=returned,
        documents=documents,
        documents_before=before,
        query=query or (given if searched else ""),
        top_k=reader.whole((*names.TOP_K, names.REQUEST_TOP_K) if searched else names.TOP_K),
        texts=_texts(reader),
        **_conversation(reader, events),
        **_model(reader, returned),
        session=reader.text(names.SESSION),
        user=reader.text(names.USER),
        tags=_tags(reader),
        metadata={**reader.under(names.METADATA_PREFIXES), **parse_mapping(reader.value(names.METADATA))},
        unknown=tuple(key for key in reader.unread() if key in attributes),
    )


def _conversation(reader: AttributeReader, events: Sequence[NamedEvent]) -> dict[str, Any]:
    """What a model was sent and what it returned, by field."""
    sent, received = messages_in(reader, events), messages_out(reader, events)
    prompts = (as_text(item.get(names.PROMPT_TEXT, "")) for item in reader.items(names.PROMPTS))
    choices = [as_text(item.get(names.CHOICE_TEXT, "")) for item in reader.items(names.CHOICES)]
    return {
        "messages_in": sent,
        "messages_out": received,
        "prompt": joined(sent) or "\n\n".join(filter(None, prompts)),
        "answer": next((message.content for message in received if message.content), "") or "".join(choices[:1]),
        "template": reader.text(names.TEMPLATE),
        "variables": {**reader.under(names.VARIABLE_PREFIXES), **parse_mapping(reader.value(names.VARIABLES))},
        "tools": _tools(reader),
    }


def _model(reader: AttributeReader, returned: str) -> dict[str, Any]:
    """Which model it was, how it was asked and what it took, by field."""
    return {
        "model": reader.text(names.MODEL),
        "provider": reader.text(names.PROVIDER),
        "prompt_tokens": reader.whole(names.PROMPT_TOKENS),
        "completion_tokens": reader.whole(names.COMPLETION_TOKENS),
        "total_tokens": reader.whole(names.TOTAL_TOKENS),
        "finish_reason": reader.text(names.FINISH_REASON) or _finish_reason_in(returned),
        "parameters": {**reader.under(names.PARAMETER_PREFIXES), **parse_mapping(reader.value(names.PARAMETERS))},
    }


def _finish_reason_in(returned: str) -> str:
    """Why a model stopped, as the first of its replies says that is kept as JSON."""
    found = _finish_reason.search(returned)
    return found[1] if found else ""


def read_use(
    attributes: Mapping[str, Attribute], events: Sequence[NamedEvent] = ()
) -> tuple[str, int | None, int | None]:
    """The model alone, with the tokens that it read and wrote; empty and None for what is not said."""
    reader = AttributeReader(_with_details(attributes, events))
    return reader.text(names.MODEL), reader.whole(names.PROMPT_TOKENS), reader.whole(names.COMPLETION_TOKENS)


def read_tags(attributes: Mapping[str, Attribute]) -> tuple[str, ...]:
    """The tags alone."""
    return _tags(AttributeReader(attributes))


def _tags(reader: AttributeReader) -> tuple[str, ...]:
    return tuple(map(as_text, parse_list(reader.value(names.TAGS))))


def _with_details(attributes: Mapping[str, Attribute], events: Sequence[NamedEvent]) -> Mapping[str, Attribute]:
    """Attributes, and those of the event that GenAI keeps long ones in."""
    found = [event.attributes for event in events if event.name == names.DETAILS_EVENT]
    return {key: value for given in (*found, attributes) for key, value in given.items()} if found else attributes


def _convention(attributes: Mapping[str, Attribute]) -> names.Convention:
    return next(
        (whose for whose, prefixes in names.PREFIXES if any(key.startswith(prefixes) for key in attributes)), ""
    )


def _kind(reader: AttributeReader) -> SpanKind:
    """What the span does: as it says, else as what it says of itself lets see."""
    found: SpanKind = "unknown"
    for key, kinds in names.KINDS:
        value = reader.text((key,))
        if found in ("unknown", "chain"):
            said = kinds.get(value, kinds.get(value.lower(), "unknown"))
            found = said if said != "unknown" else found
    if found == "unknown" and reader.has(names.MODEL) and reader.has((*names.PROMPT_TOKENS, *names.COMPLETION_TOKENS)):
        return "llm"
    return found


def _documents(reader: AttributeReader, events: Sequence[NamedEvent]) -> tuple[Document, ...]:
    indexed = indexed_documents(reader, names.DOCUMENTS)
    stated = listed_documents(reader.value(names.DOCUMENTS_JSON))
    return indexed or stated or result_documents(events)


def _texts(reader: AttributeReader) -> tuple[str, ...]:
    items = reader.items(names.EMBEDDINGS)[:MAX_EMBEDDINGS]
    return tuple(as_text(item[names.EMBEDDING_TEXT]) for item in items if names.EMBEDDING_TEXT in item)


def _tools(reader: AttributeReader) -> tuple[str, ...]:
    indexed = [as_text(item[names.TOOL_SCHEMA]) for item in reader.items(names.TOOLS) if names.TOOL_SCHEMA in item]
    stated = [as_text(parse(tool)) for tool in parse_list(reader.value(names.TOOLS_JSON))]
    own = reader.text(names.TOOL_NAME)
    return tuple(indexed or stated or ([own] if own else []))

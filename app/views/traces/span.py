"""One span, opened: what it was given and what it returned, its attributes and its events."""

from collections.abc import Callable, Mapping

import streamlit as st

from app.kit.numbers import count
from app.traces.spans import SpanDetails
from app.traces.tree import Row
from app.views.kit.html import note_html, pairs_html, show
from app.views.kit.markdown import literal
from app.views.traces.html import (
    event_html,
    message_html,
    placed_documents_html,
    span_html,
    text_html,
    values_html,
)
from pipeline.spans import Attribute

MAX_SHOWN = 100
"""Documents, messages, attributes or events of a span that are shown at most."""


def show_span(details: SpanDetails, row: Row, inside: list[str], *, close: Callable[[], None]) -> None:
    """The whole span. row: its row in the tree. inside: names of the spans around it. close: selects none."""
    span = details.span
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Span", anchor=False)
        st.button("Close", icon=":material/close:", key="close_span", on_click=close)
    show(span_html(span, row, inside))
    if span.error is not None:
        st.error(f"**{literal(span.error.kind)}**: {literal(span.error.message)}", icon=":material/error:")
    if details.facts:
        show(pairs_html(details.facts))
    attributes, events = f"Attributes ({len(span.attributes):,})", f"Events ({len(span.events):,})"
    content, told, happened = st.tabs(["Content", attributes, events])
    with content:
        _show_content(details)
    with told:
        _show_attributes(span.attributes)
    with happened:
        for event in span.events[:MAX_SHOWN]:
            show(event_html(event))
        _note_rest(len(span.events), "event")
        if not span.events:
            show(note_html("No events were sent."))


def _show_content(details: SpanDetails) -> None:
    content = details.content
    shown = False
    if details.documents:
        shown = True
        st.markdown(f"**{_documents_title(details)}**")
        show(placed_documents_html(details.documents[:MAX_SHOWN]))
        _note_rest(len(details.documents), "document")
    for title, messages in (("Messages to the model", content.messages_in), ("From the model", content.messages_out)):
        if messages:
            shown = True
            st.markdown(f"**{title}**")
            for message in messages[:MAX_SHOWN]:
                show(message_html(message))
            _note_rest(len(messages), "message")
    texts = {
        "Prompt, as it was sent": "" if content.messages_in else content.prompt,
        "Prompt template": content.template,
        "Input": content.input,
        "Output": content.output,
    }
    for title, text in texts.items():
        if text:
            shown = True
            show(text_html(title, text))
    if content.tools:
        shown = True
        show(text_html("Tools", "\n".join(content.tools)))
    if not shown:
        show(note_html("Nothing is known of what it was given or returned. Its attributes have all that was sent."))


def _documents_title(details: SpanDetails) -> str:
    if not details.content.documents_before:
        return count(len(details.documents), "document")
    before, after = len(details.content.documents_before), len(details.content.documents)
    return f"Reranked: {count(after, 'document')} of {before:,}"


def _show_attributes(attributes: Mapping[str, Attribute]) -> None:
    if not attributes:
        show(note_html("No attributes were sent."))
        return
    wanted = st.text_input("Find in attributes", key="find_attribute", type="search").strip().casefold()
    found = {
        name: value
        for name, value in attributes.items()
        if not wanted or wanted in name.casefold() or wanted in str(value).casefold()
    }
    if wanted:
        show(note_html(f"{len(found):,} of {count(len(attributes), 'attribute')}"))
    show(values_html(dict(list(found.items())[:MAX_SHOWN])))
    _note_rest(len(found), "attribute")


def _note_rest(number: int, noun: str) -> None:
    if number > MAX_SHOWN:
        show(note_html(f"The first {MAX_SHOWN:,} of {count(number, noun)}. The download has all."))

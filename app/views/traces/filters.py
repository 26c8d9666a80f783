"""The filters of the list of traces, kept in the address, and the box for an expression with its help and its errors."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, get_args
from urllib.parse import parse_qs

import streamlit as st

from app.kit.numbers import percent
from app.kit.wording import LOW, ORIGINS
from app.traces.filter_words import audience_words, box_label, left_out_words
from app.traces.filters import OUTCOMES, RATINGS, RENAMED, SINCE_S, SORTS, TraceFilters, with_new_names
from app.views.kit import address
from app.views.kit.address import Field, Write
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.presenting import is_presenting
from app.views.traces.kept import trace_backends, trace_labels
from metrics.expressions.fields import describe_fields
from metrics.expressions.grammar import MAX_CHARS, parse
from metrics.expressions.syntax import ExpressionError
from metrics.labels import MAX_LABEL_CHARS
from metrics.queries import MAX_SEARCH_CHARS
from metrics.views import SavedView
from pipeline.errors import InputError
from pipeline.types import Origin

MAX_SLOWER_MS = 900_000
"""The longest deadline."""

LABELS: Mapping[str, tuple[Any, str]] = {
    "services": ("service", "Service"),
    "models": ("model", "Model"),
    "kinds": ("kind", "Kind of span"),
    "tags": ("tag", "Tag"),
}
"""Filters by label: the kind of label, and what the page calls it, by name in the address."""

HINT = "latency_ms > 2000"
"""In the empty box, which has room for no more at 1280 px."""

HELP = (
    'For example: latency_ms > 2000 and stage.retrieve.top_score < .8 and "refund" in question. '
    "Join claims by and, or, not and parentheses. Words are compared as they are written; a text is found in any case. "
    "A number that a trace lacks is neither above nor below another."
)


def choose_filters(view: SavedView | None) -> TraceFilters | None:
    """The filters, kept in the address, so that a link, back and forward find them again; None for an expression that cannot be read.

    view: what stands where the address says nothing.
    """
    if set(RENAMED) & set(st.query_params):
        st.query_params.from_dict(with_new_names({name: st.query_params.get_all(name) for name in st.query_params}))
    fields = _fields(view)
    options = {name: fields[name][1] for name in fields}
    followed = {name: field for name, (field, _) in fields.items()}
    strange = address.strange(followed, ("view", "list", "traces_columns"))
    if wrong := [*address.unread(followed), *(f"{name}={st.query_params[name]}" for name in strange)]:
        st.info(message(left_out_words(wrong)), icon=":material/info:")
    write = partial(address.follow("traces", followed), "after", *strange)
    change: dict[str, Any] = {"on_change": write}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Search question, answer and note", key="search", type="search", max_chars=MAX_SEARCH_CHARS, **change
        )
        with backstage("expression"):
            _show_expression(change)
        st.selectbox("Sort", list(SORTS), key="sort", width=170, **change)
    readable, chosen = _is_readable(), _chosen()
    if is_presenting() and (told := audience_words(chosen)):
        show(note_html(told))
    with backstage("filters"), st.expander(literal(box_label(chosen)), key="filters"):
        _show_filters(options, change)
        if chosen != TraceFilters(sort=chosen.sort):
            anew = {name: field.default for name, (field, _) in fields.items() if name != "sort"}
            st.button("Clear all", icon=":material/filter_alt_off:", on_click=_clear, args=(anew, write))
    return chosen if readable else None


def _clear(anew: Mapping[str, Any], write: Write) -> None:
    """Take back what was chosen, down to what the view has. anew: the value of each by its name."""
    for name, value in anew.items():
        st.session_state[name] = value
    write()


def _fields(view: SavedView | None) -> dict[str, tuple[Field, list[str]]]:
    """Each value in the address, with what can be chosen for it where that is not fixed."""
    saved = with_new_names(parse_qs(view.address)) if view is not None else {}
    plain = {
        "search": address.words(),
        "expression": address.words(),
        "of_session": address.words(),
        "of_user": address.words(),
        "sort": address.choice(list(SORTS), "newest"),
        "since": address.choice(list(SINCE_S)),
        "outcome": address.choice(list(OUTCOMES)),
        "rating": address.choice(list(RATINGS)),
        "slower_ms": address.number(0, 0, MAX_SLOWER_MS),
        "low_confidence": address.flag(),
    }
    fields: dict[str, tuple[Field, list[str]]] = {name: (field, []) for name, field in plain.items()}
    known = {"backends": trace_backends(), "origins": list(get_args(Origin))}
    known |= {name: trace_labels(kind) for name, (kind, _) in LABELS.items()}
    for name, values in known.items():
        # Also what a link asks for and nothing has: else the link would show more than it says.
        options = list(dict.fromkeys([*values, *filter(None, [*st.query_params.get_all(name), *saved.get(name, ())])]))
        fields[name] = (address.several(options), options)
    return {
        name: (replace(field, default=field.value(saved.get(name, []))), options)
        for name, (field, options) in fields.items()
    }


def _show_expression(change: Mapping[str, Any]) -> None:
    """The box for an expression, and its help."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Expression", key="expression", max_chars=MAX_CHARS, placeholder=HINT, **change)
        with st.popover("Fields", icon=":material/help:"):
            show(note_html(HELP))
            rows = [(field.name, field.example, field.about, ", ".join(field.verbs)) for field in describe_fields()]
            show(table_html(("field", "for example", "what it is", "goes with"), rows, "expression-fields"))


def _is_readable() -> bool:
    """Whether nothing is wrong with the expression; what is, is shown."""
    text = st.session_state["expression"].strip()
    try:
        if text:
            parse(text)
    except ExpressionError as error:
        st.error(message(error.problem), icon=":material/error:")
        st.code(error.excerpt, language=None)
        return False
    except InputError as error:
        st.error(message(str(error)), icon=":material/error:")
        return False
    return True


def _show_filters(options: Mapping[str, list[str]], change: Mapping[str, Any]) -> None:
    any_of: dict[str, Any] = {"placeholder": "any", "width": 150, **change}
    wide = any_of | {"width": 230}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Asked in the last", list(SINCE_S), key="since", index=None, **any_of)
        st.selectbox("Outcome", list(OUTCOMES), key="outcome", index=None, **any_of)
        st.selectbox("Rating", list(RATINGS), key="rating", index=None, **any_of)
        st.number_input("Slower than, ms", 0, MAX_SLOWER_MS, step=100, key="slower_ms", width=150, **change)
        st.multiselect("Backend", options["backends"], key="backends", **wide)
        st.multiselect("Asked by", options["origins"], key="origins", format_func=_asker, **wide)
        for name, (_, label) in LABELS.items():
            if options[name]:
                st.multiselect(label, options[name], key=name, **wide)
        for name, label in (("of_session", "Session"), ("of_user", "User")):
            st.text_input(label, key=name, max_chars=MAX_LABEL_CHARS, **any_of)
        st.toggle(f"Confidence below {percent(LOW)}", key="low_confidence", **change)


def _asker(origin: str) -> str:
    return ORIGINS.get(origin, origin)


def _chosen() -> TraceFilters:
    chosen = st.session_state
    several: dict[str, Any] = {name: tuple(chosen[name]) for name in ("backends", "origins", *LABELS)}
    words = ("search", "since", "outcome", "rating", "of_session", "of_user")
    texts: dict[str, Any] = {name: chosen[name] or "" for name in words}
    return TraceFilters(
        **several,
        **texts,
        expression=chosen["expression"].strip(),
        slower_ms=float(chosen["slower_ms"]),
        low_confidence=chosen["low_confidence"],
        sort=chosen["sort"] or "newest",
    )

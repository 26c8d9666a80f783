"""The parts of a trace beside each other: where its time went, and what the selected span, or the whole, stood on.

A fragment of the page: folding, searching and selecting draw nothing else anew.
"""

import streamlit as st

from app.kit.numbers import count
from app.kit.wording import slowest, when
from app.traces.spans import read_span
from app.traces.tree import MAX_FOUND, View, find_spans, path_to, row_of
from app.traces.words import told_pairs
from app.views.kit import address
from app.views.kit.html import note_html, pairs_html, show
from app.views.kit.markdown import literal
from app.views.traces.chunks import show_chunks
from app.views.traces.span import show_span
from app.views.traces.waterfall import axis_of, rows_of, show_rows, toggled_rows
from pipeline.span_tree import SpanTree
from pipeline.types import Trace

FEW_SPANS = 12
"""A tree of no more spans than these is searched by looking at it."""

WATERFALL_NOTE = "Each bar is a stage, placed where it ran. Unaccounted is the time between and after the stages; it adds up to the total."

TREE_NOTE = "Each bar is a span, placed where it ran; a line at its left marks what the end had to wait for."

NESTING_NOTE = "A {} inside another ran within it; own is what the outer one took beside those inside it."

SELECTING_NOTE = "A click, or Enter, shows what a span was given and returned; arrow keys walk, open and fold."


def waterfall_note(*traces: Trace) -> str:
    """What one is looking at in the waterfalls of these traces."""
    foreign = any(trace.origin == "application" for trace in traces)
    nested = any(span.parent_id is not None for trace in traces for span in trace.spans)
    about = [TREE_NOTE if foreign else WATERFALL_NOTE]
    return " ".join([*about, NESTING_NOTE.format("span" if foreign else "stage")] if nested else about)


def show_waterfall(trace: Trace, *, until_ms: float | None = None, side: str = "") -> None:
    """The waterfall alone, in which nothing can be selected. until_ms: where its axis ends, if not with the trace.

    side: keeps two waterfalls of one page apart.
    """
    key, title = f"waterfall-{side}{trace.trace_id}", slowest(trace)
    st.markdown(f"**{literal(title)}**")
    rows = rows_of(trace, trace.tree, View(toggled_rows(key)))
    show_rows(rows, axis_of(trace, until_ms), title=title, key=key)


def show_parts(trace: Trace) -> None:
    """Chunks or the selected span, and the waterfall. What another application made is a tree first."""
    _show_parts(trace, trace.tree, slowest(trace))


@st.fragment
def _show_parts(trace: Trace, tree: SpanTree, title: str) -> None:
    if trace.origin == "application":
        time, beside = st.columns([6, 5], gap="large")
    else:
        beside, time = st.columns([3, 2], gap="large")
    span = tree.get(st.query_params.get("span", ""))
    with time:
        st.header("Time", anchor=False)
        _show_tree(trace, tree, title, "" if span is None else span.span_id)
        _show_settings(trace)
    with beside:
        if span is None:
            st.header("Chunks", anchor=False)
            show_chunks(trace)
        else:
            inside = [each.name for each in path_to(tree, span)[:-1]]
            show_span(read_span(trace, span), row_of(tree, span, trace.duration_ms), _shortened(inside), close=_close)


def _close() -> None:
    st.query_params.pop("span", None)


def _shortened(names: list[str]) -> list[str]:
    """Names of a long way, less its middle."""
    return names if len(names) <= 8 else [*names[:3], f"… {len(names) - 6:,} more …", *names[-3:]]


def _show_tree(trace: Trace, tree: SpanTree, title: str, selected: str) -> None:
    key = f"spans-{trace.trace_id}"
    found = _find(tree, key) if len(tree) > FEW_SPANS else []
    st.markdown(f"**{literal(title)}**")
    rows = rows_of(trace, tree, View(toggled_rows(key), found, selected))
    show_rows(rows, axis_of(trace), title=title, key=key, selected=selected)
    show(note_html(f"{waterfall_note(trace)} {SELECTING_NOTE}"))


def _find(tree: SpanTree, key: str) -> list[str]:
    """The box for a search, and what it finds. Rows that hide what a new search found are opened."""
    write = address.follow("spans", {"find": address.words()})
    wanted = st.text_input("Find in spans", key="find", type="search", max_chars=200, on_change=write)
    kept: tuple[str, list[str]] = st.session_state.get(f"{key}-found", ("", []))
    if kept[0] != wanted:
        kept = (wanted, find_spans(tree, wanted))
        st.session_state[f"{key}-found"] = kept
        toggled = toggled_rows(key)
        for row_id in [row_id for row_id, is_open in toggled.items() if not is_open]:
            del toggled[row_id]
    found = kept[1]
    if wanted.strip():
        shown = f"; the way to the first {MAX_FOUND} is open" if len(found) > MAX_FOUND else ""
        show(note_html(f"{len(found):,} of {count(len(tree), 'span')} found{shown}."))
    else:
        show(note_html(f"{count(len(tree), 'span')}."))
    return found


def _show_settings(trace: Trace) -> None:
    with st.expander("Settings of this question" if trace.origin != "application" else "About this trace"):
        rows = {"backend": trace.backend, "asked": when(trace.asked_at), "trace": trace.trace_id}
        show(pairs_html({**rows, **told_pairs({**trace.settings, **trace.metadata})}))

"""HTML on a page: the one place where it gets there, and the pieces that several views share.

Makers stand beside the views that show them, in a folder's `html.py`, and are made of `html` and `joined`, which escape whatever is not
`Markup`; `tests/app/views/test_html.py` and the browser journeys prove that no markup survives.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st
from markupsafe import Markup
from streamlit.delta_generator import DeltaGenerator

from app.kit.markup import html, joined
from app.kit.numbers import unbroken
from app.kit.presenting import OFF, PARAMETER


def show(made: Markup, place: DeltaGenerator | None = None) -> None:
    """Put HTML on the page, or into a place that was kept for it. Raises TypeError for text that no maker made."""
    if not isinstance(made, Markup):
        raise TypeError("only what a maker made is shown as HTML")
    if place is None:
        st.html(made)
    else:
        place.html(made)


def note_html(note: str, more: str = "") -> Markup:
    """A line of small print. more: what is to be said besides, behind a "?" that a click or Enter opens."""
    note, more = unbroken(note), unbroken(more)
    if not more:
        return html('<p class="rg-note">{}</p>', note)
    return html(
        '<div class="rg-note">{} <details class="rg-more"><summary aria-label="What this means">?</summary><p>{}</p></details></div>',
        note,
        more,
    )


def dot_html(colour: str) -> Markup:
    """A dot that says by its colour what the words beside it say."""
    return html('<span class="rg-dot" style="background:{}"></span>', colour)


def pairs_html(pairs: Mapping[str, str]) -> Markup:
    """Names and values, a row each."""
    rows = joined(html('<tr><th scope="row">{}</th><td>{}</td></tr>', *pair) for pair in pairs.items())
    return html('<table class="rg-pairs rg-names">{}</table>', rows)


def table_html(heads: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> Markup:
    """A plain table; the first column names the row."""
    head = joined(html('<th scope="col">{}</th>', each) for each in heads)
    body = joined(
        html(
            '<tr><th scope="row" dir="auto">{}</th>{}</tr>',
            first,
            joined(html("<td dir=auto>{}</td>", cell) for cell in cells),
        )
        for first, *cells in rows
    )
    return html(
        '<div class="rg-wide"><table class="rg-pairs rg-whole-words" data-testid="{}"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        name,
        head,
        body,
    )


def outline_html(parts: Mapping[str, str]) -> Markup:
    """Ways to the parts of a page."""
    links = joined(html('<li><a href="#{}">{}</a></li>', anchor, title) for anchor, title in parts.items())
    return html('<nav class="rg-outline" aria-label="On this page"><b>On this page</b><ul>{}</ul></nav>', links)


def leave_html(asked: Mapping[str, Sequence[str]]) -> Markup:
    """The way out of the presenter's view, to the same page. asked: what its address asks it."""
    query = urlencode({**asked, PARAMETER: OFF}, doseq=True, errors="replace")
    return html(
        '<p class="rg-leave"><a href="?{}" target="_self" aria-label="Leave this view">Leave<span> this view</span></a></p>',
        query,
    )


def chart_title_html(title: str) -> Markup:
    """What a chart says, above it, where it wraps."""
    return html('<p class="rg-chart-title" data-testid="chart-title" dir="auto">{}</p>', unbroken(title))

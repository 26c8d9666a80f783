"""The Overview's parts: a box for a question, tiles, what was asked, what needs a look, where the time goes; the first steps."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.alerting.words import idle_words
from app.kit.wording import ASKERS, PEOPLE
from app.overview.reading import SPANS, live_query
from app.overview.words import (
    CHOICES,
    STEPS,
    WORDS,
    Tile,
    alerts_tile,
    asker_choice,
    concern_tiles,
    failed_tile,
    none_of_late,
    p95_tile,
    quality_tile,
    ready_tile,
    run_tile,
    time_words,
    watches_drift,
)
from app.services import Services
from app.views.asking.page import box_with_examples
from app.views.kit import address, state
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage, grid
from app.views.kit.markdown import message
from app.views.kit.table import show_table
from app.views.overview import kept
from app.views.overview.html import shares_html, step_html, tile_html
from app.views.traces.recent import ASKED_COLUMNS, asked_row
from metrics.queries import TraceRow
from pipeline.errors import RaglassError

REFRESH_S = 30
"""Seconds between refreshes."""


def choose() -> tuple[str, str]:
    """Which stretch of time is told of, and whose questions, as on Live; kept in the address."""
    fields = {"past": address.choice(list(SPANS), "day"), "by_whom": address.choice(list(ASKERS), PEOPLE)}
    write = address.follow("overview", fields)
    collapsed: dict[str, Any] = {"on_change": write, "label_visibility": "collapsed"}
    with st.container(horizontal=True, width="content", vertical_alignment="center"):
        chosen = st.segmented_control(
            "Of the last", list(SPANS), key="past", format_func=CHOICES.__getitem__, required=True, **collapsed
        )
        with backstage("by-whom", width="content"):
            asked_by = st.selectbox(
                "Asked by", list(ASKERS), key="by_whom", format_func=asker_choice, width=190, **collapsed
            )
    return str(chosen or "day"), asked_by


def ask_box(services: Services, *, with_examples: bool) -> None:
    """A box for a question, which is asked on Ask, with the settings that were chosen there."""
    typed = box_with_examples(
        "overview-question", "Ask", with_examples=with_examples and services.settings.builtin_corpus
    )
    if typed is not None:
        state.leave_question(typed)
        st.switch_page("../pages/ask.py")


def show_overview(span: str, whose: str) -> None:
    """Everything that refreshes by itself."""
    services = state.services()
    try:
        pace, windows = kept.pace(span, whose), kept.quality(span)
        opened, rules = services.alarms.opened(), services.alarms.rules()
        concerns, shares = kept.concerns(span, whose), kept.shares(pace, span)
        runs, elsewhere = kept.runs(), kept.elsewhere()
        recent = kept.recent(whose)
    except RaglassError as error:
        _show_tiles([ready_tile(kept.problems())], "tiles")
        st.error(message(str(error)), icon=":material/error:")
        return
    tiles = [
        ready_tile(kept.problems()),
        failed_tile(pace, span),
        p95_tile(pace, span),
        quality_tile(windows, pace, span),
        alerts_tile(opened, len(rules), idle_words(services.alarms, rules), elsewhere),
    ]
    _show_tiles(tiles, "tiles")
    left, right = grid([3, 2], "overview")
    with left:
        _show_recent(recent, whose)
    with right:
        stale = any(services.backends.is_stale(name) for name in services.backends.usable())
        checked = None if watches_drift(rules) else services.question_drift
        looks = concern_tiles(concerns, windows, opened, stale, checked)
        st.header("Needs a look", anchor=False)
        _show_tiles(looks, "looks")
        if not looks:
            show(note_html(f"Nothing in the last {WORDS[span]}."))
        if shares:
            st.header("Where the time goes", anchor=False)
            show(shares_html(shares))
            st.page_link("../pages/live.py", label=time_words(shares), query_params=live_query(pace, span))
        run = run_tile(runs, kept.verdict(runs))  # The last thing: working it out takes nothing from the rest.
        if run is not None:
            _show_tiles([run], "run-tile")


def _show_tiles(tiles: Sequence[Tile], key: str) -> None:
    """Tiles in a row that wraps; the whole of each is a link."""
    with st.container(horizontal=True, key=key, gap="small"):
        for tile in tiles:
            with st.container(key=f"tile-{key}-{tile.name}", border=True, gap=None):
                st.page_link(f"../pages/{tile.page}.py", label=tile.label, query_params=tile.query)
                show(tile_html(tile))


def _show_recent(rows: Sequence[TraceRow], whose: str) -> None:
    st.header("Asked of late", anchor=False)
    if not rows:
        show(note_html(none_of_late(whose)))
    else:
        done = show_table(
            ASKED_COLUMNS,
            [asked_row(row, "traces") for row in rows],
            key="recent-questions",
            label="Questions asked of late, a row each",
        )
        if done.opened is not None:
            st.switch_page("../pages/traces.py", query_params={"trace": done.opened})
    st.page_link("../pages/traces.py", label="All traces", icon=":material/list:")


def show_first_steps() -> None:
    """What to do where nothing was asked yet."""
    st.header("Three steps to begin with", anchor=False)
    with st.container(horizontal=True, key="steps", gap="small"):
        for number, (title, words, link, page) in enumerate(STEPS, start=1):
            with st.container(border=True, key=f"tile-step-{page}", gap=None):
                show(step_html(number, title, words))
                st.page_link(f"../pages/{page}.py", label=link, icon=":material/arrow_forward:")

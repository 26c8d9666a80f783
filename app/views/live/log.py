"""The Live page's log: lines of the stack that wrap, with their level and the way to the trace they belong to."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.kit.numbers import count
from app.kit.wording import moment
from app.live.log_lines import LEVELS, ReadLine, read_lines
from app.live.reading import LOG_START_S
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import message
from app.views.live.html import log_html
from app.views.live.kept import lines_of
from pipeline.errors import RaglassError

KEPT_LINES = 500
"""Log lines kept on the page."""


def choose_log(write: Callable[..., None]) -> None:
    """Whether to follow the log, and what to find in it."""
    with backstage("log"), st.container(horizontal=True, vertical_alignment="bottom"):
        st.toggle("Follow the log", key="log", on_change=write)
        st.segmented_control("Level", list(LEVELS), key="level", on_change=write, required=True)
        st.text_input(
            "Only lines with (a request id or trace id)", key="find", on_change=write, max_chars=200, width=330
        )


def show_log() -> None:
    """The log tail, if it is wanted; it goes on from where it was."""
    if not st.session_state.get("log"):
        return
    find = str(st.session_state.get("find") or "").strip()
    kept: dict[str, Any] = st.session_state.setdefault("log-tail", {})
    if kept.get("find") != find:
        kept.update(find=find, follow=None, lines=[])
    try:
        page = state.services().live.tail(find, kept["follow"])
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    kept["follow"] = page.follow
    kept["lines"] = [*kept["lines"], *page.lines][-KEPT_LINES:]
    if page.missing:
        _note(f"Not there yet: {', '.join(page.missing)}. A part makes its log group with its first line.")
    if not kept["lines"]:
        _note(
            f"No line {'with that ' if find else ''}in the last {LOG_START_S // 60} minutes, where this log begins. "
            "New lines appear with each refresh. For an older question, look into its period above and pick its trace."
        )
        return
    lines = read_lines(kept["lines"], str(st.session_state.get("level") or "all"))
    of_all = "" if len(lines) == len(kept["lines"]) else f" of {len(kept['lines']):,}"
    _note(f"{count(len(lines), 'line')}{of_all}, the newest first.{' Older lines were left out.' if page.cut else ''}")
    _show(lines[::-1])


def show_lines_of(trace_id: str) -> None:
    """The log lines of a trace."""
    try:
        lines = lines_of(trace_id)
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    _note(f"{count(len(lines), 'log line')} with the id of this trace.")
    _show(read_lines(lines, "all"))


def _show(lines: list[ReadLine]) -> None:
    show(log_html([(moment(line.at_s), line) for line in lines]))


def _note(words: str) -> None:
    show(note_html(words))

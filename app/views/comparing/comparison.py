"""Two traces side by side: answers, the chunks that both retrieved, stages on one time axis, and what they were asked with."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.comparing.comparison import compare
from app.comparing.side_by_side import SIDES
from app.comparing.verdict import Verdict, judge
from app.kit.wording import asked_how, when
from app.views.comparing.html import comparison_html, differences_html, overlap_html, side_html, verdict_html
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal
from app.views.traces.chunks import show_chunks
from app.views.traces.detail import show_answer
from app.views.traces.html import question_html
from app.views.traces.parts import show_waterfall, waterfall_note
from explain.gold import Gold
from pipeline.types import Trace


def _right_answer(*traces: Trace) -> Gold | None:
    """What is right about the first of these of which somebody said so."""
    explanations = state.services().explanations
    known = (explanations.right_answer(trace.trace_id) for trace in traces)
    return next((gold for gold in known if gold is not None), None)


def _show_verdict(verdict: Verdict, place: DeltaGenerator) -> None:
    with place.container():
        st.header(literal(verdict.headline), anchor=False)
        show(verdict_html(verdict))


def show_comparison(first: Trace, second: Trace, place: DeltaGenerator | None = None) -> None:
    """The whole comparison. On a narrow screen each pair stands one above the other, so each says which side it is.

    place: where the verdict is shown, if not above the rest.
    """
    found = compare(first, second)
    verdict = judge(first, second, _right_answer(first, second), found)
    _show_verdict(verdict, place or st.empty())
    same_question = first.question == second.question
    if same_question:
        show(question_html(first.question))
    traces = tuple(zip(SIDES, (first, second), strict=True))
    for column, (side, trace), marks in zip(st.columns(2, gap="large"), traces, verdict.marks, strict=True):
        with column:
            _show_side(side, trace, marks, with_question=not same_question)
    if verdict.note:
        show(note_html(verdict.note))
    if found.matches:
        st.header("Which chunks each retrieved", anchor=False)
        show(
            note_html(
                "The rank of every chunk on each side, 1 is best. ▲ 2: two places higher in the second than in the first."
            )
        )
        show(overlap_html(found.matches))
    st.header("Time", anchor=False)
    longest_ms = max(first.duration_ms, second.duration_ms)
    for column, (side, trace) in zip(st.columns(2, gap="large"), traces, strict=True):
        with column:
            show(side_html(side, trace.backend))
            show_waterfall(trace, until_ms=longest_ms, side=side)
    show(note_html(f"{waterfall_note(first, second)} Both have the same time axis."))
    show(comparison_html(found.stages))
    if found.time_note:
        show(note_html(found.time_note))
    if found.settings:
        st.header("Settings that differ", anchor=False)
        show(differences_html(found.settings))
    st.header("Chunks", anchor=False)
    for column, (side, trace) in zip(st.columns(2, gap="large"), traces, strict=True):
        with column:
            show(side_html(side, trace.backend))
            show_chunks(trace)


def _show_side(side: str, trace: Trace, marks: Sequence[tuple[int, int]], *, with_question: bool) -> None:
    show(side_html(side, asked_how(trace)))
    if with_question:
        show(question_html(trace.question))
    show_answer(trace, marks)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "../pages/traces.py",
            label=f"Open the {side} trace",
            icon=":material/link:",
            query_params={"trace": trace.trace_id},
        )
        st.page_link(
            "../pages/explain.py",
            label=f"Explain the {side}",
            icon=":material/account_tree:",
            query_params={"trace": trace.trace_id},
        )
        show(note_html(f"asked {when(trace.asked_at)}"))

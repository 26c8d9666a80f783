"""One trace, opened: the answer, how far to trust it, whence it came, its parts, and what can be done with it."""

from collections.abc import Sequence

import streamlit as st

from app.kit.markup import MARK_FOR
from app.kit.plain import shortened
from app.kit.quoting import answering_words
from app.kit.wording import is_unsure, trust
from app.permitting.acting import refusal, who
from app.permitting.roles import NotPermitted, Role
from app.traces.changing import rate_trace
from app.traces.playground import PLAYGROUND_OF
from app.traces.provenance import missing_parts, provenance
from app.views.kit import state
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show
from app.views.kit.layout import actions
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import refused
from app.views.kit.ways import show_way
from app.views.traces.deleting import show_deleting
from app.views.traces.html import answer_html, question_html, trust_html
from app.views.traces.of_run import show_of_run
from app.views.traces.parts import show_parts
from app.views.traces.playground import show_playground
from app.views.traces.scores import show_scores
from metrics.queries import StoredTrace
from pipeline.errors import StoreError
from pipeline.schema import trace_to_json
from pipeline.types import Trace

SESSION_CHARS = 40
"""Characters of a session's name on the way to it."""

MISSING_TRACE = "There is no trace with this id in this store. It may have been asked elsewhere, or the link was cut."


def show_answer(trace: Trace, differing: Sequence[tuple[int, int]] = ()) -> None:
    """The answer with its confidence, and what went wrong if something did.

    differing: character ranges that another answer does not have; they are marked instead of the words that answer.
    """
    generation = trace.generation
    if generation is not None:
        quiet = trace.error is not None or is_unsure(generation)
        if differing:
            show(answer_html(generation.answer, quiet=quiet, words=differing, opening=MARK_FOR))
        else:
            show(answer_html(generation.answer, quiet=quiet, words=answering_words(generation, trace.chunks)))
        if trace.origin != "application" or generation.confidence is not None:
            show(trust_html(trust(generation)))
    if trace.error is not None:
        st.error(f"**{trace.error.kind}**: {message(trace.error.message)}", icon=":material/error:")


def show_actions(trace: Trace, stored: StoredTrace | None) -> None:
    """A rating with its note, then what can be done: explain, compare, whence it came, a link, a download, deleting."""
    if stored is None:
        st.warning("This trace could not be stored; download it before you close the page.", icon=":material/warning:")
    else:
        _feedback(stored)
    with actions(trace.trace_id):
        if stored is not None:
            _ways(trace)
        show_download(
            "Download JSON",
            trace_to_json(trace),
            f"trace-{trace.trace_id}.json",
            key=f"download-{trace.trace_id}",
        )
        if stored is not None:
            show_deleting(trace.trace_id)


def _ways(trace: Trace) -> None:
    """Links to what can be asked of a stored trace, and to what belongs to it."""
    said = "Which chunks the answer stands on, and whether that can be believed."
    _to("explain", "Explain", "account_tree", said, trace=trace.trace_id)
    said = "Ask this question on two backends, or with two settings, side by side."
    _to("compare", "Compare", "compare_arrows", said, first=trace.trace_id)
    run_id = state.store().runs.run_of(trace.trace_id) if trace.origin == "run" else None
    if run_id is not None:
        _to("runs", "Its run", "checklist", run=run_id)
    earlier = trace.settings.get(PLAYGROUND_OF)
    if earlier:
        said = "The trace whose question this is, over other chunks, with another prompt or on another backend."
        _to("traces", "Asked again from", "science", said, trace=str(earlier))
    if trace.session:
        show_way(
            f"Session {literal(shortened(trace.session, SESSION_CHARS))}",
            "forum",
            f"to-session-{trace.trace_id}",
            "The conversation that this question is part of.",
            type="secondary",
            session=trace.session,
        )
    _to("traces", "Link to this trace", "link", trace=trace.trace_id)


def _to(page: str, label: str, icon: str, said: str | None = None, **query: str) -> None:
    """A link to one of the pages."""
    st.page_link(f"../pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=query, help=said)


def show_trace(trace: Trace, stored: StoredTrace | None, *, titled: bool = False) -> None:
    """The whole trace. titled: its question is the page's title."""
    show(question_html(trace.question, title=titled))
    show_answer(trace)
    show_of_run(trace)
    show(note_html(" ".join(filter(None, (provenance(trace), missing_parts(trace))))))
    show_actions(trace, stored)
    show_parts(trace)
    if stored is not None:
        show_scores(trace.trace_id)
    show_playground(trace)


def _feedback(stored: StoredTrace) -> None:
    trace_id = stored.trace.trace_id
    rating, note = f"rating-{trace_id}", f"note-{trace_id}"

    def save() -> None:
        thumb = st.session_state[rating]
        try:
            said = 0 if thumb is None else (1 if thumb == 1 else -1)
            rate_trace(state.store(), trace_id, said, st.session_state[note])
        except (NotPermitted, StoreError) as error:
            st.session_state["feedback_problem"] = str(error)
        else:
            st.session_state["feedback_saved"] = trace_id

    why = refusal(Role.EDITOR, who())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.feedback("thumbs", key=rating, default={1: 1, -1: 0}.get(stored.rating), on_change=save, disabled=bool(why))
        st.text_input(
            "Note",
            value=stored.note,
            key=note,
            placeholder="Add a note, or “Right: the answer”",
            label_visibility="collapsed",
            on_change=save,
            width=360,
            max_chars=2000,
            **refused(why),
        )
        if st.session_state.pop("feedback_saved", None) == trace_id:
            show(note_html("✓ Saved"))
    problem = st.session_state.pop("feedback_problem", None)
    if problem:
        st.error(message(problem))

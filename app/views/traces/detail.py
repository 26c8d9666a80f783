"""One trace, opened: the answer, how far to trust it, its chunks, its waterfall, and what can be done with it."""

import streamlit as st

from app.kit.quoting import answering_words
from app.kit.wording import is_unsure, scores_note, shortfall, trust, when
from app.views.kit import state
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, pairs_html, show
from app.views.kit.markdown import literal
from app.views.kit.style import CHART_CONFIG
from app.views.traces.html import answer_html, chunks_html, question_html, trust_html
from app.views.traces.waterfall import waterfall
from metrics.queries import StoredTrace
from pipeline.errors import StoreError
from pipeline.schema import trace_to_json
from pipeline.types import Trace

MISSING_TRACE = "There is no trace with this id in this store. It may have been asked elsewhere, or the link was cut."

WATERFALL_NOTE = "Each bar is a stage, placed where it ran. Unaccounted is the time between and after the stages; it adds up to the total."

NESTING_NOTE = "A stage marked › ran inside the one above; own is what that one took beside the stages inside it."


def show_answer(trace: Trace) -> None:
    """The answer with its confidence, and what went wrong if something did."""
    generation = trace.generation
    if generation is not None:
        quiet = trace.error is not None or is_unsure(generation)
        show(answer_html(generation.answer, quiet=quiet, words=answering_words(generation, trace.chunks)))
        show(trust_html(trust(generation)))
    if trace.error is not None:
        st.error(f"**{trace.error.kind}**: {literal(trace.error.message)}", icon=":material/error:")


def show_chunks(trace: Trace) -> None:
    """The chunks, with the quoted sentences marked."""
    if not trace.chunks:
        show(note_html("No chunks were retrieved."))
        return
    evidence = trace.generation.evidence if trace.generation is not None else ()
    show(note_html(scores_note(trace) + (" The marked text is what the answer quotes." if evidence else "")))
    missing = shortfall(trace)
    if missing is not None:
        show(note_html(missing))
    show(chunks_html(trace.chunks, evidence))


def show_waterfall(trace: Trace, *, until_ms: float | None = None, side: str = "") -> None:
    """The waterfall. until_ms: where its axis ends, if not with the trace. side: keeps two waterfalls of one page apart."""
    st.plotly_chart(
        waterfall(trace, until_ms), config=CHART_CONFIG, key=f"waterfall-{side}{trace.trace_id}", alt="Stage waterfall"
    )


def waterfall_note(*traces: Trace) -> str:
    """What one is looking at in the waterfalls of these traces."""
    nested = any(span.parent_id is not None for trace in traces for span in trace.spans)
    return f"{WATERFALL_NOTE} {NESTING_NOTE}" if nested else WATERFALL_NOTE


def show_actions(trace: Trace, stored: StoredTrace | None) -> None:
    """Feedback, a link, a download."""
    if stored is None:
        st.warning("This trace could not be stored; download it before you close the page.", icon=":material/warning:")
    else:
        _feedback(stored)
    with st.container(horizontal=True, vertical_alignment="center"):
        if stored is not None:
            st.page_link(
                "../pages/traces.py",
                label="Link to this trace",
                icon=":material/link:",
                query_params={"trace": trace.trace_id},
            )
            st.page_link(
                "../pages/explain.py",
                label="Explain",
                icon=":material/account_tree:",
                query_params={"trace": trace.trace_id},
                help="Which chunks the answer stands on, and whether that can be believed.",
            )
            st.page_link(
                "../pages/compare.py",
                label="Compare",
                icon=":material/compare_arrows:",
                query_params={"first": trace.trace_id},
                help="Ask this question on two backends, or with two settings, side by side.",
            )
        show_download(
            "Download JSON",
            trace_to_json(trace),
            f"trace-{trace.trace_id}.json",
            key=f"download-{trace.trace_id}",
        )


def show_trace(trace: Trace, stored: StoredTrace | None) -> None:
    """The whole trace."""
    show(question_html(trace.question))
    show_answer(trace)
    show(note_html(f"{trace.backend}, asked {when(trace.asked_at)}"))
    show_actions(trace, stored)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Chunks", anchor=False)
        show_chunks(trace)
    with right:
        st.subheader("Time", anchor=False)
        show_waterfall(trace)
        show(note_html(waterfall_note(trace)))
        with st.expander("Settings of this question"):
            rows = {"backend": trace.backend, "asked": when(trace.asked_at), "trace": trace.trace_id, **trace.settings}
            show(pairs_html({name: "—" if value is None else str(value) for name, value in rows.items()}))


def _feedback(stored: StoredTrace) -> None:
    trace_id = stored.trace.trace_id
    rating, note = f"rating-{trace_id}", f"note-{trace_id}"

    def save() -> None:
        thumb = st.session_state[rating]
        try:
            state.store().annotate(trace_id, 0 if thumb is None else (1 if thumb == 1 else -1), st.session_state[note])
        except StoreError as error:
            st.session_state["feedback_problem"] = str(error)
        else:
            st.toast("Feedback saved")

    with st.container(horizontal=True, vertical_alignment="center"):
        st.feedback("thumbs", key=rating, default={1: 1, -1: 0}.get(stored.rating), on_change=save)
        st.text_input(
            "Note",
            value=stored.note,
            key=note,
            placeholder="Add a note, or “Right: the answer”",
            label_visibility="collapsed",
            on_change=save,
            width=360,
            max_chars=2000,
        )
    problem = st.session_state.pop("feedback_problem", None)
    if problem:
        st.error(literal(problem))

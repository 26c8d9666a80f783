"""One answer, explained: its tokens by what the chunks did for them, the chunks by what each did, and how far to believe that."""

import json
import time
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.explaining.belief import Belief, belief
from app.explaining.diagnosing import diagnosis_to_dict
from app.explaining.explanations import why_stand_in
from app.explaining.grounded import grounded
from app.explaining.report import report_html
from app.explaining.words import (
    chunk_marks,
    chunk_name,
    explained_with,
    not_shown_words,
    pairs_note,
    reliance_words,
    telling_sentences,
    token_marks,
)
from app.kit.numbers import rough_time
from app.kit.wording import asked_how
from app.views.explaining import charts
from app.views.explaining.attention import show_attention
from app.views.explaining.html import attributed_html, belief_html, link_rules_html, tokens_html
from app.views.explaining.kept import known_diagnosis, known_explanation, remember_explanation
from app.views.explaining.panels import show_grounding, show_inside, show_sureness
from app.views.explaining.right import show_right
from app.views.explaining.stand_in import choose_stand_in, offer_stand_in, show_unexplained
from app.views.kit import state
from app.views.kit.charts import show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import actions, backstage, grid
from app.views.kit.markdown import literal, message
from app.views.traces.html import question_html
from app.views.traces.recent import show_recent
from explain.counterfactuals import Diagnosed
from explain.explained import Explained
from explain.explainer import estimate_s
from explain.explanation import Explanation
from explain.sampled import SampledExplanation
from explain.sources import Unit
from pipeline.errors import RaglassError, Unavailable
from pipeline.types import Trace

UNITS: dict[Unit, str] = {"chunks": "Chunks", "sentences": "Sentences"}
"""What is told apart, by what it is called in an address."""

INSIDE, ATTENTION = "Inside the model", "Attention"
"""Parts that only some backends can fill."""

SHADES = "Amber: the chunks made this word more probable; blue: less probable. Point at a word to see its chunk."
"""How to read the shaded answer."""

SHADES_MEANING = (
    "The answer was scored with every chunk and without them. The deeper a word's colour, the more it owes to them. Of an answer that "
    "quotes, a whole sentence has one colour."
)

CHUNKS_MEANING = (
    "What a chunk did is how much more probable the answer is with it than without it, on average over what else is read. Details has "
    "the figures."
)
"""What stands beside each chunk."""


def ask_for_a_trace() -> None:
    """What to do where no trace was given."""
    st.info("Ask a question, or open a trace, and choose Explain: this page shows which chunks its answer stands on.")
    with st.container(horizontal=True):
        st.page_link("../pages/ask.py", label="Ask", icon=":material/search:")
        st.page_link("../pages/traces.py", label="All traces", icon=":material/list:")
    show_recent("explain")


def score_and_show(trace: Trace) -> None:
    """Score what is not known yet, with a bar that can be stopped, and show what is."""
    show(question_html(trace.question, title=True))
    # Always there, so that what stands below keeps its place (and a tab its choice) when the page runs again.
    holder, verdict = st.empty(), st.empty()
    with backstage("explain"), st.container(horizontal=True, gap="large"):
        unit, stand_in = _choose_unit(), choose_stand_in(trace)
    if trace.origin == "application" and not stand_in:
        show_unexplained(trace, why_stand_in(trace))
        _link_to(trace)
        return
    found = known_explanation(trace.trace_id, unit, stand_in)
    if found is None or not (found.complete or st.session_state.get("stopped") == (trace.trace_id, unit, stand_in)):
        try:
            found = _score(trace, unit, stand_in, holder) or found
        except Unavailable as error:
            holder.empty()
            offer_stand_in(trace)
            show_unexplained(trace, str(error), failed=bool(stand_in))
            _link_to(trace)
            return
        except RaglassError as error:
            holder.empty()
            st.error(message(str(error)), icon=":material/error:")
            _link_to(trace)
            return
    if found is None:
        return
    show_explanation(found, verdict)
    if not found.complete:
        st.button("Score the rest", on_click=st.session_state.pop, args=("stopped", None), icon=":material/play_arrow:")


def _choose_unit() -> Unit:
    """What is told apart; in the address, so that a link shows the same."""
    asked = st.query_params.get("by", "chunks")
    chosen = st.segmented_control(
        "Tell apart",
        list(UNITS),
        default=asked if asked in UNITS else "chunks",
        format_func=lambda unit: UNITS[unit],
        key="explain-unit",
        help="Which chunk the answer stands on, or which sentence of which chunk. Sentences take longer.",
    )
    unit: Unit = chosen or "chunks"
    if unit == "chunks":
        st.query_params.pop("by", None)
    else:
        st.query_params["by"] = unit
    return unit


def _score(trace: Trace, unit: Unit, stand_in: str, holder: Any) -> Explained | None:
    def stop() -> None:
        st.session_state["stopped"] = (trace.trace_id, unit, stand_in)

    found, started = None, time.monotonic()
    most_s = estimate_s(trace, unit)
    wait = "" if most_s is None else f": {rough_time(most_s)} at most"
    with holder.container():
        bar = st.progress(0.0, f"Scoring the answer over subsets of its {unit}{wait} …")
        st.button("Stop", on_click=stop, icon=":material/stop:", help="What was scored is kept and shown.")
    for step in state.services().explanations.explain(trace, unit, stand_in):
        found = step
        remember_explanation(step, unit)
        scored, whole = step.scored
        left_s = (time.monotonic() - started) / scored * (whole - scored)
        words = f"Scored the answer over {scored} of {whole} subsets of its {unit}"
        bar.progress(scored / whole, f"{words}, about {rough_time(left_s)} left" if whole > scored else words)
    holder.empty()
    return found


def show_explanation(found: Explained, verdict: DeltaGenerator) -> None:
    """The verdict in its place, and below it everything that it rests on, a tab each."""
    diagnosed, judged = known_diagnosis(found), belief(found)
    with verdict.container():
        show(link_rules_html(len(found.chunks)))
        show(tokens_html(token_marks(found)))
        show(note_html(SHADES, more=SHADES_MEANING))
        left, right = grid(2, "explain-verdict")
        with left:
            st.header(literal(found.sentence), anchor=False)
            if judged is not None:
                show(belief_html(judged))
            if told := explained_with(found):
                st.info(message(" ".join(told)), icon=":material/group:")
            if found.problem:
                st.error(message(found.problem), icon=":material/error:")
        if found.complete:
            with right:
                show_right(found, diagnosed)
    if judged is not None:
        _show_parts(found, judged)
    else:
        _note(reliance_words(found))
    _show_actions(found, diagnosed)


def _show_parts(found: Explained, judged: Belief) -> None:
    explanations = state.services().explanations
    why_not = {INSIDE: explanations.why_no_inside(found), ATTENTION: explanations.why_no_picture(found)}
    shown = {
        "What each chunk did": lambda: _show_chunks(found),
        "Do the chunks say it?": lambda: show_grounding(grounded(found)),
        "How sure was it?": lambda: show_sureness(found),
        INSIDE: lambda: show_inside(found),
        ATTENTION: lambda: show_attention(found),
        "Details": lambda: _show_details(found, judged, {name: why for name, why in why_not.items() if why}),
    }
    names = [name for name in shown if not why_not.get(name)]
    for name, tab in zip(names, st.tabs(names, key="explain-panels"), strict=True):
        with tab:
            shown[name]()


def _show_details(found: Explained, judged: Belief, why_not: Mapping[str, str]) -> None:
    """The figures behind the verdict, for whoever knows how to read them. why_not: why a part is not there, by its name."""
    if why_not:
        show(note_html(not_shown_words(why_not)))
    for line in (reliance_words(found), *judged.details):
        st.write(literal(line))
    _show_charts(found)
    heads = ("Chunk", "What it did")
    rows = [(f"{mark.chunk.rank}. {chunk_name(mark.chunk)}", mark.figures) for mark in chunk_marks(found)]
    show(table_html(heads, rows, "chunk-figures"))
    _note(asked_how(found.trace))


def _show_charts(found: Explained) -> None:
    if not isinstance(found, Explanation):
        left, right = st.columns([3, 2], gap="large")
        with left:
            _draw(charts.weights(found), "weights", "What each source did")
        with right:
            noun = found.unit if isinstance(found, SampledExplanation) else "sources"
            _note(
                f"Each bar is a weight: how much the answer's log-odds rise when that one of the {noun} is in the context, whatever "
                "else is. The line across its end is a 90 % interval; where it crosses 0, it may have done nothing."
            )
            if len(found.tokens) > 1:
                _draw(charts.by_token(found), "by-token", "Each chunk's part in each token")
                _note(
                    "Weights fitted to each token by itself, so that a column does not add up to the token's reliance."
                )
        return
    left, right = st.columns(2, gap="large")
    with left:
        _draw(charts.waterfall(found), "steps", "From no chunk to all")
        _note(
            "Each step is a chunk's Shapley value: its mean effect on the answer's log-probability, over all orders in which the "
            "chunks could be added."
        )
    with right:
        if len(found.chunks) > 1:
            _draw(charts.pairs(found), "pairs", "Interaction of each pair of chunks")
            _note(pairs_note(found))
        if len(found.tokens) > 1:
            _draw(charts.by_token(found), "by-token", "Each chunk's part in each token")
            _note("Shapley values of each token; a column adds up to the token's reliance.")


def _show_chunks(found: Explained) -> None:
    told = telling_sentences(found)
    if told:
        _note("Those first that moved the answer most. Marked: the sentences that surely did.", CHUNKS_MEANING)
    else:
        _note("Those first that moved the answer most. Marked: what the answer quotes.", CHUNKS_MEANING)
    quoted = () if found.trace.generation is None else found.trace.generation.evidence
    show(attributed_html(chunk_marks(found), told or quoted, against=bool(told) and found.reliance_nats < 0))


def _show_actions(found: Explained, diagnosed: Diagnosed | None) -> None:
    trace_id = found.trace.trace_id
    whole = found.to_dict() | ({} if diagnosed is None else {"diagnosis": diagnosis_to_dict(diagnosed)})
    with actions(f"explained-{trace_id}"):
        _link_to(found.trace)
        show_download("Download JSON", json.dumps(whole, indent=1), f"explanation-{trace_id}.json")
        show_download(
            "Download report",
            report_html(found, diagnosed, state.services().calibrations.of(found.trace)),
            f"explanation-{trace_id}.html",
            icon=":material/description:",
            help="One page for somebody who has no Raglass: opens in any browser, and prints.",
        )


def _link_to(trace: Trace) -> None:
    st.page_link(
        "../pages/traces.py", label="The trace", icon=":material/link:", query_params={"trace": trace.trace_id}
    )


def _draw(figure: go.Figure, key: str, alt: str) -> None:
    show_chart(figure, key=f"explain-{key}", alt=alt)


def _note(words: str, more: str = "") -> None:
    show(note_html(words, more))

"""The panels below an explanation: was it right, do the chunks say it, how sure was the generator, what does its inside show.

A panel that the backend cannot fill says why, and what would.
"""

import streamlit as st

from app.explaining.diagnosing import diagnosis_rows, gold_words
from app.explaining.grounded import Grounded, grounded
from app.explaining.inside import completeness_words, inside_heads, inside_rows
from app.explaining.sureness import (
    DRAWN,
    NOT_CALIBRATED,
    calibrated_row,
    drawn_rows,
    entropy_words,
    quality_rows,
    sample_rows,
    sureness_rows,
)
from app.views.explaining import charts
from app.views.explaining.attention import show_attention
from app.views.explaining.html import figures_html, grounded_html
from app.views.explaining.kept import keep_of, kept_of, remember_diagnosis
from app.views.kit import state
from app.views.kit.charts import show_chart
from app.views.kit.html import note_html, show, table_html
from app.views.kit.markdown import literal
from evaluation.calibrating import Calibration
from explain.counterfactuals import Diagnosed
from explain.explained import Explained
from explain.gold import Gold
from pipeline.errors import RaglassError
from pipeline.types import Sample

STEPS = 50
"""Steps of integrated gradients; 50 do for most models."""


def show_panels(found: Explained, diagnosed: Diagnosed | None) -> None:
    """All of them, in tabs. diagnosed: what is known of whether it was right."""
    right, said, sure, inside, attention = st.tabs(
        ["Was it right?", "Do the chunks say it?", "How sure was it?", "Inside the model", "Attention"],
        key="explain-panels",
    )
    with right:
        _show_diagnosis(found, diagnosed)
    with said:
        show_grounding(grounded(found))
    with sure:
        _show_sureness(found)
    with inside:
        _show_inside(found)
    with attention:
        show_attention(found)


def _show_diagnosis(found: Explained, diagnosed: Diagnosed | None) -> None:
    trace_id = found.trace.trace_id
    known = state.services().explanations.gold_of(trace_id)
    if known is None:
        known = Gold((), document_only=True) if diagnosed is None else diagnosed.gold
    _note(
        "Give the right answer: the stage to blame is found by asking again over chosen chunks, and repairs are tried."
    )
    with st.form(f"gold-{trace_id}", border=False):
        answers = st.text_input(
            "Right answer",
            value=" | ".join(known.answers),
            placeholder="Several spellings: separated by |",
            max_chars=500,
            help="From the dataset, where a run asked this question.",
        )
        article = st.text_input(
            "Its document, if you know it",
            value=known.article,
            placeholder="Title or id",
            max_chars=300,
        )
        unanswerable = st.checkbox("The documents have no answer", value=known.unanswerable)
        pressed = st.form_submit_button("Diagnose", icon=":material/troubleshoot:")
    if pressed:
        try:
            _diagnose(found, Gold.parse(answers, article, unanswerable=unanswerable))
        except RaglassError as error:
            st.error(literal(str(error)), icon=":material/error:")
            return
        st.rerun()
    if diagnosed is not None:
        _show_diagnosed(diagnosed)
    elif label := state.services().explanations.label_of(trace_id):
        st.write(literal(f"Labelled “{label}” with its run. Diagnose shows the trials behind that, and tries repairs."))


def _diagnose(found: Explained, gold: Gold) -> None:
    with st.status("Asking again over chosen chunks …") as status:
        for step in state.services().explanations.diagnose(found, gold):
            remember_diagnosis(found, step)
            made = len(step.counterfactuals) + len(step.repairs)
            status.update(label=f"Asking again over chosen chunks: {made} answered")


def _show_diagnosed(diagnosed: Diagnosed) -> None:
    st.write(f"**{literal(diagnosed.sentence)}**")
    st.write(literal(gold_words(diagnosed)))
    if diagnosed.caveat:
        st.warning(literal(diagnosed.caveat), icon=":material/update:")
    rows = diagnosis_rows(diagnosed)
    if rows:
        show(table_html(("Trial", "Asked", "It said"), rows, "trials"))
    if diagnosed.remedy:
        st.write(literal(f"What to do: {diagnosed.remedy}"))


def show_grounding(shown: Grounded) -> None:
    """How an answer stands on its chunks."""
    st.write(literal(shown.headline))
    if shown.sentences:
        show(grounded_html(shown.sentences))
        _note(
            "A matter of words: underlined is what no chunk holds, numbers and names to the letter. A chunk that says the opposite in "
            "the same words counts as support; one that says it in other words counts only if the answer is lost without it."
        )
    if shown.citations is not None:
        st.write(literal(shown.citations))


def _show_sureness(found: Explained) -> None:
    calibration = state.services().calibrations.of(found.trace)
    calibrated = calibrated_row(found.trace, calibration)
    show(figures_html([*([calibrated] if calibrated else []), *sureness_rows(found.trace)]))
    if calibration is not None and calibrated is not None:
        _show_calibration(calibration)
    elif found.trace.origin != "application":
        st.info(literal(NOT_CALIBRATED))
    drawn: list[Sample] | None = kept_of(found, "drawn")
    if st.button(
        f"Draw {DRAWN} answers",
        icon=":material/casino:",
        help="Asks the generator again over the same chunks, at random.",
    ):
        drawn = _draw_answers(found)
    if drawn:
        if found.stand_in:
            _note(f"Drawn by {found.stand_in}, not by the model that answered.")
        show(figures_html(sample_rows(drawn)))
        show(table_html(("Drawn answer", "Times", "log p, nats"), drawn_rows(drawn), "drawn"))
    _note(
        "No figure here is a probability of being right, unless it says that it was calibrated. Longer answers have lower sums."
    )


def _show_calibration(found: Calibration) -> None:
    with st.expander("How good is that probability?"):
        left, right = st.columns(2, gap="large")
        with left:
            show_chart(charts.reliability(found), key="explain-reliability", alt="Reliability diagram")
        with right:
            show_chart(charts.risk_coverage(found), key="explain-risk", alt="Risk and coverage")
        heads = ("Score", "ECE", "Brier", "AUROC", "AURC")
        show(table_html(heads, quality_rows(found), "qualities"))
        _note(
            "On answers about articles that the fit never saw. ECE: mean distance of promise and outcome. Brier: mean squared distance. "
            "AUROC: how often a right answer scores above a wrong one. AURC: mean risk. A score that does not beat answer length is none."
        )


def _draw_answers(found: Explained) -> list[Sample]:
    drawn: list[Sample] = []
    try:
        with st.status("Drawing answers …") as status:
            for sample in state.services().explanations.sample(found, DRAWN):
                drawn.append(sample)
                status.update(label=f"Drew {len(drawn)} of {DRAWN} answers")
    except RaglassError as error:
        st.info(literal(str(error)))
    keep_of(found, "drawn", drawn)
    return drawn


def _show_inside(found: Explained) -> None:
    why_not = state.services().explanations.why_no_inside(found)
    if why_not is not None:
        st.info(literal(why_not))
        return
    _note(
        "What attention and gradients show is not why the model answered; the measured column is. It is shown to compare."
    )
    integrated = st.checkbox("Integrated gradients too", help=f"{STEPS} passes forward and back: the slowest of all.")
    if st.button("Look inside", icon=":material/visibility:"):
        try:
            with st.spinner("Looking inside the model …"):
                seen = state.services().explanations.introspect(found, integrated_steps=STEPS if integrated else 0)
        except RaglassError as error:
            st.error(literal(str(error)), icon=":material/error:")
            return
        keep_of(found, "inside", seen)
    seen = kept_of(found, "inside")
    if seen is not None:
        show(table_html(inside_heads(seen), inside_rows(found, seen), "inside"))
        complete = completeness_words(seen)
        if complete is not None:
            st.write(literal(complete))
        st.write(literal(entropy_words(found, seen)))


def _note(words: str) -> None:
    show(note_html(words))

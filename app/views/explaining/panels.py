"""The panels below an explanation: do the chunks say it, how sure was the generator, what does its inside show.

Whoever draws them asks first whether the backend can fill them.
"""

import streamlit as st

from app.explaining.grounded import Grounded
from app.explaining.inside import completeness_words, inside_heads, inside_rows
from app.explaining.sureness import (
    DRAWN,
    calibrated_row,
    drawn_rows,
    entropy_words,
    quality_rows,
    sample_rows,
    sureness_rows,
    why_not_calibrated,
)
from app.permitting.roles import Role
from app.views.explaining import charts
from app.views.explaining.html import figures_html, grounded_html
from app.views.explaining.kept import keep_of, kept_of
from app.views.kit import state
from app.views.kit.charts import show_chart
from app.views.kit.html import note_html, show, table_html
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import only
from evaluation.calibrating import Calibration
from explain.explained import Explained
from pipeline.errors import RaglassError
from pipeline.types import Sample, Trace

STEPS = 50
"""Steps of integrated gradients; 50 do for most models."""


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


def show_sureness(found: Explained) -> None:
    """The generator's own probabilities, calibrated where they can be, and answers drawn again."""
    calibration = state.services().calibrations.of(found.trace)
    calibrated = calibrated_row(found.trace, calibration)
    show(figures_html([*([calibrated] if calibrated else []), *sureness_rows(found.trace)]))
    if calibration is not None and calibrated is not None:
        _show_calibration(calibration)
    elif found.trace.origin != "application":
        _offer_calibration(found.trace, calibration)
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


def _offer_calibration(trace: Trace, known: Calibration | None) -> None:
    """Why no calibration speaks for the answer, and a way to one where a run can be calibrated on."""
    calibrations = state.services().calibrations
    run = None if known is not None else calibrations.run_to_fit(trace)
    run_id = "" if run is None else run.run_id
    st.info(message(why_not_calibrated(trace, known, run_id, other_runs=calibrations.has_runs())))
    if run_id and st.button(f"Calibrate on run {run_id}", icon=":material/tune:", **only(Role.EDITOR)):
        try:
            calibrations.fit(run_id)
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")
            return
        st.rerun()


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
        st.info(message(str(error)))
    keep_of(found, "drawn", drawn)
    return drawn


def show_inside(found: Explained) -> None:
    """Attention and gradients beside what was measured."""
    _note(
        "What attention and gradients show is not why the model answered; the measured column is. It is shown to compare."
    )
    integrated = st.checkbox("Integrated gradients too", help=f"{STEPS} passes forward and back: the slowest of all.")
    if st.button("Look inside", icon=":material/visibility:"):
        try:
            with st.spinner("Looking inside the model …"):
                seen = state.services().explanations.introspect(found, integrated_steps=STEPS if integrated else 0)
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")
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

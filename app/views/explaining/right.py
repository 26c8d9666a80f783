"""Was it right? What is known of that, which stage is to blame, and the repair that was seen to work, one click from being asked."""

import streamlit as st

from app.comparing.repairing import ask_again, can_repeat
from app.explaining.diagnosing import diagnosis_rows, gold_words, right_headline, right_words, terms_words
from app.views.explaining.kept import remember_diagnosis
from app.views.kit import state
from app.views.kit.html import note_html, show, table_html
from app.views.kit.markdown import literal, message
from explain.counterfactuals import Diagnosed, Trial
from explain.diagnosis import label_name
from explain.explained import Explained
from explain.gold import Gold
from pipeline.errors import RaglassError
from pipeline.types import Trace


def show_right(found: Explained, diagnosed: Diagnosed | None) -> None:
    """The answer to it, or a way to give the right answer. diagnosed: what is known."""
    known = state.services().explanations.gold_of(found.trace.trace_id)
    st.header(right_headline(found, diagnosed, known), anchor=False)
    if diagnosed is not None:
        _show_diagnosed(found.trace, diagnosed)
        with st.expander("Diagnose with another right answer"):
            _show_form(found, diagnosed.gold)
        return
    show(note_html(right_words(known), more=MEANING))
    if label := state.services().explanations.label_of(found.trace.trace_id):
        st.write(
            literal(
                f"Its run labelled it “{label_name(label)}”. Diagnose shows the trials behind that, and tries repairs."
            )
        )
    _show_form(found, known or Gold((), document_only=True))


MEANING = (
    "Diagnose asks again twice: with only a chunk that holds the right answer, and with no chunk at all. That tells "
    "whether retrieval or the generator is to blame. Then it tries what might help, and says what did."
)


def _show_form(found: Explained, known: Gold) -> None:
    with st.form(f"gold-{found.trace.trace_id}", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            answers = st.text_input(
                "Right answer",
                value=" | ".join(known.answers),
                placeholder="one | or another",
                max_chars=500,
                help="From the dataset, where a run asked this question.",
            )
            pressed = st.form_submit_button("Diagnose", icon=":material/troubleshoot:")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            article = st.text_input(
                "Its document, if you know it", value=known.article, placeholder="Title or id", max_chars=300, width=220
            )
            unanswerable = st.checkbox("The documents have no answer", value=known.unanswerable)
    if pressed:
        try:
            _diagnose(found, Gold.parse(answers, article, unanswerable=unanswerable))
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")
            return
        st.rerun()


def _diagnose(found: Explained, gold: Gold) -> None:
    with st.status("Asking again over chosen chunks …") as status:
        for step in state.services().explanations.diagnose(found, gold):
            remember_diagnosis(found, step)
            made = len(step.counterfactuals) + len(step.repairs)
            status.update(label=f"Asking again over chosen chunks: {made} answered")


def _show_diagnosed(trace: Trace, diagnosed: Diagnosed) -> None:
    st.write(literal(diagnosed.sentence))
    show(note_html(gold_words(diagnosed), more=terms_words(diagnosed)))
    if diagnosed.caveat:
        st.warning(message(diagnosed.caveat), icon=":material/update:")
    working = diagnosed.working
    if working is not None and can_repeat(trace, working):
        _offer_repair(trace, working)
    elif diagnosed.remedy:
        st.write(literal(f"What to do: {diagnosed.remedy}"))
    if rows := diagnosis_rows(diagnosed):
        with st.expander("What was tried"):
            show(table_html(("Trial", "Asked", "It said"), rows, "trials"))


def _offer_repair(trace: Trace, working: Trial) -> None:
    """A button that asks again with the change, and opens both answers beside each other."""
    if not st.button(
        literal(f"Ask again {working.name} and compare"),
        type="primary",
        icon=":material/healing:",
        help="The new answer is kept, and set beside this one.",
    ):
        return
    services = state.services()
    try:
        with st.spinner("Asking again …"):
            asked = ask_again(services.asking, services.playground, trace, working)
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    if asked.not_stored is not None:
        state.remember_unstored(asked.trace, asked.not_stored)
    st.switch_page("../pages/compare.py", query_params={"first": trace.trace_id, "second": asked.trace.trace_id})

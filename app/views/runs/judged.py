"""The judge of a run: how far it agrees with the labels, and a button that asks it."""

import streamlit as st

from app.permitting.roles import Role
from app.runs.judged_words import HEADS, agreement_rows, judged_words
from app.runs.judging import NO_JUDGE
from app.views.kit import state
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal
from app.views.kit.visitor import only
from app.views.kit.work import work_through
from evaluation.scoring import Scored
from metrics.runs import StoredRun


def show_judge(run: StoredRun, scores: list[Scored]) -> None:
    """An expander: a judge is optional, and costs time or money."""
    judging = state.services().judging
    words = judged_words(scores)
    with backstage("judge"), st.expander("A model as a judge"):
        if not judging.configured:
            show(note_html(NO_JUDGE))
        else:
            _ask(run, scores)
        if words:
            st.write(literal(words))
            show(table_html(HEADS, agreement_rows(scores), "judged"))
            show(
                note_html(
                    "A judge is a model too: it prefers long and fluent answers, and may be wrong. Its figures stand under Every measure, "
                    "beside those of the labels."
                )
            )


def _ask(run: StoredRun, scores: list[Scored]) -> None:
    judging = state.services().judging
    given = sum(not each.abstained and not each.failed for each in scores)
    if not given:
        show(note_html("No answer was given that could be judged."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sample = st.number_input("Answers to judge, at most", 1, given, min(50, given), width=220, key="judge-sample")
        pressed = st.button(
            f"Ask {judging.name}", icon=":material/gavel:", **only(Role.EDITOR, help="What was judged is kept.")
        )
    if not pressed:
        return
    steps = judging.judge(run.run_id, sample=int(sample))
    if work_through(steps, "Judging …", "Judged {:,} of {:,} answers", "judge"):
        st.rerun()

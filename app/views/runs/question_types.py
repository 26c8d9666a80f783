"""The types of a run's questions: how many are unsure, and a table in which a person decides."""

import streamlit as st

from app.permitting.roles import Role
from app.runs.types_words import changed, count_pages, editable, on_page, type_cells, types_words
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import only
from corpus import QUESTION_TYPES
from evaluation.typed_questions import count_types
from metrics.runs import StoredRun
from pipeline.errors import RaglassError


def show_question_types(run: StoredRun) -> None:
    """An expander, where the dataset leaves types open."""
    evaluations = state.services().evaluations
    if not evaluations.leaves_types_open(run):
        return
    with st.expander("Question types"):
        try:
            dataset = evaluations.dataset_of(run.run_id)
            typed = evaluations.types.of(dataset)
        except RaglassError as error:
            st.warning(message(str(error)))
            return
        st.write(literal(types_words(count_types(typed))))
        show(
            note_html(
                "A question that rules and classifier disagree on counts under no type until you choose one. What you choose holds for the "
                "same question in every dataset."
            )
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            unsure = st.toggle("Only the unsure", value=True, key="types-unsure")
            rows = editable(typed, unsure=unsure)
            pages = count_pages(rows)
            page = int(st.number_input("Page", 1, pages, 1, width=110, key="types-page")) if pages > 1 else 1
        shown = on_page(rows, page)
        if not shown:
            st.info("Every question has a type.")
            return
        table = st.data_editor(
            [type_cells(each) for each in shown],
            key=f"types-table-{run.run_id}-{run.version}-{unsure}-{page}",
            hide_index=True,
            disabled=("question", "rules", "classifier"),
            column_config={"type": st.column_config.SelectboxColumn("type", options=list(QUESTION_TYPES))},
        )
        decisions = changed(shown, [row["type"] for row in table])
        pressed = st.button("Keep these types", icon=":material/save:", **only(Role.EDITOR, disabled=not decisions))
        if pressed:
            try:
                evaluations.types.decide(dataset, decisions)
                evaluations.retype(run.run_id)
            except RaglassError as error:
                st.error(message(str(error)), icon=":material/error:")
                return
            st.rerun()

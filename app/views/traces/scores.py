"""What the quality rules say of a trace."""

import streamlit as st

from app.quality.judged import KIND
from app.quality.words import judged_text, score_rows
from app.views.kit import state
from app.views.kit.html import note_html, show, table_html
from app.views.kit.markdown import message
from pipeline.errors import StoreError


def show_scores(trace_id: str) -> None:
    """A table, folded up; nothing for a trace that no rule has said anything of."""
    try:
        rows = score_rows(state.store().quality.of(trace_id))
        kept = state.store().explanations(trace_id).get(KIND) if rows else None
    except StoreError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    if not rows:
        return
    with st.expander("Quality, by the rules"):
        show(table_html(("rule", "says", "which is"), rows, "quality-scores"))
        if kept is not None:
            show(note_html(judged_text(kept)))

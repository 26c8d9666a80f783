"""Who changed what, for admins."""

import streamlit as st

from app.permitting.words import AUDIT_HEADS, NOTHING, change_rows, read_changes
from app.views.kit import state
from app.views.kit.html import note_html, show, table_html
from app.views.kit.markdown import message
from pipeline.errors import RaglassError

SHOWN = 100
"""Changes that are shown; `raglass audit` lists more."""


def show_changes() -> None:
    """The newest changes, in an expander."""
    with st.expander("Who changed what"):
        try:
            found = read_changes(state.store().audit, SHOWN)
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")
            return
        if not found:
            show(note_html(NOTHING))
            return
        show(note_html(f"The newest {SHOWN}; raglass audit lists more."))
        show(table_html(AUDIT_HEADS, change_rows(found), "changes"))

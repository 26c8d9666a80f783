"""Status: whether every part is ready, versions, settings."""

import streamlit as st

from app.status.words import backend_words
from app.views.kit import state
from app.views.kit.html import note_html, pairs_html, show
from app.views.kit.markdown import literal
from app.views.status.html import parts_html

st.title("Status", anchor=False)
status = state.services().status()

if status.ready:
    st.success(
        f"Ready: {literal(status.backend)} can answer, and traces can be stored.", icon=":material/check_circle:"
    )
else:
    st.error("Not ready. The parts below say what to do.", icon=":material/error:")

st.subheader("Parts", anchor=False)
show(note_html("Every part that a question passes through, and where its trace is sent, looked at just now."))
show(parts_html(status.all_parts))

st.subheader("Backends", anchor=False)
show(pairs_html(backend_words(status)))

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Settings", anchor=False)
    show(note_html("Each is a variable of the environment; secrets are masked. docs/settings.md explains them."))
    show(pairs_html(status.settings))
    for name in status.unknown_variables:
        st.warning(f"{literal(name)} is set but is no setting of Raglass. Look for a typing error.")
with right:
    st.subheader("Versions", anchor=False)
    show(pairs_html(status.versions))

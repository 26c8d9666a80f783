"""Status: whether every part is ready, versions, settings."""

import streamlit as st

from app.status.readiness import read_status
from app.views.kit import html as text
from app.views.kit import state

st.title("Status", anchor=False)
status = read_status(state.services())

if status.ready:
    st.success(
        f"Ready: {text.literal(status.backend)} can answer, and traces can be stored.", icon=":material/check_circle:"
    )
else:
    st.error("Not ready. The parts below say what to do.", icon=":material/error:")

st.subheader("Parts", anchor=False)
text.show(text.note_html("Every part that a question passes through, looked at just now."))
text.show(text.parts_html(status.parts))

st.subheader("Backends", anchor=False)
text.show(text.pairs_html({name: reason or "installed" for name, reason in status.backends.items()}))

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Settings", anchor=False)
    text.show(
        text.note_html("Each is a variable of the environment; secrets are masked. docs/settings.md explains them.")
    )
    text.show(text.pairs_html(status.settings))
    for name in status.unknown_variables:
        st.warning(f"{text.literal(name)} is set but is no setting of Raglass. Look for a typing error.")
with right:
    st.subheader("Versions", anchor=False)
    text.show(text.pairs_html(status.versions))

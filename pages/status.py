"""Status: whether all is well or what is not, then every part; backends, settings and versions are folded."""

import streamlit as st

from app.permitting.roles import Role
from app.status.words import backend_words, backends_heading, headline, unknown_words
from app.views.kit import state
from app.views.kit.html import note_html, pairs_html, show
from app.views.kit.markdown import message
from app.views.kit.visitor import may
from app.views.status.changes import show_changes
from app.views.status.html import parts_html

st.title("Status", anchor=False)
status = state.services().status()

if not status.ready:
    st.error(message(headline(status)), icon=":material/error:")
elif status.wanting:
    st.warning(message(headline(status)), icon=":material/warning:")
else:
    st.success(message(headline(status)), icon=":material/check_circle:")
for name in status.unknown_variables:
    st.warning(message(unknown_words(name)), icon=":material/spellcheck:")

show(parts_html(status.all_parts))
show(note_html("Looked at just now: what a question passes through, and where its trace goes."))

with st.expander(backends_heading(status)):
    show(pairs_html(backend_words(status)))
if may(Role.ADMIN):
    show_changes()
    with st.expander("Settings"):
        show(note_html("Each is a variable of the environment; secrets are masked. docs/settings.md explains them."))
        show(pairs_html(status.settings))
with st.expander("Versions"):
    show(pairs_html(status.versions))

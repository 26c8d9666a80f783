"""Overview: whether all is well, what was asked of late, where the time goes, and what needs a look; a question can be put here."""

import streamlit as st

from app.views.asking.page import follow_old_address
from app.views.kit import state
from app.views.kit.markdown import message
from app.views.overview.page import REFRESH_S, ask_box, choose, show_first_steps, show_overview
from pipeline.errors import RaglassError

follow_old_address()
services = state.services()
try:
    is_empty = not services.store.count()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title("Overview", anchor=False, width="content")
        chosen = None if is_empty else choose()
    ask_box(services, with_examples=is_empty)
    if chosen is None:
        show_first_steps()
    else:
        st.fragment(show_overview, run_every=REFRESH_S)(*chosen)
except RaglassError as error:
    st.error(message(str(error)), icon=":material/error:")

"""What lets a keyboard and a screen reader reach the content of every page: `app/assets/reach.js`."""

import streamlit as st

from app.views.kit.components import component

SKIP = "Skip to the content"


def offer_skip() -> None:
    """Put the skip link before everything on the page; it is seen while it has the focus and takes no room."""
    with st.container(key="reach"):
        component("reach")(key="skip", data={"words": SKIP})

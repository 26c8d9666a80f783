"""Fields for numbers: what starts something waits while one holds what cannot be: `app/assets/numbers.js`."""

import streamlit as st

from app.views.kit.components import component


def hold_numbers() -> None:
    """Put the watch on the page; it takes no room."""
    with st.container(key="unseen-numbers"):
        component("numbers")(key="numbers-watch", data={})

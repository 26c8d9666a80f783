"""The sidebar's sections of pages, told to screen readers as the lists that they are: `app/assets/sections.js`."""

import streamlit as st

from app.views.kit.components import component


def tell_sections() -> None:
    """Mend the sidebar; it takes no room."""
    with st.container(key="unseen-sections"):
        component("sections")(key="sidebar-sections", data={})

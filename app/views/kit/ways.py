"""Ways to a list, a session or a trace on the Traces page, from that page and from others."""

import streamlit as st


def show_way(label: str, icon: str, key: str, help: str | None = None, **query: str) -> None:
    """A button that opens the Traces page with this query.

    Not a page link: one that leads to the page where it stands leaves the browser's address as it was (Streamlit 1.67), so that
    a reload, or back, goes astray. label: Markdown.
    """
    if st.button(label, icon=f":material/{icon}:", key=key, type="tertiary", help=help):
        st.switch_page("../pages/traces.py", query_params=query)

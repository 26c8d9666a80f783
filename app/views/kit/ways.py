"""Ways to what a page holds, from that page and from others."""

import streamlit as st


def show_way(label: str, icon: str, key: str, help: str | None = None, *, to: str = "traces", **query: str) -> None:
    """A button that opens a page, by its file's name, with this query.

    Not a page link: one that leads to the page where it stands leaves the browser's address as it was (Streamlit 1.67), so that
    a reload, or back, goes astray. label: Markdown.
    """
    if st.button(label, icon=f":material/{icon}:", key=key, type="tertiary", help=help):
        st.switch_page(f"../pages/{to}.py", query_params=query)

"""Ways to what a page holds, from that page and from others."""

from typing import Literal

import streamlit as st


def show_way(
    label: str,
    icon: str,
    key: str,
    help: str | None = None,
    *,
    to: str = "traces",
    type: Literal["secondary", "tertiary"] = "tertiary",
    **query: str,
) -> None:
    """A button that opens a page, by its file's name, with this query.

    Not a page link: one that leads to the page where it stands leaves the browser's address as it was (Streamlit 1.67), so that
    a reload, or back, goes astray. label: Markdown. type: `secondary` in a row of actions.
    """
    if st.button(label, icon=f":material/{icon}:", key=key, type=type, help=help):
        st.switch_page(f"../pages/{to}.py", query_params=query)

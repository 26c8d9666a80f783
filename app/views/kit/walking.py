"""What goes with walking from page to page: the menu closes what is open, a link's part is brought into sight,
the address says that one presents: `app/assets/walking.js`."""

import streamlit as st

from app.kit.presenting import PARAMETER
from app.views.kit.address import close_opened, opened_by
from app.views.kit.components import component


def watch_walking(page: str, *, presenting: bool) -> None:
    """Put the watch on the page; it takes no room. page: its path in the address."""
    with st.container(key="unseen-walking"):
        component("walking")(
            key="walking-watch",
            data={"opened": sorted(opened_by(page)), "presenting": PARAMETER if presenting else ""},
            on_close_change=close_opened,
        )

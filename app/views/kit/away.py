"""What stands on every page for when the server is away, and keeps what is half typed: `app/assets/away.js`."""

import streamlit as st

from app.views.kit.components import component

AWAY = "Raglass is not answering. This page comes back by itself."


def watch_server() -> None:
    """Put the watch on the page; it takes no room."""
    with st.container(key="unseen-away"):
        component("away")(key="server-watch", data={"words": AWAY})

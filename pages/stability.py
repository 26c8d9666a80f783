"""Stability: whether retrieval and answers hold when questions are worded otherwise, chunks change, and time goes by."""

import streamlit as st

from app.views.kit import address
from app.views.kit.markdown import message
from app.views.stability.certificate import show_certificate
from app.views.stability.drift import show_drift
from app.views.stability.index_drift import show_index_drift
from app.views.stability.perturbed import show_stability
from pipeline.errors import RaglassError

st.title("Stability", anchor=False)
views = {
    "Words and chunks": show_stability,
    "Questions over time": show_drift,
    "Another index": show_index_drift,
    "Upgrade certificate": show_certificate,
}
tabs = list(views)
write = address.follow("stability", {"stability_tab": address.choice(tabs, tabs[0])})
for tab, show in zip(st.tabs(tabs, key="stability_tab", on_change=write), views.values(), strict=True):
    with tab:
        try:
            show()
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")

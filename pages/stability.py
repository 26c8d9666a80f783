"""Stability: whether retrieval and answers hold when questions are worded otherwise, chunks change, and time goes by."""

import streamlit as st

from app.views import text
from app.views.drift import show_drift
from app.views.stability import show_stability
from pipeline.errors import RaglassError

st.title("Stability", anchor=False)
tabs = st.tabs(["Words and chunks", "Questions over time"])
for tab, show in zip(tabs, (show_stability, show_drift), strict=True):
    with tab:
        try:
            show()
        except RaglassError as error:
            st.error(text.literal(str(error)), icon=":material/error:")

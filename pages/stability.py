"""Stability: whether retrieval and answers hold when questions are worded otherwise, chunks change, and time goes by."""

import streamlit as st

from app.views import text
from app.views.stability import show_stability
from pipeline.errors import RaglassError

st.title("Stability", anchor=False)
try:
    show_stability()
except RaglassError as error:
    st.error(text.literal(str(error)), icon=":material/error:")

"""Live: rate, errors and latency as they are now, by stage; of this dashboard's traces or of the whole stack."""

import streamlit as st

from app.views.kit.markdown import literal
from app.views.live.alerts import show_alerts
from app.views.live.page import choose, choose_log, show_live, show_log
from app.views.live.rules import show_rules
from pipeline.errors import RaglassError

st.title("Live", anchor=False)
try:
    controls = choose()
    st.fragment(show_live, run_every=controls.refresh_s)(controls)
    st.fragment(show_alerts, run_every=controls.refresh_s)()
    show_rules()
    choose_log(controls)
    st.fragment(show_log, run_every=controls.refresh_s)(controls)
except RaglassError as error:
    st.error(literal(str(error)), icon=":material/error:")

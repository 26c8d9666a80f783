"""Live: rate, errors and latency as they are now, by stage; of this dashboard's traces or of the whole stack."""

import streamlit as st

from app.views.kit.layout import outlined
from app.views.kit.markdown import message
from app.views.live.alerts import show_alerts
from app.views.live.controls import choose
from app.views.live.log import choose_log, show_log
from app.views.live.page import has_few, parts_of, show_live
from app.views.live.rules import show_rules
from pipeline.errors import RaglassError

st.title("Live", anchor="now")
try:
    controls = choose()
    few = has_few(controls.choice)
    with outlined(parts_of(controls.choice, few=few), "live") as head:
        st.fragment(show_live, run_every=controls.refresh_s)(controls, head, few=few)
        head("alerts")
        st.fragment(show_alerts, run_every=controls.refresh_s)()
        show_rules()
        if controls.choice.source == "cloudwatch":
            head("log")
            choose_log(controls.write)
            st.fragment(show_log, run_every=controls.refresh_s)()
except RaglassError as error:
    st.error(message(str(error)), icon=":material/error:")

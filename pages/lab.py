"""Lab: studies over several choices; plan, start, watch, stop, go on, read and take away."""

from importlib import import_module

import streamlit as st

from app.kit.glossary import explained
from app.kit.plain import first_sentence
from app.kit.presenting import PARAMETER
from app.lab.catalogue import STUDIES, TERMS, TITLES
from app.views.kit import address, state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message
from app.views.lab.frame import follow_job
from pipeline.errors import RaglassError


def choose_study() -> None:
    """Write the chosen study into the address, and take out what belongs to the one before: its result and its form's values."""
    write(*(set(st.query_params) - {"study", PARAMETER}))


st.title("Lab", anchor=False)
lab = state.services().lab
try:
    write = address.follow("lab", {"study": address.choice(list(STUDIES), next(iter(STUDIES)))})
    name = st.segmented_control(
        "Study", list(STUDIES), key="study", on_change=choose_study, format_func=TITLES.__getitem__
    ) or next(iter(STUDIES))
    study = lab.study(name)
    short, more = first_sentence(study.about)
    show(note_html(short, f"{more} {explained(*TERMS[name])}"))
    follow_job()
    import_module(f"app.views.lab.{name}").show_study(lab)
except RaglassError as error:
    st.error(message(str(error)), icon=":material/error:")

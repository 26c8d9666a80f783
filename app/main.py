"""The router: which pages there are, and what all of them share."""

from itertools import chain
from pathlib import Path

import streamlit as st

from app.ingesting.precedence import making_page
from app.kit.nowhere import NOWHERE, nowhere_words
from app.views.kit.address import keeping_address
from app.views.kit.away import watch_server
from app.views.kit.demonstration import show_banner
from app.views.kit.markdown import literal
from app.views.kit.numbers import hold_numbers
from app.views.kit.presenting import is_presenting, show_strip
from app.views.kit.sections import tell_sections
from app.views.kit.style import apply_style
from app.views.kit.visitor import show_person, show_refusal, turned_away
from app.views.kit.walking import watch_walking

PAGES = Path(__file__).resolve().parent.parent / "pages"
ASSETS = Path(__file__).with_name("assets")

SECTIONS = {
    "": [st.Page(PAGES / "overview.py", title="Overview", icon=":material/space_dashboard:", default=True)],
    "Ask": [
        st.Page(PAGES / "ask.py", title="Ask", icon=":material/search:"),
        st.Page(PAGES / "compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page(PAGES / "explain.py", title="Explain", icon=":material/account_tree:"),
    ],
    "Observe": [
        st.Page(PAGES / "live.py", title="Live", icon=":material/monitoring:"),
        st.Page(PAGES / "traces.py", title="Traces", icon=":material/list:"),
    ],
    "Evaluate": [
        st.Page(PAGES / "runs.py", title="Runs", icon=":material/checklist:"),
        st.Page(PAGES / "stability.py", title="Stability", icon=":material/vibration:"),
        st.Page(PAGES / "lab.py", title="Lab", icon=":material/science:"),
    ],
    "Data": [st.Page(PAGES / "corpus.py", title="Corpus", icon=":material/library_books:")],
    "System": [st.Page(PAGES / "status.py", title="Status", icon=":material/monitor_heart:")],
}


def draw() -> None:
    """Draw the menu, what all pages share, and the page."""
    # The menu is as wide as a page's settings need, and no wider, so that the page has the rest.
    st.set_page_config(
        page_title="Raglass", page_icon=str(ASSETS / "icon.png"), layout="wide", initial_sidebar_state=248
    )
    st.logo(ASSETS / "logo.svg", size="large", icon_image=ASSETS / "mark.svg")
    presenting = is_presenting()
    refused = turned_away()
    page = st.navigation(SECTIONS, position="hidden" if presenting or refused else "sidebar")
    apply_style()
    tell_sections()
    hold_numbers()
    watch_server()
    if refused is not None:
        show_refusal(refused)
        st.stop()
    show_person()
    if NOWHERE in st.query_params:
        st.info(literal(nowhere_words(st.query_params[NOWHERE])), icon=":material/wrong_location:")
    watch_walking(page.url_path, presenting=presenting)
    show_banner()
    if presenting:
        show_strip(chain(*SECTIONS.values()))
    with keeping_address(page.url_path):
        page.run()


with making_page():
    draw()

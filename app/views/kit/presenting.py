"""The presenter's view: larger type, no sidebar, no settings, a strip of pages with a way out.

`?present=1` opens it and `?present=0` leaves it. The server answers both with a cookie, so that it survives going from page to page, a
reload, and links that say nothing of it.
"""

from collections.abc import Iterable

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from app.kit.presenting import COOKIE, LARGER, ON, PARAMETER
from app.views.kit.html import leave_html, show

STYLE = f"""
<style>
:root {{ font-size: {LARGER:.0%}; }}
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"], [data-testid="stExpandSidebarButton"],
[data-testid="stToolbar"], [class*="st-key-"][class*="-choice"],
[class*="st-key-backstage-"] {{ display: none !important; }}
[data-testid="stMainBlockContainer"] {{ padding-top: 1rem; }}
[data-testid="stLayoutWrapper"]:has(> [class*="st-key-backstage-"]),
[data-testid="stColumn"]:has(> * > [data-testid="stLayoutWrapper"]:only-child > [class*="st-key-backstage-"]) {{ display: none; }}
[data-testid="stHeader"] {{ display: none; }}
.st-key-presenting {{ border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); padding-bottom: .3rem;
  flex-wrap: nowrap; gap: .6rem; }}
/* One row at any width: the pages scroll within it, and fade at the right where there are more; the way out stays beside them. */
[data-testid="stLayoutWrapper"]:has(> .st-key-presenting-pages) {{ flex: 1 1 0; min-width: 0; }}
.st-key-presenting > [data-testid="stElementContainer"] {{ flex: none; width: auto; }}
.st-key-presenting-pages {{ position: relative; flex-wrap: nowrap; gap: .2rem; overflow-x: auto; scrollbar-width: none;
  animation: rg-more linear; animation-timeline: scroll(self inline); }}
.st-key-presenting-pages > * {{ flex: none; }}
.st-key-presenting [data-testid="stPageLink-NavLink"] {{ padding: .1rem .35rem; white-space: nowrap; border-radius: .3rem; }}
.st-key-presenting [aria-current="page"] {{ background: color-mix(in srgb, currentColor 12%, transparent); }}
.st-key-presenting [aria-current="page"] p {{ font-weight: 650; }}
.st-key-presenting :is([data-testid="stPageLink-NavLink"] p, .rg-leave) {{ font-size: .78rem; }}
.rg-leave {{ margin: 0; font-size: .88rem; white-space: nowrap; }}
@media (max-width: 640px) {{ .rg-leave span {{ display: none; }} }}
.rg-leave a {{ color: inherit; }}
</style>
"""


def is_presenting() -> bool:
    """Whether this page is shown to an audience: by its address, else by the cookie."""
    said = st.query_params.get(PARAMETER)
    return said == ON if said is not None else st.context.cookies.get(COOKIE) == ON


def show_strip(pages: Iterable[StreamlitPage]) -> None:
    """Ways to the pages, in one row, and out of the presenter's view. `app/assets/walking.js` marks the page one is on."""
    st.html(STYLE)
    with st.container(horizontal=True, key="presenting", vertical_alignment="center"):
        with st.container(horizontal=True, key="presenting-pages", vertical_alignment="center"):
            for page in pages:
                st.page_link(page)
        show(leave_html({name: st.query_params.get_all(name) for name in st.query_params}))

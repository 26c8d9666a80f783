"""The banner of a demonstration, at the top of every page of its dashboard."""

import streamlit as st
from markupsafe import Markup

from app.demonstration.standing import Banner, make_banner, read_standing
from app.kit.markup import html
from app.views.kit import state
from app.views.kit.html import show

REFRESH_S = 5
"""How often the banner looks for what goes on now."""


def show_banner() -> None:
    """Say that this is a demonstration, what goes on and what comes next; nothing on a dashboard that is none's."""
    if read_standing(state.services().settings.data_dir) is not None:
        st.fragment(_banner, run_every=REFRESH_S)()


def _banner() -> None:
    standing = read_standing(state.services().settings.data_dir)
    if standing is not None:
        show(banner_html(make_banner(standing)))


def banner_html(banner: Banner) -> Markup:
    """A slim line."""
    return html(
        '<aside class="rg-banner" data-testid="demonstration" aria-label="Demonstration"><b>Demonstration</b> <span>{}</span> '
        "<span>{}</span></aside>",
        banner.now,
        banner.next,
    )

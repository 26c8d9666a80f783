"""The banner of a demonstration, at the top of every page of its dashboard."""

from collections.abc import Mapping

import streamlit as st
from markupsafe import Markup

from app.demonstration.standing import Banner, make_banner, read_standing
from app.kit.markup import html, joined
from app.views.kit import state
from app.views.kit.html import show

REFRESH_S = 5
"""How often the banner looks for what goes on now."""


def show_banner() -> None:
    """Say that this is a demonstration, what goes on and what comes next; nothing on a dashboard that is none's."""
    standing = read_standing(state.services().settings.data_dir)
    if standing is None:
        return
    with st.container(horizontal=True, key="demonstration", gap="small", vertical_alignment="center"):
        st.fragment(_banner, run_every=REFRESH_S)()
        if standing.links:
            show(made_html(standing.links))  # apart: what is drawn anew would close it again


def _banner() -> None:
    standing = read_standing(state.services().settings.data_dir)
    if standing is not None:
        show(banner_html(make_banner(standing)))


def banner_html(banner: Banner) -> Markup:
    """A slim line."""
    return html(
        '<p class="rg-banner" data-testid="demonstration"><b>Demonstration</b> <span>{}</span> <span>{}</span></p>',
        banner.now,
        banner.next,
    )


def made_html(links: Mapping[str, str]) -> Markup:
    """Ways to what was made beforehand, behind a click. links: addresses by their words."""
    ways = joined(
        html('<li><a href="{}" target="_self">{}</a></li>', address, words) for words, address in links.items()
    )
    return html('<details class="rg-made"><summary>Made beforehand</summary><ul>{}</ul></details>', ways)

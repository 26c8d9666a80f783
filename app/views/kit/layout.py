"""The grid of every page: columns that stack where they would be too narrow, the outline of a long page, and what audiences are spared."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.views.kit.html import outline_html, show

FEWEST_PARTS = 3
"""A page of fewer parts needs no outline."""

Heading = Callable[[str], None]
"""Draws the heading of a part, by its anchor."""


def grid(parts: int | Sequence[float], key: str) -> Sequence[DeltaGenerator]:
    """Two or three columns side by side; one below the other where one would be narrower than 22 rem.

    parts: how many, or their widths beside each other. key: its own on the page.
    """
    with st.container(key=f"grid-{key}"):
        return st.columns(parts, gap="large")


def backstage(key: str, *, width: Literal["stretch", "content"] = "stretch") -> DeltaGenerator:
    """Where settings and forms stand on a page, which the presenter's view does not show. key: its own on the page."""
    return st.container(key=f"backstage-{key}", width=width)


def actions(key: str) -> DeltaGenerator:
    """A row of what can be done with what is shown, all of one look, the most important first. key: its own on the page."""
    return st.container(key=f"actions-{key}", horizontal=True, vertical_alignment="center")


@contextmanager
def outlined(parts: Mapping[str, str], key: str) -> Iterator[Heading]:
    """A long page beside its outline, "On this page", which stays in sight on a wide screen and stands above on another.

    parts: each part's title by its anchor, which makes a link to it. Within, the given function draws a part's heading.
    """
    with st.container(key=f"outlined-{key}"):
        body, side = (st.container(), None) if len(parts) < FEWEST_PARTS else st.columns([6, 1], gap="medium")
    if side is not None:
        with side, st.container(key=f"outline-{key}"):
            show(outline_html(parts))

    def head(anchor: str) -> None:
        st.header(parts[anchor], anchor=anchor)

    with body:
        yield head

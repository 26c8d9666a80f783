"""The Live page's tiles: a window in a few figures, by colour and with their change against the window before."""

from typing import Literal

import streamlit as st

from app.alerting.levels import Level, lowest
from app.live.rows import LiveView
from app.live.totals import Tile, Tone, make_tiles

ICONS = {"good": "check_circle", "warn": "warning", "bad": "error"}
"""What says by its shape what the colour says; of what is not judged nothing."""

BETTER: dict[str, Literal["normal", "inverse", "off"]] = {
    "Failed": "inverse",
    "p95": "inverse",
    "Abstained": "off",
    "Confidence": "normal",
}
"""Whether more of it is better (`normal`), worse, or neither."""


def show_tiles(view: LiveView, levels: list[Level]) -> None:
    """The window in all. levels: bounds of the rules that raise alerts."""
    bounds = {"p95": lowest(levels, "latency_p95"), "failed": lowest(levels, "errors")}
    tiles = make_tiles(view.now, view.before, {name: each for name, each in bounds.items() if each is not None})
    with st.container(horizontal=True, key="gauges"):
        for tile in tiles:
            with st.container(key=f"gauge-{tile.tone}-{tile.name.lower()}", width=140):
                st.metric(
                    _label(tile.name, tile.tone),
                    tile.value,
                    tile.change or None,
                    delta_color=BETTER.get(tile.name, "off"),
                    help=_help(tile),
                    border=True,
                )


def _label(name: str, tone: Tone) -> str:
    return f"{name} :material/{ICONS[tone]}:" if tone in ICONS else name


def _help(tile: Tile) -> str:
    return f"{tile.meaning} Below: the change against the window before." if tile.change else tile.meaning

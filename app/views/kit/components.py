"""Parts of pages with a script of their own, from the files in `app/assets/`.

Their scripts are served as files: one that is handed over as text would be run from a place made up for it, which the page's policy
forbids.
"""

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.components.v2.types import ComponentRenderer

ASSETS = Path(__file__).resolve().parents[2] / "assets"

PARTS = {
    "away": '<div class="away" role="alert" hidden></div>',
    "numbers": "<div></div>",
    "returning": "<div></div>",
    "sections": "<div></div>",
    "table": '<div class="box"><table data-testid="table"><caption></caption><thead></thead><tbody></tbody></table></div>',
    "walking": "<div></div>",
    "waterfall": '<div class="frame"><div role="tree" data-testid="waterfall"></div><div class="axis"></div></div>',
}
"""The HTML of each; beside it stand its script and, if it has one, its style."""


def component(name: str) -> ComponentRenderer:
    """One of PARTS, to be called."""
    return _components(get_bidi_component_manager())[name]


@cache
def _components(manager: BidiComponentManager) -> dict[str, ComponentRenderer]:
    """Those of a server, which serves their files."""
    manager.register_from_manifest(
        ComponentManifest("raglass", "1", [ComponentConfig(name, ASSETS.name) for name in PARTS]), ASSETS.parent
    )
    return {
        name: st.components.v2.component(f"raglass.{name}", html=html, css=_style(name), js=f"{name}.js")
        for name, html in PARTS.items()
    }


def _style(name: str) -> str | None:
    return f"{name}.css" if (ASSETS / f"{name}.css").exists() else None

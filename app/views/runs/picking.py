"""What the Traces page offers under its list: a dataset of the traces that are filtered."""

from dataclasses import replace
from urllib.parse import parse_qsl

import streamlit as st

from app.permitting.roles import Role
from app.runs.picking import MOST_PICKED, made_of, pick_traces, picked_words
from app.traces.filters import TraceFilters
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message
from app.views.kit.visitor import only
from metrics.queries import TracePage
from pipeline.errors import InputError, RaglassError

USUAL = 200
"""Traces that are taken if nothing is said."""


def show_picking(filters: TraceFilters, page: TracePage) -> None:
    """A popover that makes a dataset of the filtered traces, or adds them to one."""
    with st.popover(f"Make a dataset of these ({page.matched})", icon=":material/table_view:"):
        show(
            note_html(
                "Each question once, the first of the list first; questions of runs are left out unless the origin is chosen. The "
                "expected answer is what people said of a trace; the model's answer stays beside it as a suggestion."
            )
        )
        kept = state.services().evaluations.datasets
        name = st.text_input(
            "Name of the dataset", key="pick-name", max_chars=60, help="One that is there gets a new version."
        )
        limit = st.number_input("Traces, at most", 1, MOST_PICKED, USUAL, key="pick-limit")
        far = st.toggle("Only questions far from what was asked before", key="pick-far")
        backend = _backend(filters) if far else ""
        if name.strip() in kept.names():
            show(note_html(f"{name.strip()} is there: they are added to its newest version as the next one."))
        disabled = not name.strip() or (far and not backend)
        if st.button("Make it", type="primary", key="pick-make", **only(Role.EDITOR, disabled=disabled)):
            _make(filters, name.strip(), int(limit), backend)


def _backend(filters: TraceFilters) -> str:
    names = list(filters.backends) or state.store().backends()
    usual = state.services().settings.backend_name
    return st.selectbox("Asked of", names, index=names.index(usual) if usual in names else 0, key="pick-backend") or ""


def _make(filters: TraceFilters, name: str, limit: int, backend: str) -> None:
    services = state.services()
    told = dict(parse_qsl(filters.to_address())) | ({"far from before, of": backend} if backend else {})
    try:
        only = None
        if backend:
            from app.stability.drift import MOST, QuestionPlan
            from app.stability.far import find_far_traces

            filters = replace(filters, backends=(backend,))
            with st.spinner("Embedding the questions …"):
                only = set(
                    find_far_traces(services.store, services.backends.corpus, QuestionPlan(backend, newest=MOST))
                )
            if not only:
                raise InputError(f"No question to {backend} is far from what was asked before.")
        picked = pick_traces(services.store, filters.to_query(), limit=limit, only=only)
        version = services.evaluations.datasets.add(name, picked.rows, made_of(told))
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    st.success(message(picked_words(picked, version)), icon=":material/check:")
    st.page_link(
        "../pages/runs.py",
        label="Edit the expected answers",
        icon=":material/edit:",
        query_params={"dataset": version.name},
    )

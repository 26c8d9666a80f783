"""Saved views of the list of traces: opening one by its link, choosing, saving, renaming and deleting."""

from collections.abc import Callable
from urllib.parse import parse_qs

import streamlit as st

from app.kit.plain import shortened
from app.permitting.roles import Role
from app.traces.changing import delete_view, rename_view, save_view
from app.traces.filters import TraceFilters, with_new_names
from app.views.kit import state
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import only
from metrics.views import MAX_NAME_CHARS, SavedView
from pipeline.errors import RaglassError

PROBLEM = "view_problem"
"""Where a button leaves what went wrong, for the next run to show."""

LABEL_CHARS = 28
"""Of a view's name, what the menu's button shows."""


def opened_view() -> SavedView | None:
    """The view that the address names; None if it names none. Raises InputError for one that there is not."""
    name = st.query_params.get("view")
    return state.store().views.find(name) if name else None


def show_views(filters: TraceFilters | None, opened: SavedView | None) -> None:
    """A menu of the saved views, and what can be done with the one that is open and with the filters as they are.

    filters: None where they cannot be read, and so not be saved.
    """
    names = [view.name for view in state.store().views.all()]
    st.session_state["view_chosen"] = opened.name if opened is not None and opened.name in names else None
    kept = with_new_names(parse_qs(opened.address)) if opened is not None else {}
    changed = filters is not None and opened is not None and parse_qs(filters.to_address()) != kept
    with (
        backstage("views", width="content"),
        st.popover(_label(opened, changed), icon=":material/bookmark:", key="views"),
    ):
        problem = st.session_state.pop(PROBLEM, None)
        if problem:
            st.error(message(problem), icon=":material/error:")
        hint = "choose one" if names else "none is saved yet"
        st.selectbox("Open a view", names, key="view_chosen", index=None, placeholder=hint, on_change=_choose)
        if opened is not None:
            _show_opened(filters, opened, changed)
        st.text_input("Save these filters as", key="view_name", max_chars=MAX_NAME_CHARS)
        st.button(
            "Save",
            key="view_save",
            on_click=_attempt,
            args=(_save, filters),
            **only(Role.EDITOR, disabled=filters is None),
        )


def _label(opened: SavedView | None, changed: bool) -> str:
    if opened is None:
        return "Views"
    return literal(f"View: {shortened(opened.name, LABEL_CHARS)}{', changed' if changed else ''}")


def _show_opened(filters: TraceFilters | None, opened: SavedView, changed: bool) -> None:
    """What can be done with the view that is open."""
    query = {"view": opened.name}
    st.page_link("../pages/traces.py", label="Link to this view", icon=":material/link:", query_params=query)
    if changed:
        st.button(
            "Save the changes",
            key="view_update",
            on_click=_attempt,
            args=(_update, filters, opened),
            **only(Role.EDITOR),
        )
    st.text_input("New name", key="view_new_name", max_chars=MAX_NAME_CHARS)
    with st.container(horizontal=True):
        st.button("Rename", key="view_rename", on_click=_attempt, args=(_rename, opened), **only(Role.EDITOR))
        st.button(
            "Delete this view",
            key="view_delete",
            on_click=_attempt,
            args=(_delete, filters, opened),
            **only(Role.EDITOR),
        )


def _choose() -> None:
    """Open the chosen view as it was saved; with none, the list without filters."""
    name = st.session_state["view_chosen"]
    st.query_params.from_dict({"view": name} if name else {})


def _attempt(action: Callable[..., None], *args: object) -> None:
    """Do what a button says; what keeps it from being done is shown by the next run."""
    try:
        action(*args)
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)


def _save(filters: TraceFilters) -> None:
    view = save_view(state.store(), st.session_state["view_name"], filters.to_address())
    st.session_state["view_name"] = ""
    st.query_params.from_dict({"view": view.name})


def _update(filters: TraceFilters, opened: SavedView) -> None:
    save_view(state.store(), opened.name, filters.to_address(), replace=True)
    st.query_params.from_dict({"view": opened.name})


def _rename(opened: SavedView) -> None:
    st.query_params["view"] = rename_view(state.store(), opened.name, st.session_state["view_new_name"])
    st.session_state["view_new_name"] = ""


def _delete(filters: TraceFilters | None, opened: SavedView) -> None:
    """Forget the view; the list stays as it is shown."""
    delete_view(state.store(), opened.name)
    st.query_params.from_dict(parse_qs(opened.address if filters is None else filters.to_address()))

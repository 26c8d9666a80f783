"""Who uses the page: let in or not, who they are, and what a control that they may not use says."""

from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.permitting.acting import ask_pages, refusal, who
from app.permitting.admission import NotSignedIn
from app.permitting.roles import NotPermitted, Person, Role
from app.views.kit import state
from app.views.kit.components import component
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal, message
from pipeline.errors import ConfigError


def visitor() -> Person | None:
    """Who uses the page that runs in this thread; None where none does. Somebody who was not let in has no role."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    try:
        return _admit()
    except (NotPermitted, ConfigError):
        return Person("somebody who was not let in", Role.NOBODY)


def turned_away() -> NotPermitted | None:
    """Why whoever opened the page may not see it; None if they may. Raises ConfigError."""
    ask_pages(visitor)
    try:
        _admit()
    except NotPermitted as error:
        return error
    return None


def _admit() -> Person:
    context = get_script_run_ctx()
    return state.services().admission.admit({} if context is None else context.user_info)


def show_refusal(refused: NotPermitted) -> None:
    """Say why the page is not shown, and offer to sign in, or out."""
    admission = state.services().admission
    st.title("Raglass", anchor=False)
    if isinstance(refused, NotSignedIn):
        _offer_sign_in(str(refused), admission.base)
        return
    st.error(message(str(refused)), icon=":material/lock:")
    if admission.has_login:
        st.button("Sign out", on_click=st.logout, icon=":material/logout:")


def show_person() -> None:
    """Who signed in, and the way out; nothing where there is no login."""
    if not state.services().admission.has_login:
        return
    _watch_returning(leaving=False)
    person = who()
    with st.sidebar:
        show(note_html(f"{person.name}, {person.role.name.lower()}"))
        st.button("Sign out", on_click=st.logout, icon=":material/logout:", type="tertiary", key="sign-out")


def _offer_sign_in(words: str, base: str) -> None:
    if st.context.headers.get("Host", "").casefold() != urlsplit(base).netloc.casefold():
        # The provider sends people back to one address, which finds nothing of a login that was begun by another.
        st.info("One signs in by the address that this dashboard is known by.", icon=":material/lock:")
        st.link_button("Go there", base)
        return
    _watch_returning(leaving=True)
    st.info(message(words), icon=":material/lock:")
    st.button("Sign in", on_click=st.login, type="primary", icon=":material/login:")


def _watch_returning(*, leaving: bool) -> None:
    """Keep the address before somebody leaves to sign in, and go back to it after: `app/assets/returning.js`."""
    with st.container(key="unseen-returning"):
        component("returning")(key="returning-watch", data={"leaving": leaving})


def only(role: Role, **given: Any) -> dict[str, Any]:
    """Arguments of a control that takes a role: as given, but disabled, with the reason as its help, for who may not use it."""
    return refused(refusal(role, who()), **given)


def refused(why: str, **given: Any) -> dict[str, Any]:
    """Arguments of a control: as given, but disabled, with the reason as its help. why: empty where there is none."""
    return {**given, "disabled": True, "help": literal(why)} if why else dict(given)


def may(role: Role) -> bool:
    """Whether whoever uses the page has a role."""
    return not refusal(role, who())

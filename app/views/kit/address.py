"""Widgets whose values stand in the address, so that a link, a reload, back and forward find them again.

Streamlit's own `bind="query-params"` loses them on "back": leaving a page pushes an address without them first (1.67).
Here the address is written when a widget changes, which makes an entry in the browser's history, and read when it changed.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, get_script_run_ctx

from app.kit.nowhere import NOWHERE
from app.kit.presenting import PARAMETER
from app.views.kit import overtaken

Write = Callable[..., None]

KEPT, PAGE, WALKED = "kept-addresses", "kept-page", "kept-walked"
"""Where the session keeps each page's address, which page it is on, and whether it has shown one."""

PART = "part"
"""The anchor of a page's part to which a link leads, once: `app/assets/walking.js` brings it into sight."""

OPENED = {
    "": {"trace"},
    "traces": {"trace", "with", "span", "find", "after", "session"},
    "runs": {"run", "with", "dataset", "list"},
    "corpus": {"document"},
}
"""By page, what it has open in place of its list: coming back by the menu leads to the list."""

ANSWERED = {
    "ask": {"trace", "span"},
    "compare": {"first", "second", "ask"},
    "explain": {"trace", "with", "by"},
}
"""By page without a list, what it shows in place of its beginning: coming back by the menu finds it again; a second click puts it away."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a page."""

    default: Any
    """What the widget shows where the address says nothing; it is left out of the address."""
    read: Callable[[Sequence[str]], Any]
    """The value from the address's texts; raises ValueError for one that cannot be."""
    most_chars: int | None = None
    """Of a longer text the address says nothing: it would make a link that programs cut."""

    def value(self, texts: Sequence[str]) -> Any:
        """The value from the address, or the default."""
        return self.read(texts) if texts and self.reads(texts) else self.default

    def reads(self, texts: Sequence[str]) -> bool:
        """Whether the texts say a value."""
        try:
            self.read(texts)
        except ValueError:
            return False
        return True

    def writes(self, value: Any) -> bool:
        """Whether the address says the value."""
        fits = self.most_chars is None or len(str(value)) <= self.most_chars
        return bool(value != self.default and fits)


def unread(fields: Mapping[str, Field]) -> list[str]:
    """What the address says that cannot be, "outcome=lost", and that is not followed therefore."""
    said = {name: st.query_params.get_all(name) for name in fields}
    return [f"{name}={texts[0]}" for name, texts in said.items() if texts and not fields[name].reads(texts)]


def strange(fields: Mapping[str, Field], others: Collection[str]) -> list[str]:
    """Names in the address that say nothing to the page one is on. others: those that do, beside fields and what it can have open."""
    known = {*fields, *others, *OPENED.get(st.session_state.get(PAGE, ""), ()), PARAMETER, PART}
    return [name for name in st.query_params if name not in known]


def words(default: str = "", most_chars: int | None = None) -> Field:
    """Free text. most_chars: the longest that is written."""
    return Field(default, lambda texts: texts[0], most_chars)


def flag(default: bool = False) -> Field:
    """On or off."""
    return Field(default, lambda texts: texts[0].lower() in ("true", "1"))


def number(default: float, low: float, high: float) -> Field:
    """A number of the default's type, between two bounds."""

    def read(texts: Sequence[str]) -> float:
        value = type(default)(texts[0])
        if not low <= value <= high:
            raise ValueError(texts[0])
        return value

    return Field(default, read)


def choice(options: Sequence[str], default: str | None = None) -> Field:
    """One of several words, or the default. Nothing at all, where that is not the default, is an empty text."""

    def read(texts: Sequence[str]) -> str | None:
        if not texts[0]:
            return None
        if texts[0] not in options:
            raise ValueError(texts[0])
        return texts[0]

    return Field(default, read)


def several(options: Sequence[str], default: Sequence[str] = (), most: int | None = None) -> Field:
    """Any of several words, or the first of them. most: as many as the widget takes."""
    return Field(list(default), lambda texts: [text for text in texts if text in options][:most])


def follow(page: str, fields: Mapping[str, Field]) -> Write:
    """Before the widgets are drawn: give them what the address says. Returns their `on_change`, which writes it back.

    page: distinguishes pages that have a field of the same name. Arguments given to the callback are other parameters to
    take out of the address, for example a cursor that belongs to the list as it was. A default that changes between two runs,
    because it belongs to what the address opens, is shown as if the address had changed.
    """
    seen = f"address-of-{page}"
    current = {name: (st.query_params.get_all(name), field.default) for name, field in fields.items()}
    if st.session_state.get(seen) != current or any(name not in st.session_state for name in fields):
        for name, field in fields.items():
            st.session_state[name] = field.value(current[name][0])
        st.session_state[seen] = current

    def write(*drop: str) -> None:
        if _is_stray():
            return
        overtaken.settle()
        # A widget that is not drawn now, on a tab that is closed, has no state: its value is what the address says.
        values = {
            name: st.session_state.get(name, field.value(st.query_params.get_all(name)))
            for name, field in fields.items()
        }
        kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in (*fields, *drop)}
        changed = {name: _texts(value) for name, value in values.items() if fields[name].writes(value)}
        st.query_params.from_dict({**kept, **changed})
        overtaken.note()
        _keep()
        st.session_state[seen] = {
            name: (st.query_params.get_all(name), field.default) for name, field in fields.items()
        }

    return write


def _is_stray() -> bool:
    """Whether a widget of the page is said to have changed while only a fragment runs anew.

    A fragment that runs by the clock takes along what the browser shows at that moment: of a page that is being drawn, numbers that are
    not set yet, and the address of the page before. Whoever changes such a widget makes the whole page run.
    """
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run) and ThreadState.get().fragment_id is None


@contextmanager
def keeping_address(page: str) -> Iterator[None]:
    """While a page runs: give it back the address it had when it was left, where one comes by the menu, whose links say nothing.

    page: its path in the address. Links that say something, reloads, back and forward are as the browser says.
    """
    came = st.session_state.get(PAGE) not in (None, page)
    st.session_state[PAGE] = page
    overtaken.settle()
    kept: dict[str, dict[str, list[str]]] = st.session_state.setdefault(KEPT, {})
    if came and not set(st.query_params) - {PARAMETER} and page in kept:
        st.query_params.from_dict({**kept[page], **st.query_params.to_dict()})
    _keep()
    overtaken.note()
    try:
        yield
    finally:
        overtaken.note()
    _keep()  # Not where the page led to another one, whose address it is by then.
    st.session_state[WALKED] = True


def is_first_page() -> bool:
    """Whether nothing was shown in this session yet: the address is what a link said, and no step back."""
    return WALKED not in st.session_state


def _keep() -> None:
    """Note the address that the page has now."""
    page = st.session_state.get(PAGE)
    if page is not None:
        opened, kept = OPENED.get(page, set()), st.session_state.setdefault(KEPT, {})
        if opened & set(st.query_params) and page in kept:
            return  # While something is open, the list is still as it was.
        passing = opened | {PARAMETER, PART, NOWHERE}  # the presenter's view is kept by the server
        kept[page] = {name: st.query_params.get_all(name) for name in st.query_params if name not in passing}


def opened_by(page: str) -> set[str]:
    """The names in the address of what a page can have open. page: its path in the address."""
    return OPENED.get(page, set()) | ANSWERED.get(page, set())


def close_opened() -> None:
    """Close what the page has open: its list as it was, or its beginning with the settings as they are."""
    page = st.session_state.get(PAGE, "")
    if page in OPENED:
        back_to_list()
    else:
        kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in opened_by(page)}
        st.query_params.from_dict(kept)


def back_to_list() -> None:
    """Close what the page has open, and show its list as it was."""
    kept: dict[str, dict[str, list[str]]] = st.session_state.get(KEPT, {})
    st.query_params.from_dict(kept.get(st.session_state.get(PAGE, ""), {}))


def _texts(value: Any) -> list[str]:
    """What the address says of a value that is not the default, also where that is nothing."""
    several = value if isinstance(value, list) else [value]
    return ["" if part is None else str(part) for part in several] or [""]

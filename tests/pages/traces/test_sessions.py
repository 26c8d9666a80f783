"""The list of sessions on the Traces page."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from app.kit.wording import when
from app.views.traces.sessions import NO_SESSIONS, SESSIONS
from tests import tables
from tests.factories import make_failed_trace, make_trace
from tests.pages.test_pages import shown


def button(page: AppTest, label: str):
    return next(button for button in page.button if button.label == label)


def listed(page: AppTest) -> list[str]:
    return [row["Session"] for row in tables.listed(page)]


def test_a_session_says_how_much_was_asked_when_and_of_whom(open_page, services):
    services.store.put(make_trace(asked_at=1_700_000_000.0, session="a", service="shop"))
    services.store.put(make_failed_trace(asked_at=1_700_000_500.0, session="a", service="desk"))
    services.store.put(make_trace(asked_at=1_700_000_400.0, session="<b>b</b>"))
    services.store.put(make_trace(asked_at=1_700_000_900.0))
    page = open_page("traces", list="sessions")
    assert listed(page) == ["a", "<b>b</b>"]
    assert "2 sessions, the one last spoken in first." in shown(page)
    assert tables.listed(page)[0] == {
        "Session": "a",
        "Questions": "2",
        "Errors": "1",
        "First asked": when(1_700_000_000.0),
        "Last asked": when(1_700_000_500.0),
        "Service": "desk and 1 more",
    }


@pytest.mark.slow
def test_without_sessions_it_says_how_an_application_names_one(open_page, services):
    services.store.put(make_trace())
    page = open_page("traces", list="sessions")
    assert [info.value for info in page.info] == [NO_SESSIONS]
    assert not listed(page)
    button(page, "All traces").click().run()
    assert dict(page.query_params) == {}


def test_pages_hold_each_session_once(open_page, services):
    names = [f"s{number:03}" for number in range(SESSIONS + 1)]
    services.store.put_all([make_trace(asked_at=1e9 + number, session=session) for number, session in enumerate(names)])
    page = open_page("traces", list="sessions")
    first = listed(page)
    assert first == names[:0:-1]
    assert button(page, "First page").disabled
    button(page, "Next page").click().run()
    assert listed(page) == names[:1]
    assert button(page, "Next page").disabled
    button(page, "First page").click().run()
    assert listed(page) == first


@pytest.mark.slow
def test_a_link_whose_place_cannot_be_read_says_so_and_leads_to_the_first_page(open_page, services):
    services.store.put(make_trace(session="a"))
    for after in ("nowhere", "[1]", json.dumps({"a": 1}), '["x", "y"]'):
        page = open_page("traces", list="sessions", after=after)
        assert not page.exception
        assert ["cannot be read" in error.value for error in page.error] == [True]
        button(page, "First page").click().run()
        assert listed(page) == ["a"]

"""Widgets and address agree: a link sets the widgets, a widget changes the address, nonsense falls back to the default."""

from contextvars import copy_context
from dataclasses import fields
from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner import ScriptRunContext
from streamlit.testing.v1 import AppTest

from app.views.kit import address, overtaken

TIMEOUT_S = 30


def page() -> None:
    import streamlit as st

    from app.views.kit import address

    write = address.follow(
        "test",
        {
            "text": address.words(),
            "level": address.number(5, 1, 9),
            "on": address.flag(),
            "pick": address.choice(["a", "b"]),
            "many": address.several(["x", "y", "z"]),
            "short": address.words("", 5),
            "few": address.several(["x", "y", "z"], most=2),
        },
    )
    st.text_input("text", key="text", on_change=write, args=("after",))
    st.number_input("level", 1, 9, key="level", on_change=write)
    st.toggle("on", key="on", on_change=write)
    st.selectbox("pick", ["a", "b"], index=None, key="pick", on_change=write)
    st.multiselect("many", ["x", "y", "z"], key="many", on_change=write)
    st.text_input("short", key="short", on_change=write)
    st.multiselect("few", ["x", "y", "z"], max_selections=2, key="few", on_change=write)


def opened(**address: str | list[str]) -> AppTest:
    test = AppTest.from_function(page, default_timeout=TIMEOUT_S)
    for name, value in address.items():
        test.query_params[name] = value
    return test.run()


def shown(test: AppTest) -> list[object]:
    return [
        test.text_input[0].value,
        test.number_input[0].value,
        test.toggle[0].value,
        test.selectbox[0].value,
        test.multiselect[0].value,
    ]


@pytest.mark.slow
def test_without_an_address_the_defaults_are_shown():
    assert shown(opened()) == ["", 5, False, None, []]


def test_a_link_sets_every_widget():
    test = opened(text="what is (a", level="7", on="true", pick="b", many=["x", "z"])
    assert not test.exception
    assert shown(test) == ["what is (a", 7, True, "b", ["x", "z"]]


def test_nonsense_in_the_address_falls_back_to_the_default():
    test = opened(level="99", pick="<script>", many=["q"], on="perhaps")
    assert not test.exception
    assert shown(test) == ["", 5, False, None, []]


def test_a_widget_changes_the_address_and_drops_what_depends_on_it():
    test = opened(after="cursor", other="kept")
    test.text_input[0].set_value("glacier").run()
    assert {name: "".join(value) for name, value in test.query_params.items()} == {"text": "glacier", "other": "kept"}


def test_a_value_at_its_default_leaves_the_address():
    test = opened(level="7")
    test.number_input[0].set_value(5).run()
    assert "level" not in test.query_params


def test_a_text_too_long_for_a_link_leaves_the_address_and_stays_in_the_widget():
    test = opened(short="brief")
    test.text_input[1].set_value("too long").run()
    assert "short" not in test.query_params
    assert test.run().text_input[1].value == "too long"


def test_a_link_that_names_more_than_a_widget_takes_sets_the_first_of_them():
    test = opened(few=["z", "q", "x", "y"])
    assert not test.exception
    assert test.multiselect[1].value == ["z", "x"]


def test_an_address_that_changed_by_itself_changes_the_widgets():
    test = opened(text="first")
    test.query_params["text"] = "second"
    assert shown(test.run())[0] == "second"


def page_with_defaults() -> None:
    import streamlit as st

    from app.views.kit import address

    fields = {
        "pick": address.Field("b", address.choice(["a", "b"]).read),
        "many": address.Field(["y"], address.several(["x", "y"]).read),
    }
    write = address.follow("test", fields)
    st.selectbox("pick", ["a", "b"], index=None, key="pick", on_change=write)
    st.multiselect("many", ["x", "y"], key="many", on_change=write)


def test_a_default_that_was_taken_away_stays_away():
    test = AppTest.from_function(page_with_defaults, default_timeout=TIMEOUT_S).run()
    assert (test.selectbox[0].value, test.multiselect[0].value) == ("b", ["y"])
    test.selectbox[0].set_value(None).run()
    test.multiselect[0].set_value([]).run()
    assert {name: "".join(value) for name, value in test.query_params.items()} == {"pick": "", "many": ""}
    again = AppTest.from_function(page_with_defaults, default_timeout=TIMEOUT_S)
    again.query_params["pick"] = ""
    again.query_params["many"] = ""
    again.run()
    assert (again.selectbox[0].value, again.multiselect[0].value) == (None, [])


def page_with_kept_address() -> None:
    import streamlit as st

    from app.views.kit import address

    st.session_state.setdefault(address.PAGE, st.query_params.get("page"))
    st.button("close", on_click=address.close_opened)


def test_closing_keeps_the_settings_of_a_page_and_the_list_of_another():
    test = AppTest.from_function(page_with_kept_address, default_timeout=TIMEOUT_S)
    for name, value in {"page": "ask", "trace": "1", "span": "2", "top_k": "3"}.items():
        test.query_params[name] = value
    test.run().button[0].click().run()
    assert set(test.query_params) == {"page", "top_k"}
    listed = AppTest.from_function(page_with_kept_address, default_timeout=TIMEOUT_S)
    listed.query_params["page"] = "traces"
    listed.query_params["trace"] = "1"
    listed.session_state["kept-addresses"] = {"traces": {"sort": ["duration"]}}
    listed.run().button[0].click().run()
    assert {name: "".join(value) for name, value in listed.query_params.items()} == {"sort": "duration"}


@pytest.mark.parametrize(("within", "written"), [(None, {}), ("fragment", {"level": "1"})], ids=["page", "fragment"])
def test_a_fragment_that_runs_by_the_clock_changes_no_widget_outside_itself(
    monkeypatch: pytest.MonkeyPatch, within: str | None, written: dict[str, str]
):
    test = opened()
    monkeypatch.setattr(address, "get_script_run_ctx", lambda: SimpleNamespace(fragment_ids_this_run=["fragment"]))
    monkeypatch.setattr(address, "ThreadState", SimpleNamespace(get=lambda: SimpleNamespace(fragment_id=within)))
    test.number_input[0].set_value(1).run()
    assert not test.exception
    assert {name: test.query_params[name] for name in test.query_params} == written


def test_what_streamlit_tells_of_a_run_is_where_it_is_looked_for():
    def told() -> str | None:
        address.ThreadState.initialize(fragment_id="fragment")
        return address.ThreadState.get().fragment_id

    known = {field.name for field in fields(ScriptRunContext)}
    assert {"fragment_ids_this_run", "is_history_navigation"} <= known
    assert copy_context().run(told) == "fragment"


def page_that_writes() -> None:
    import streamlit as st

    from app.views.kit import address

    with address.keeping_address("tried"):
        write = address.follow("tried", {"text": address.words(), "level": address.number(5, 1, 9)})
        st.text_input("text", key="text", on_change=write)
        st.number_input("level", 1, 9, key="level", on_change=write)
        st.button("press")
        st.button("close", on_click=st.query_params.clear)


def test_what_is_pressed_before_the_browser_heard_of_an_address_does_not_bring_back_the_one_before():
    test = AppTest.from_function(page_that_writes, default_timeout=TIMEOUT_S).run()
    test.text_input[0].set_value("typed").run()
    del test.query_params["text"]
    test.button[0].click().run()
    assert (test.text_input[0].value, test.query_params["text"]) == ("typed", "typed")
    del test.query_params["text"]
    test.number_input[0].set_value(1).run()
    assert (test.text_input[0].value, test.number_input[0].value) == ("typed", 1)
    assert dict(test.query_params) == {"text": "typed", "level": "1"}


def test_an_address_that_was_left_is_followed_where_it_is_meant(monkeypatch: pytest.MonkeyPatch):
    test = AppTest.from_function(page_that_writes, default_timeout=TIMEOUT_S).run()
    test.text_input[0].set_value("typed").run()
    test.button[1].click().run()  # the server itself leads back to it
    assert (test.text_input[0].value, dict(test.query_params)) == ("", {})
    test.text_input[0].set_value("again").run()
    monkeypatch.setattr(overtaken, "HEARD_S", 0.0)  # the browser has heard of the last one
    del test.query_params["text"]
    test.run()
    assert (test.text_input[0].value, dict(test.query_params)) == ("", {})


def test_a_step_back_is_taken_at_its_word(monkeypatch: pytest.MonkeyPatch):
    test = AppTest.from_function(page_that_writes, default_timeout=TIMEOUT_S).run()
    test.text_input[0].set_value("typed").run()
    of_this_run = overtaken.get_script_run_ctx

    def gone_back() -> ScriptRunContext | None:
        context = of_this_run()
        if context is not None:
            context.is_history_navigation = True
        return context

    monkeypatch.setattr(overtaken, "get_script_run_ctx", gone_back)
    del test.query_params["text"]
    test.run()
    assert (test.text_input[0].value, dict(test.query_params)) == ("", {})

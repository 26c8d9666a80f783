"""Saved prompts on the pages that ask: chosen, kept in the address, recorded, and gone when they are deleted."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.services import Services
from backends.fake import Script
from metrics.queries import TraceQuery
from pipeline.prompts import DEFAULT, PromptTemplate, recorded_prompt
from pipeline.types import Trace
from tests.pages.test_pages import shown

Open = Callable[..., AppTest]
SHORT = PromptTemplate("short", "{context} {question}")


@pytest.fixture
def script() -> Script:
    return Script(prompt=DEFAULT)


@pytest.fixture(autouse=True)
def saved(services: Services) -> None:
    services.store.prompts.save(SHORT)


def put(page: AppTest, key: str, label: str) -> AppTest:
    page.text_input(key=key).set_value("Who?")
    return next(button for button in page.button if button.label == label).click().run()


def stored(services: Services) -> list[Trace]:
    rows = services.store.page(TraceQuery(descending=False), limit=10).rows
    return [found.trace for row in rows if (found := services.store.get(row.trace_id)) is not None]


@pytest.mark.slow
def test_ask_asks_with_the_prompt_that_is_chosen(open_page: Open, services: Services) -> None:
    page = open_page("ask")
    assert page.selectbox(key="prompt").options == ["usual", "short"]
    page.selectbox(key="prompt").set_value("short").run()
    assert "".join(page.query_params["prompt"]) == "short"
    page = put(page, "question", "Ask")
    assert not page.exception
    assert recorded_prompt(stored(services)[0].settings) == SHORT


def test_prompt_that_was_deleted_is_no_longer_asked_with(open_page: Open, services: Services) -> None:
    page = open_page("ask", prompt="short")
    assert page.selectbox(key="prompt").value == "short"
    services.store.prompts.delete("short")
    services.store.prompts.save(PromptTemplate("long", "{question}"))
    page = put(page, "question", "Ask")
    assert not page.exception
    assert recorded_prompt(stored(services)[0].settings) == DEFAULT


def test_no_choice_is_shown_where_none_is_saved(open_page: Open, services: Services) -> None:
    services.store.prompts.delete("short")
    assert "prompt" not in [each.key for each in open_page("ask").selectbox]


@pytest.mark.slow
def test_compare_asks_each_side_with_its_prompt_and_tells_that_they_differ(open_page: Open, services: Services) -> None:
    page = open_page("compare", second_rerank="false", second_prompt="short")
    page = put(page, "ask", "Compare")
    assert not page.exception
    assert [recorded_prompt(trace.settings) for trace in stored(services)] == [DEFAULT, SHORT]
    assert SHORT.version in shown(page)
    assert "not those of the answers" not in shown(page)


@pytest.mark.slow
def test_compare_asks_again_with_a_prompt_that_is_kept_nowhere_but_in_its_trace(
    open_page: Open, services: Services
) -> None:
    lost = PromptTemplate("lost", "{question}")
    backend = services.backends.open("fake").with_prompt(lost)  # type: ignore[attr-defined]
    trace = backend.answer("Who?", top_k=2, deadline_s=9.0)
    services.store.put(trace)
    page = open_page("compare", first=trace.trace_id)
    assert page.selectbox(key="first_prompt").value == lost.version
    put(page, "ask", "Compare")
    assert lost in [recorded_prompt(each.settings) for each in stored(services)[1:]]

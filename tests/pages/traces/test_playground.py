"""The playground on the trace page: chunks, prompt and backend changed, asked again, saved, run."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.services import Services
from backends.fake import CHUNKS, Script
from metrics.queries import TraceQuery
from pipeline.errors import Throttled
from pipeline.prompts import DEFAULT, PromptTemplate, recorded_prompt
from pipeline.types import Trace
from tests.factories import make_chunk, make_trace
from tests.pages.test_pages import shown

Open = Callable[..., AppTest]
TEXT = "{context}\n\nShort: {question}"


@pytest.fixture
def script() -> Script:
    return Script(prompt=DEFAULT)


@pytest.fixture
def trace(services: Services) -> Trace:
    made = services.backends.open("fake").answer("Who?", top_k=3, deadline_s=9)
    services.store.put(made)
    return made


@pytest.fixture
def opened(open_page: Open, trace: Trace) -> AppTest:
    return unfold(open_page("traces", trace=trace.trace_id), trace)


def unfold(page: AppTest, trace: Trace) -> AppTest:
    page.session_state[f"play-{trace.trace_id}"] = True
    return page.run()


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def widget(kind: str, page: AppTest, start: str):
    return next(each for each in getattr(page, kind) if str(each.key).startswith(start))


def newest(services: Services, trace: Trace) -> Trace:
    rows = services.store.page(TraceQuery(), limit=10).rows
    found = [services.store.get(row.trace_id) for row in rows if row.trace_id != trace.trace_id]
    [made] = [each.trace for each in found if each is not None]
    return made


@pytest.mark.slow
def test_chunks_dropped_moved_edited_and_added_are_what_is_asked_with(
    opened: AppTest, services: Services, trace: Trace
) -> None:
    widget("checkbox", opened, "play-use-0").uncheck().run()
    widget("button", opened, "play-up-2").click().run()
    widget("text_area", opened, "play-words-1").set_value("Edited.").run()
    press(opened, "Add a chunk")
    widget("text_input", opened, "play-title-3").set_value("Mine").run()
    widget("text_area", opened, "play-words-3").set_value("Written by hand.").run()
    page = press(opened, "Ask again")
    assert not page.exception
    made = newest(services, trace)
    assert [chunk.text for chunk in made.chunks] == [CHUNKS[2].text, "Edited.", "Written by hand."]
    assert made.settings["playground_of"] == trace.trace_id
    text = shown(page)
    assert "The answers are the same" in text
    assert "log p of the answer" in text


@pytest.mark.slow
def test_prompt_is_changed_asked_with_saved_and_a_dataset_run_with_it(
    opened: AppTest, open_page: Open, services: Services, trace: Trace
) -> None:
    widget("text_area", opened, "play-prompt").set_value(TEXT).run()
    press(opened, "Ask again")
    made = newest(services, trace)
    assert recorded_prompt(made.settings) == PromptTemplate("changed", TEXT)
    widget("text_input", opened, "play-name").set_value("short").run()
    page = press(opened, "Save as version")
    assert not page.exception
    found = services.store.prompts.find("short")
    assert found is not None
    assert found.prompt.text == TEXT
    runs = open_page("runs", prompt=found.prompt.version, backend="fake")
    assert not runs.exception
    assert runs.selectbox(key="run-prompt").value == "short"


def test_words_that_are_no_prompt_are_refused_with_the_reason(opened: AppTest, services: Services) -> None:
    widget("text_area", opened, "play-prompt").set_value("No place.").run()
    page = press(opened, "Ask again")
    assert "lacks {question}" in page.error[0].value.replace("\\", "")
    assert services.store.count() == 1


@pytest.mark.slow
def test_saved_prompt_fills_the_box_and_everything_can_be_as_it_was(
    open_page: Open, services: Services, trace: Trace
) -> None:
    services.store.prompts.save(PromptTemplate("short", TEXT))
    page = unfold(open_page("traces", trace=trace.trace_id), trace)
    widget("selectbox", page, "play-begin").set_value("short").run()
    assert widget("text_area", page, "play-prompt").value == TEXT
    widget("checkbox", page, "play-use-0").uncheck().run()
    page = press(page, "As it was")
    assert widget("text_area", page, "play-prompt").value == DEFAULT.text
    assert widget("checkbox", page, "play-use-0").value


@pytest.mark.slow
def test_failure_is_shown_and_kept(opened: AppTest, services: Services, trace: Trace, script: Script) -> None:
    script.failures["generate"] = Throttled("Slow <b>down</b>.")
    page = press(opened, "Ask again")
    assert not page.exception
    assert "Throttled" in page.error[0].value
    assert newest(services, trace).error is not None


@pytest.mark.slow
def test_trace_of_another_application_is_asked_again_here(open_page: Open, services: Services) -> None:
    foreign = make_trace(backend="shop", origin="application", settings={}, chunks=(make_chunk(score=None),))
    services.store.put(foreign)
    page = unfold(open_page("traces", trace=foreign.trace_id), foreign)
    page = press(page, "Ask again")
    assert not page.exception
    made = newest(services, foreign)
    assert made.backend == "fake"
    again = open_page("traces", trace=made.trace_id)
    assert "Asked again from" in [each.label for each in again.get("page_link")]

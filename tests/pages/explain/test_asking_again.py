"""The Explain page of an answer that its backend cannot score: asked again without each chunk."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.services import Services
from backends import registry
from backends.fake import Script
from pipeline.errors import StageFailed
from pipeline.types import Trace
from tests.factories import make_chunk
from tests.foreign import make_foreign_trace
from tests.pages.test_pages import shown
from tests.unscored import OTHERWISE, Unscored

Open = Callable[..., AppTest]
LABEL = "Ask again without each chunk (5 questions)"


@pytest.fixture
def backend(services: Services, script: Script, monkeypatch: pytest.MonkeyPatch) -> Unscored:
    made = Unscored(script)
    monkeypatch.setattr(services.backends, "make", lambda name, config: made)
    monkeypatch.setattr(registry, "names", lambda: ["fake"])
    return made


@pytest.fixture
def trace(services: Services, backend: Unscored) -> Trace:
    made = backend.answer("What says the script?", top_k=3, deadline_s=9)
    services.store.put(made)
    return made


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def press(page: AppTest) -> AppTest:
    return next(button for button in page.button if button.label == LABEL).click().run()


def told(page: AppTest) -> str:
    assert not page.exception
    return shown(page).replace("\\", "")


def test_estimate_comes_first_and_nothing_is_asked_before_the_button_is_pressed(
    open_page: Open, services: Services, backend: Unscored, trace: Trace
) -> None:
    page = open_page("explain", trace=trace.trace_id)
    assert "5 questions, about 5 s, if each takes what this answer took" in told(page)
    assert backend.asked == []
    words = told(press(page))
    assert len(backend.asked) == 5
    assert "Without chunk 1 the model answers otherwise; without any other it says the same." in words
    assert OTHERWISE in words
    assert "This is coarse" in words
    assert services.store.count() == 1
    page.run()
    assert len(backend.asked) == 5, "what came of it is kept while the page is open"
    assert "Without chunk 1 the model answers otherwise" in told(page)


def test_failure_of_the_model_is_told_as_text(open_page: Open, script: Script, trace: Trace) -> None:
    page = open_page("explain", trace=trace.trace_id)
    script.failures["generate"] = StageFailed("The model <b>broke</b>.")
    words = told(press(page))
    assert "It is not known what the model says with nothing left out" in words
    assert "The model &lt;b&gt;broke&lt;/b&gt;." in words


def test_too_many_chunks_are_said_instead_of_a_button(
    open_page: Open, services: Services, script: Script, backend: Unscored
) -> None:
    script.chunks = [make_chunk(chunk_id=f"c{n}", rank=n) for n in range(1, 22)]
    made = backend.answer("What says the script?", top_k=21, deadline_s=9)
    services.store.put(made)
    page = open_page("explain", trace=made.trace_id)
    assert "21 chunks; at most 20 are left out one by one" in told(page)
    assert not any(label.startswith("Ask again without") for label in labels(page))


def test_applications_answer_is_not_offered_to_be_asked_again(open_page: Open, services: Services) -> None:
    foreign = make_foreign_trace()
    services.store.put(foreign)
    page = open_page("explain", trace=foreign.trace_id)
    assert not page.exception
    assert not any(label.startswith("Ask again without") for label in labels(page))

"""Pages of another application's traces: explained with a stand-in, compared with an answer of ours, counted on Live."""

import re
import time

import pytest

from backends import registry
from pipeline.errors import Unavailable
from pipeline.types import Generation
from tests.app.test_foreign_traces import BAD
from tests.foreign import ANSWER, QUESTION, make_foreign_chunks, make_foreign_trace
from tests.pages.test_compare import address
from tests.pages.test_pages import shown

BARE = make_foreign_trace(
    9, question="", generation=None, chunks=make_foreign_chunks(texts=False, scores=False, titles=False), spans=()
)


def told(page) -> str:
    """What a reader sees, less the style sheet."""
    assert not page.exception
    return re.sub(r"<style>.*?</style>", "", shown(page), flags=re.DOTALL)


def button(page, label: str):
    return next(each for each in page.button if each.label == label)


@pytest.mark.parametrize("trace", [make_foreign_trace(), BARE], ids=["whole", "bare"])
@pytest.mark.parametrize(("page", "name"), [("traces", "trace"), ("explain", "trace"), ("compare", "first")])
def test_every_page_of_a_trace_opens_whatever_is_missing(open_page, services, page, name, trace):
    services.store.put(trace)
    assert not BAD.search(told(open_page(page, **{name: trace.trace_id})))


def test_words_are_held_against_the_chunks_before_any_backend_is_chosen(open_page, services):
    services.store.put(make_foreign_trace())
    words = told(open_page("explain", trace=make_foreign_trace().trace_id))
    assert "shop is another application, whose model cannot be asked" in words
    assert "1 of 2 sentences are supported by a single chunk" in words
    assert services.store.explanations(make_foreign_trace().trace_id) == {}


@pytest.mark.slow
def test_stand_in_explains_on_request_and_is_named_in_the_address(open_page, services):
    trace = make_foreign_trace()
    services.store.put(trace)
    page = open_page("explain", trace=trace.trace_id)
    page.selectbox(key=f"explain-with-{trace.trace_id}").set_value("fake").run()
    assert "Explained with fake, not with the model that answered" in told(page)
    assert address(page)["with"] == "fake"
    assert "lattice@fake" in services.store.explanations(trace.trace_id)
    again = open_page("explain", trace=trace.trace_id)
    assert "Explained with fake" in told(again), "what is kept is shown when one comes back"


@pytest.mark.slow
def test_answer_of_ours_may_be_explained_by_another_backend_where_its_own_is_gone(
    open_page, services, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(registry, "names", lambda: ["fake", "other"])
    trace = services.asking.ask(services.asking.question("What says the script?")).trace
    page = open_page("explain", trace=trace.trace_id, **{"with": "other"})
    assert "Explained with other, not with the model that answered" in told(page)


def test_its_question_is_asked_here_and_the_answers_stand_side_by_side(open_page, services):
    trace = make_foreign_trace()
    services.store.put(trace)
    page = open_page("compare", first=trace.trace_id)
    assert "stays as it is" in told(page)
    page = button(page, "Ask it here").click().run()
    words = told(page)
    assert "The answers differ" in words
    assert address(page)["first"] == trace.trace_id
    ours = services.store.get(address(page)["second"]).trace
    assert (ours.question, ours.backend) == (QUESTION, "fake")
    assert services.store.count() == 2


def test_two_foreign_answers_are_compared_and_nothing_is_asked(open_page, services):
    one, other = make_foreign_trace(1), make_foreign_trace(2, generation=Generation("Nobody.", (), 0, "stop"))
    services.store.put_all([one, other])
    page = open_page("compare", first=one.trace_id, second=other.trace_id)
    assert "2 of 2 chunks were retrieved by both" in told(page)
    assert "Nothing can be asked here" in told(page)
    assert not page.text_input


def test_question_that_was_not_sent_cannot_be_asked_here(open_page, services):
    services.store.put(BARE)
    page = open_page("compare", first=BARE.trace_id)
    assert "did not send its question" in told(page)
    assert all(each.label != "Ask it here" for each in page.button)


@pytest.mark.slow
def test_live_names_the_application_and_counts_its_stages(open_page, services):
    services.store.put(make_foreign_trace(asked_at=time.time() - 5))
    page = open_page("live", answered_by="otlp/shop")
    words = told(page)
    assert page.selectbox(key="answered_by").options == ["shop, another application"]
    assert "embedders, retrievers, rerankers and models" in words
    assert not BAD.search(words)
    assert ANSWER not in words


def test_answer_that_its_backend_cannot_score_is_held_against_its_chunks_below_what_can_be_done(
    open_page, services, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise Unavailable("The backend http/shop cannot score a given answer.")

    monkeypatch.setattr(services.explanations, "explain", refuse)
    services.store.put(make_foreign_trace(origin="person", backend="http/shop", service=""))
    page = open_page("explain", trace=make_foreign_trace().trace_id)
    words = told(page).replace("\\", "")
    assert not page.error
    assert page.selectbox(key=f"explain-with-{make_foreign_trace().trace_id}").options
    assert "The backend http/shop cannot score a given answer." in words
    assert "1 of 2 sentences are supported by a single chunk" in words


def test_what_an_application_said_of_itself_is_told_name_by_name(open_page, services):
    services.store.put(make_foreign_trace(metadata={"resources": {"shop": {"host.name": "a", "process.pid": 7}}}))
    words = told(open_page("traces", trace=make_foreign_trace().trace_id))
    assert "resources, shop, host.name" in words
    assert "{" not in words.partition("resources, shop")[2][:200]

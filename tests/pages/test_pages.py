"""Each page runs, says what to do when it is empty, and shows errors that a person can act on."""

import pytest

from pipeline.errors import StageFailed, Throttled
from tests.factories import make_trace
from tests.tables import listed


def shown(test) -> str:
    """All text of a page, HTML included, as it is read: what keeps a figure and its unit on a line is a space."""
    kinds = (
        test.title,
        test.header,
        test.header,
        test.markdown,
        test.caption,
        test.info,
        test.warning,
        test.error,
        test.success,
    )
    html = [element.proto.body for element in test.get("html")]
    said = "\n".join([*(str(element.value) for kind in kinds for element in kind), *html])
    return said.replace("\N{NO-BREAK SPACE}", " ")


def test_ask_says_what_to_do_before_the_first_question(open_page):
    page = open_page("ask")
    assert not page.exception
    assert "Type a question" in shown(page)


def ask(page, question):
    page.text_input(key="question").set_value(question)
    return page.button[0].click().run()


def test_ask_answers_stores_the_trace_and_puts_it_into_the_address(open_page, services):
    page = ask(open_page("ask"), "What says the script?")
    assert not page.exception
    assert "Sentence 1 of the script." in shown(page)
    assert services.store.get("".join(page.query_params["trace"])).trace.question == "What says the script?"


def test_ask_keeps_what_a_failed_stage_had_found(open_page, script):
    script.failures["generate"] = Throttled("The model asked for fewer questions. Wait a minute.")
    page = ask(open_page("ask"), "What says the script?")
    assert not page.exception
    assert "asked for fewer questions" in shown(page)
    assert "Document 1" in shown(page)


def test_ask_hides_what_an_unexpected_error_said(open_page, script):
    script.failures["retrieve"] = ValueError("secret detail")
    page = ask(open_page("ask"), "What says the script?")
    assert not page.exception
    assert "secret detail" not in shown(page)
    assert StageFailed.__name__ in shown(page)


@pytest.mark.parametrize("question", ["", "   ", "x" * 10_000])
def test_ask_refuses_what_is_no_question(open_page, services, question):
    page = ask(open_page("ask"), question)
    assert not page.exception
    assert page.error
    assert services.store.count() == 0


def test_ask_shows_the_trace_that_the_address_names(open_page, services):
    trace = make_trace()
    services.store.put(trace)
    assert trace.question in shown(open_page("ask", trace=trace.trace_id))


@pytest.mark.slow
def test_ask_keeps_an_answer_that_could_not_be_stored(open_page, services, monkeypatch):
    from pipeline.errors import StoreError

    def full(trace):
        raise StoreError("The disk is full. Free some space.")

    monkeypatch.setattr(services.store, "put_all", full)
    page = ask(open_page("ask"), "What says the script?")
    assert not page.exception
    assert "The disk is full" in shown(page)
    assert "Sentence 1 of the script." in shown(page)


def test_traces_says_what_to_do_when_there_are_none(open_page):
    page = open_page("traces")
    assert not page.exception
    assert "No question has been asked yet" in shown(page)


@pytest.mark.slow
def test_traces_lists_filters_and_says_n_of_m(open_page, services):
    for number in range(3):
        services.store.put(make_trace(question=f"question {number}"))
    assert "3 of 3 traces" in shown(open_page("traces"))
    page = open_page("traces", search="question 1")
    assert "1 of 1 trace that matches, 3 stored" in shown(page)
    assert [row["Question"] for row in listed(page)] == ["question 1"]


@pytest.mark.parametrize("address", [{"search": "nothing like it"}, {"outcome": "failed"}, {"since": "hour"}])
def test_traces_without_a_match_says_so(open_page, services, address):
    services.store.put(make_trace(asked_at=1_000_000.0))
    page = open_page("traces", **address)
    assert not page.exception
    assert "Clear the search or a filter" in shown(page)


@pytest.mark.slow
def test_traces_pages_through_everything_once(open_page, services):
    for number in range(60):
        services.store.put(make_trace(question=f"question {number}"))
    page = open_page("traces")
    seen = [row["Question"] for row in listed(page)]
    next(button for button in page.button if button.label == "Next page").click().run()
    assert not page.exception
    seen += [row["Question"] for row in listed(page)]
    assert sorted(seen) == sorted(f"question {number}" for number in range(60))


def test_traces_opens_one_and_compares_two(open_page, services):
    traces = [make_trace(question=f"question {number}") for number in range(2)]
    for trace in traces:
        services.store.put(trace)
    assert "question 0" in shown(open_page("traces", trace=traces[0].trace_id))
    both = open_page("traces", **{"trace": traces[0].trace_id, "with": traces[1].trace_id})
    assert not both.exception
    assert "retrieved by both" in shown(both)


@pytest.mark.parametrize("address", [{"trace": "no-such-trace"}, {"after": "not-a-cursor"}])
def test_traces_survives_a_bad_address(open_page, services, address):
    services.store.put(make_trace())
    page = open_page("traces", **address)
    assert not page.exception
    assert page.info or page.error


def test_corpus_of_a_backend_that_holds_none_says_so(open_page):
    page = open_page("corpus")
    assert not page.exception
    assert "keeps its documents elsewhere" in shown(page)


def test_status_masks_secrets_and_says_what_is_not_ready(open_page, services, script):
    script.failures["embed"] = ValueError()
    page = open_page("status")
    assert not page.exception
    assert "Not ready" in shown(page)
    assert "RAGLASS_DATABASE_URL" in shown(page)


def test_the_examples_are_questions_of_the_built_in_corpus():
    import corpus
    from app.views.asking.page import EXAMPLES

    known = {question.question: question.answerable for question in corpus.questions()}
    assert [known[example] for example in EXAMPLES] == [True, True, True, False]

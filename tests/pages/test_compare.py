"""The Compare page: two sides asked, stored, opened again by their address, and told apart when one fails."""

import pytest

from backends import registry
from pipeline.errors import StoreError, Throttled
from tests.factories import make_failed_trace, make_trace
from tests.pages.test_pages import shown


def put(page, question: str):
    page.text_input(key="ask").set_value(question)
    return next(button for button in page.button if button.label == "Compare").click().run()


def address(page) -> dict[str, str]:
    return {name: "".join(value) for name, value in page.query_params.items()}


def test_says_what_to_do_before_the_first_question(open_page):
    page = open_page("compare")
    assert not page.exception
    assert "one after the other" in shown(page)


def test_usual_sides_differ_in_reranking(open_page):
    page = open_page("compare")
    assert [page.toggle(key=f"{side}_rerank").value for side in ("first", "second")] == [False, True]


@pytest.mark.slow
def test_both_sides_are_asked_stored_and_put_into_the_address(open_page, services):
    page = open_page("compare")
    page.number_input(key="second_top_k").set_value(2).run()
    page = put(page, "What says the script?")
    assert not page.exception
    assert "2 of 5 chunks were retrieved by both" in shown(page)
    first, second = (services.store.get(address(page)[side]).trace for side in ("first", "second"))
    assert (len(first.chunks), first.settings["rerank"]) == (5, False)
    assert (len(second.chunks), second.settings["rerank"]) == (2, True)


@pytest.mark.slow
def test_link_to_two_traces_opens_them_and_their_settings_without_asking(open_page, services):
    first = make_trace(question="Why?", backend="fake", settings={"top_k": 7, "deadline_s": 9.0, "rerank": True})
    second = make_failed_trace(question="Why?", backend="fake", settings={"top_k": 3, "deadline_s": 5.0})
    for trace in (first, second):
        services.store.put(trace)
    page = open_page("compare", first=first.trace_id, second=second.trace_id)
    assert not page.exception
    assert "Only the first has an answer" in shown(page)
    assert page.text_input(key="ask").value == "Why?"
    assert [page.number_input(key=f"{side}_top_k").value for side in ("first", "second")] == [7, 3]
    assert page.number_input(key="second_deadline_s").value == 5.0
    assert page.toggle(key="first_rerank").value
    assert services.store.count() == 2
    assert "not those of the answers" not in shown(page)


def test_address_sets_both_sides_and_the_question(open_page):
    page = open_page("compare", ask="Why?", first_top_k="3", second_top_k="9", second_rerank="false", first_rerank="1")
    assert page.text_input(key="ask").value == "Why?"
    assert [page.number_input(key=f"{side}_top_k").value for side in ("first", "second")] == [3, 9]
    assert [page.toggle(key=f"{side}_rerank").value for side in ("first", "second")] == [True, False]


@pytest.mark.slow
def test_changed_settings_stand_in_the_address_and_are_told_from_those_of_the_answers(open_page):
    page = put(open_page("compare"), "What says the script?")
    page.number_input(key="first_top_k").set_value(2).run()
    assert address(page)["first_top_k"] == "2"
    assert "not those of the answers" in shown(page)
    page.number_input(key="first_top_k").set_value(5).run()
    assert "first_top_k" not in address(page)
    assert "not those of the answers" not in shown(page)


def test_the_same_settings_on_both_sides_are_pointed_out(open_page):
    page = open_page("compare", second_rerank="false")
    assert "Both sides have the same settings" in shown(page)


@pytest.mark.slow
def test_failed_sides_show_their_typed_error(open_page, script, services):
    script.failures["rerank"] = Throttled("The reranker asked for fewer questions. Wait a minute.")
    page = put(open_page("compare"), "What says the script?")
    assert not page.exception
    assert "Only the first has an answer" in shown(page)
    assert "Sentence 1 of the script." in shown(page)
    assert [error.value for error in page.error] == [
        "**Throttled**: The reranker asked for fewer questions\\. Wait a minute\\."
    ]
    assert services.store.count() == 2


@pytest.mark.parametrize("question", ["", "   ", "x" * 10_000])
def test_what_is_no_question_is_refused_and_nothing_is_asked(open_page, services, question):
    page = put(open_page("compare"), question)
    assert not page.exception
    assert len(page.error) == 1
    assert services.store.count() == 0


def test_answers_that_could_not_be_stored_are_shown_with_the_reason(open_page, services, monkeypatch):
    def full(trace):
        raise StoreError("The disk is full. Free some space.")

    monkeypatch.setattr(services.store, "put_all", full)
    page = put(open_page("compare"), "What says the script?")
    assert not page.exception
    assert len([warning for warning in page.warning if "The disk is full" in warning.value]) == 2
    assert "the answers are the same" in shown(page)


def test_missing_trace_is_said_and_the_other_shown(open_page, services):
    trace = make_trace(question="Why?", backend="fake")
    services.store.put(trace)
    page = open_page("compare", first=trace.trace_id, second="no-such-trace")
    assert not page.exception
    assert page.info[0].value.startswith("Second: There is no trace")
    assert "Alfred Wegener" in shown(page)


def test_one_trace_is_enough_to_ask_its_question_on_two_sides(open_page, services):
    trace = make_trace(question="Why?", backend="fake")
    services.store.put(trace)
    page = open_page("compare", first=trace.trace_id)
    assert not page.exception
    assert page.text_input(key="ask").value == "Why?"
    assert "put a question" in shown(page)


def test_a_trace_can_be_compared_with_itself(open_page, services):
    trace = make_trace()
    services.store.put(trace)
    page = open_page("compare", first=trace.trace_id, second=trace.trace_id)
    assert not page.exception
    assert "the answers are the same" in shown(page)


def test_backend_that_cannot_be_used_here_says_why(open_page, monkeypatch):
    monkeypatch.setattr(registry, "names", lambda: ["fake", "far"])
    monkeypatch.setattr(
        registry, "why_missing", lambda name: "far needs wings. Run `make wings`." if name == "far" else None
    )
    page = open_page("compare")
    assert page.selectbox(key="first_backend").options == ["fake"]
    assert "make wings" in shown(page).replace("\\", "")


def test_trace_of_a_backend_that_cannot_be_used_here_opens_and_says_so(open_page, services):
    trace = make_trace(backend="far")
    services.store.put(trace)
    page = open_page("compare", first=trace.trace_id, second=trace.trace_id)
    assert not page.exception
    assert "far cannot be used here now" in shown(page)


@pytest.mark.parametrize(
    "nonsense", [{"first_top_k": "1000"}, {"second_backend": "nowhere"}, {"first_deadline_s": "soon"}]
)
def test_nonsense_in_the_address_is_as_if_it_were_not_there(open_page, nonsense):
    page = open_page("compare", **nonsense)
    assert not page.exception
    assert page.number_input(key="first_top_k").value == 5

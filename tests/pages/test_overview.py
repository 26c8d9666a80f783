"""The first page says how the system is and takes a question; pages are found again as they were left."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.alerting.rules import Rule
from app.stability.comparing import compare_on
from evaluation.summary import headline_figures
from metrics.alerts import StoredAlert
from pipeline.errors import StoreError
from pipeline.types import Confidence, Failure
from tests.app.overview.test_words import checked
from tests.app.runs.test_compared import scored, store
from tests.factories import make_trace
from tests.pages.live.test_live import cloud, on_aws  # noqa: F401
from tests.pages.test_pages import shown
from tests.tables import listed, tables


def links(page) -> dict[str, str]:
    """Each link of the page: its words and where it leads."""
    return {each.proto.label: f"{each.proto.page}?{each.proto.query_string}" for each in page.get("page_link")}


def lately(number: int, **changes):
    """A trace of the last minute."""
    return replace(make_trace(), trace_id=f"{number:032x}", asked_at=time.time() - 5, **changes)


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold, looked at again and again."""
    end_s = time.monotonic() + 30
    while not (held := holds()) and time.monotonic() < end_s:
        time.sleep(0.1)
    return held


def test_an_empty_store_says_what_to_do_first(open_page):
    page = open_page("overview")
    assert not page.exception
    assert "Three steps to begin with" in shown(page)
    assert {"Ask", "Add documents", "Start a run"} <= set(links(page))


@pytest.mark.slow
def test_a_question_is_asked_on_ask(open_page, services):
    page = open_page("overview")
    page.text_input(key="overview-question").set_value("What says the script?")
    page.button[0].click().run()
    assert not page.exception
    assert page.title[0].value == "Ask"
    assert services.store.get("".join(page.query_params["trace"])).trace.question == "What says the script?"
    page.run()
    assert services.store.count() == 1, "a question that was handed over is asked once"


@pytest.mark.slow
def test_tiles_say_how_it_is_and_lead_to_what_they_count(open_page, services):
    services.store.put_all(
        [lately(1), lately(2), lately(3, error=Failure("Timeout", "generate took too long", "generate"))]
    )
    page = open_page("overview", past="hour")
    assert not page.exception
    assert "1 of 3 questions by people" in shown(page)
    assert "33.3 %" in shown(page)
    found = links(page)
    assert found["Failed"].startswith("traces?")
    assert {"since=hour", "outcome=failed"} <= set(found["Failed"].partition("?")[2].split("&"))
    assert {"window=1+hour", "asked_by=people"} <= set(found["p95 time"].partition("?")[2].split("&"))
    assert found["Ready"].startswith("status")


@pytest.mark.slow
def test_questions_left_unanswered_need_a_look_and_are_no_best_guesses(open_page, services):
    unsure = Confidence(0.2, "calibrated")
    generation = make_trace().generation
    given = replace(generation, confidence=unsure)
    none = replace(generation, answer="", abstained=True, confidence=unsure)
    services.store.put_all([lately(1, generation=given), lately(2, generation=none), lately(3, generation=none)])
    page = open_page("overview", past="hour")
    found = links(page)
    assert {"since=hour", "outcome=abstained"} <= set(found["No answer given"].partition("?")[2].split("&"))
    assert "outcome=answered" in found["Low confidence"]
    assert "questions that no document seemed to answer" in shown(page)
    assert "answer that is a best guess" in shown(page)


@pytest.mark.slow
def test_whose_questions_are_counted_is_chosen_as_on_live_and_kept_by_links(open_page, services):
    services.store.put_all([lately(1), lately(2, origin="run"), lately(3, origin="run")])
    page = open_page("overview")
    assert page.selectbox(key="by_whom").value == "people"
    assert "0 of 1 question by people" in shown(page)
    page.selectbox(key="by_whom").set_value("everyone").run()
    assert "0 of 3 questions, whoever asked" in shown(page)
    assert "asked_by=everyone" in links(page)["p95 time"]
    assert "".join(page.query_params["by_whom"]) == "everyone"
    runs = open_page("overview", by_whom="runs")
    assert "origins=run" in links(runs)["Failed"]
    assert "No question by load tests is stored." in shown(open_page("overview", by_whom="load tests"))


@pytest.mark.slow
def test_questions_of_people_are_listed_and_those_of_runs_are_not(open_page, services):
    services.store.put_all([lately(1, question="Whose?"), lately(2, question="A run's?", origin="run")])
    assert [row["Question"] for row in listed(open_page("overview"))] == ["Whose?"]


@pytest.mark.slow
def test_an_open_alert_is_told_by_its_rule(open_page, services, monkeypatch):
    services.store.put(lately(1))
    alert = StoredAlert("a1", "Slow *answers*", "open", time.time(), None, 2.0, {})
    monkeypatch.setattr(services.alarms, "opened", lambda: [alert])
    text = shown(open_page("overview"))
    assert "1 open" in text
    assert "Slow *answers*" in text


@pytest.mark.slow
def test_raised_alarms_of_cloudwatch_are_counted_and_never_waited_for(open_page, on_aws, cloud, monkeypatch):  # noqa: F811
    cloud.alarms = [{"AlarmName": "raglass-late", "StateValue": "ALARM", "StateReason": "x", "AlarmDescription": "y"}]
    on_aws.store.put(lately(1))
    gate, answered = threading.Event(), threading.Event()
    read = on_aws.live.alarms

    def slowly():
        gate.wait(30)
        try:
            return read()
        finally:
            answered.set()

    monkeypatch.setattr(on_aws.live, "alarms", slowly)
    page = open_page("overview")
    assert "raglass-late" not in shown(page)
    gate.set()
    assert answered.wait(30)
    assert eventually(lambda: "raglass-late (CloudWatch)" in shown(page.run()))


@pytest.mark.slow
def test_the_last_runs_verdict_is_worked_out_once_and_shown(open_page, services, monkeypatch):
    services.store.put(lately(1))
    for run_id, wrong in (("aaaa0001", 1), ("bbbb0002", 30)):
        scores = scored(run_id, wrong)
        store(services, run_id, scores, figures=headline_figures(scores))
    compared, compare = [], services.evaluations.compare

    def counted(*ids: str):
        compared.append(ids)
        return compare(*ids)

    monkeypatch.setattr(services.evaluations, "compare", counted)
    page = open_page("overview")
    assert eventually(lambda: "May the newer run take the older one’s place? No." in shown(page.run()))
    assert compared == [("aaaa0001", "bbbb0002")]


@pytest.mark.slow
def test_the_last_check_for_drift_is_told_where_no_rule_watches_it(open_page, services, monkeypatch):
    services.store.put(lately(1))
    assert "by the last check" not in shown(open_page("overview"))

    def steps():
        yield 1, 1
        return checked(True)

    job = services.comparisons.questions.start(lambda stop: compare_on(steps(), stop))
    job.wait(30)
    assert "1 of 1 window drifted of questions to fake" in shown(open_page("overview"))
    monkeypatch.setattr(services.alarms, "rules", lambda: [Rule("others", "drift", 0.05, "below", "fake")])
    assert "by the last check" not in shown(open_page("overview"))


def test_a_store_that_cannot_be_read_is_said(open_page, services, monkeypatch):
    services.store.put(lately(1))

    def gone(*_: object) -> None:
        raise StoreError("The disk is gone. Connect it again.")

    monkeypatch.setattr("app.views.overview.kept.read_pace", gone)
    page = open_page("overview")
    assert not page.exception
    assert "The disk is gone" in shown(page)


@pytest.mark.parametrize("name", ["trace", "top_k"])
def test_an_address_of_when_ask_was_the_first_page_leads_to_ask(open_page, services, name):
    trace = make_trace()
    services.store.put(trace)
    page = open_page("overview", **{name: trace.trace_id if name == "trace" else "2"})
    assert page.title[0].value == "Ask"
    assert name in page.query_params


@pytest.mark.slow
def test_settings_and_the_open_answer_are_there_when_one_comes_back_by_the_menu(open_page, services):
    trace = make_trace()
    services.store.put(trace)
    page = open_page("ask", trace=trace.trace_id, top_k="3")
    page.query_params.clear()
    page.switch_page("../pages/status.py").run()
    page.query_params.clear()
    page.switch_page("../pages/ask.py").run()
    assert not page.exception
    assert page.number_input(key="top_k").value == 3
    assert page.text_input(key="question").value == trace.question


@pytest.mark.slow
def test_the_menu_leads_to_the_list_of_traces_with_its_filters(open_page, services):
    trace = make_trace()
    services.store.put(trace)
    page = open_page("traces", trace=trace.trace_id, since="week")
    page.query_params.clear()
    page.switch_page("../pages/status.py").run()
    page.query_params.clear()
    page.switch_page("../pages/traces.py").run()
    assert {name: "".join(value) for name, value in page.query_params.items()} == {"since": "week"}


@pytest.mark.parametrize(("name", "holds"), [("ask", "trace"), ("compare", "first")])
def test_a_recent_question_is_opened(open_page, services, name, holds):
    trace = lately(1, question="Asked before?")
    services.store.put(trace)
    page = open_page(name)
    page.button(key=f"recent-{trace.trace_id}").click().run()
    assert "".join(page.query_params[holds]) == trace.trace_id


def test_explain_lists_recent_questions_in_the_table_that_opens(open_page, services):
    trace = lately(1, question="Asked before?")
    services.store.put(trace)
    (table,) = tables(open_page("explain"))
    assert (table["label"], table["opens"]) == ("Recent questions, a row each", True)
    assert [row["href"] for row in table["rows"]] == [f"explain?trace={trace.trace_id}"]


@pytest.mark.slow
def test_the_form_of_a_run_is_there_when_one_comes_back(open_page):
    page = open_page("runs")
    page.number_input(key="run_limit").set_value(50).run()
    assert "".join(page.query_params["run_limit"]) == "50"
    page.query_params.clear()
    page.switch_page("../pages/status.py").run()
    page.query_params.clear()
    page.switch_page("../pages/runs.py").run()
    assert page.number_input(key="run_limit").value == 50


def test_an_address_that_is_no_pages_is_told_as_it_is(open_page):
    page = open_page("overview", nowhere="<b>*x*")
    assert [each.value.replace("\\", "") for each in page.info if "no page" in each.value] == [
        "There is no page “<b>*x*” here. This is the Overview; the menu leads to the others."
    ]

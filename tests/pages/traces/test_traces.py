"""The Traces page: expressions, filters by what applications say, and saved views."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from app.kit.wording import SURE_THAT_NONE
from app.views.kit.table import Cell
from app.views.runs.tables import question_row
from pipeline.types import Confidence
from tests.evaluation.labelled import make_scored
from tests.factories import make_generation, make_trace
from tests.pages.test_pages import shown
from tests.shown import as_read
from tests.tables import listed, tables


@pytest.fixture(autouse=True)
def stored(services):
    """Three traces: two of an application, one of them slow."""
    for question, fields in {
        "How is a refund made?": {
            "duration_ms": 3000.0,
            "origin": "application",
            "service": "shop",
            "tags": ("vip",),
            "session": "s1",
        },
        "Where is my refund?": {"duration_ms": 100.0, "origin": "application", "service": "shop", "user": "ada"},
        "Who proposed drift?": {"duration_ms": 5000.0},
    }.items():
        services.store.put(make_trace(question=question, **fields))


def questions(page: AppTest) -> set[str]:
    return {row["Question"] for row in listed(page)}


def heads(page: AppTest) -> set[str]:
    return set(listed(page)[0])


def button(page: AppTest, label: str):
    return next(button for button in page.button if button.label == label)


def address(page: AppTest) -> dict[str, str]:
    return {name: "".join(values) for name, values in page.query_params.items()}


@pytest.mark.slow
def test_an_expression_filters_the_list_and_stands_in_the_address(open_page):
    page = open_page("traces")
    page.text_input(key="expression").set_value('latency_ms > 2000 and "REFUND" in question').run()
    assert questions(page) == {"How is a refund made?"}
    assert address(page) == {"expression": 'latency_ms > 2000 and "REFUND" in question'}
    assert "1 of 1 trace that matches, 3 stored" in shown(page)


@pytest.mark.slow
def test_a_wrong_expression_is_told_under_its_box_and_nothing_is_listed(open_page):
    page = open_page("traces", expression="abstained or latency > 5")
    assert not page.exception
    [error] = page.error
    assert "did you mean" in error.value
    assert "`latency_ms`" in error.value
    assert page.code[0].value == "  abstained or latency > 5\n               ^"
    assert not questions(page)
    page.text_input(key="expression").set_value("latency_ms > 5").run()
    assert not page.error
    assert len(questions(page)) == 3


def test_markup_in_an_expression_is_data(open_page):
    page = open_page("traces", expression="<img src=x onerror=alert(1)> **bold**")
    assert not page.exception
    assert "\\*" not in page.code[0].value
    assert "**bold**" in page.code[0].value


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"origins": "application"}, {"How is a refund made?", "Where is my refund?"}),
        ({"services": "shop"}, {"How is a refund made?", "Where is my refund?"}),
        ({"tags": "vip"}, {"How is a refund made?"}),
        ({"kinds": "llm"}, {"How is a refund made?", "Where is my refund?", "Who proposed drift?"}),
        ({"models": "extractive"}, {"How is a refund made?", "Where is my refund?", "Who proposed drift?"}),
        ({"of_session": "s1"}, {"How is a refund made?"}),
        ({"of_user": "ada"}, {"Where is my refund?"}),
        ({"tags": "nobody-has-this"}, set()),
    ],
)
def test_a_link_filters_by_what_applications_say(open_page, chosen, found):
    assert questions(open_page("traces", **chosen)) == found


def test_whence_a_question_came_is_shown_only_where_it_tells_rows_apart(open_page):
    assert [row["Asked by"] for row in listed(open_page("traces"))] == ["person", "shop", "shop"]
    assert [row["Asked by"] for row in listed(open_page("traces", origins="person"))] == ["person"]


def test_exports_are_of_what_the_list_shows(open_page):
    page = open_page("traces", expression="latency_ms > 2000", services="shop")
    urls = [link.proto.url for link in page.get("link_button")]
    asked = [url.partition("&pass=")[0] for url in urls]
    assert asked == [f"/export/traces.{kind}?services=shop&expression=latency_ms+%3E+2000" for kind in ("csv", "jsonl")]


def test_help_names_every_field(open_page):
    from metrics.expressions.fields import describe_fields

    help_text = shown(open_page("traces"))
    assert all(field.name.replace("<", "&lt;").replace(">", "&gt;") in help_text for field in describe_fields())


def save(page: AppTest, name: str) -> AppTest:
    page.text_input(key="view_name").set_value(name)
    return button(page, "Save").click().run()


@pytest.mark.slow
def test_filters_are_saved_as_a_view_that_its_link_opens(open_page, services):
    page = save(open_page("traces", expression="latency_ms > 2000", tags="vip"), "slow vips")
    assert address(page) == {"view": "slow vips"}
    assert questions(page) == {"How is a refund made?"}
    other = open_page("traces", view="slow vips")
    assert questions(other) == {"How is a refund made?"}
    assert other.text_input(key="expression").value == "latency_ms > 2000"
    assert services.store.views.find("slow vips").address == "tags=vip&expression=latency_ms+%3E+2000"


@pytest.mark.slow
def test_what_is_changed_in_a_view_stands_in_the_address_also_where_it_is_taken_away(open_page, services):
    services.store.views.save("vips", "tags=vip&sort=slowest&expression=latency_ms+%3E+2000&outcome=answered")
    page = open_page("traces", view="vips")
    page.multiselect(key="tags").set_value([]).run()
    assert questions(page) == {"How is a refund made?", "Who proposed drift?"}
    page.selectbox(key="outcome").set_value(None).run()
    page.text_input(key="expression").set_value("").run()
    assert len(questions(page)) == 3
    assert address(page) == {"view": "vips", "tags": "", "outcome": "", "expression": ""}
    assert page.selectbox(key="sort").value == "slowest"
    again = open_page("traces", **address(page))
    assert len(questions(again)) == 3
    button(page, "Save the changes").click().run()
    assert address(page) == {"view": "vips"}
    assert services.store.views.find("vips").address == "sort=slowest"


@pytest.mark.slow
def test_a_view_is_chosen_renamed_and_deleted(open_page, services):
    services.store.views.save("vips", "tags=vip")
    services.store.views.save("slow", "sort=slowest")
    page = open_page("traces", expression="latency_ms > 200")
    page.selectbox(key="view_chosen").set_value("vips").run()
    assert address(page) == {"view": "vips"}
    assert questions(page) == {"How is a refund made?"}
    page.text_input(key="view_new_name").set_value("important")
    button(page, "Rename").click().run()
    assert address(page) == {"view": "important"}
    button(page, "Delete this view").click().run()
    assert address(page) == {"tags": "vip"}
    assert questions(page) == {"How is a refund made?"}
    assert [view.name for view in services.store.views.all()] == ["slow"]


@pytest.mark.parametrize(("name", "problem"), [("slow", "already"), (" ", "has no name")])
@pytest.mark.slow
def test_a_view_that_cannot_be_saved_says_why(open_page, services, name, problem):
    services.store.views.save("slow", "sort=slowest")
    page = save(open_page("traces", tags="vip"), name)
    assert not page.exception
    assert problem in page.error[0].value
    assert services.store.views.find("slow").address == "sort=slowest"


@pytest.mark.slow
def test_nothing_chosen_is_no_view(open_page, services):
    page = save(open_page("traces"), "all")
    assert "Set a filter" in page.error[0].value
    assert services.store.views.all() == []


@pytest.mark.slow
def test_a_link_to_a_view_that_is_gone_says_so_and_leads_back(open_page):
    page = open_page("traces", view="gone")
    assert not page.exception
    assert "no saved view" in page.error[0].value
    button(page, "All traces").click().run()
    assert len(questions(page)) == 3


@pytest.mark.slow
def test_scores_are_called_cosines_only_where_no_other_application_gave_one(open_page):
    assert "Top score" in heads(open_page("traces", traces_columns="score"))
    assert "Top cosine" in heads(open_page("traces", origins="person", traces_columns="score"))


def test_what_an_application_did_without_a_question_is_told_as_such(open_page, services):
    services.store.put(make_trace(question="", generation=None, origin="application", service="indexer"))
    [row] = listed(open_page("traces", services="indexer"))
    assert (row["Question"], row["Outcome"]) == ("No question was sent.", "no answer")


@pytest.mark.slow
def test_confidence_is_listed_where_a_trace_has_one(open_page, services):
    services.store.put(make_trace(generation=make_generation(confidence=None), origin="application", service="indexer"))
    assert "Confidence" in heads(open_page("traces"))
    assert "Confidence" not in heads(open_page("traces", services="indexer"))


@pytest.mark.slow
def test_an_abstention_is_as_sure_on_every_list_as_on_its_own_page(open_page, services):
    silent = make_generation(abstained=True, confidence=Confidence(0.874, "calibrated"))
    services.store.put(make_trace(question="Any?", generation=silent, asked_at=time.time()))
    scored = make_scored(1, abstained=True, confidence=0.874)
    for name in ("traces", "overview"):
        [row] = [row for row in tables(open_page(name))[0]["rows"] if row["cells"]["question"]["text"] == "Any?"]
        assert row["cells"]["confidence"] == {"text": "87 %", "title": SURE_THAT_NONE, "icon": "○", "tone": "quiet"}, (
            name
        )
    assert question_row(scored).cells["confidence"] == Cell("87 %", 0.87, SURE_THAT_NONE, "○", "quiet", later=True)
    assert question_row(make_scored(2, confidence=0.874)).cells["confidence"] == Cell("87 %", 0.87)


@pytest.mark.slow
@pytest.mark.parametrize(("confidence", "guess"), [(0.4, True), (0.9, False)])
def test_a_guess_is_set_smaller_and_says_so(open_page, services, confidence, guess):
    generation = make_generation(confidence=Confidence(confidence, "calibrated"))
    trace = make_trace(trace_id="7" * 32, generation=generation)
    services.store.put(trace)
    page = shown(open_page("traces", trace=trace.trace_id))
    assert ("rg-quiet" in page.partition('data-testid="answer"')[0].rpartition("<p")[2]) == guess
    assert ("Best guess" in page) == guess


@pytest.mark.slow
def test_columns_are_chosen_and_stand_in_the_address(open_page):
    page = open_page("traces", traces_columns="backend")
    assert heads(page) == {"Question", "Backend"}
    page.session_state["traces-choice"] = True
    page.run().button_group(key="traces_columns").set_value(["backend", "time"]).run()
    assert heads(page) == {"Question", "Time", "Backend"}
    assert page.query_params["traces_columns"] == ["backend", "time"]


def test_a_stage_is_told_with_its_time(open_page):
    row = listed(open_page("traces"))[0]
    assert "retrieve " in row["Stages"]
    assert "generate " in row["Stages"]


@pytest.mark.parametrize(("confidence", "word"), [(0.36, "unsure"), (0.5, "answered")])
def test_an_answer_below_half_confidence_is_not_simply_called_answered(open_page, services, confidence, word):
    sure = make_generation(confidence=Confidence(confidence, "calibrated"))
    services.store.put(make_trace(question="Sure?", generation=sure))
    [row] = [row for row in listed(open_page("traces")) if row["Question"] == "Sure?"]
    assert word in row["Outcome"]


@pytest.mark.slow
def test_filters_of_a_link_stand_on_the_closed_box_and_before_an_audience(open_page):
    assert [each.label for each in open_page("traces").expander] == ["Filters"]
    page = open_page("traces", services="shop", slower_ms="2000")
    [box] = [as_read(each.label) for each in page.expander]
    assert box == "Filters: 2 set — slower than 2.00 s, service shop"
    assert "2 filters" not in shown(page)
    told = shown(open_page("traces", services="shop", expression="latency > 5", present="1"))
    assert "2 filters: service shop, where latency &gt; 5." in told


@pytest.mark.slow
def test_a_filter_that_cannot_be_is_said_to_be_left_out(open_page):
    page = open_page("traces", outcome="lost", slower_ms="soon", sort="slowest")
    [told] = page.info
    assert (
        "The link asks for outcome=lost and slower_ms=soon, by which nothing is filtered: they are left out."
        in as_read(told.value)
    )
    assert not open_page("traces", outcome="failed", rating="down", traces_columns="time", list="", after="").info


@pytest.mark.slow
def test_a_name_that_is_no_filter_is_told_until_something_is_chosen(open_page):
    page = open_page("traces", outcme="failed *x*", outcome="answered")
    [told] = page.info
    assert as_read(told.value) == "The link asks for outcme=failed *x*, by which nothing is filtered: it is left out."
    page.selectbox(key="since").set_value("hour").run()
    assert not page.info
    assert {name: "".join(value) for name, value in page.query_params.items()} == {
        "outcome": "answered",
        "since": "hour",
    }


def test_a_link_of_before_finds_the_filter_by_rating(open_page, services):
    services.store.put(make_trace(question="Rated?", trace_id="a" * 32))
    services.store.annotate("a" * 32, -1)
    page = open_page("traces", feedback="down")
    assert not page.info
    assert [row["Question"] for row in listed(page)] == ["Rated?"]
    assert page.selectbox(key="rating").value == "down"
    assert {name: "".join(value) for name, value in page.query_params.items()} == {"rating": "down"}


@pytest.mark.slow
def test_all_filters_are_cleared_at_once(open_page):
    assert "Clear all" not in [each.label for each in open_page("traces", sort="slowest").button]
    page = open_page("traces", services="shop", slower_ms="2000", search="moon", sort="slowest", rating="down")
    (clear,) = (each for each in page.button if each.label == "Clear all")
    clear.click().run()
    assert [each.label for each in page.expander] == ["Filters"]
    assert "".join(page.query_params.pop("sort")) == "slowest"
    assert not page.query_params
    assert listed(page)


@pytest.mark.slow
def test_a_note_and_a_rating_are_said_to_be_saved_once_they_are(open_page, services):
    trace = make_trace(question="Rated?")
    services.store.put(trace)
    page = open_page("traces", trace=trace.trace_id)
    assert "Saved" not in shown(page)
    page.text_input(key=f"note-{trace.trace_id}").set_value("Well said").run()
    assert "Saved" in shown(page)
    assert services.store.get(trace.trace_id).note == "Well said"
    assert "Saved" not in shown(page.run())

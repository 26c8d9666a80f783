"""Datasets on the pages: picked from the Traces page's list, edited in a table, compared, run over."""

import pytest
from streamlit.testing.v1 import AppTest

from evaluation.curated import DatasetRow
from tests.factories import make_generation, make_trace
from tests.pages.test_pages import shown
from tests.tables import listed


@pytest.fixture
def stored(services):
    for number in range(3):
        trace = make_trace(question=f"Question {number}?", generation=make_generation(f"Answer {number}"))
        services.store.put(trace)
    services.store.put(make_trace(question="Asked by a run?", origin="run"))


def button(page: AppTest, label: str):
    return next(button for button in page.button if button.label == label)


@pytest.mark.slow
def test_filtered_traces_become_a_dataset_whose_gold_is_open(open_page, services, stored):
    page = open_page("traces", search="Question")
    page.text_input(key="pick-name").set_value("life").run()
    page.number_input(key="pick-limit").set_value(2).run()
    button(page, "Make it").click().run()
    assert not page.exception
    assert "2 traces gave 2 questions" in page.success[0].value
    rows = services.evaluations.datasets.rows("life")
    assert [(row.question, row.suggestion, row.answerable) for row in rows] == [
        ("Question 2?", "Answer 2", None),
        ("Question 1?", "Answer 1", None),
    ]


def test_commands_are_set_as_code_where_no_dataset_is_kept(open_page):
    [said] = [each.value for each in open_page("runs", list="datasets").info if "raglass dataset make" in each.value]
    assert "`raglass dataset make`" in said
    assert "\\`" not in said


@pytest.mark.slow
def test_what_cannot_be_a_name_is_said_and_nothing_is_kept(open_page, services, stored):
    page = open_page("traces")
    page.text_input(key="pick-name").set_value("../life").run()
    button(page, "Make it").click().run()
    assert "cannot be called" in page.error[0].value
    assert services.evaluations.datasets.names() == []


@pytest.fixture
def kept(services):
    rows = [
        DatasetRow("a", "Who <b>proposed</b> drift?", suggestion="Wegener did", trace="t1"),
        DatasetRow("b", "When?", ("1912",), True, synthetic=True),
    ]
    return services.evaluations.datasets.save("life", rows, "Picked.")


@pytest.mark.slow
def test_edited_gold_is_saved_as_a_version_and_what_changed_is_told(open_page, services, kept):
    page = open_page("runs", dataset="life")
    assert not page.exception
    assert "1 without an expected answer, 1 synthetic" in shown(page)
    page.session_state["dataset-table-life@1"] = {
        "edited_rows": {0: {"expected answer": "Alfred Wegener|Wegener"}},
        "added_rows": [],
        "deleted_rows": [],
    }
    page.run()
    assert "Not saved yet: 0 questions added, 0 removed, 1 changed." in shown(page)
    button(page, "Save as a new version").click().run()
    assert not page.exception
    [row, _] = services.evaluations.datasets.rows("life@2")
    assert (row.answers, row.answerable, row.suggestion) == (("Alfred Wegener", "Wegener"), True, "Wegener did")
    assert "Saved as version 2" in page.success[0].value
    assert "0 removed, 1 changed" in shown(page).replace("\\", "")
    assert "<b>proposed" not in shown(page)


def test_the_list_of_datasets_and_a_run_over_a_version_stand_in_the_address(open_page, kept):
    assert [row["Version"] for row in listed(open_page("runs", list="datasets"), "Datasets")] == ["life@1"]
    page = open_page("runs", questions="life@1")
    assert not page.exception
    assert page.selectbox(key="questions").value == "life@1"


def test_an_unknown_dataset_is_told_with_those_that_there_are(open_page, kept):
    page = open_page("runs", dataset="love@1")
    assert not page.exception
    assert "There are: life" in page.error[0].value.replace("\\", "")

"""What is in the Lab stands in its address: the chosen result, and what the forms hold."""

import pytest
from streamlit.testing.v1 import AppTest

from app.lab import catalogue
from app.lab.factorial_plan import EXAMPLE
from app.lab.records import LabRecord
from app.services import Services
from app.views.lab.asked import MOST_CHARS
from tests.pages.test_pages import shown
from tests.shown import as_read

FORMS = {
    "profile": {"profile_top_k": "7"},
    "index": {"index_k": "3,9", "index_depth": "40", "index_limit": "25"},
    "embedders": {
        "embedders_limit": "30",
        "embedders_top_k": "2",
        "embedders_names": "embedded\n./mine",
        "embedders_rerankers": "sentences",
    },
    "generators": {"generators_limit": "0", "generators_names": "smollm2", "generators_reliance": "9"},
    "chunks": {"chunks_names": "heading:100\nsentence:250", "chunks_top_k": "6"},
    "study": {"study_plan": 'dataset = "builtin"\n'},
    "latency": {"latency_targets": "", "latency_questions": "3", "latency_warm_up": "1"},
    "load": {"load_rate": "0.5", "load_minutes": "2.0", "load_workers": "8", "load_arrivals": "constant"},
}
"""What a link may say of each form, none of it the usual."""

SETS_NOTHING = {"latency_targets": []}


def said(page: AppTest) -> dict[str, str]:
    """The page's address."""
    return {name: "".join(value) for name, value in page.query_params.items()}


def labels(page: AppTest) -> list[str]:
    return [each.label for each in page.selectbox]


def result_box(page: AppTest):
    return page.selectbox[labels(page).index("Result")]


@pytest.fixture
def two(services: Services) -> tuple[LabRecord, LabRecord]:
    """Two results, the older one first."""
    first, second = (
        services.lab.begin("latency", {"targets": ["fake"], "questions": questions}).work() for questions in (3, 4)
    )
    return first, second


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.STUDIES)
def test_a_link_fills_the_form_and_a_change_is_written_over_it(open_page, services: Services, name: str):
    page = open_page("lab", study=name, **FORMS[name])
    assert not page.exception
    for key, text in FORMS[name].items():
        value = page.session_state[key]
        assert value == SETS_NOTHING.get(key, value)
        assert "".join(map(str, value)) == text if isinstance(value, list) else str(value) == text
    numbers = [each for each in page.number_input if each.key in FORMS[name]]
    for each in numbers[:1]:
        each.set_value(each.value + 1).run()
        assert not page.exception
        assert float(said(page)[each.key]) == float(FORMS[name][each.key]) + 1
        assert {**said(page), each.key: ""} == {"study": name, **FORMS[name], each.key: ""}


def test_nonsense_in_a_link_leaves_the_form_as_usual(open_page, services: Services):
    page = open_page(
        "lab", study="load", load_rate="nan", load_workers="900", load_target="none", load_arrivals="never"
    )
    assert not page.exception
    assert [each.value for each in page.number_input] == [1.0, 1.0, 4]
    assert page.session_state["load_target"] == "fake"


def test_what_is_typed_to_confirm_a_load_is_in_no_link(open_page, services: Services):
    page = open_page("lab", study="load")
    page.text_input[0].set_value("fake").run()
    assert said(page) == {"study": "load"}


def test_a_study_in_toml_is_written_unless_it_is_too_long_for_a_link(open_page, services: Services):
    page = open_page("lab", study="study")
    text = page.text_area(key="study_plan")
    assert text.value == EXAMPLE
    page = text.set_value("questions = 9").run()
    assert said(page) == {"study": "study", "study_plan": "questions = 9"}
    long = "questions = 9 # " + "x" * MOST_CHARS
    page = page.text_area(key="study_plan").set_value(long).run()
    assert said(page) == {"study": "study"}
    assert page.text_area(key="study_plan").value == long


def test_another_study_keeps_nothing_of_the_one_before(open_page, services: Services):
    page = open_page("lab", study="latency", latency_questions="3", result="00000000", questions_from="Hugging Face")
    page.button_group(key="study").set_value("load").run()
    assert not page.exception
    assert said(page) == {"study": "load"}
    page.button_group(key="study").set_value("latency").run()
    assert page.number_input(key="latency_questions").value != 3


def test_where_questions_come_from_is_kept(open_page, services: Services):
    page = open_page("lab", study="chunks", questions_from="Hugging Face", questions_id="squad_v2")
    assert page.text_input(key="questions_id").value == "squad_v2"
    page.button_group(key="questions_from").set_value("A dataset").run()
    assert not page.exception
    assert said(page)["questions_from"] == "A dataset"


@pytest.mark.slow
def test_a_link_opens_its_result_and_a_chosen_one_is_in_the_link(
    open_page, services: Services, two: tuple[LabRecord, LabRecord]
):
    first, second = two
    page = open_page("lab", study="latency", result=first.record_id)
    assert first.record_id in result_box(page).value
    assert "3 questions on the warm path" in shown(page)
    box = result_box(page)
    page = box.select(next(label for label in box.options if second.record_id in label)).run()
    assert not page.exception
    assert said(page) == {"study": "latency", "result": second.record_id}
    assert "4 questions on the warm path" in shown(page)
    page.run()
    assert second.record_id in result_box(page).value


@pytest.mark.slow
def test_a_result_that_is_not_there_is_said_and_the_newest_shown(
    open_page, services: Services, two: tuple[LabRecord, LabRecord]
):
    page = open_page("lab", study="latency", result="<b>gone</b>")
    assert not page.exception
    assert as_read(page.info[0].value) == "This study has no result <b>gone</b>. The newest is shown."
    assert "\\<b\\>" in page.info[0].value
    assert two[1].record_id in result_box(page).value


def test_a_result_is_said_to_be_missing_where_there_is_none(open_page, services: Services):
    page = open_page("lab", study="latency", result="00000000")
    assert as_read(page.info[0].value) == "This study has no result 00000000. It may have been removed."


@pytest.mark.slow
def test_a_study_that_is_started_is_what_the_address_names(open_page, services: Services):
    page = open_page("lab", study="latency", latency_questions="3", result="00000000")
    for label in ("Plan", "Start"):
        next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    job = services.lab.jobs.job
    assert job is not None
    assert said(page) == {"study": "latency", "latency_questions": "3", "result": job.wait(30).record_id}


@pytest.mark.slow
def test_coming_back_by_the_menu_finds_the_form_as_it_was(open_page, services: Services):
    page = open_page("lab", study="load")
    page.number_input(key="load_rate").set_value(9.0).run()
    page.query_params.clear()
    page.switch_page("../pages/status.py").run()
    page.query_params.clear()
    page.switch_page("../pages/lab.py").run()
    assert not page.exception
    assert page.number_input(key="load_rate").value == 9.0
    assert said(page) == {"study": "load", "load_rate": "9.0"}

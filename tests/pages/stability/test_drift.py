"""The tabs about drift on the Stability page: what to do without traces, the chart with them, another index, and errors to be acted on."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.services import Services
from app.stability.comparing import ComparingStep
from app.views.stability.index_drift import FOLDER
from backends import registry
from tests.app.stability import test_drift as corpora
from tests.pages.test_pages import shown

WAIT_S = 60


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The process's services, over a backend whose embedder costs nothing."""
    from app import services as use_cases

    current = corpora.make_services(tmp_path)
    monkeypatch.setattr(registry, "names", lambda: ["local/embedded", "local/copy"])
    monkeypatch.setattr(use_cases, "services", lambda: current)
    return current


def look(open_page: Callable, services: Services, **values: int):
    page = open_page("stability")
    for field in page.number_input:
        if field.label in values:
            field.set_value(values[field.label])
    (button,) = [each for each in page.button if each.label == "Look for drift"]
    button.click().run()
    services.comparisons.questions.job.wait(WAIT_S)
    return page.run()


def test_store_without_traces_says_what_to_do(open_page, services):
    page = open_page("stability")
    assert not page.exception
    assert "Ask 20 or more" in shown(page)
    services.close()


@pytest.mark.slow
def test_drifted_window_stands_out_of_the_control_chart(open_page, services):
    corpora.ask(services, corpora.GEOLOGY, 60, day=0)
    corpora.ask(services, corpora.KITCHEN, 20, day=2, score=0.6)
    page = look(open_page, services, **{"In a window": 20})
    assert not page.exception
    (chart,) = [json.loads(element.proto.spec) for element in page.get("plotly_chart")]
    assert "1 of 2 windows drifted" in shown(page)
    assert chart["data"][0]["marker"]["symbol"] == ["circle", "diamond"]
    (line,) = chart["layout"]["shapes"]
    assert chart["layout"]["yaxis"]["rangemode"] == "tozero"
    assert line["y0"] > 0
    assert "Reference: 40 questions" in shown(page)
    assert shown(page).count(", drifted</th>") == 1
    services.close()


@pytest.mark.slow
def test_too_few_questions_are_said_and_nothing_old_is_shown(open_page, services):
    corpora.ask(services, corpora.GEOLOGY, 12, day=0)
    page = look(open_page, services)
    assert not page.exception
    (note,) = [each for each in page.info if "12 stored questions" in each.value]
    assert "at least 20 are needed" in note.value
    assert not page.error
    assert not page.get("plotly_chart")
    services.close()


@pytest.mark.slow
def test_both_forms_are_in_the_address_and_as_they_were_when_one_comes_back(open_page, services):
    corpora.ask(services, corpora.GEOLOGY, 40, day=0)
    page = open_page("stability")
    for key, value in (("drift_newest", 120), ("drift_window", 20), ("index_chunks", 30)):
        page.number_input(key=key).set_value(value).run()
    page.selectbox(key="index_of").set_value("local/copy").run()
    said = {"drift_newest": "120", "drift_window": "20", "index_chunks": "30", "index_of": "local/copy"}
    assert dict(page.query_params) == said
    page.switch_page("../pages/ask.py").run()
    page.switch_page("../pages/stability.py").run()
    assert page.number_input(key="drift_newest").value == 120
    assert page.selectbox(key="index_of").value == "local/copy"
    assert page.selectbox(key="index_other").value == "local/embedded"
    page = open_page("stability", index_against=FOLDER, index_folder="/elsewhere")
    assert page.text_input(key="index_folder").value == "/elsewhere"
    services.close()


def compare(page, services: Services, **fields: str):
    for field in page.text_input:
        if field.label in fields:
            field.set_value(fields[field.label])
    (button,) = [each for each in page.button if each.label == "Compare"]
    button.click().run()
    if (job := services.comparisons.indexes.job) is None:
        return page  # which says why it was not begun
    job.wait(WAIT_S)
    return page.run()


@pytest.mark.slow
def test_another_embedder_is_compared_over_the_same_chunks(open_page, services):
    corpora.add_documents(services, 20, ("local/embedded", "local/copy"))
    page = open_page("stability")
    assert page.selectbox(key="index_other").value is None, "a model that may not be there is not chosen for anyone"
    (button,) = [each for each in page.button if each.label == "Compare"]
    assert (button.disabled, button.help) == (True, "Choose a backend whose embedder is to be compared\\.")
    page = compare(page.selectbox(key="index_other").set_value("local/copy").run(), services)
    assert not page.exception
    assert "20 chunks compared, embedded by both for this" in shown(page)
    assert re.search(r"neighbours kept</\w+><td[^>]*>1\.000", shown(page))
    services.close()


@pytest.mark.slow
def test_another_folder_is_compared_by_what_both_hold(open_page, services, tmp_path):
    corpora.add_documents(services, 20)
    other = corpora.make_services(tmp_path / "other")
    corpora.add_documents(other, 15)
    other.close()
    services.settings = replace(services.settings, allowed_folders=str(tmp_path))
    (tmp_path / "empty").mkdir()
    page = open_page("stability")
    page.session_state["index_against"] = FOLDER
    page = compare(page.run(), services, **{"Data folder": str(tmp_path / "other")})
    assert not page.exception
    assert "15 in both, 0 only in the second, 5 only in the first" in shown(page).replace("\\", "")
    page = compare(page, services, **{"Data folder": str(tmp_path / "empty")})
    assert not page.exception
    assert "holds no index" in shown(page)
    assert "15 in both" not in shown(page)
    services.close()


@pytest.mark.slow
def test_folder_of_the_server_that_is_not_listed_is_refused_whether_it_is_there_or_not(open_page, services, tmp_path):
    page = open_page("stability")
    page.session_state["index_against"] = FOLDER
    for folder in (str(tmp_path), "/nowhere", "~", "/dev/stdin", "../.."):
        page = compare(page.run(), services, **{"Data folder": folder})
        assert not page.exception
        assert "a page may not name" in shown(page)


@pytest.mark.slow
def test_a_comparison_goes_on_when_one_leaves_can_be_stopped_and_is_said_to_be_stopped(open_page, services):
    corpora.ask(services, corpora.GEOLOGY, 40, day=0)
    going = threading.Event()

    def steps(stop):
        yield ComparingStep("aaaa1111", 16, 64)
        going.set()
        stop.wait(WAIT_S)

    job = services.comparisons.questions.start(steps)
    assert going.wait(WAIT_S)
    page = open_page("stability")
    (button,) = [each for each in page.button if each.label == "Look for drift"]
    assert button.disabled
    assert "goes on when you leave this page" in shown(page)
    page.button(key="stop-drift").click().run()
    job.wait(WAIT_S)
    assert "Stopped" in shown(page.run())
    assert not page.exception
    services.close()

"""The drift tab of the Stability page: what to do without traces, the chart with them, and an error that can be acted on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.services import Services
from backends import registry
from tests.app import test_drift as corpora
from tests.pages.test_pages import shown


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The process's services, over a backend whose embedder costs nothing."""
    from app import services as use_cases

    current = corpora.make_services(tmp_path)
    monkeypatch.setattr(registry, "names", lambda: ["local/embedded"])
    monkeypatch.setattr(use_cases, "services", lambda: current)
    return current


def look(open_page: Callable, **values: int):
    page = open_page("stability")
    for field in page.number_input:
        if field.label in values:
            field.set_value(values[field.label])
    (button,) = [each for each in page.button if each.label == "Look for drift"]
    return button.click().run()


def test_store_without_traces_says_what_to_do(open_page, services):
    page = open_page("stability")
    assert not page.exception
    assert "Ask 20 or more" in shown(page)
    services.close()


def test_drifted_window_stands_out_of_the_control_chart(open_page, services):
    corpora.ask(services, corpora.GEOLOGY, 60, day=0)
    corpora.ask(services, corpora.KITCHEN, 20, day=2, score=0.6)
    page = look(open_page, **{"In a window": 20})
    assert not page.exception
    (chart,) = [json.loads(element.proto.spec) for element in page.get("plotly_chart")]
    assert chart["layout"]["title"]["text"].startswith("1 of 2 windows drifted")
    assert chart["data"][0]["marker"]["symbol"] == ["circle", "diamond"]
    (line,) = chart["layout"]["shapes"]
    assert chart["layout"]["yaxis"]["rangemode"] == "tozero"
    assert line["y0"] > 0
    assert "Reference: 40 questions" in shown(page)
    assert shown(page).count(", drifted</th>") == 1
    services.close()


def test_too_few_questions_are_said_and_nothing_old_is_shown(open_page, services):
    corpora.ask(services, corpora.GEOLOGY, 12, day=0)
    page = look(open_page)
    assert not page.exception
    assert "12 stored questions" in shown(page).replace("\\", "")
    assert not page.get("plotly_chart")
    services.close()

"""The latency study on its page."""

import pytest

from app.lab import catalogue
from app.lab.latency import LatencyStudy
from tests.pages.test_pages import shown


@pytest.fixture(autouse=True)
def only_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page with this study alone."""
    monkeypatch.setattr(catalogue, "STUDIES", {"latency": catalogue.STUDIES["latency"]})


def finished(services, timeout_s=30.0):
    job = services.lab.jobs.job
    assert job is not None
    return job.wait(timeout_s)


@pytest.mark.slow
def test_a_study_is_started_on_the_page_and_read_there(open_page, services):
    page = open_page("lab", study="latency")
    assert not page.exception
    page.number_input[0].set_value(6)
    for label in ("Plan", "Start"):
        next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    assert finished(services).status == "finished"
    page = open_page("lab", study="latency")
    assert not page.exception
    assert "fake answers half of the questions within" in shown(page)
    assert "6 questions on the warm path" in shown(page)
    assert len(page.get("plotly_chart")) == 1


@pytest.mark.slow
def test_an_earlier_study_is_held_against_a_new_one(open_page, services):
    for plan in ({"targets": ["fake"], "questions": 6}, {"targets": ["fake"], "before": "LAST"}):
        services.lab.jobs.start(services.lab.begin(LatencyStudy.name, plan))
        assert finished(services).status == "finished"
    page = open_page("lab", study="latency")
    assert not page.exception
    assert "fake before" in shown(page)
    assert len(page.get("plotly_chart")) == 2

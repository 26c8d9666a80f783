"""The load study on its page."""

import pytest

from app.lab import catalogue
from tests.pages.test_pages import shown


@pytest.fixture(autouse=True)
def only_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page with this study alone."""
    monkeypatch.setattr(catalogue, "STUDIES", {"load": catalogue.STUDIES["load"]})


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()


@pytest.mark.slow
def test_a_target_of_somebody_else_is_loaded_only_once_its_name_is_typed(open_page, services):
    page = open_page("lab", study="load")
    assert not page.exception
    page.number_input[1].set_value(0.05)
    press(page, "Plan")
    assert "fake is not of this machine" in shown(page).replace("\\", "") + "".join(e.value for e in page.error)
    assert services.lab.records.newest() == []
    page.text_input[0].set_value("fake")
    press(page, "Plan")
    press(page, "Start")
    assert not page.exception
    assert services.lab.jobs.job is not None
    services.lab.jobs.job.stop()
    assert services.lab.jobs.job.wait(10).plan["confirmed"] == "fake"


@pytest.mark.slow
def test_windows_and_charts_of_a_load_are_shown(open_page, services):
    plan = {"target": "fake", "confirmed": "fake", "rate": 50, "minutes": 0.01, "arrivals": "constant"}
    services.lab.jobs.start(services.lab.begin("load", plan))
    assert services.lab.jobs.job is not None
    assert services.lab.jobs.job.wait(20).status == "finished"
    page = open_page("lab", study="load")
    assert not page.exception
    assert "due" in shown(page)
    assert "Poisson arrivals" not in shown(page)
    assert "Constant arrivals, 4 at once at most" in shown(page)
    assert len(page.get("plotly_chart")) == 2

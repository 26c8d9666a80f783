"""What every study's page shares: what it would take before it starts, and who is at it."""

import pytest

from app.lab import catalogue
from app.services import Services
from app.views.lab.frame import BEGUN, ENDED
from pipeline.errors import InputError
from pipeline.locks import held_alone
from tests.pages.test_pages import shown


@pytest.fixture
def only_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page with one study."""
    monkeypatch.setattr(catalogue, "STUDIES", {"latency": catalogue.STUDIES["latency"]})


def press(page, label: str):
    return next(button for button in page.button if button.label == label).click().run()


def labels(page) -> list[str]:
    return [button.label for button in page.button]


@pytest.mark.parametrize("name", catalogue.STUDIES)
def test_every_study_offers_its_plan_and_no_start_before_it(open_page, services: Services, name: str):
    page = open_page("lab", study=name)
    assert not page.exception
    assert "Plan" in labels(page)
    assert "Start" not in labels(page)


@pytest.mark.slow
def test_a_study_starts_only_once_it_is_said_what_the_very_plan_takes(
    open_page, services: Services, only_latency: None
):
    page = open_page("lab", study="latency")
    assert "Start" not in labels(page)
    press(page, "Plan")
    assert not page.exception
    assert "12 questions will take is not known" in page.info[0].value
    assert "Start" in labels(page)
    page.number_input[0].set_value(3).run()
    assert "Start" not in labels(page)
    press(page, "Plan")
    assert "5 questions" in page.info[0].value
    assert services.lab.records.newest() == []
    press(page, "Start")
    assert not page.exception
    assert services.lab.jobs.job is not None
    assert services.lab.jobs.job.wait(30).plan["questions"] == 3


def test_where_nothing_was_studied_yet_the_next_press_is_named(open_page, services: Services, only_latency: None):
    page = open_page("lab", study="latency")
    assert "Press Plan" in page.info[-1].value
    press(page, "Plan")
    assert page.info[-1].value == "No target was timed yet. It is planned: press Start above."
    page.number_input[0].set_value(3).run()
    assert "Press Plan" in page.info[-1].value


@pytest.mark.slow
def test_a_stopped_study_is_gone_on_with_and_one_with_another_process_is_not(
    open_page, services: Services, only_latency: None
):
    record = services.lab.begin("latency", {"targets": ["fake"], "questions": 3}).record
    with held_alone(services.lab.records.lock_path(record.record_id), RuntimeError()):
        page = open_page("lab", study="latency")
        assert not page.exception
        assert "Another process is at this study" in page.info[0].value
        assert "running" in page.selectbox[-1].options[0]
        assert "Go on with it" not in labels(page)
        assert page.info[-1].value == BEGUN
        assert not page.warning
        with pytest.raises(InputError, match="is going on already"):
            services.lab.resume(record.record_id)
    page.run()
    assert "This study was stopped before its end" in page.warning[0].value
    assert "stopped" in page.selectbox[-1].options[0]
    assert page.info[-1].value == ENDED
    press(page, "Go on with it")
    assert services.lab.jobs.job is not None
    assert services.lab.jobs.job.wait(30).status == "finished"


def test_a_study_that_may_not_start_leaves_no_record(services: Services, only_latency: None):
    plan = {"targets": ["fake"], "questions": 3}
    first = services.lab.begin("latency", plan)
    services.lab.jobs.job = first
    with pytest.raises(InputError, match="A study is going on"):
        services.lab.start("latency", plan)
    assert services.lab.records.newest() == [first.record]
    services.lab.jobs.job = None  # it was never begun: closing would wait for its end


@pytest.mark.slow
def test_the_newest_result_is_shown_until_another_is_chosen(open_page, services: Services, only_latency: None):
    first, second = (
        services.lab.begin("latency", {"targets": ["fake"], "questions": questions}).work() for questions in (3, 4)
    )
    page = open_page("lab", study="latency")
    result = page.selectbox[-1]
    assert second.record_id in result.value
    page = result.select(next(label for label in result.options if first.record_id in label)).run()
    assert not page.exception
    assert first.record_id in page.selectbox[-1].value
    assert "3 questions on the warm path" in shown(page)
    for label in ("Plan", "Start"):
        press(page, label)
    assert services.lab.jobs.job is not None
    third = services.lab.jobs.job.wait(30)
    assert third.record_id in page.run().selectbox[-1].value

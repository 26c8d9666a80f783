"""The Stability page while something is measured: it goes on when one leaves, and a part says that it is one."""

import json
import threading
from dataclasses import replace

import pytest

from app.stability.kept import KeptStability
from app.stability.measuring import MeasuredStep
from pipeline.errors import StoreError
from tests.app.stability.test_kept import PLAN, RESULTS, STEP
from tests.shown import as_read

WAIT_S = 30


def bodies(page):
    return "".join(each.proto.body for each in page.get("html"))


def field(page, label):
    return next(each for each in page.number_input if each.label == label)


def press(page, label):
    return next(each for each in page.button if each.label == label).click().run()


def waiting(stop):
    """A measurement that comes to nothing before it is stopped."""
    stop.wait(WAIT_S)
    yield from ()


@pytest.mark.slow
def test_measured_in_the_background_the_result_is_there_when_one_comes_back(open_page, services):
    page = open_page("stability")
    next(each for each in page.number_input if each.label == "Questions").set_value(2)
    next(each for each in page.number_input if each.label == "Variants of each").set_value(1)
    press(page, "Measure")
    services.stability_jobs.job.wait(WAIT_S)
    page = open_page("stability")
    assert "answers stayed the same" in page.header[0].value
    assert [each.asked for each in KeptStability(services.settings.data_dir).listed()] == [2]
    press(page, "Remove the one that is shown")
    assert any("Nothing measured yet" in each.value for each in open_page("stability").info)


@pytest.mark.slow
def test_while_it_goes_on_the_page_tells_how_far_it_is_and_stops_it(open_page, services):
    going = threading.Event()

    def steps(stop):
        yield MeasuredStep("aaaa1111", PLAN, replace(STEP, results=RESULTS[:1]))
        going.set()
        stop.wait(WAIT_S)

    job = services.stability_jobs.start(steps)
    assert going.wait(WAIT_S)
    page = open_page("stability")
    assert any("goes on when you leave" in each.proto.body for each in page.get("html"))
    press(page, "Stop")
    job.wait(WAIT_S)
    assert not job.running


@pytest.mark.slow
def test_a_part_says_so_and_offers_to_go_on(open_page, services):
    kept = KeptStability(services.settings.data_dir)
    part = kept.keep(PLAN, replace(STEP, total=20))
    page = open_page("stability", result=part.kept_id)
    assert "2 of 20 questions asked" in page.warning[0].value
    assert any(each.label == "Go on with it" for each in page.button)
    whole = kept.keep(PLAN, STEP)
    page = open_page("stability", result=whole.kept_id)
    assert not page.warning
    assert all(each.label != "Go on with it" for each in page.button)


@pytest.mark.slow
def test_the_form_is_open_until_there_is_a_result_to_look_at(open_page, services):
    def is_open(**query):
        (form,) = [each for each in open_page("stability", **query).expander if each.label == "What to measure"]
        return form.proto.expanded

    assert is_open()
    kept = KeptStability(services.settings.data_dir).keep(PLAN, STEP)
    assert not is_open(result=kept.kept_id)
    job = services.stability_jobs.start(waiting)
    assert is_open(result=kept.kept_id)
    job.end()
    job.wait(WAIT_S)


@pytest.mark.parametrize("known", [RESULTS, []])
def test_what_could_not_be_kept_is_said_and_still_shown(open_page, services, known):
    def steps(stop):
        yield MeasuredStep("aaaa1111", PLAN, replace(STEP, results=known))
        raise StoreError("The disk is full.")

    services.stability_jobs.start(steps).wait(WAIT_S)
    page = open_page("stability")
    assert page.error[0].value.startswith("The disk is full")
    assert bool(page.header) == bool(known)


def test_what_failed_before_anything_was_known_is_not_told_to_others(open_page, services):
    def steps(stop):
        raise StoreError("The disk is full.")

    services.stability_jobs.start(steps).wait(WAIT_S)
    assert not open_page("stability").error


@pytest.mark.slow
def test_before_it_is_begun_the_form_says_what_it_takes_and_keeps_what_was_chosen(open_page, services):
    page = open_page("stability")
    field(page, "Questions").set_value(3).run()
    assert "3 questions as they stand, and in 10 ways × 5 variants: at most 153 answers." in bodies(page)
    assert "fake has answered nothing yet" in bodies(page)
    assert not services.stability_jobs.job  # a changed field begins nothing
    page.switch_page("../pages/ask.py").run()
    page.switch_page("../pages/stability.py").run()
    assert field(page, "Questions").value == 3


def test_while_one_goes_on_no_other_can_be_begun_and_the_form_says_why(open_page, services):
    job = services.stability_jobs.start(waiting)
    page = open_page("stability")
    (measure,) = (each for each in page.button if each.label == "Measure")
    assert measure.disabled
    assert "A measurement is going on" in measure.help
    job.end()
    job.wait(WAIT_S)
    (measure,) = (each for each in open_page("stability").button if each.label == "Measure")
    assert not measure.disabled


@pytest.mark.slow
def test_the_chart_is_in_the_words_of_the_headline_and_its_figures_have_heads(open_page, services):
    kept = KeptStability(services.settings.data_dir).keep(PLAN, STEP)
    page = open_page("stability", result=kept.kept_id)
    page.session_state["heat-figures"] = True
    page.run()
    (chart,) = (json.loads(each.proto.spec) for each in page.get("plotly_chart"))
    assert "typo (50 % changed)" in as_read(page.header[0].value)
    assert chart["data"][0]["text"][0][0] == "50 %"
    assert [f">{head}</th>" in bodies(page) for head in ("Changed", "Type (questions)", "Answers changed")] == [
        True
    ] * 3

"""What a person does with the Stability page: measure, stop, read the heat map."""

import json
import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Visit


def test_questions_are_asked_in_other_words_and_the_heat_map_shows_where_answers_change(
    visit: Callable[..., Visit],
) -> None:
    window = visit()
    page = window.go("/stability")
    expect(page.get_by_text("Nothing measured yet", exact=False)).to_be_visible()
    for name, value in (("Questions", "6"), ("Variants of each", "1")):
        page.get_by_role("spinbutton", name=name).fill(value)
    page.get_by_role("button", name="Measure", exact=True).click()
    chart = page.locator(".js-plotly-plot").last
    expect(chart).to_contain_text("chunk dropped", timeout=120_000)
    page.get_by_text("The same order (RBO)", exact=True).first.click()
    expect(page.locator(".rg-chart-title").last).to_contain_text("The same order (RBO)")
    expect(chart).not_to_contain_text("chunk dropped")
    assert json.loads(window.saved("Download JSON"))["asked"] == 6
    assert window.elsewhere == []


def test_a_measurement_goes_on_when_one_leaves_and_what_was_measured_before_a_stop_is_shown(
    visit: Callable[..., Visit],
) -> None:
    window = visit(width=390)
    page = window.go("/stability")
    form = page.locator("details").filter(has_text="What to measure")
    expect(form).to_be_visible()
    if form.get_attribute("open") is None:  # a result is there, to which it leaves the first screen
        form.locator("summary").click()
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.get_by_text("questions, about", exact=False)).to_be_visible()
    window.go("/status")
    window.go("/stability")
    expect(page.get_by_text(re.compile(r"\b([2-9]|[1-5]\d) of 60 questions, about")).first).to_be_visible(
        timeout=90_000
    )
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("of 60 questions asked", exact=False)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Go on with it")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_be_visible()

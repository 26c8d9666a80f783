"""A number that cannot be, as a person types it: nothing is started with the number before it."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import question_box, rest


def expect_held(page: Page, field: Locator, words: str) -> None:
    """The page asks for another number: its field has the focus, and below it stands which numbers can be."""
    expect(field).to_be_focused()
    expect(page.get_by_role("alert").filter(has_text="From")).to_have_text(words)


@pytest.mark.parametrize("typed", ["0", "200000", ""])
def test_a_run_is_not_started_while_a_number_is_beyond_its_bounds(visit, typed):
    page = visit().go("/runs?run_limit=50")
    field = page.get_by_role("spinbutton", name="Questions, at most")
    start = page.get_by_role("button", name="Start", exact=True)
    field.fill(typed)
    start.click()
    rest(page)
    expect_held(page, field, "From 1 to 100,000")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(field).to_have_value(typed)
    field.fill("7")
    expect(page.get_by_text("From 1 to 100,000")).to_have_count(0)


def test_a_question_waits_for_a_number_of_chunks_that_can_be(visit):
    page = visit().go("/ask")
    question_box(page).fill("Who proposed that continents drift?")
    field, ask = page.get_by_role("spinbutton", name="Chunks to retrieve"), page.get_by_role("button", name="Ask")
    field.fill("5000")
    ask.click()
    rest(page)
    expect_held(page, field, "From 1 to 100")
    expect(page.get_by_test_id("answer")).to_have_count(0)
    field.fill("3")
    field.press("Enter")
    rest(page)
    ask.click()
    expect(page.get_by_text("Wegener").first).to_be_visible()

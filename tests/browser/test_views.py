"""From an expression to a view that another window opens by its link."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import rest

SEARCHED = "Who proposed that continents drift?"
MATCHING = re.compile("trace(s that match| that matches)")


def test_an_expression_is_saved_as_a_view_and_its_link_opens_it_in_another_window(visit):
    window = visit()
    page = window.go()
    window.ask(SEARCHED)
    window.ask("How do clouds form?")
    window.go("/traces")
    box = page.get_by_label("Expression")
    rest(page)
    box.fill('latency > 0 and "CONTINENTS" in question')
    box.press("Enter")
    expect(page.get_by_text("did you mean", exact=False)).to_be_visible()
    expect(page.get_by_test_id("stCode")).to_contain_text("^")
    rest(page)
    box.fill('latency_ms > 0 and "CONTINENTS" in question')
    box.press("Enter")
    page.wait_for_url("**/traces?*expression=*")
    expect(page.get_by_text(MATCHING)).to_be_visible()
    matching = page.get_by_text(MATCHING).text_content()
    rest(page)
    page.get_by_role("button", name="Views").click()
    name = page.get_by_label("Save these filters as")
    name.fill("about <b>continents</b> & more")
    name.press("Enter")
    rest(page)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/traces?view=*")
    expect(page.get_by_role("button", name="View: about")).to_be_visible()
    link = page.get_by_role("link", name="Link to this view").get_attribute("href")
    other = visit()
    found = other.page
    found.goto(link if link.startswith("http") else f"{other.base}/{link.lstrip('/')}")
    expect(found.get_by_label("Expression")).to_have_value('latency_ms > 0 and "CONTINENTS" in question')
    expect(found.get_by_text(MATCHING)).to_have_text(matching)
    found.get_by_role("link", name="Status").click()
    expect(found.get_by_role("heading", name="Status")).to_be_visible()
    found.go_back()
    expect(found.get_by_label("Expression")).to_have_value('latency_ms > 0 and "CONTINENTS" in question')
    assert other.elsewhere == []
    assert other.dialogs == []

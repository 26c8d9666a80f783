"""The Live page in a browser: it updates by itself, and a click leads from a slow minute to its trace."""

import re

import pytest
from playwright.sync_api import TimeoutError, expect

from tests.browser.conftest import rest


def figure(page, label):
    named = page.locator(".rg-gauge-name", has_text=re.compile(f"^{label}"))
    return page.get_by_test_id("gauge").filter(has=named).locator(".rg-gauge-value")


OFTEN = 10


def choose(page, label, place):
    """Choose from a menu, which closes where the page moves under it, as it does while charts find their heights."""
    menu, option = page.get_by_label(label), page.get_by_role("option").nth(place)
    for _ in range(OFTEN):
        rest(page)
        menu.scroll_into_view_if_needed()
        menu.click()
        try:
            option.click(timeout=6_000)
        except TimeoutError:
            page.keyboard.press("Escape")
        else:
            return
    pytest.fail(f"the menu {label} never stayed open")


def unfold(page):
    """Show the charts, which are folded away where there are few questions."""
    fold, chart = page.get_by_text("Over time, quality and costs"), page.locator(".js-plotly-plot").first
    page.get_by_text("in periods of", exact=False).first.wait_for()
    rest(page)
    if fold.count():
        fold.click()
    chart.wait_for()


def test_live_page_updates_by_itself_and_a_click_leads_to_a_trace(visit):
    asking, watching = visit(), visit()
    asking.go()
    asking.ask("How do clouds form?")
    live = watching.go("/live?refresh=5+s&window=15+min")
    expect(live.get_by_text("from the traces of this dashboard", exact=False)).to_be_visible()
    before = int(figure(live, "Questions").inner_text())
    asking.ask("Why were the first Hubble images out of focus?")
    expect(figure(live, "Questions")).to_have_text(str(before + 1), timeout=60_000)

    live = watching.go("/live?refresh=pause&window=15+min")
    unfold(live)
    choose(live, "Look into a period", 1)
    live.wait_for_url("**/live?*at=*")
    listed = live.get_by_role("region", name="Traces of the period, a row each")
    listed.locator("tbody tr").first.click()
    live.wait_for_url("**/traces?trace=*")
    expect(live.get_by_test_id("question")).to_be_visible()
    assert watching.elsewhere == []


def test_click_on_the_latency_chart_chooses_its_minute(visit):
    window = visit()
    window.go()
    window.ask("How do clouds form?")
    page = window.go("/live?refresh=pause&window=15+min")
    unfold(page)
    area = page.locator(".js-plotly-plot .nsewdrag").first
    area.wait_for()
    # The running minute is the last of fifteen columns.
    expect(figure(page, "Questions")).not_to_have_text("0")
    box = area.bounding_box()
    place = {"x": box["width"] * 14.5 / 15, "y": box["height"] / 2}
    area.hover(position=place)  # brings it into sight first, below the questions that there are
    area.click(position=place)
    page.wait_for_url("**/live?*at=*")
    expect(page.get_by_text("in this period", exact=False)).to_be_visible()


def test_live_page_fits_a_phone(visit):
    window = visit(390, 844)
    window.go()
    window.ask("How do clouds form?")
    page = window.go("/live?refresh=pause")
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

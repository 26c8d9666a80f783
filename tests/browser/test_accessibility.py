"""What axe finds on every page, light and dark; the ways without a mouse; twice the size."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import findings, grave
from tests.browser.conftest import PAGES, PATIENCE_MS, Visit, question_box, reach_beyond, rest
from tests.served_dashboard import Dashboard

QUESTION = "Who proposed that continents drift?"


@pytest.fixture(scope="module", params=["light", "dark"])
def themed(browser: Browser, dashboard: Dashboard, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A window in one theme, for all pages."""
    context = browser.new_context(
        color_scheme=request.param, reduced_motion="reduce", viewport={"width": 1280, "height": 800}
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    Visit(page, dashboard.url).explain(QUESTION)
    page.get_by_test_id("stMain").get_by_role("heading").first.wait_for()
    yield page
    context.close()


def test_an_explanation_of_an_answer_and_its_trace_have_no_grave_finding(themed: Page) -> None:
    assert grave(findings(themed)) == []
    themed.goto(themed.url.replace("/explain?", "/traces?"))
    themed.get_by_test_id("answer").wait_for()
    assert grave(findings(themed)) == []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_grave_finding(themed: Page, dashboard: Dashboard, path: str) -> None:
    themed.goto(f"{dashboard.url}/{path}")
    themed.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for()
    assert grave(findings(themed)) == []


def test_axe_sees_what_is_wrong(themed: Page) -> None:
    themed.evaluate(
        "document.querySelector('[data-testid=stMain]').insertAdjacentHTML('beforeend', '<button id=wrong></button>')"
    )
    assert "button-name" in {each["rule"] for each in grave(findings(themed))}
    themed.evaluate("document.querySelector('#wrong').remove()")
    themed.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<h3 id=wrong>Too deep</h3>')")
    assert "heading-order" in {each["rule"] for each in grave(findings(themed))}
    themed.evaluate("document.querySelector('#wrong').remove()")


def test_a_question_is_asked_opened_from_the_list_and_explained_without_a_mouse(visit: Callable[..., Visit]) -> None:
    page = visit().go("/ask")
    question_box(page)
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("stSkipToContent")).to_be_focused()
    page.keyboard.press("Enter")
    press_until(page, lambda: page.evaluate("document.activeElement.ariaLabel === 'Question'"))
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_url("**/ask?*trace=*")
    page.goto(page.url.split("/ask")[0] + "/traces")
    page.get_by_test_id("table").locator("tbody tr").first.wait_for()
    rest(page)
    press_until(page, lambda: page.get_by_test_id("table").locator("tbody a:focus").count() > 0)
    focused = page.get_by_test_id("table").locator("tbody a:focus")
    assert focused.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"  # the focus is seen
    page.keyboard.press("Enter")
    page.wait_for_url("**/traces?*trace=*")
    page.get_by_test_id("answer").wait_for()
    rest(page)
    explain = page.get_by_test_id("stMain").get_by_role("link", name="Explain")
    press_until(page, lambda: explain.first.evaluate("it => it === document.activeElement"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/explain?*trace=*")


def press_until(page: Page, there: Callable[[], bool], most: int = 80) -> None:
    """Press Tab until the focus is where it is wanted."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if there():
            return
    raise AssertionError("the keyboard does not get there")


def test_pages_at_twice_the_size_go_on_downward_only(visit: Callable[..., Visit]) -> None:
    window = visit(640, 400)  # what a window of 1280 by 800 holds at 200 %
    for path in PAGES:
        page = window.go(f"/{path}")
        page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for()
        assert reach_beyond(page) <= 1, path

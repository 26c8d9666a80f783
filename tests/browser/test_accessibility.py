"""What axe finds on every page, light and dark; the ways without a mouse; twice the size."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS, Visit, question_box, rest
from tests.served_dashboard import Dashboard

QUESTION = "Who proposed that continents drift?"

PAGES = ("", "ask", "compare", "explain", "live", "traces", "runs", "stability", "lab", "corpus", "status")

GRAVE = {"serious", "critical"}

HELD = {"heading-order", "page-has-heading-one"}
"""Rules that no page breaks, though axe calls them moderate."""

NOT_OURS = {
    "skip-link": "Streamlit's own link past the sidebar: where it leads gets the focus by a script.",
    "presentation-role-conflict": "Streamlit's box for files has a role and a name; its button inside has both right.",
}
"""Rules that Streamlit's own parts break and that we cannot mend, none of them grave, each with why."""

FIND = """rules => axe.run(document, {resultTypes: ["violations"], ...(rules ? {runOnly: rules} : {})}).then(
  done => done.violations.map(each => ({rule: each.id, impact: each.impact, where: each.nodes.map(node => node.html.slice(0, 160))})))"""


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


def findings(page: Page, *rules: str) -> list[dict[str, Any]]:
    """What axe finds on a page at rest. rules: only these; all if none is given."""
    rest(page)
    page.locator("[data-testid=stSidebarNavItems][role=presentation]").wait_for(state="attached")
    page.locator("[data-testid=stMain] [data-stale=true]").first.wait_for(state="detached")
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate(FIND, list(rules) or None)
    return found


def grave(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        each for each in found if (each["impact"] in GRAVE or each["rule"] in HELD) and each["rule"] not in NOT_OURS
    ]


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
        rest(page)
        beyond = page.evaluate(
            "(() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth; })()"
        )
        assert beyond <= 1, path

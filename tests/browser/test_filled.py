"""Pages that hold something: what axe finds there, twice the size, the room they take, and how few clicks lead to an answer."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import findings, grave
from tests.browser.conftest import PAGES, PATIENCE_MS, Visit, reach_beyond, rest
from tests.browser.filled import Filled, fill
from tests.served_dashboard import start

TABLE, CHART = "[data-testid=table]", ".js-plotly-plot"

HELD = {
    "an open run": TABLE,
    "two runs compared": TABLE,
    "the datasets": TABLE,
    "a dataset": "[data-testid=stDataFrame]",
    "a stability result": CHART,
    "a study of the lab": CHART,
    "a span of another application's trace": "[data-testid=document]",
    "the sessions": TABLE,
    "a session": "[data-testid=turn]",
    "live charts": CHART,
}
"""What a page shows once it is drawn."""

ENLARGED = {"an open run": TABLE, "two runs compared": TABLE, "an explanation": ".rg-answer"}

WIDE, HIGH, WIDE_ENOUGH = 1600, 900, 1100
"""A large window, and what its pages take at least of its width, in pixels."""

MOST_CLICKS = 3
"""From the first page to what one came for."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A dashboard that has something to show on every page."""
    folder = tmp_path_factory.mktemp("data")
    addresses = fill(folder)
    process, running = start(folder)
    yield Filled(running, addresses)
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module", params=["light", "dark"])
def themed(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A window in one theme, for all pages."""
    context = browser.new_context(
        color_scheme=request.param, reduced_motion="reduce", viewport={"width": 1280, "height": 800}
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def open_held(page: Page, url: str, shown: str) -> None:
    """Open an address and wait for what it holds."""
    page.goto(url)
    page.get_by_test_id("stMain").locator(shown).first.wait_for()


@pytest.mark.parametrize("what", HELD)
def test_no_page_that_holds_something_has_a_grave_finding(themed: Page, filled: Filled, what: str) -> None:
    open_held(themed, filled.url(what), HELD[what])
    assert grave(findings(themed)) == []


def test_the_map_of_the_corpus_and_the_figures_behind_it_have_no_grave_finding(themed: Page, filled: Filled) -> None:
    themed.goto(f"{filled.dashboard.url}/corpus")
    themed.get_by_role("tab", name="Embedding map").click()
    themed.locator(CHART).first.wait_for()
    rest(themed)
    themed.get_by_text("Figures", exact=True).click()
    themed.locator("[data-testid$=-figures]").wait_for()
    assert grave(findings(themed)) == []


def test_the_presenters_view_has_no_grave_finding(themed: Page, filled: Filled) -> None:
    open_held(themed, f"{filled.dashboard.url}/?present=1", TABLE)
    found = grave(findings(themed))
    themed.context.clear_cookies()  # the view stays until one leaves it
    assert found == []


@pytest.mark.parametrize("what", ENLARGED)
def test_a_page_that_holds_something_goes_on_downward_only_at_twice_the_size(
    visit: Callable[..., Visit], filled: Filled, what: str
) -> None:
    page = visit(640, 400).page  # what a window of 1280 by 800 holds at 200 %
    open_held(page, filled.url(what), ENLARGED[what])
    assert reach_beyond(page) <= 1


@pytest.mark.parametrize("path", PAGES)
def test_every_page_takes_the_room_of_a_large_window(visit: Callable[..., Visit], filled: Filled, path: str) -> None:
    page = visit(WIDE, HIGH).page
    page.goto(f"{filled.dashboard.url}/{path}")
    page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for()
    assert reach_beyond(page) <= 1
    main = page.get_by_test_id("stMainBlockContainer").locator(":scope > [data-testid=stVerticalBlock]").bounding_box()
    assert main is not None
    assert main["width"] > WIDE_ENOUGH


class Clicks:
    """Clicks of a person, counted."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.count = 0

    def on(self, target: Locator) -> None:
        """Click on something that is in sight once the page is at rest."""
        rest(self._page)
        target.click()
        self.count += 1


def test_why_an_answer_was_wrong_is_a_few_clicks_from_the_first_page(
    visit: Callable[..., Visit], filled: Filled
) -> None:
    page = visit().page
    page.goto(filled.dashboard.url)
    clicks = Clicks(page)
    clicks.on(page.locator(".st-key-run-tile").get_by_role("link"))
    page.wait_for_url("**/runs?run=*with=*")
    rows = page.get_by_role("region", name="Questions that changed sides").locator("tbody tr")
    clicks.on(rows.filter(has_text="wrong").first.locator("input"))
    # What is offered before the row is ticked leads nowhere.
    clicks.on(
        page.locator("a[href*='explain?trace=']:not([disabled])").filter(has_text="Explain the newer run's answer")
    )
    page.wait_for_url("**/explain?trace=*")
    expect(page.get_by_role("heading", name="Was it right? No.")).to_be_visible()
    assert clicks.count <= MOST_CLICKS


def test_whether_the_new_one_may_ship_is_a_few_clicks_from_the_first_page(
    visit: Callable[..., Visit], filled: Filled
) -> None:
    page = visit().page
    page.goto(filled.dashboard.url)
    clicks = Clicks(page)
    clicks.on(page.get_by_test_id("stSidebarNav").get_by_role("link", name="Runs", exact=True))
    clicks.on(page.get_by_role("button", name="May it ship?"))
    expect(page.get_by_text("May the newer run take the older one’s place?", exact=False)).to_be_visible()
    assert clicks.count <= MOST_CLICKS

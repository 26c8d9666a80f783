"""A person in front of the dashboard: a page in a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Browsers that may be installed; Playwright's own, if none is."""

PATIENCE_MS = 60_000

PAGES = ("/", "/compare", "/live", "/traces", "/corpus", "/status")


@contextmanager
def visiting(url: str) -> Iterator[Page]:
    """A window on the dashboard, for as long as the block runs."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=url)
        page.set_default_timeout(PATIENCE_MS)
        try:
            yield page
        finally:
            browser.close()


def put(page: Page, question: str) -> None:
    """Type a question and press Enter."""
    page.goto("/")
    box = page.get_by_label("Question", exact=True)
    box.fill(question)
    box.press("Enter")


def answer_to(page: Page, question: str) -> str:
    """The answer once the page shows this question's."""
    page.wait_for_url("**/?*trace=*")
    expect(page.get_by_test_id("question")).to_contain_text(question)
    return page.get_by_test_id("answer").inner_text()


def broken_pages(page: Page) -> list[str]:
    """Which pages do not open."""
    broken = []
    for path in PAGES:
        page.goto(path)
        page.get_by_role("heading", level=1).wait_for()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        if page.get_by_text("This page failed").count() or page.get_by_test_id("stException").count():
            broken.append(path)
    return broken

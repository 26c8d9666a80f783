"""A dashboard on a free port over a fresh data folder, and a page in a real browser that notes every request."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.attack.pages import REBOUND
from tests.served_dashboard import Dashboard, start

HERE = Path(__file__).parent
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    REBOUND,
]
PATIENCE_MS = 60_000

PAGES = ("", "ask", "compare", "explain", "live", "traces", "runs", "stability", "lab", "corpus", "status")
"""Every page's bare address."""

expect.set_options(timeout=PATIENCE_MS // 2)


def rest(page: Page) -> None:
    """Wait until the page is at rest: what is typed, chosen or pressed while it is drawn anew can be lost."""
    page.locator("[data-test-script-state=notRunning]").wait_for()


def reach_beyond(page: Page) -> int:
    """How many pixels of a page at rest are to the right of its window."""
    rest(page)
    beyond: int = page.evaluate(
        "(() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth; })()"
    )
    return beyond


def question_box(page: Page) -> Locator:
    """The box for a question, once the page is at rest."""
    rest(page)
    return page.get_by_label("Question", exact=True)


@dataclass
class Visit:
    """A page with what it asked for and what it popped up."""

    page: Page
    base: str
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def go(self, path: str = "/ask") -> Page:
        """Open a path of the dashboard, the Ask page unless told otherwise."""
        self.page.goto(f"{self.base}{path}")
        return self.page

    def ask(self, question: str) -> None:
        """Type a question, press Enter and wait for the outcome, which has an address of its own."""
        box, before = question_box(self.page), self.page.url
        box.fill(question)
        box.press("Enter")
        self.page.wait_for_url(lambda url: "/ask?" in url and "trace=" in url and url != before)
        self.page.get_by_test_id("question").wait_for()

    def add(self, *files: Path) -> None:
        """Choose files on the Corpus page and index them. What an earlier job came to is put away first."""
        rest(self.page)
        earlier = self.page.get_by_role("button", name="Dismiss")
        if earlier.count():
            earlier.click()
            expect(earlier).to_have_count(0)
        self.page.locator("input[type=file]").set_input_files(list(files))
        expect(self.page.get_by_text(files[0].name)).to_be_visible()
        self.page.get_by_role("button", name="Add and index").click()

    def saved(self, button: str) -> str:
        """What a button downloads. Pressed once the page is at rest: what it leads to goes when the page is drawn anew."""
        rest(self.page)
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name=button, exact=True).click()
        return waiting.value.path().read_text("utf-8")

    def explain(self, question: str, asking: str = "/ask") -> Page:
        """Ask a question and go on to its explanation. asking: the Ask page's address, with settings."""
        self.go(asking)
        self.ask(question)
        self.page.get_by_test_id("stMain").get_by_role("link", name="Explain").click()
        return self.page

    def diagnose(self, answer: str) -> None:
        """Type the right answer of an explained question; none for one that the documents do not answer."""
        right = self.page.get_by_label("Right answer", exact=True)
        right.fill(answer)
        if not answer:
            self.page.get_by_text("The documents have no answer").click()
        self.page.get_by_role("button", name="Diagnose").click()

    @property
    def elsewhere(self) -> list[str]:
        """Requests that left for another host."""
        return [
            url
            for url in self.requests
            if not url.startswith((self.base, self.base.replace("http", "ws"), "data:", "blob:"))
        ]


def write_plugin(folder: Path, code: str, *backends: str) -> None:
    """A package of test backends in a folder to be put on PYTHONPATH. backends: `name = function` of its code."""
    (folder / "test_plugin.py").write_text(code, "utf-8")
    told = folder / "test_plugin-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: test-plugin\nVersion: 1.0\n", "utf-8")
    lines = (f"{name} = test_plugin:{function}" for name, function in (each.split(" = ") for each in backends))
    (told / "entry_points.txt").write_text("\n".join(["[raglass.backends]", *lines]) + "\n", "utf-8")


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """One dashboard for all journeys that do not need a store of their own."""
    process, running = start(tmp_path_factory.mktemp("data"))
    yield running
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """An installed Chromium or Chrome, else Playwright's own."""
    spec = importlib.util.spec_from_file_location("browser_install", HERE / "install.py")
    assert spec is not None
    assert spec.loader is not None
    install = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(install)
    path = install.find_browser()
    assert path is not None, "no browser: run `make browser`, or leave the journeys out with BROWSER=0"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """What the windows of all tests share: a cache, so that Streamlit's scripts are loaded and compiled once."""
    # A page at rest: what moves while a script runs is drawn by the processor, sixty times a second.
    context = browser.new_context(accept_downloads=True, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def visit(browser: Browser, profile: BrowserContext, dashboard: Dashboard) -> Iterator[Callable[..., Visit]]:
    """Opens a browser window of a given size on the dashboard. With options of its own it has a profile of its own."""
    opened: list[Page | BrowserContext] = []

    def open_window(width: int = 1280, height: int = 900, **options: object) -> Visit:
        context = browser.new_context(accept_downloads=True, **options) if options else profile
        page = context.new_page()
        opened.append(context if options else page)
        page.set_default_timeout(PATIENCE_MS)
        page.set_viewport_size({"width": width, "height": height})
        visited = Visit(page, dashboard.url)
        page.on("request", lambda request: visited.requests.append(request.url))
        page.on("websocket", lambda socket: visited.requests.append(socket.url))

        def dismiss(dialog: object) -> None:
            visited.dialogs.append(dialog.message)  # type: ignore[attr-defined]
            dialog.dismiss()  # type: ignore[attr-defined]

        page.on("dialog", dismiss)
        return visited

    yield open_window
    for each in opened:
        each.close()

"""Those who use the dashboard during a soak: visitors, browsers, and whoever keeps a run going; and what all of them came to."""

import random
import threading
import time
import urllib.error
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from websockets.exceptions import WebSocketException

from benchmarks.person import connected
from tests.attack.pages import ARGUMENTS, OURS
from tests.soak.tab import RUN_S, Run, Tab, pressed
from tests.soak.walks import Deed, Known, Visitor
from tests.soak.watching import TabCount

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TAB_S = 180.0
"""How long a tab stays open on average; then it is closed, and another is opened."""

RUN_EVERY_S = 15.0
"""Between two looks whether the run beside has ended."""

REST_MS = 120_000
"""How long a page may take in a browser until it is at rest."""

FAILURES = (WebSocketException, OSError, TimeoutError, LookupError)
"""What a visitor may meet. Everything else is the harness's own fault, and is raised."""


class Tally:
    """What all of them came to; threads share it."""

    def __init__(self) -> None:
        self.took_ms: dict[str, list[float]] = defaultdict(list)
        """Times of reruns by what was done, from the first on."""
        self.problems: Counter[tuple[str, str]] = Counter()
        """How often something went wrong, by what was done and what was said."""
        self._lock = threading.Lock()

    def note(self, deed: Deed) -> None:
        """Something was done."""
        with self._lock:
            self.took_ms[deed.name].append(deed.run.took_ms)
            self.problems.update((deed.name, problem) for problem in deed.run.problems)

    def fail(self, where: str, problem: str) -> None:
        """Something could not be done."""
        with self._lock:
            self.problems[where, problem] += 1

    def forget_times(self) -> None:
        """Begin the times anew: the warm-up is over. What went wrong counts from the start."""
        with self._lock:
            self.took_ms.clear()


class Crowd:
    """All of them, each in a thread of its own."""

    def __init__(self, address: str, known: Known, per_minute: float, seed: int) -> None:
        """address: of the dashboard. per_minute: what a visitor does in a minute."""
        self.tally, self.tabs = Tally(), TabCount()
        self.looked_round = False
        """Whether somebody has seen everything once."""
        self._address, self._known, self._every_s, self._seed = address, known, 60 / per_minute, seed
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, visitors: int, browsers: int, browser_path: str | None) -> None:
        """Let them come, the visitors one after the other within the time that each waits between two deeds."""
        for number in range(visitors):
            chance = random.Random(f"{self._seed}-{number}")
            wait_s = self._every_s * number / visitors
            self._start(f"visitor-{number}", lambda chance=chance, wait_s=wait_s: self._visit(chance, wait_s))  # type: ignore[misc]
        if browsers and browser_path:
            self._start("browsers", lambda: self._browse(browser_path, browsers))
        self._start("runner", self._keep_a_run_going)
        self._start("first visitor", self._look_round)

    def end(self) -> None:
        """Let them go; whoever waits for a page is not waited for long."""
        self._over.set()
        until = time.monotonic() + 20
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.1))

    def _start(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _look_round(self) -> None:
        """Somebody who sees everything once, in the warm-up."""
        visitor = None
        try:
            with self.tabs, connected(self._address) as socket:
                visitor = Visitor(Tab(socket, self._address), self._known, random.Random(f"{self._seed}-first"))
                for deed in visitor.look_round():
                    self.tally.note(deed)
                    if self._over.is_set():
                        return
        except FAILURES as error:
            self._met(visitor.at if visitor else "a new tab", error)
        self.looked_round = True

    def _visit(self, chance: random.Random, wait_s: float) -> None:
        """A visitor: one tab after another."""
        self._over.wait(wait_s)
        while not self._over.is_set():
            where = "a new tab"
            try:
                with self.tabs, connected(self._address) as socket:
                    tab, closes = Tab(socket, self._address), time.monotonic() + chance.expovariate(1 / TAB_S)
                    visitor = Visitor(tab, self._known, chance)
                    while not self._over.is_set() and time.monotonic() < closes:
                        where = visitor.at or where
                        deed = visitor.do_something()
                        self.tally.note(deed)
                        rest_s = chance.expovariate(1 / max(self._every_s - deed.run.took_ms / 1000, 0.5))
                        tab.wait(rest_s, lambda run: self._refreshed(visitor.at, run), self._over.is_set)  # noqa: B023 - called at once
            except FAILURES as error:
                self._met(where, error)

    def _refreshed(self, at: str, run: Run) -> None:
        self.tally.note(Deed(f"{at}: a refresh", run))

    def _met(self, where: str, error: Exception) -> None:
        if self._over.is_set():
            return
        if isinstance(error, TimeoutError):
            problem = f"no answer within {RUN_S:g} s"
        else:
            status = f" {error.code}" if isinstance(error, urllib.error.HTTPError) else ""
            problem = f"{type(error).__name__}{status}: {error}"[:200]
        self.tally.fail(where, problem)
        self._over.wait(1.0)

    def _keep_a_run_going(self) -> None:
        """Starts a run over the built-in questions whenever none is going on, from the Runs page."""
        while not self._over.is_set():
            try:
                with self.tabs, connected(self._address) as socket:
                    tab = Tab(socket, self._address)
                    run = tab.open("runs")
                    start = tab.find("button", "Start")
                    if tab.find("button", "Stop") is None and start is not None:
                        run = tab.use(pressed(start))
                        self.tally.note(Deed("a run started", run))
            except FAILURES as error:
                self._met("a run started", error)
            self._over.wait(RUN_EVERY_S)

    def _browse(self, path: str, windows: int) -> None:
        """A few real browsers' windows: each opens page after page, and now and then is closed for a new one."""
        from playwright.sync_api import Error, sync_playwright

        chance = random.Random(f"{self._seed}-browsers")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            pages = [self._window(browser) for _ in range(windows)]
            while not self._over.is_set():
                place = chance.randrange(windows)
                if chance.random() < self._every_s / TAB_S:
                    pages[place].context.close()
                    pages[place] = self._window(browser)
                opened = chance.choice(OURS)
                began = time.perf_counter()
                try:
                    pages[place].goto(f"{self._address}{opened}")
                    pages[place].locator("[data-test-script-state=notRunning]").wait_for(timeout=REST_MS)
                except Error as error:
                    if not self._over.is_set():
                        self.tally.fail("in a browser", str(error).splitlines()[0][:200])
                else:
                    self.tally.note(Deed("in a browser", Run((time.perf_counter() - began) * 1000)))
                # Playwright has its events come only while it is waited with.
                pages[place].wait_for_timeout(min(self._every_s / windows, 10.0) * 1000)
            browser.close()

    def _window(self, browser: "Browser") -> "Page":
        page = browser.new_context().new_page()
        page.set_default_timeout(REST_MS)
        page.on("pageerror", lambda error: self.tally.fail("in a browser", f"script: {error}"[:200]))
        page.on(
            "response",
            lambda reply: (
                self.tally.fail("in a browser", f"HTTP {reply.status} {reply.url}"[:200])
                if reply.status >= 500
                else None
            ),
        )
        return page

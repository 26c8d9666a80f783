"""What a person does in the Lab: plan a study, start it, stop it, go on, read it; choose an index from the chart."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import PATIENCE_MS, Visit, rest, write_plugin
from tests.served_dashboard import Dashboard, start

PLUGIN = """
import time
from pathlib import Path

from backends.fake import Script, ScriptedBackend

FOLDER = Path(__file__).parent
RIGHT = Script(tokens=("It", " is", " Oslo."))


class Held(ScriptedBackend):
    '''Right where it reads three chunks or more, and for every third question; holds the 13th answer back until there is a file `go`.'''

    def answer(self, question, *, top_k, **how):
        asked = FOLDER / "asked"
        asked.write_text(asked.read_text() + "." if asked.exists() else ".")
        while len(asked.read_text()) > 12 and not (FOLDER / "go").exists():
            time.sleep(0.05)
        right = top_k >= 3 or int(question.split()[-1].strip("?")) % 3 == 0
        backend = ScriptedBackend(RIGHT, name=self.name) if right else super()
        return backend.answer(question, top_k=top_k, **how)


def held(config):
    return Held(name="test/held")
"""

QUESTIONS = 20


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds that backend; a file `go` in it lets it go on."""
    folder = tmp_path_factory.mktemp("packages")
    write_plugin(folder, PLUGIN, "test/held = held")
    return folder


@pytest.fixture(scope="module")
def dashboard(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of its own: with that backend, and with an index that no other journey looks at."""
    allowed = str(tmp_path_factory.getbasetemp())
    process, running = start(tmp_path_factory.mktemp("data"), PYTHONPATH=str(packages), RAGLASS_ALLOWED_FOLDERS=allowed)
    yield running
    process.terminate()
    process.wait(30)


@pytest.fixture
def plan(tmp_path: Path) -> str:
    """Four cells over questions about ten articles."""
    dataset = tmp_path / "asked.jsonl"
    rows = [
        {"question": f"Which city is {n}?", "answer": "Oslo", "article": f"Part {n // 2}"} for n in range(QUESTIONS)
    ]
    dataset.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return f'dataset = "{dataset}"\nbackend = "test/held"\n\n[factors]\ntop_k = [1, 4]\nrerank = [false, true]\n'


class Wire:
    """What the server tells a page that is to be opened; held back while there is a list for it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[str | bytes] | None = None
        page.route_web_socket("**/_stcore/stream*", self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        self.socket = socket
        socket.connect_to_server().on_message(self._tell)

    def _tell(self, message: str | bytes) -> None:
        if self.held is None:
            self.socket.send(message)
        else:
            self.held.append(message)

    def wait_for(self, words: bytes) -> None:
        """Wait until a message with these words is held back."""
        deadline = monotonic() + PATIENCE_MS / 1000
        while not any(words in message for message in self.held or () if isinstance(message, bytes)):
            assert monotonic() < deadline, f"the server did not say {words!r}"
            self.page.wait_for_timeout(20)

    def let_go(self) -> None:
        """Tell what was held back, and all that follows."""
        held, self.held = self.held or [], None
        for message in held:
            self.socket.send(message)


def press(page: Page, label: str) -> None:
    """Press a button once the page is at rest: one that is drawn anew loses a click."""
    rest(page)
    page.get_by_role("button", name=label, exact=True).click()


def said(page: Page, words: str) -> None:
    """Wait until the page says so."""
    expect(page.get_by_text(words, exact=False).first).to_be_visible(timeout=PATIENCE_MS)


def test_a_study_is_planned_started_stopped_gone_on_with_and_read(
    visit: Callable[..., Visit], packages: Path, plan: str
) -> None:
    window = visit()
    page = window.go("/lab?study=study")
    box = page.get_by_role("textbox", name="Factors and their levels, in TOML")
    rest(page)
    expect(page.get_by_role("button", name="Start", exact=True)).to_have_count(0)
    box.fill(plan)
    box.press("Control+Enter")
    press(page, "Plan")
    said(page, f"4 cells, {QUESTIONS} questions each: {4 * QUESTIONS} answers")
    said(page, "4  rerank")
    press(page, "Start")
    said(page, "Asking with rerank none, top_k 1")
    other = visit()
    page = other.go("/lab?study=study")  # another window follows it
    said(page, "Asking with rerank none, top_k 1")
    page.get_by_role("button", name="Stop", exact=True).click()
    said(page, "Stopping at the next step")
    (packages / "go").touch()
    said(page, "This study was stopped before its end")
    said(page, "cells of 4 are missing")
    press(page, "Go on with it")
    said(page, "Right answers: top_k accounts for 47.2 % of the variance")
    said(page, "top_k 4 (100.0 % right")  # the best cell
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text("This study was stopped")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Result")).to_have_value(re.compile(" · finished · "))
    assert "top_k," in other.saved("CSV")
    assert window.elsewhere == other.elsewhere == []


def test_what_is_typed_stays_where_a_button_is_pressed_before_the_page_heard_of_its_new_address(
    visit: Callable[..., Visit], plan: str
) -> None:
    window = visit()
    wire = Wire(window.page)
    page = window.go("/lab?study=study")
    rest(page)
    box = page.get_by_role("textbox", name="Factors and their levels, in TOML")
    if not box.is_visible():  # folded, where the study has results
        page.get_by_text("Start a study", exact=True).click()
    wire.held = []
    box.fill(plan)
    box.press("Control+Enter")
    wire.wait_for(b"study_plan=")
    page.get_by_role("button", name="Plan", exact=True).click()
    page.wait_for_timeout(200)  # that is on its way now
    wire.let_go()
    said(page, f"4 cells, {QUESTIONS} questions each: {4 * QUESTIONS} answers")
    expect(box).to_have_value(plan)


def test_an_index_is_chosen_from_the_chart_and_used(visit: Callable[..., Visit]) -> None:
    window = visit()
    page = window.go("/lab?study=index")
    most = page.get_by_role("spinbutton", name="Questions, at most")
    rest(page)
    most.fill("20")
    most.press("Enter")
    press(page, "Plan")
    said(page, "20 questions are embedded, and searched for with every setting")
    press(page, "Start")
    expect(page.get_by_role("button", name="Use this")).to_be_visible(timeout=2 * PATIENCE_MS)
    rest(page)
    name = click_setting(page, "HNSW", "rgb(0, 158, 115)")
    expect(page.get_by_role("combobox", name="Setting")).to_have_value(name)
    press(page, "Use this")
    said(page, f"{name} is chosen: the next build makes it.")
    press(page, "Rebuild now")
    said(page, "The index is being built")
    page = window.go("/corpus")
    said(page, f"hnsw search as chosen ({name})")
    window.go()
    window.ask("Who proposed that continents drift?")
    expect(page.get_by_test_id("answer")).to_contain_text("Alfred Wegener")
    assert window.elsewhere == []


def click_setting(page: Page, kind: str, colour: str) -> str:
    """Click a point of the chart that is a setting of a kind, drawn in a colour, as the label beside it says; its name."""
    points = page.locator(f".js-plotly-plot path.point[style*='{colour}']")
    label = page.locator(".js-plotly-plot .hoverlayer .hovertext")
    points.first.scroll_into_view_if_needed()
    for place in range(points.count()):
        page.mouse.move(0, 0)
        expect(label).to_have_count(0)
        box = points.nth(place).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        label.first.wait_for()
        told = label.first.locator("tspan.line").first.text_content() or ""
        if told.startswith(kind):  # not one that lies on top of it
            page.mouse.click(x, y)
            return told
    raise AssertionError(f"No point can be told to be a setting of {kind}.")

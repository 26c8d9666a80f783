"""The script of docs/demo.md, clicked through over a demonstration that is really played on the rehearsed stack."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.config import Settings
from app.demonstration import preparing
from app.demonstration.performing import Plan, perform
from app.demonstration.preparing import FIRST_QUESTION, STACK
from app.demonstration.scenes import SCENES
from app.demonstration.stream import SLOW_S
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from serving.rehearsal.ports import free_port
from serving.rehearsal.session import Rehearsal
from tests.browser.conftest import Visit, question_box, rest
from tests.served_dashboard import Dashboard

SCRIPT = Path(__file__).parents[2] / "docs" / "demo.md"
MINUTES = 2.0
"""How long questions come: each scene is seen by whoever clicks without pause."""

READY_S = 180
COME_MS = 90_000
"""How long to wait at most for a scene to come, and for what is seen of it."""

# What the script's clicks find on the pages. Should a page change, this is what to change with it.
BANNER = "demonstration"
ANSWER, CHUNK = "answer", "chunk"
EXPLAINED = re.compile("Can this be believed", re.IGNORECASE)
LEAVE = "Leave this view"
MADE = "Made beforehand"
COMPARED, RUNS_COMPARED = "One question, laptop and stack", "Two runs compared"
VERDICT = re.compile("chunk|right", re.IGNORECASE)
MISTAKEN, BLAMED = "Harry Hess", "Was it right? No."
LATE, TURNED_AWAY, OTHER_THINGS = "answers 2.5 s late", "turns questions away", "ask about other things"
ALERT = "stack is slow, open"
FAILED = "✕"


@pytest.fixture(scope="module")
def dashboard(deployed: Rehearsal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard of a demonstration of two minutes, which goes on meanwhile."""
    for controls in (deployed.sagemaker, deployed.pinecone):
        controls.clear()
    settings = replace(Settings(), data_dir=tmp_path_factory.mktemp("data"), port=free_port())
    plan, stop, said = Plan(settings, MINUTES, stay_minutes=10), threading.Event(), list[str]()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(preparing, "RUN_QUESTIONS", 20)
        playing = threading.Thread(target=perform, args=(plan, deployed, said.append, stop))
        playing.start()
        try:
            until = time.monotonic() + READY_S
            while not any(line.startswith("Ready:") for line in said):
                assert playing.is_alive(), said
                assert time.monotonic() < until, said
                time.sleep(0.1)
            yield Dashboard(plan.address, plan.folder, plan.folder / "dashboard.log")
        finally:
            stop.set()
            playing.join(60)
    assert not playing.is_alive()


def go_to(page: Page, name: str) -> None:
    """Click a page in the strip of the presenter's view."""
    strip = page.locator(".st-key-presenting")
    strip.get_by_role("link", name=name, exact=True).click()
    expect(strip.locator("[aria-current=page] p")).to_have_text([name])
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    rest(page)
    expect(page.get_by_test_id(BANNER)).to_contain_text("Demonstration")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()


def open_made(page: Page, words: str) -> None:
    """Click what was made beforehand, in the banner."""
    page.get_by_text(MADE).click()
    page.get_by_role("link", name=words).click()
    rest(page)


def wait_for_scene(page: Page, words: str) -> None:
    """Wait until the banner says so, or has said so: clicks may take longer than a scene."""
    later = [each.now for each in SCENES]
    place = next(place for place, now in enumerate(later) if words in now)
    reached = re.compile("|".join(re.escape(now) for now in later[place:]) + "|It is over")
    expect(page.get_by_test_id(BANNER).locator("span").first).to_contain_text(reached, timeout=COME_MS)


def ask_and_explain(page: Page) -> None:
    """Steps 1 and 2: an answer, what it stands on, and which stage were to blame had it been wrong."""
    go_to(page, "Ask")
    box = question_box(page)
    box.fill(FIRST_QUESTION)
    box.press("Enter")
    expect(page.get_by_test_id(ANSWER)).to_contain_text("Wegener")
    expect(page.get_by_test_id(CHUNK).first).to_be_visible()
    rest(page)
    page.get_by_test_id("stMain").get_by_role("link", name="Explain", exact=True).last.click()
    expect(page.get_by_text(EXPLAINED).first).to_be_visible()
    rest(page)
    page.get_by_label("Right answer", exact=True).fill(MISTAKEN)
    page.get_by_role("button", name="Diagnose").click()
    expect(page.get_by_role("heading", name=BLAMED)).to_be_visible(timeout=COME_MS)


def compare(page: Page) -> None:
    """Steps 3 and 4: two systems side by side, and two runs."""
    open_made(page, COMPARED)
    expect(page.get_by_test_id(ANSWER)).to_have_count(2)
    open_made(page, RUNS_COMPARED)
    expect(page.get_by_test_id("stMain")).to_contain_text(VERDICT)


def see_it_break(page: Page) -> None:
    """Step 5: the alert while the generator is late, and a question that the index turned away."""
    go_to(page, "Live")
    wait_for_scene(page, LATE)
    expect(page.get_by_test_id("alert").filter(has_text=ALERT)).to_be_visible(timeout=COME_MS)
    wait_for_scene(page, TURNED_AWAY)
    rows = page.get_by_test_id("table").locator("tbody tr").filter(has_text=FAILED)
    until = time.monotonic() + COME_MS / 1000
    go_to(page, "Traces")
    while not rows.count():
        assert time.monotonic() < until, page.get_by_test_id("stMain").inner_text()
        go_to(page, "Traces")
    rows.first.click()
    page.wait_for_url("**/traces?*trace=*")
    expect(page.get_by_test_id("question")).to_be_visible()
    expect(page.get_by_test_id(ANSWER)).to_have_count(0)


def see_questions_change(page: Page) -> None:
    """Step 6: whether the questions of late are those of before."""
    wait_for_scene(page, OTHER_THINGS)
    go_to(page, "Stability")
    page.get_by_role("tab", name="Questions over time").click()
    rest(page)
    page.get_by_role("button", name="Look for drift").click()
    expect(page.get_by_role("tabpanel").locator(".js-plotly-plot").first).to_be_visible(timeout=COME_MS)


def test_the_script_is_clicked_through_from_the_first_answer_to_the_last_page(
    visit: Callable[..., Visit], dashboard: Dashboard
) -> None:
    window = visit(locale="en-GB")
    page = window.go("/?present=1")
    expect(page.get_by_test_id(BANNER)).to_be_visible()
    ask_and_explain(page)
    compare(page)
    see_it_break(page)
    see_questions_change(page)
    pages = page.locator(".st-key-presenting-pages").get_by_role("link").locator("p").all_text_contents()
    assert set(re.findall(r"\*\*(\w+)\*\*", SCRIPT.read_text("utf-8").partition("## The script")[2])) <= set(pages)
    for name in pages:
        go_to(page, name)
    page.reload()
    expect(page.get_by_role("link", name=LEAVE)).to_be_visible()
    page.get_by_role("link", name=LEAVE).click()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(page.get_by_role("link", name=LEAVE)).to_have_count(0)
    expect(page.get_by_test_id(BANNER)).to_contain_text("It is over", timeout=COME_MS)
    assert window.elsewhere == []


def test_what_the_pages_showed_was_really_asked_and_went_really_wrong(
    visit: Callable[..., Visit], dashboard: Dashboard
) -> None:
    """After the first, when it is over."""
    with TraceStore.open(f"sqlite:///{dashboard.data_dir}/traces.sqlite") as store:

        def of(scene: str) -> list[float | None]:
            query = TraceQuery(tags=frozenset({scene}), backends=frozenset({STACK}))
            return [
                None if each.trace.error else next(s.duration_ms for s in each.trace.spans if s.stage == "generate")
                for each in store.export(query)
            ]

        asked = {scene.name: of(scene.name) for scene in SCENES}
    assert all(asked.values())
    assert None in asked["throttled index"]
    assert None not in asked["calm again"]
    assert max(filter(None, asked["slow generator"])) > SLOW_S * 1000

"""A dashboard that is told to end while a question is under way."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from metrics.queries import TraceQuery
from metrics.store import TraceStore
from tests.browser.conftest import question_box
from tests.browser.held_stack import HeldStack, held_stack
from tests.served_dashboard import Dashboard, start

WEGENER = "Who proposed that continents drift?"
PATIENCE_S = 60


@pytest.fixture
def stack() -> Iterator[HeldStack]:
    with held_stack() as running:
        yield running


@pytest.fixture
def started(stack: HeldStack, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Dashboard]]:
    process, running = start(tmp_path, **stack.environ)
    yield process, running
    process.kill()
    process.wait(PATIENCE_S)


@pytest.fixture
def dashboard(started: tuple[subprocess.Popen[bytes], Dashboard]) -> Dashboard:
    return started[1]


@pytest.fixture
def process(started: tuple[subprocess.Popen[bytes], Dashboard]) -> subprocess.Popen[bytes]:
    return started[0]


def put_question(visit: Callable, stack: HeldStack):
    page = visit().go()
    box = question_box(page)
    box.fill(WEGENER)
    box.press("Enter")
    assert stack.asked.wait(PATIENCE_S)
    return page


def stored(dashboard: Dashboard) -> list[str]:
    with TraceStore.open(f"sqlite:///{dashboard.data_dir / 'traces.sqlite'}") as store:
        store.fold()
        return [trace.trace.question for trace in store.export(TraceQuery())]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_asker_sees_the_answer_its_trace_is_stored_and_its_measures_are_sent(
    visit, stack: HeldStack, dashboard: Dashboard, process: subprocess.Popen[bytes], number: int
):
    page = put_question(visit, stack)
    process.send_signal(number)
    # Held back until the dashboard says that it is stopping, so that the order of the two is certain.
    expect_stopping(page, dashboard)
    stack.answering.set()
    expect(page.get_by_test_id("answer")).to_contain_text("Alfred Wegener")
    assert process.wait(PATIENCE_S) == 0
    assert stored(dashboard) == [WEGENER]
    assert stack.metric_calls >= 1


def test_a_question_put_meanwhile_is_refused_in_words(
    visit, stack: HeldStack, dashboard: Dashboard, process: subprocess.Popen[bytes]
):
    other = visit().go()
    page = put_question(visit, stack)
    process.send_signal(signal.SIGTERM)
    expect_stopping(page, dashboard)
    box = question_box(other)
    box.fill("How do clouds form?")
    box.press("Enter")
    expect(other.get_by_text("takes no more questions", exact=False)).to_be_visible()
    stack.answering.set()
    assert process.wait(PATIENCE_S) == 0
    assert stored(dashboard) == [WEGENER]


def test_a_second_signal_ends_it_without_the_answer(
    visit, stack: HeldStack, dashboard: Dashboard, process: subprocess.Popen[bytes]
):
    page = put_question(visit, stack)
    process.send_signal(signal.SIGTERM)
    expect_stopping(page, dashboard)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert not stack.answering.is_set()


def test_an_idle_dashboard_ends_with_status_0(dashboard: Dashboard, process: subprocess.Popen[bytes]):
    process.terminate()
    assert process.wait(PATIENCE_S) == 0


def expect_stopping(page, dashboard: Dashboard) -> None:
    """Wait until the dashboard says that it is stopping."""
    while page.request.get(f"{dashboard.url}/readyz").status != 503:
        page.wait_for_timeout(50)

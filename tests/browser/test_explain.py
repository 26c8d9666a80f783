"""What a person does with the Explain page: from a trace to what its answer stands on, and stopping on the way."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard, Visit, start, write_plugin

PLUGIN = """
from backends.fake import Script, ScriptedBackend


def slow(config):
    return ScriptedBackend(Script(delays_s={"score": 3.0}), name="test/slow-score")
"""


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a backend whose scores take a while."""
    packages = tmp_path_factory.mktemp("packages")
    write_plugin(packages, PLUGIN, "test/slow-score = slow")
    process, running = start(tmp_path_factory.mktemp("data"), PYTHONPATH=str(packages))
    yield running
    process.terminate()
    process.wait(30)


def explain(window: Visit) -> Page:
    """From an answer on the Ask page to its explanation."""
    window.page.get_by_test_id("stMain").get_by_role("link", name="Explain").click()
    return window.page


def test_right_answer_is_explained_from_its_trace(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.go("/")
    window.ask("Who proposed that continents drift?")
    page = explain(window)
    expect(page.get_by_text("The answer stands on chunk 1", exact=False)).to_be_visible()
    expect(page.get_by_test_id("tokens")).to_contain_text("Wegener")
    expect(page.get_by_test_id("chunk").first).to_contain_text("Continental drift")
    expect(page.get_by_test_id("chunk").first).to_contain_text("Shapley +")
    expect(page.get_by_role("heading", name="Can this be believed?")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download JSON").click()
    found = json.loads(waiting.value.path().read_text("utf-8"))
    assert found["complete"]
    assert max(found["chunks"], key=lambda chunk: chunk["shapley_nats"])["title"] == "Continental drift"


def test_abstention_is_explained_and_the_link_can_be_sent_on(visit: Callable[..., Visit]) -> None:
    window = visit(width=390)
    window.go("/")
    window.ask("What is the phone number of the moon?")
    expect(explain(window).get_by_text("abstained in spite of the chunks", exact=False)).to_be_visible()
    other = visit()
    other.page.goto(window.page.url)
    expect(other.page.get_by_text("abstained in spite of the chunks", exact=False)).to_be_visible()


def test_scoring_can_be_stopped_and_gone_on_with(visit: Callable[..., Visit], dashboard: Dashboard) -> None:
    window = visit()
    window.go("/?backend=test%2Fslow-score")
    window.ask("Who?")
    page = explain(window)
    expect(page.get_by_text("Scored the answer over 8 of 32 subsets", exact=False)).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("known once all subsets are scored", exact=False)).to_be_visible()
    expect(page.get_by_role("heading", name="Can this be believed?")).to_be_hidden()
    page.get_by_role("button", name="Score the rest").click()
    expect(page.get_by_role("heading", name="Can this be believed?")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("stands on chunk 1, “Document 1”: 100 %", exact=False)).to_be_visible()


def test_page_without_a_trace_says_what_to_do(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.go("/explain")
    expect(window.page.get_by_text("Open a trace and choose Explain", exact=False)).to_be_visible()
    window.go(f"/explain?trace={'f' * 32}")
    expect(window.page.get_by_text("There is no trace with this id", exact=False)).to_be_visible()

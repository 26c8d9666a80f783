"""What a person does with the Explain page: from a trace to what its answer stands on, and stopping on the way."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect

from metrics.store import TraceStore
from tests.browser.conftest import Visit, write_plugin
from tests.factories import make_failed_trace, make_trace
from tests.served_dashboard import Dashboard, start

WEGENER = "Who proposed that continents drift?"

PLUGIN = """
from pathlib import Path

from backends.fake import Script, ScriptedBackend


class Counting(ScriptedBackend):
    def score_answer(self, *asked):
        with Path(__file__).with_name("calls").open("a") as file:
            file.write(".")
        return super().score_answer(*asked)


def slow(config):
    return Counting(Script(delays_s={"score": 1.5}), name="test/slow-score")
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory):
    """Holds a backend whose scores take a while, and a file `calls` with a dot for each of them."""
    folder = tmp_path_factory.mktemp("packages")
    write_plugin(folder, PLUGIN, "test/slow-score = slow")
    return folder


@pytest.fixture(scope="module")
def dashboard(packages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with that backend."""
    process, running = start(tmp_path_factory.mktemp("data"), PYTHONPATH=str(packages))
    yield running
    process.terminate()
    process.wait(30)


def is_believed(page: Page) -> None:
    """Wait until everything is scored."""
    expect(page.get_by_test_id("belief")).to_contain_text("Can this be believed?", timeout=60_000)


def details(page: Page) -> None:
    """Open the figures."""
    page.get_by_role("tab", name="Details").click()


def point_at(part: Locator, outlined: Locator) -> None:
    """Point at the one until the other is outlined: a chart that is drawn late moves what was under the pointer away."""
    for _ in range(5):
        part.hover()
        with suppress(AssertionError):
            expect(outlined).to_have_css("outline-style", "solid", timeout=3_000)
            return
    expect(outlined).to_have_css("outline-style", "solid")


def test_right_answer_is_explained_from_its_trace(visit: Callable[..., Visit]) -> None:
    window = visit()
    page = window.explain(WEGENER)
    expect(page.get_by_text("The answer stands on chunk 1", exact=False)).to_be_visible()
    expect(page.get_by_test_id("tokens")).to_contain_text("Wegener")
    expect(page.get_by_test_id("chunk").first).to_contain_text("Continental drift")
    expect(page.get_by_test_id("chunk").first).to_contain_text("of what all did")
    is_believed(page)
    expect(page.get_by_test_id("belief")).to_contain_text("Yes.")
    for part in (page.get_by_test_id("belief"), page.get_by_role("heading", name="Was it right?")):
        box = part.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 800, "the verdict lies below the first screen"
    details(page)
    expect(page.get_by_test_id("chunk-figures")).to_contain_text("Shapley +")
    expect(page.get_by_text("Against as many random chunks it is +", exact=False)).to_be_visible()
    found = json.loads(window.saved("Download JSON"))
    assert found["complete"]
    assert max(found["chunks"], key=lambda chunk: chunk["shapley_nats"])["title"] == "Continental drift"


def test_pointing_at_a_token_outlines_its_chunk_and_the_other_way_round(visit: Callable[..., Visit]) -> None:
    page = visit(height=1800).explain(WEGENER)
    is_believed(page)
    token, chunk = page.locator(".rg-token").first, page.get_by_test_id("chunk").first
    expect(chunk).to_have_css("outline-style", "none")
    point_at(token, chunk)
    expect(page.get_by_test_id("chunk").nth(1)).to_have_css("outline-style", "none")
    point_at(chunk, token)


def test_abstention_is_explained_and_the_link_can_be_sent_on(visit: Callable[..., Visit]) -> None:
    window = visit(width=390)
    page = window.explain("Why are pandas black and white?")
    expect(page.get_by_text("abstained in spite of the chunks", exact=False)).to_be_visible()
    other = visit()
    other.page.goto(page.url)
    expect(other.page.get_by_text("abstained in spite of the chunks", exact=False)).to_be_visible()
    is_believed(page)
    window.diagnose("")
    expect(page.get_by_text("Correct: the corpus has no answer, and none was given.")).to_be_visible()
    expect(page.get_by_text("The documents were said to have no answer", exact=False)).to_be_visible()


def test_scoring_can_be_stopped_and_gone_on_with_and_is_not_done_twice(visit: Callable[..., Visit], packages) -> None:
    page = visit().explain("Who?", "/ask?backend=test%2Fslow-score")
    expect(page.get_by_text("Scored the answer over 8 of 32 subsets", exact=False)).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("known once all subsets are scored", exact=False)).to_be_visible()
    expect(page.get_by_test_id("belief")).to_be_hidden()
    page.get_by_role("button", name="Score the rest").click()
    is_believed(page)
    expect(page.get_by_text("stands on chunk 1, “Document 1”: 100 %", exact=False)).to_be_visible()
    calls = (packages / "calls").stat().st_size
    other = visit().page
    other.goto(page.url)
    is_believed(other)
    details(other)
    expect(other.get_by_text("Against as many random chunks it is +", exact=False)).to_be_visible()
    assert (packages / "calls").stat().st_size == calls


def test_sentences_are_told_apart_and_the_link_shows_the_same(visit: Callable[..., Visit]) -> None:
    page = visit().explain(WEGENER)
    is_believed(page)
    page.get_by_role("radio", name="Sentences").click()
    page.wait_for_url("**by=sentences*")
    other = visit(width=390).page
    other.goto(page.url)
    for window in (page, other):
        expect(window.get_by_text("stands most on the sentence “Alfred Wegener", exact=False)).to_be_visible()
        is_believed(window)
        expect(window.get_by_test_id("chunk").first.locator("mark")).to_contain_text("Alfred Wegener")


def test_many_chunks_are_weighed_with_their_intervals_and_come_by_weight(visit: Callable[..., Visit]) -> None:
    page = visit().explain("How do clouds form?", "/ask?top_k=8")
    is_believed(page)
    expect(page.get_by_test_id("chunk")).to_have_count(8)
    details(page)
    expect(page.locator(".js-plotly-plot path.xerror")).to_have_count(8)
    expect(page.get_by_test_id("chart-title").filter(has_text="Chunk 1 did most")).to_be_visible()
    said = page.get_by_test_id("chunk-figures").inner_text().replace("−", "-")
    weights = [float(weight) for weight in re.findall(r"weight ([+-]?[\d.]+)", said)]
    assert len(weights) == 8
    assert weights == sorted(weights, reverse=True)


def test_page_without_a_trace_says_what_to_do(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.go("/explain")
    expect(window.page.get_by_text("Ask a question, or open a trace, and choose Explain", exact=False)).to_be_visible()
    window.go(f"/explain?trace={'f' * 32}")
    expect(window.page.get_by_text("There is no trace with this id", exact=False)).to_be_visible()


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        (make_trace(backend="test/gone"), "The backend test/gone, which answered this trace, cannot be opened"),
        (make_failed_trace(), "This trace has no answer to explain"),
        (make_trace(chunks=()), "This trace has no chunks"),
    ],
    ids=["backend gone", "failed", "no chunks"],
)
def test_a_trace_that_cannot_be_explained_says_why(visit, dashboard: Dashboard, trace, words: str) -> None:
    with TraceStore.open(f"sqlite:///{dashboard.data_dir / 'traces.sqlite'}") as store:
        store.put(trace)
    page = visit(width=390).go(f"/explain?trace={trace.trace_id}")
    expect(page.get_by_text(words, exact=False)).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.get_by_role("link", name="The trace")).to_be_visible()

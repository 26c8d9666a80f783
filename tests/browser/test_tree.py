"""What a person does with a trace of another application: its tree, one of its spans, and the session that it is part of."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from metrics.store import TraceStore
from tests.browser.conftest import Visit, rest
from tests.factories import make_generation, make_trace
from tests.served_dashboard import Dashboard
from tests.trees import make_foreign_trace, make_large_tree


@pytest.fixture
def store(dashboard: Dashboard) -> Iterator[TraceStore]:
    """The store that the dashboard reads."""
    with TraceStore.open(f"sqlite:///{dashboard.data_dir / 'traces.sqlite'}") as opened:
        yield opened


def row(page: Page, name: str):  # type: ignore[no-untyped-def]
    """The rows of the waterfall that are called so."""
    return page.get_by_role("tree").get_by_role("treeitem", name=f"{name},")


def test_a_foreign_trace_is_folded_read_and_followed_to_its_session(visit: Callable[..., Visit], store: TraceStore):
    store.put(make_foreign_trace())
    store.put(make_foreign_trace("b" * 32, question="And when is the refund paid?", asked_at=1_757_000_060.0))
    window = visit()
    page = window.go(f"/traces?trace={'a' * 32}")
    expect(row(page, "retrieve")).to_have_count(3)

    row(page, "gather").get_by_text("▾").click()
    expect(row(page, "retrieve")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(row(page, "gather")).to_have_attribute("aria-expanded", "false")
    row(page, "gather").focus()
    page.keyboard.press("ArrowRight")
    expect(row(page, "retrieve")).to_have_count(3)

    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(row(page, "rerank")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/traces?*span=*")
    first = page.get_by_test_id("document").first
    expect(first).to_contain_text("↑2")
    expect(first).to_contain_text("Text of doc-3.")
    expect(page.get_by_test_id("document").last).to_contain_text("dropped")
    expect(row(page, "rerank")).to_have_attribute("aria-selected", "true")
    expect(row(page, "rerank")).to_be_focused()

    row(page, "ChatOpenAI").last.click()
    expect(page.get_by_test_id("message").first).to_contain_text("Answer from the documents alone.")
    page.reload()
    expect(page.get_by_test_id("message").first).to_contain_text("Answer from the documents alone.")
    page.go_back()
    expect(page.get_by_test_id("document").first).to_contain_text("↑2")
    rest(page)
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_test_id("chunk")).to_have_count(2)

    rest(page)
    page.get_by_role("button", name="Session visit-42").click()
    page.wait_for_url("**/traces?session=visit-42")
    expect(page.get_by_test_id("turn")).to_have_count(2)
    rest(page)
    page.get_by_role("button", name="Open the trace of And when is the refund paid?").click()
    expect(page.get_by_test_id("question")).to_have_text("And when is the refund paid?")
    page.go_back()
    expect(page.get_by_test_id("turn")).to_have_count(2)
    assert window.elsewhere == []
    assert window.dialogs == []


def test_ten_thousand_spans_are_searched_and_opened_from_the_keyboard(visit: Callable[..., Visit], store: TraceStore):
    store.put(make_foreign_trace("c" * 32, spans=make_large_tree(10_000), duration_ms=10_000.0))
    window = visit(390, 844)
    page = window.go(f"/traces?trace={'c' * 32}")
    group = page.get_by_role("treeitem", name="retrieve ×4,999")
    expect(group).to_have_attribute("aria-expanded", "false")
    group.focus()
    page.keyboard.press("ArrowRight")
    expect(row(page, "retrieve")).to_have_count(100)
    more = page.get_by_role("treeitem", name="4,899 more")
    more.focus()
    page.keyboard.press("Enter")
    expect(row(page, "retrieve")).to_have_count(200)
    expect(row(page, "retrieve").nth(100)).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.get_by_label("Find in spans")
    box.fill("7439393937")  # the id of the call before the last, in hexadecimal digits
    box.press("Enter")
    expect(page.get_by_text("1 of 10,000 spans found.")).to_be_visible()
    assert "find=" in page.url


def test_the_prompt_of_an_answer_from_here_is_shown_as_it_was_sent(visit: Callable[..., Visit], store: TraceStore):
    prompt = "Read this.\n\n<script>alert(1)</script>"
    store.put(make_trace(trace_id="e" * 32, generation=make_generation(prompt=prompt)))
    window = visit()
    page = window.go(f"/traces?trace={'e' * 32}")
    row(page, "generate").click()
    expect(page.get_by_test_id("text").filter(has_text="Prompt, as it was sent")).to_contain_text(prompt)
    assert window.dialogs == []

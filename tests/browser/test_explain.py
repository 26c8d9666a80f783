"""What a person does with the Explain page: from a trace to what its answer stands on."""

import json
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Visit


def test_right_answer_is_explained_from_its_trace(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.go("/")
    window.ask("Who proposed that continents drift?")
    window.page.get_by_test_id("stMain").get_by_role("link", name="Explain").click()
    page = window.page
    expect(page.get_by_text("The answer stands on chunk 1", exact=False)).to_be_visible()
    expect(page.get_by_test_id("tokens")).to_contain_text("Wegener")
    expect(page.get_by_test_id("attribution")).to_contain_text("Continental drift")
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
    window.page.get_by_test_id("stMain").get_by_role("link", name="Explain").click()
    expect(window.page.get_by_text("abstained in spite of the chunks", exact=False)).to_be_visible()
    other = visit()
    other.page.goto(window.page.url)
    expect(other.page.get_by_text("abstained in spite of the chunks", exact=False)).to_be_visible()


def test_page_without_a_trace_says_what_to_do(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.go("/explain")
    expect(window.page.get_by_text("Open a trace and choose Explain", exact=False)).to_be_visible()
    window.go(f"/explain?trace={'f' * 32}")
    expect(window.page.get_by_text("There is no trace with this id", exact=False)).to_be_visible()

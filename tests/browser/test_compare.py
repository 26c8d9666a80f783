"""What a person does with the Compare page, over a dashboard to which a plugin adds a slow backend and a broken one."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import question_box, write_plugin
from tests.served_dashboard import Dashboard, start

WEGENER, CLOUDS = "Who proposed that continents drift?", "How do clouds form?"

PLUGIN = """
from backends.fake import Script, ScriptedBackend
from pipeline.errors import Throttled


def slow(config):
    return ScriptedBackend(Script(delays_s={"retrieve": 1.5}), name="test/slow")


def broken(config):
    failure = Throttled("The model asked for fewer questions. Wait a minute.")
    return ScriptedBackend(Script(failures={"generate": failure}), name="test/broken")
"""


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of its own, with the plugin."""
    packages = tmp_path_factory.mktemp("packages")
    write_plugin(packages, PLUGIN, "test/slow = slow", "test/broken = broken")
    process, running = start(tmp_path_factory.mktemp("data"), PYTHONPATH=str(packages))
    yield running
    process.terminate()
    process.wait(30)


def compare(page: Page, question: str) -> None:
    """Put a question and wait for both outcomes."""
    before = page.url
    box = question_box(page)
    box.fill(question)
    box.press("Enter")
    page.wait_for_url(lambda url: url != before and "second=" in url)
    expect(page.get_by_test_id("question")).to_have_text(question)
    expect(page.get_by_test_id("stages")).to_be_visible()


def stored(page: Page, base: str, question: str) -> int:
    """How many traces of a question are kept."""
    exported = page.request.get(f"{base}/export/traces.jsonl", params={"search": question})
    return len(exported.text().splitlines())


def test_one_question_on_two_sides_shows_answers_overlap_and_times_and_keeps_both_traces(visit):
    window = visit()
    page = window.go("/compare")
    before = stored(page, window.base, WEGENER)
    compare(page, WEGENER)
    expect(page.get_by_test_id("answer")).to_have_count(2)
    expect(page.get_by_test_id("answer").first).to_contain_text("Wegener")
    expect(page.get_by_test_id("reasons")).to_contain_text("5 of 5 chunks were retrieved by both")
    expect(page.get_by_test_id("overlap").locator("tbody tr")).to_have_count(5)
    expect(page.get_by_test_id("stages")).to_contain_text("only in the second")
    expect(page.get_by_role("tree")).to_have_count(2)
    expect(page.get_by_test_id("differences")).to_contain_text("rerank")
    assert stored(page, window.base, WEGENER) == before + 2
    page.get_by_role("link", name="Open the second trace").click()
    page.wait_for_url("**/traces?trace=*")
    expect(page.get_by_test_id("answer")).to_have_count(1)
    assert window.elsewhere == []


def test_reload_shows_both_sides_again_without_asking(visit):
    window = visit()
    page = window.go("/compare?second_top_k=2")
    compare(page, WEGENER)
    kept, answers = stored(page, window.base, WEGENER), page.url
    page.reload()
    expect(page.get_by_test_id("answer")).to_have_count(2)
    expect(page.get_by_label("Question", exact=True)).to_have_value(WEGENER)
    assert page.url == answers
    assert stored(page, window.base, WEGENER) == kept
    other = visit().page
    other.goto(re.sub(r"second_top_k=2&?", "", answers))
    expect(other.get_by_test_id("reasons")).to_contain_text("2 of 5 chunks were retrieved by both")
    other.get_by_text("Settings of both sides").click()
    expect(other.locator(".st-key-second_top_k input")).to_have_value("2")


def test_back_and_forward_go_from_question_to_question(visit):
    page = visit().go("/compare")
    compare(page, WEGENER)
    first = page.url
    compare(page, CLOUDS)
    second = page.url
    page.go_back()
    page.wait_for_url(first)
    expect(page.get_by_test_id("question")).to_have_text(WEGENER)
    expect(page.get_by_label("Question", exact=True)).to_have_value(WEGENER)
    page.go_back()
    page.wait_for_url("**/compare")
    expect(page.get_by_test_id("answer")).to_have_count(0)
    expect(page.get_by_label("Question", exact=True)).to_have_value("")
    page.go_forward()
    page.go_forward()
    page.wait_for_url(second)
    expect(page.get_by_test_id("question")).to_have_text(CLOUDS)
    expect(page.get_by_label("Question", exact=True)).to_have_value(CLOUDS)


def test_settings_of_both_sides_stand_in_the_address_and_cost_no_typed_question(visit):
    page = visit().go("/compare")
    box = question_box(page)
    box.press_sequentially(CLOUDS)
    top_k = page.locator(".st-key-first_top_k input")
    top_k.fill("3")
    top_k.press("Enter")
    page.wait_for_url("**/compare?*first_top_k=3*")
    page.locator(".st-key-second_rerank label").click()
    page.wait_for_url("**/compare?*second_rerank=False*")
    expect(box).to_have_value(CLOUDS)
    box.press("Enter")
    page.wait_for_url("**/compare?*second=*")
    expect(page.get_by_test_id("question")).to_have_text(CLOUDS)
    expect(page.get_by_test_id("reasons")).to_contain_text("3 of 5 chunks were retrieved by both")


@pytest.mark.parametrize(("side", "whole"), [("first", "second"), ("second", "first")])
def test_failed_side_is_shown_as_its_error_beside_the_other_answer(visit, side: str, whole: str):
    window = visit()
    page = window.go(f"/compare?{side}_backend=test/broken")
    compare(page, WEGENER)
    expect(page.get_by_role("heading", name=f"Only the {whole} has an answer")).to_be_visible()
    expect(page.get_by_test_id("answer")).to_contain_text("Wegener")
    expect(page.get_by_text("Throttled: The model asked for fewer questions. Wait a minute.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Throttled: The model asked for fewer questions. Wait a minute.")).to_be_visible()


def test_while_the_first_side_is_asked_the_second_says_that_it_waits(visit):
    page = visit().go("/compare?first_backend=test/slow")
    box = question_box(page)
    box.fill(WEGENER)
    box.press("Enter")
    expect(page.get_by_text("Looking for chunks …")).to_be_visible()
    expect(page.get_by_text("Waits for the first", exact=False)).to_be_visible()
    expect(page.get_by_test_id("answer")).to_have_count(2)
    expect(page.get_by_text("Waits for the first", exact=False)).to_have_count(0)


def test_leaving_the_page_while_it_asks_keeps_both_traces(visit):
    window = visit()
    page = window.go("/compare?first_backend=test/slow")
    question = "Who leaves before the answer?"
    box = question_box(page)
    box.fill(question)
    box.press("Enter")
    expect(page.get_by_text("Looking for chunks …")).to_be_visible()
    page.get_by_role("link", name="Status").click()
    expect(page.get_by_role("heading", name="Status", exact=True)).to_be_visible()
    page.get_by_role("link", name="Traces").click()
    for _ in range(100):
        if stored(page, window.base, question) == 2:
            break
        page.wait_for_timeout(100)
    assert stored(page, window.base, question) == 2


def test_a_trace_leads_to_its_comparison(visit):
    window = visit()
    page = window.go()
    window.ask(WEGENER)
    page.get_by_test_id("stMain").get_by_role("link", name="Compare").click()
    page.wait_for_url("**/compare?first=*")
    box = question_box(page)
    expect(box).to_have_value(WEGENER)
    box.press("Enter")
    page.wait_for_url("**/compare?*second=*")
    expect(page.get_by_test_id("stages")).to_be_visible()


def test_an_example_is_compared_with_one_click(visit):
    page = visit().go("/compare")
    page.get_by_role("button", name=CLOUDS).click()
    page.wait_for_url("**/compare?*second=*")
    expect(page.get_by_test_id("question")).to_have_text(CLOUDS)


def test_what_is_no_question_gets_a_message(visit):
    page = visit().go("/compare")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("The question is blank", exact=False)).to_be_visible()


def test_markup_in_a_question_stays_text(visit):
    nasty = '<img src=x onerror="alert(1)"> **bold** [link](http://example.com) $x$'
    window = visit()
    page = window.go("/compare?first_backend=test/broken")
    compare(page, nasty)
    main = page.get_by_test_id("stMain")
    assert main.locator("img[src='x']").count() == 0
    assert main.locator("a[href*='example.com']").count() == 0
    assert window.dialogs == []


def test_the_keyboard_alone_is_enough_on_a_phone(visit):
    page = visit(390, 844, color_scheme="dark").go("/compare")
    page.get_by_label("Question", exact=True).wait_for()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Question":
            break
    page.keyboard.type(WEGENER)
    page.keyboard.press("Enter")
    page.wait_for_url("**/compare?*second=*")
    expect(page.get_by_test_id("stages")).to_be_visible()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-first_top_k input")).to_be_visible()
    for name in ("overlap", "stages", "differences"):
        box = page.get_by_test_id(name).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390, f"the table of {name} is cut off"

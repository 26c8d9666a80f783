"""What a person does with the dashboard over the deployed stack."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from serving.rehearsal.session import Rehearsal
from tests.browser.conftest import question_box
from tests.served_dashboard import Dashboard, start

WEGENER = "Who proposed that continents drift?"


@pytest.fixture(scope="module")
def dashboard(deployed: Rehearsal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard whose usual backend is the stack, and whose Live page reads CloudWatch."""
    process, running = start(tmp_path_factory.mktemp("data"), **deployed.environ)
    yield running
    process.terminate()
    process.wait(30)


def test_a_question_goes_through_the_stack_and_shows_the_same_trace(visit, rehearsal: Rehearsal):
    window = visit()
    page = window.go()
    window.ask(WEGENER)
    expect(page.get_by_test_id("answer")).to_contain_text("Alfred Wegener")
    expect(page.get_by_test_id("chunk").locator("mark").first).to_contain_text("Wegener")
    waterfall = page.get_by_role("tree")
    for stage in ("network", "gateway", "embed", "retrieve", "generate", "unaccounted"):
        expect(waterfall).to_contain_text(stage)
    assert window.elsewhere == []


def test_a_broken_generator_leaves_the_chunks_on_the_page_and_raises_the_alarm(visit, rehearsal: Rehearsal):
    rehearsal.sagemaker.inject("status", where=rehearsal.endpoint_path("generator"), status=500)
    window = visit()
    page = window.go()
    window.ask(WEGENER)
    expect(page.get_by_text("StageFailed", exact=False).first).to_be_visible()
    expect(page.get_by_test_id("chunk")).to_have_count(5)
    expect(page.get_by_role("treeitem").filter(has_text="generate")).to_contain_text("failed")
    window.go("/live?refresh=5%20s")
    alarm = page.get_by_text("raglass-generator-fails, CloudWatch, in alarm", exact=False).first
    expect(alarm).to_be_visible(timeout=120_000)


def test_an_answer_of_the_stack_is_explained_and_what_the_stack_cannot_do_says_what_could(visit, rehearsal: Rehearsal):
    window = visit()
    page = window.explain(WEGENER)
    expect(page.get_by_text("The answer stands on chunk 1, “Continental drift”", exact=False)).to_be_visible()
    page.get_by_role("tab", name="Details").click()
    expect(page.get_by_text("Against as many random chunks it is +", exact=False)).to_be_visible()
    # One answers, one scores all subsets, one scores the answer over random chunks.
    assert rehearsal.sagemaker.calls(rehearsal.endpoint_path("generator")) == 3
    page.get_by_role("tab", name="Details").click()
    expect(page.get_by_text("The backend aws cannot be looked into", exact=False)).to_contain_text("local/research")
    page.get_by_role("tab", name="How sure was it?").click()
    page.get_by_role("button", name="Draw 10 answers").click()
    expect(page.get_by_text("The backend aws does not draw answers", exact=False)).to_contain_text("local/embedded")
    window.diagnose("Harry Hess")
    expect(page.get_by_role("heading", name="Was it right? No.")).to_be_visible()
    expect(page.get_by_text("The answer is wrong", exact=False)).to_contain_text("Ask the question on local/")
    assert rehearsal.sagemaker.calls(rehearsal.endpoint_path("generator")) == 3


def test_the_live_page_shows_a_new_question_by_itself(visit, rehearsal: Rehearsal):
    window = visit()
    window.go()
    window.ask(WEGENER)
    page = window.go("/live?refresh=5%20s&window=15%20min")
    questions = page.get_by_test_id("gauge").filter(has_text="Questions").first
    expect(questions).to_be_visible(timeout=60_000)
    before = questions.inner_text()
    other = visit()
    other.go()
    other.ask("How do clouds form?")
    expect(questions).not_to_have_text(before, use_inner_text=True, timeout=60_000)


def test_one_question_is_compared_on_the_laptop_and_on_the_stack(visit, rehearsal: Rehearsal):
    page = visit(1280, 1000).go("/compare?first_backend=local/embedded&second_backend=aws")
    box = question_box(page)
    box.fill(WEGENER)
    box.press("Enter")
    page.wait_for_url("**second=*")
    expect(page.get_by_test_id("answer")).to_have_count(2)
    for place in (0, 1):
        expect(page.get_by_test_id("answer").nth(place)).to_contain_text("Wegener")
    expect(page.get_by_test_id("stages")).to_contain_text("network")

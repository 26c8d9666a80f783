"""What a person does below an explanation: say what was right, draw other answers, take a report away."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from pypdfium2 import PdfDocument

from tests.browser.conftest import Visit

LANDING, SEA = "Where on the Moon did Apollo 11 land?", "Sea of Tranquility"
"""Its gold chunk is the second: an answer over one chunk is wrong."""


def explain_wrong(window: Visit) -> Page:
    """The wrong answer, explained and diagnosed."""
    page = window.explain(LANDING, "/ask?top_k=1")
    window.diagnose(SEA)
    expect(page.get_by_role("heading", name="Was it right? No.")).to_be_visible(timeout=60_000)
    return page


def test_a_wrong_answer_is_diagnosed_and_a_repair_is_verified(visit: Callable[..., Visit]) -> None:
    page = explain_wrong(visit())
    expect(page.get_by_text("Verified repair: with 2 chunks, it answers", exact=False)).to_contain_text("Not found")
    page.get_by_text("What was tried").click()
    trials = page.get_by_test_id("trials").get_by_role("row")
    expect(trials.filter(has_text="with the right chunk alone")).to_contain_text("right")
    expect(trials.filter(has_text="without any chunk")).to_contain_text("no answer, not right")
    page.get_by_role("button", name="Ask again with 2 chunks and compare").click()
    page.wait_for_url("**/compare?*second=*")
    expect(page.get_by_role("heading", name="The second is better")).to_be_visible()
    expect(page.get_by_test_id("reasons")).to_contain_text(SEA)


def test_whoever_opens_the_link_sees_the_diagnosis(visit: Callable[..., Visit]) -> None:
    link = explain_wrong(visit()).url
    page = visit(width=390).page
    page.goto(link)
    expect(page.get_by_text("Verified repair: with 2 chunks, it answers", exact=False)).to_be_visible(timeout=60_000)
    expect(page.get_by_label("Right answer", exact=True)).to_have_value(SEA)


def test_diagnosing_without_a_right_answer_says_what_to_do(visit: Callable[..., Visit]) -> None:
    page = visit(width=390).explain(LANDING, "/ask?top_k=1")
    page.get_by_role("button", name="Diagnose").click()
    expect(page.get_by_role("alert")).to_contain_text("Type the right answer")
    expect(page.get_by_text("What was tried")).to_be_hidden()


def test_ten_answers_are_drawn_and_the_panels_without_a_figure_say_why(visit: Callable[..., Visit]) -> None:
    page = visit().explain(LANDING)
    page.get_by_role("tab", name="How sure was it?").click()
    page.get_by_role("button", name="Draw 10 answers").click()
    drawn = page.get_by_test_id("drawn").locator("tbody tr")
    expect(drawn.first).to_be_visible()
    assert sum(int(times) for times in drawn.locator("td:nth-of-type(1)").all_inner_texts()) == 10
    figures = page.get_by_test_id("figures").filter(has_text="Self-consistency")
    expect(figures).to_contain_text("Share of 10 drawn answers")
    expect(figures).to_contain_text("Semantic entropy")
    page.get_by_role("tab", name="Do the chunks say it?").click()
    expect(page.get_by_test_id("grounded")).to_contain_text("supported")
    expect(page.get_by_role("tab", name="Inside the model")).to_have_count(0)
    page.get_by_role("tab", name="Details").click()
    expect(page.get_by_text("The backend local/embedded cannot be looked into", exact=False)).to_be_visible()


def test_the_report_needs_no_raglass_fits_a_phone_and_prints_on_two_pages(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    window = visit()
    explain_wrong(window)
    report = window.saved("Download report")
    assert "<script" not in report
    file = tmp_path / "report.html"
    file.write_text(report, "utf-8")
    reader = visit(width=390)
    reader.page.goto(file.as_uri())
    for words in (LANDING, "Not found", "The answer stands on chunk 1", "Against as many random chunks"):
        expect(reader.page.get_by_text(words, exact=False).first).to_be_visible()
    wide, shown = reader.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= shown
    assert reader.requests == [file.as_uri()]
    assert len(PdfDocument(reader.page.pdf(format="A4"))) <= 2

"""Documents of one's own: sent, followed in a folder, stopped, looked at and removed, in a real browser."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.app.shell.shells import shell
from tests.browser.conftest import rest
from tests.served_dashboard import Dashboard, start


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard with data of its own."""
    data = tmp_path / "data"
    data.mkdir()
    process, running = start(data)
    yield running
    process.terminate()
    process.wait(30)


def send(page: Page, *files: Path) -> None:
    """Choose files and press the button; the estimate stands there by then."""
    rest(page)
    page.locator("input[type=file]").set_input_files(list(files))
    expect(page.get_by_text(f"for {len(files)} file", exact=False)).to_be_visible()
    page.get_by_role("button", name="Add and index").click()


def row(page: Page, words: str) -> object:
    """The row of what needs a look, or of a source, that holds these words."""
    return page.locator("[class*=st-key-row-]").filter(has_text=words)


def test_of_a_word_document_and_a_half_scanned_pdf_what_could_not_be_read_is_said(visit, tmp_path: Path):
    docx = pytest.importorskip("docx")
    word = docx.Document()
    word.add_heading("Moorings", 1)
    word.add_paragraph("The barge Ottoline is moored at the quay of Wexmere.")
    word.save(str(tmp_path / "moorings.docx"))
    scan = Canvas(str(tmp_path / "scan.pdf"))
    scan.drawString(72, 720, "The ferry Calliope leaves the pier of Dunmarrow at noon.")
    scan.showPage()
    image = pytest.importorskip("PIL.Image").new("RGB", (600, 800), "grey")
    scan.drawImage(ImageReader(image), 0, 0, 600, 800)
    scan.save()
    window = visit()
    page = window.go("/corpus")
    send(page, tmp_path / "moorings.docx", tmp_path / "scan.pdf")
    expect(page.get_by_text("2 new", exact=False)).to_be_visible()
    if shutil.which("tesseract") is None:
        expect(row(page, "1 of 2 pages").get_by_role("link", name="scan")).to_be_visible()
        expect(row(page, "1 of 2 pages")).to_contain_text("tesseract")
    window.go()
    window.ask("Where is the barge Ottoline moored?")
    expect(page.get_by_test_id("answer")).to_contain_text("Wexmere")


def test_after_a_stop_what_is_pending_is_listed_and_can_be_removed(visit, tmp_path: Path):
    lines = (f"Entry {n}: the warden of Quorvale counted {n * 7 + 3} lanterns on the bridge." for n in range(2_000))
    (tmp_path / "ledger.txt").write_text("\n\n".join(lines))
    page = visit().go("/corpus")
    send(page, tmp_path / "ledger.txt")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. The previous index is in place", exact=False)).to_be_visible()
    expect(page.get_by_text(re.compile("Needs a look: 1 (pending|waiting)"))).to_be_visible()
    expect(page.get_by_text(re.compile("Index now takes .* for 1 (document|file)"))).to_be_visible()
    row(page, "ledger").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(row(page, "ledger")).to_have_count(0)
    expect(page.get_by_text("Needs a look", exact=False)).to_have_count(0)


def test_of_two_files_of_one_name_one_is_replaced_or_both_are_kept(visit, tmp_path: Path):
    for name, text in (("one", "The first bell of Ellerby rings at six."), ("two", "The second bell rings at nine.")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(text)
    page = visit().go("/corpus")
    send(page, tmp_path / "one" / "README.md")
    expect(page.get_by_text("; built in", exact=False)).to_be_visible()
    rest(page)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("; built in", exact=False)).to_have_count(0)
    rest(page)
    page.locator("input[type=file]").set_input_files(tmp_path / "two" / "README.md")
    expect(page.get_by_text("README.md is there already, with other content.")).to_be_visible()
    expect(page.get_by_text("There is “README”, 39 characters", exact=False)).to_be_visible()
    expect(page.get_by_role("button", name="Add and index")).to_be_disabled()
    page.get_by_text("Keep both").click()
    page.get_by_role("button", name="Add and index").click()
    expect(page.get_by_text("; built in", exact=False)).to_be_visible()
    rest(page)
    page.get_by_label("Search titles and file names").fill("readme")
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="README.md", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name="README.md (2)", exact=True)).to_be_visible()


def test_a_followed_folder_is_read_again_and_removed(visit, dashboard: Dashboard, tmp_path: Path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "policy.md").write_text("Dogs may enter the office of Quorvale.")
    (folder / "pump.md").write_text("The pump of Brindlemoor is reset with the red key.")
    done = shell("index", str(folder), RAGLASS_DATA_DIR=str(dashboard.data_dir))
    assert done.returncode == 0, done.stderr
    (folder / "policy.md").unlink()
    page = visit(390, 844).go("/corpus")
    page.get_by_text("1 folder or file followed").click()
    expect(row(page, str(folder))).to_contain_text("2 files, 2 documents")
    row(page, str(folder)).get_by_role("button", name="Read again").click()
    expect(page.get_by_text("1 gone (policy.md), 1 unchanged")).to_be_visible()
    expect(row(page, str(folder))).to_contain_text("1 file, 1 document")
    overflow = page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
    assert overflow <= 0
    row(page, str(folder)).get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("Documents were added or removed since the index was built.")).to_be_visible()
    expect(row(page, str(folder))).to_have_count(0)

"""PDFs as files: titles, places, passwords, and every way in which a file is bad or means ill."""

import io
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from backends.local.documents import Place
from backends.local.documents.pdf import document as pdf_document
from pipeline.errors import InputError
from tests.documents.pdf.drawing import FONT, PROSE, Pen, assembled, drawn, one_page, read, stream, texts


def sheet(title: str | None = None, text: str = "Some text.") -> bytes:
    return drawn(lambda pen: pen.text(60, 80, text), title=title)


def refusal(data: bytes) -> str:
    """The message with which a file is refused; it always names the file."""
    with pytest.raises(InputError) as caught:
        read(data, "sheet.pdf")
    assert "sheet.pdf" in str(caught.value)
    return str(caught.value)


def locked(user_password: str) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=StandardEncryption(user_password, ownerPassword="owner", strength=128))
    canvas.drawString(60, 700, "The vault code is on the moon.")
    canvas.save()
    return buffer.getvalue()


def test_the_title_is_that_of_the_metadata() -> None:
    assert read(sheet("Valley chronicle")).title == "Valley chronicle"


@pytest.mark.parametrize("title", [None, "Microsoft Word - x.doc", "report_final.indd", "untitled", "Untitled-3", "  "])
def test_a_title_that_a_program_put_there_is_none(title: str | None) -> None:
    assert read(sheet(title), "Plan B.pdf").title == "Plan B"


def test_the_largest_heading_of_the_first_page_is_the_title_where_the_metadata_has_none() -> None:
    def draw(pen: Pen) -> None:
        pen.lines(60, 100, ["Safety of pumps", "and valves"], size=22)
        pen.text(60, 170, "1 Scope", size=14)
        pen.prose(60, 200, PROSE)

    document = read(drawn(draw))
    assert document.title == "Safety of pumps and valves"
    assert document.parts[-1].section == ("1 Scope",)


def test_every_part_has_its_page() -> None:
    pages = [partial(Pen.text, x=60, y=80, text=f"This is what page {word} says.") for word in ("one", "two")]
    assert [part.place for part in read(drawn(*pages)).parts] == [Place("page", 1), Place("page", 2)]


def test_ligatures_are_letters() -> None:
    content = b"BT /F1 12 Tf 60 700 Td <01020308> Tj ET"
    mapping = stream(
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange "
        b"4 beginbfchar <01> <006f> <02> <FB03> <03> <0063> <08> <0065> endbfchar endcmap"
    )
    font = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 5 0 R >> >>"
    assert texts(one_page(content, font, mapping)) == ["office"]


def test_a_pdf_that_only_restricts_printing_is_read() -> None:
    assert read(locked("")).text == "The vault code is on the moon."


def test_an_encrypted_pdf_asks_for_one_without_password() -> None:
    assert "save or print it as a PDF without one" in refusal(locked("hush"))


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnonsense", sheet()[:300]])
def test_a_broken_pdf_is_refused(data: bytes) -> None:
    assert "broken" in refusal(data)


def test_a_blank_pdf_is_refused() -> None:
    assert "1 page but no text" in refusal(drawn(lambda _: None))


def test_a_page_that_is_repeated_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_document, "MAX_TEXT_CHARS", 5_000)
    kids = b" ".join([b"3 0 R"] * 300)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << %s >> >>" % FONT
    text = stream(b"BT /F1 12 Tf 60 700 Td (The same words once more.) Tj ET")
    data = assembled(b"<< /Type /Pages /Kids [%s] /Count 300 >>" % kids, page, text)
    assert "unpacks to far more" in refusal(data)


def test_a_pdf_of_too_many_pages_is_refused() -> None:
    data = assembled(b"<< /Type /Pages /Kids [3 0 R] /Count 100000 >>", b"<< /Type /Page /Parent 2 0 R >>")
    assert "100,000 pages" in refusal(data)


@pytest.mark.slow
def test_a_page_of_blanks_without_end_holds_no_text() -> None:
    assert "no text" in refusal(one_page(b" " * 20_000_000))


def test_a_form_that_draws_itself_comes_to_an_end() -> None:
    content = b"BT /F1 12 Tf 60 700 Td (Outside.) Tj ET /X Do"
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << %s /XObject << /X 5 0 R >> >>" % FONT
    inner = stream(b"BT /F1 12 Tf 60 600 Td (Inside.) Tj ET /X Do", form)
    assert texts(one_page(content, FONT + b" /XObject << /X 5 0 R >>", inner))[0] == "Outside."


def test_a_page_tree_that_runs_in_a_circle_comes_to_an_end() -> None:
    refusal(assembled(b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 4 >>"))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 900), st.binary(min_size=1, max_size=12))
@pytest.mark.slow
def test_a_damaged_pdf_raises_nothing_but_an_input_error(position: int, damage: bytes) -> None:
    data = bytearray(sheet(text="Some text that was whole once."))
    data[position : position + len(damage)] = damage
    try:
        told = read(bytes(data)).text
    except InputError as error:
        told = str(error)
    assert told

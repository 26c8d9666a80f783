"""PDF to title and paragraphs, and every way in which a PDF is bad. The files are made by reportlab and pypdf."""

import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from backends.local.documents import Document
from pipeline.errors import InputError
from tests.documents.one import read_document

LIMIT = 10_000_000


def read(name: str, data: bytes | str) -> Document:
    return read_document(name, data.encode() if isinstance(data, str) else data, max_bytes=LIMIT)


def refusal(name: str, data: bytes | str) -> str:
    """The message with which a file is refused; it always names the file."""
    with pytest.raises(InputError) as caught:
        read(name, data)
    assert name in str(caught.value)
    return str(caught.value)


def pdf_of(*pages: list[str], title: str | None = None) -> bytes:
    """A PDF with the given lines on each page; a blank line moves down without drawing."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    if title is not None:
        canvas.setTitle(title)
    for lines in pages:
        text = canvas.beginText(60, 780)
        for line in lines:
            text.textLine(line)
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def picture_pdf() -> bytes:
    """A page with a drawing and no text, as a scanner makes it."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.rect(100, 100, 300, 300, fill=1)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def encrypted_pdf(user_password: str) -> bytes:
    """A PDF that needs `user_password` to be opened, encrypted with AES-256."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_of(["The vault code is on the moon."]))))
    writer.encrypt(user_password=user_password, owner_password="owner", algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def bomb_pdf(unpacked_bytes: int) -> bytes:
    """A PDF whose only page unpacks to `unpacked_bytes`."""
    stream = zlib.compress(b" " * unpacked_bytes, 9)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(stream) + stream + b"\nendstream",
    ]
    body, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        body
        + b"xref\n0 5\n0000000000 65535 f \n"
        + table
        + b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(body)
    )


def test_a_pdf_gives_its_title_and_its_paragraphs_in_page_order() -> None:
    data = pdf_of(
        [
            "The harvest",
            "The harvest of that year was the best that anyone in the valley",
            "could remember, and the barns were full.",
            "Winter came late, and the people of the valley had more than enough",
            "to eat",
        ],
        ["until the following spring, when the river rose over its banks again."],
        title="Valley chronicle",
    )
    document = read("scan0001.pdf", data)
    assert document.title == "Valley chronicle"
    assert document.text == (
        "The harvest\nThe harvest of that year was the best that anyone in the valley could remember, and the barns "
        "were full.\n\nWinter came late, and the people of the valley had more than enough to eat until the following "
        "spring, when the river rose over its banks again."
    )


def test_a_pdf_without_a_real_title_is_named_after_its_file() -> None:
    assert read("Plan B.pdf", pdf_of(["Text."])).title == "Plan B"  # reportlab writes the title `untitled`.
    assert read("Plan C.pdf", pdf_of(["Text."], title="Microsoft Word - x.doc")).title == "Plan C"


def test_words_broken_at_line_ends_are_mended() -> None:
    lines = [
        "The committee collected all of the infor-",
        "mation about well-known authors and the well-",
        "known books that they had written in the Anglo-",
        "Saxon tongue.",
    ]
    assert read("a.pdf", pdf_of(lines)).text == (
        "The committee collected all of the information about well-known authors and the well-known books that they "
        "had written in the Anglo-Saxon tongue."
    )


def test_page_numbers_and_running_headers_are_left_out() -> None:
    pages = [[f"Annals, volume {n}", f"This is what page number {'abcde'[n]} says.", str(n)] for n in range(5)]
    text = read("a.pdf", pdf_of(*pages)).text
    assert "Annals" not in text
    assert text.startswith("This is what page number a says.")
    assert not any(character.isdigit() for character in text)


def test_a_number_that_is_no_page_number_is_kept() -> None:
    assert read("a.pdf", pdf_of(["42"])).text == "42"
    pages = [["The total of the year, as far as anyone can tell, was this:", total] for total in ("1984", "77", "3")]
    assert "1984" in read("b.pdf", pdf_of(*pages)).text


def test_a_pdf_that_only_restricts_printing_is_read() -> None:
    assert read("open.pdf", encrypted_pdf("")).text == "The vault code is on the moon."


def test_a_scanned_pdf_asks_for_text_recognition() -> None:
    assert "OCR" in refusal("scan.pdf", picture_pdf())


def test_an_encrypted_pdf_asks_for_one_without_password() -> None:
    assert "save or print it as a PDF without one" in refusal("secret.pdf", encrypted_pdf("hush"))


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnonsense", pdf_of(["Some text."])[:300]])
def test_a_broken_pdf_is_refused(data: bytes) -> None:
    assert "broken" in refusal("torn.pdf", data)


def test_a_pdf_that_unpacks_without_end_is_refused() -> None:
    data = bomb_pdf(60_000_000)
    assert len(data) < 100_000
    assert "unpacks to far more" in refusal("bomb.pdf", data)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 900), st.binary(min_size=1, max_size=12))
def test_a_damaged_pdf_raises_nothing_but_an_input_error(position: int, damage: bytes) -> None:
    data = bytearray(pdf_of(["Some text that was whole once."]))
    data[position : position + len(damage)] = damage
    try:
        told = read("torn.pdf", bytes(data)).text
    except InputError as error:
        told = str(error)
    assert told

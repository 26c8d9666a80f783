"""Pages that are pictures, with tesseract and without: a program of the same name stands for it."""

import os
import stat
from pathlib import Path

import pytest
from reportlab.lib.utils import ImageReader

from backends.local.documents import Place
from backends.local.documents.pdf import recognition
from pipeline.errors import InputError
from tests.documents.pdf.drawing import Pen, drawn, one_page, read

HEAD = "level\\tpage_num\\tblock_num\\tpar_num\\tline_num\\tword_num\\tleft\\ttop\\twidth\\theight\\tconf\\ttext\\n"
"""Of tesseract's table, as its manual gives it."""


def scan(pen: Pen) -> None:
    """A page that one picture covers."""
    from PIL import Image

    pen.canvas.drawImage(ImageReader(Image.new("L", (60, 80), 200)), 0, 0, 595, 842)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str | None) -> None:
    """Make `script`, in sh, the only tesseract; None: that there is none."""
    folder.mkdir()
    if script is not None:
        program = folder / "tesseract"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder) if script is None else f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def words(*told: str) -> str:
    """A program that finds words on one line, each 100 pixels further right."""
    rows = "".join(
        f"5\\t1\\t1\\t1\\t1\\t{n}\\t{100 * n}\\t300\\t90\\t30\\t95.0\\t{word}\\n" for n, word in enumerate(told, 1)
    )
    return f"cat > /dev/null; printf '{HEAD}{rows}'"


MIXED = drawn(lambda pen: pen.text(60, 80, "Lease agreement, cover page. The tenant is Orrin Pell."), *[scan] * 4)


def test_pages_that_are_pictures_are_told_of_where_tesseract_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", monkeypatch, None)
    document = read(MIXED)
    assert document.text == "Lease agreement, cover page. The tenant is Orrin Pell."
    assert document.doubts == ("4 of 5 pages are pictures: install tesseract to read them.",)


def test_a_file_of_pictures_alone_is_refused_where_tesseract_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", monkeypatch, None)
    with pytest.raises(InputError, match="3 of 3 pages are pictures: install tesseract to read them"):
        read(drawn(scan, scan, scan))


@pytest.mark.slow
def test_pictures_are_read_by_tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin", monkeypatch, words("The", "deposit", "is", "900", "euros."))
    document = read(MIXED)
    assert document.text.count("The deposit is 900 euros.") == 4
    assert [part.place for part in document.parts] == [Place("page", number) for number in range(1, 6)]
    assert document.doubts == (
        "4 of 5 pages are pictures that tesseract read: check names and numbers against the pages.",
    )


@pytest.mark.parametrize("script", ["cat > /dev/null; exit 1", "cat > /dev/null; sleep 5"])
def test_a_tesseract_that_fails_costs_only_its_page(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", monkeypatch, script)
    monkeypatch.setattr(recognition, "PAGE_SECONDS", 0.2)
    document = read(drawn(lambda pen: pen.text(60, 80, "The cover can be read."), scan))
    assert document.text == "The cover can be read."
    assert "1 of 2 pages is a picture: tesseract could not read" in document.doubts[0]


def test_a_blank_page_is_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin", monkeypatch, None)
    assert read(drawn(lambda pen: pen.text(60, 80, "Text."), lambda _: None)).doubts == ()


def test_a_page_with_text_and_a_picture_is_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin", monkeypatch, None)

    def both(pen: Pen) -> None:
        scan(pen)
        pen.text(60, 80, "What was recognised before stands behind the picture.")

    assert read(drawn(both)).doubts == ()


def garbled() -> bytes:
    """A page whose font numbers its letters and does not say which they are (no ToUnicode, ISO 32000-1, 9.10.2)."""
    codes = "".join(
        f"{ord(letter) - 29:04x}" for letter in "The committee approved the plan of the harbour board in May"
    )
    font = (
        b"/Font << /F1 << /Type /Font /Subtype /Type0 /BaseFont /AAAAAA+Own /Encoding /Identity-H /DescendantFonts "
        b"[<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AAAAAA+Own /CIDSystemInfo << /Registry (Adobe) /Ordering "
        b"(Identity) /Supplement 0 >> /FontDescriptor << /Type /FontDescriptor /FontName /AAAAAA+Own /Flags 4 >> >>] >> >>"
    )
    return one_page(b"BT /F1 12 Tf 60 700 Td <" + codes.encode() + b"> Tj ET", font)


def test_letters_that_the_file_does_not_name_are_not_taken_for_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", monkeypatch, None)
    with pytest.raises(InputError, match="letters that the file does not name: install tesseract to read it"):
        read(garbled())


def test_letters_that_the_file_does_not_name_are_read_by_tesseract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", monkeypatch, words("The", "committee", "approved", "it."))
    assert read(garbled()).text == "The committee approved it."

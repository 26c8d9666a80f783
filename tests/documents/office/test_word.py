"""Word files to blocks."""

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE

from pipeline.errors import InputError
from tests.documents.office_files import saved, zipped
from tests.documents.one import read_document

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def with_body(body: str, notes: str = "") -> bytes:
    """A Word file with this XML as its body, and these footnotes."""
    empty = saved(docx.Document())
    names = f'xmlns:w="{W}" xmlns:v="urn:schemas-microsoft-com:vml"'
    files = {"word/document.xml": f"<w:document {names}><w:body>{body}</w:body></w:document>"}
    if notes:
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
        files["word/_rels/document.xml.rels"] = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{kind}" Target="footnotes.xml"/></Relationships>'
        )
        files["word/footnotes.xml"] = f"<w:footnotes {names}>{notes}</w:footnotes>"
    return zipped(files, like=empty)


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


@pytest.mark.slow
def test_headings_lists_and_tables_are_what_they_are_and_the_title_is_the_documents() -> None:
    made = docx.Document()
    made.add_paragraph("Pump manual", "Title")
    made.add_heading("Use", 1)
    made.add_paragraph("press the key", "List Bullet")
    made.add_heading("Fares", 2)
    table = made.add_table(2, 2)
    for cell, text in zip(table._cells, ("Route", "Adult", "Skye", "14.20"), strict=True):
        cell.text = text
    document = read_document("a.docx", saved(made))
    assert document.title == "Pump manual"
    assert [(document.text[part.start : part.end], part.kind, part.section) for part in document.parts] == [
        ("Use", "heading", ("Use",)),
        ("press the key", "item", ("Use",)),
        ("Fares", "heading", ("Use", "Fares")),
        ("Route: Skye; Adult: 14.20", "row", ("Use", "Fares")),
    ]


@pytest.mark.slow
def test_the_title_of_the_properties_comes_first_and_one_that_a_program_made_up_is_none() -> None:
    made = docx.Document()
    made.add_paragraph("Text.")
    made.core_properties.title = "Word Document"
    assert read_document("letter.docx", saved(made)).title == "letter"
    made.core_properties.title = "Annual letter"
    assert read_document("letter.docx", saved(made)).title == "Annual letter"


@pytest.mark.slow
def test_a_style_of_ones_own_that_is_based_on_a_heading_is_a_heading() -> None:
    made = docx.Document()
    style = made.styles.add_style("Chapter's name", WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = made.styles["Heading 2"]
    made.add_paragraph("Manual", "Title")
    made.add_paragraph("Pipes", style)
    made.add_paragraph("They leak.")
    assert [part.kind for part in read_document("a.docx", saved(made)).parts] == ["heading", "text"]


@pytest.mark.slow
def test_superscripts_are_no_digits_of_a_number() -> None:
    made = docx.Document()
    made.add_paragraph("It holds 2").add_run("30").font.superscript = True
    assert read_document("a.docx", saved(made)).text == "It holds 2^30"


@pytest.mark.slow
def test_a_footnote_stands_behind_its_paragraph_with_its_mark() -> None:
    body = f'<w:p>{run("The pump is red")}<w:r><w:footnoteReference w:id="2"/></w:r>{run(". It runs.")}</w:p><w:p>{run("Next.")}</w:p>'
    notes = f'<w:footnote w:id="2"><w:p>{run("Since 1990.")}</w:p></w:footnote>'
    assert (
        read_document("a.docx", with_body(body, notes)).text
        == "The pump is red [1]. It runs.\n\n[1] Since 1990.\n\nNext."
    )


@pytest.mark.slow
def test_deleted_text_goes_and_inserted_text_and_text_boxes_stay() -> None:
    deleted = '<w:del w:id="1"><w:r><w:delText>never </w:delText></w:r></w:del>'
    inserted = f'<w:ins w:id="2">{run("always ")}</w:ins>'
    boxed = f"<w:txbxContent><w:p>{run('In a box.')}</w:p></w:txbxContent>"
    box = f"<w:r><w:pict><v:shape><v:textbox>{boxed}</v:textbox></v:shape></w:pict></w:r>"
    body = f"<w:p>{run('It ')}{deleted}{inserted}{run('runs.')}{box}</w:p>"
    assert read_document("a.docx", with_body(body)).text == "It always runs.\n\nIn a box."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (OLE, "save it as .docx"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"<html>Please log in", "is no .docx file but a web page"),
        (b"PK\x03\x04 and no more", "is broken"),
        (zipped({"a.txt": "no Word file"}), "is broken"),
        (zipped({"word/media/image.bmp": bytes(60_000_000)}), "unpacks to more than 500 times its size"),
    ],
    ids=["old", "locked", "page", "cut", "other archive", "bomb"],
)
def test_what_is_no_word_file_is_refused_with_what_to_do(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_document("a.docx", data)


@pytest.mark.slow
def test_a_header_of_two_rows_names_each_half_of_a_merged_cell() -> None:
    document = docx.Document()
    rows = [
        ["Role", "May approve", ""],
        ["", "Home", "Abroad"],
        ["Lead", "5 NOK", "2 NOK"],
        ["Head", "40 NOK", "25 NOK"],
    ]
    table = document.add_table(rows=4, cols=3)
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(0, 0).merge(table.cell(1, 0))
    assert (
        read_document("a.docx", saved(document)).text.split("\n")[0]
        == "Role: Lead; May approve, Home: 5 NOK; May approve, Abroad: 2 NOK"
    )


def numbered(levels: str, nums: str, items: list[tuple[int, int, str]]) -> bytes:
    """A Word file with a list of these levels, and items of (list, level, text)."""
    body = "".join(
        f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{num}"/></w:numPr></w:pPr>{run(text)}</w:p>'
        if num
        else f"<w:p>{run(text)}</w:p>"
        for num, level, text in items
    )
    numbering = (
        f'<w:numbering xmlns:w="{W}"><w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>{nums}</w:numbering>'
    )
    return zipped({"word/numbering.xml": numbering}, like=with_body(body))


def level(at: int, kind: str, text: str, start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'
    )


@pytest.mark.slow
def test_numbers_of_lists_go_on_behind_a_paragraph_and_begin_anew_where_the_file_says_so() -> None:
    levels = level(0, "decimal", "%1.", 3) + level(1, "lowerLetter", "%2)") + level(2, "bullet", "o")
    nums = """<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="0"/>
    <w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>"""
    items = [
        (1, 0, "Hold"),
        (1, 1, "red"),
        (1, 1, "blue"),
        (0, 0, "Then:"),
        (1, 0, "Press"),
        (1, 1, "new"),
        (1, 2, "dot"),
    ]
    text = read_document("a.docx", numbered(levels, nums, [*items, (2, 0, "Again")])).text
    assert text == "3. Hold\n\na) red\n\nb) blue\n\nThen:\n\n4. Press\n\na) new\n\ndot\n\n1. Again"


@pytest.mark.slow
def test_numbers_that_a_style_brings_and_those_of_outer_levels_are_kept() -> None:
    made = docx.Document()
    for text in ("Ask.", "Book."):
        made.add_paragraph(text, "List Number")
    made.add_paragraph("Done.", "List Bullet")
    assert read_document("a.docx", saved(made)).text == "1. Ask.\n\n2. Book.\n\nDone."
    levels = level(0, "upperRoman", "%1.") + level(1, "decimal", "%1.%2")
    nums = '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    outer = numbered(levels, nums, [(1, 0, "One"), (1, 0, "Two"), (1, 1, "Half")])
    assert read_document("b.docx", outer).text.endswith("II. Two\n\nII.1 Half")

"""Lines to paragraphs, headings, lists and code."""

import pytest
from reportlab.lib.utils import simpleSplit

from tests.documents.pdf.drawing import PROSE, Pen, drawn, read, texts


def lines(*told: str) -> bytes:
    return drawn(lambda pen: pen.lines(60, 80, told))


@pytest.mark.parametrize(
    ("head", "tail", "told"),
    [
        ("com-", "mittee", "committee"),
        ("Decem-", "ber", "December"),
        ("long-", "term", "long-term"),
        ("well-", "known", "well-known"),
        ("COVID-", "19", "COVID-19"),
        ("Anglo-", "Saxon", "Anglo-Saxon"),
        ("Mary-", "le-Bow", "Mary-le-Bow"),
        ("state-of-the-", "art", "state-of-the-art"),
        ("IEEE-", "based", "IEEE-based"),
        ("COM-", "MITTEE", "COMMITTEE"),
        ("com\u00ad", "mittee", "committee"),
        ("debhel-", "per", "debhelper"),
    ],
)
@pytest.mark.slow
def test_a_word_that_is_broken_between_lines_is_mended(head: str, tail: str, told: str) -> None:
    assert texts(lines(f"Those who came together spoke of the {head}", f"{tail} in this place.")) == [
        f"Those who came together spoke of the {told} in this place."
    ]


def test_a_word_is_mended_as_the_document_writes_it_elsewhere() -> None:
    told = texts(
        lines(
            "The run-time of it was long. Then they measured the run-",
            "time again, and the filename and the file-",
            "name too.",
        )
    )
    assert told == [
        "The run-time of it was long. Then they measured the run-time again, and the filename and the filename too."
    ]


def test_an_address_that_is_broken_behind_a_slash_is_whole() -> None:
    told = texts(
        lines("The licence is found in full at https://www.example.org/", "licences/gpl.html and may be copied.")
    )
    assert told == ["The licence is found in full at https://www.example.org/licences/gpl.html and may be copied."]


def test_a_sentence_goes_on_over_the_page_and_belongs_to_the_page_on_which_it_began() -> None:
    data = drawn(
        lambda pen: pen.text(60, 700, "The pipe was replaced by a wider one"),
        lambda pen: pen.text(60, 80, "in 1991 when it began to leak."),
    )
    document = read(data)
    assert document.text == "The pipe was replaced by a wider one in 1991 when it began to leak."
    assert [part.place and part.place.number for part in document.parts] == [1]


def test_paragraphs_that_only_an_indent_tells_apart_are_apart() -> None:
    first, second = PROSE, "Another began. " + PROSE

    def draw(pen: Pen) -> None:
        y = 80.0
        for text in (first, second):
            wrapped = simpleSplit("    " + text, "Helvetica", 11, 400)
            pen.text(74, y, wrapped[0].strip())
            y = pen.lines(60, y + 14.3, wrapped[1:])

    assert texts(drawn(draw)) == [first, second]


def test_a_short_line_that_ends_a_sentence_ends_the_paragraph() -> None:
    told = texts(
        lines(
            "The harvest of that year was the best that anyone could",
            "remember.",
            "Winter came late, and the people of the valley had more",
            "than enough to eat.",
        )
    )
    assert told == [
        "The harvest of that year was the best that anyone could remember.",
        "Winter came late, and the people of the valley had more than enough to eat.",
    ]


def test_the_lines_of_an_address_stay_lines() -> None:
    def draw(pen: Pen) -> None:
        pen.lines(60, 80, ["Marta Lind", "12 Harbour Road", "Port Ellis"])
        pen.prose(60, 160, PROSE)

    assert texts(drawn(draw)) == ["Marta Lind\n12 Harbour Road\nPort Ellis", PROSE]


def test_headings_are_told_by_size_and_have_levels() -> None:
    def draw(pen: Pen) -> None:
        for y, text, size in ((80, "Pumps", 20), (160, "Care", 15), (240, "Repair", 15), (320, "Valves", 20)):
            pen.text(60, y, text, size=size)
            pen.prose(60, y + 24, f"Of {text.lower()} it says: {PROSE[:100]}")

    document = read(drawn(draw, title="Handbook"))
    sections = [part.section for part in document.parts if part.kind == "text"]
    assert sections == [("Pumps",), ("Pumps", "Care"), ("Pumps", "Repair"), ("Valves",)]


def test_a_bold_line_is_a_heading_and_a_bold_word_is_none() -> None:
    def draw(pen: Pen) -> None:
        pen.text(60, 80, "Before you begin", font="Helvetica-Bold")
        pen.prose(60, 96, PROSE)
        pen.text(60, 180, "Warning.", font="Helvetica-Bold")
        pen.text(113, 180, "The lid is hot.")

    document = read(drawn(draw))
    assert [document.text[part.start : part.end] for part in document.parts if part.kind == "heading"] == [
        "Before you begin"
    ]
    assert document.text.endswith("Warning. The lid is hot.")


def test_headings_are_told_by_their_numbers() -> None:
    def draw(pen: Pen) -> None:
        pen.text(60, 80, "3 Access")
        pen.text(60, 110, "3.1 Keys")
        pen.prose(60, 140, "Keys are kept by the porter. " + PROSE)
        pen.text(60, 240, "3.2 Cards")
        pen.prose(60, 270, "Cards are issued at the gate. " + PROSE)

    document = read(drawn(draw))
    assert [part.section for part in document.parts if part.kind == "text"] == [
        ("3 Access", "3.1 Keys"),
        ("3 Access", "3.2 Cards"),
    ]


def test_headings_and_their_levels_are_told_by_the_outline() -> None:
    def draw(pen: Pen) -> None:
        for y, text, level in ((80, "Access", 0), (160, "Keys", 1), (240, "Cards", 1)):
            pen.canvas.bookmarkPage(text)
            pen.canvas.addOutlineEntry(text, text, level)
            pen.text(60, y, text)
            pen.prose(60, y + 20, PROSE)

    sections = [part.section for part in read(drawn(draw)).parts if part.kind == "text"]
    assert sections == [("Access",), ("Access", "Keys"), ("Access", "Cards")]


def test_the_first_line_of_a_slide_is_its_heading() -> None:
    pen = Pen(pagesize=(800, 450))
    for title, point in (("Costs", "Steel became dearer"), ("Dates", "The berth opens in May")):
        pen.text(40, 40, title, size=18)
        pen.text(60, 140, point, size=18)
        pen.turn()
    assert [part.section for part in read(pen.data()).parts if part.kind == "text"] == [("Costs",), ("Dates",)]


def test_items_of_lists_are_items() -> None:
    def draw(pen: Pen) -> None:
        pen.text(60, 80, "Bring:")
        pen.lines(
            70, 96, ["\u2022 a rope that is not older than five years and has", "  no knots in it", "\u2022 a torch"]
        )
        pen.lines(70, 150, ["1. Open the valve.", "2. Wait until the gauge shows 3 bar, then close", "    it again."])

    assert texts(drawn(draw), "item") == [
        "a rope that is not older than five years and has no knots in it",
        "a torch",
        "1. Open the valve.",
        "2. Wait until the gauge shows 3 bar, then close it again.",
    ]


def test_code_keeps_its_indentation_and_its_blank_lines() -> None:
    code = ["def reset(pump):", "    if pump.locked:", "        raise Locked(pump)", "", "    return pump"]

    def draw(pen: Pen) -> None:
        pen.prose(60, 80, PROSE + " Call it thus:")
        for row, line in enumerate(code):
            pen.text(70 + 6 * (len(line) - len(line.lstrip())), 160 + 13 * row, line.lstrip(), size=10, font="Courier")
        pen.prose(60, 250, "It returns the pump.")

    assert texts(drawn(draw), "code") == ["\n".join(code)]


def test_a_typewritten_letter_is_no_code() -> None:
    data = drawn(lambda pen: pen.prose(60, 80, PROSE, font="Courier"))
    assert [part.kind for part in read(data).parts] == ["text"]


def test_a_name_in_typewriter_letters_that_fills_a_line_is_part_of_its_sentence() -> None:
    def draw(pen: Pen) -> None:
        y = pen.prose(60, 80, PROSE, width=400)
        pen.text(60, y + 10, "Every package must come with a verbatim copy of its own licence, in")
        pen.text(60, y + 24, "/usr/share/doc/package/copyright", font="Courier", size=10)
        pen.text(60, y + 38, "where anyone can read it.")

    assert texts(drawn(draw), "code") == []

"""Footnotes: how their marks are written, and between what they stand."""

import pytest

from tests.documents.pdf.drawing import PROSE, Pen, drawn, read, texts

NOTE = "Excluding the plant, which was sold."


def marked(pen: Pen) -> None:
    """A page's text that refers to a note."""
    pen.prose(60, 80, PROSE)
    pen.raised(60, 160, ("It was paid for in full", False), ("1", True), (".", False))


@pytest.mark.parametrize("is_raised", [True, False])
def test_a_note_carries_its_mark_as_the_text_does(*, is_raised: bool) -> None:
    def draw(pen: Pen) -> None:
        marked(pen)
        if is_raised:
            pen.raised(60, 760, ("1", True), (NOTE, False), size=8)
        else:
            pen.text(60, 760, f"1 {NOTE}", size=8)

    assert texts(drawn(draw)) == [PROSE, "It was paid for in full [1].", f"[1] {NOTE}"]


def test_a_number_to_which_no_text_refers_is_no_mark() -> None:
    def draw(pen: Pen) -> None:
        marked(pen)
        pen.text(60, 760, "12 Harbour Street, open on weekdays", size=8)

    assert texts(drawn(draw))[-1] == "12 Harbour Street, open on weekdays"


def test_a_note_stands_before_the_heading_of_the_next_page() -> None:
    def first(pen: Pen) -> None:
        marked(pen)
        pen.text(60, 760, f"1 {NOTE}", size=8)

    def second(pen: Pen) -> None:
        pen.text(60, 80, "3 People", size=16)
        pen.prose(60, 120, PROSE)

    told = texts(drawn(first, second))
    assert told.index(f"[1] {NOTE}") == told.index("3 People") - 1


def test_a_note_stands_before_a_heading_that_ends_its_page() -> None:
    def first(pen: Pen) -> None:
        pen.text(60, 50, "2 Production", size=16)
        marked(pen)
        pen.text(60, 700, "3 People", size=16)
        pen.text(60, 760, f"1 {NOTE}", size=8)

    document = read(drawn(first, lambda pen: pen.prose(60, 120, PROSE), title="Report"))
    section = {document.text[part.start : part.end]: part.section for part in document.parts}
    assert section[f"[1] {NOTE}"] == ("2 Production",)


@pytest.mark.parametrize("caption_is_last", [True, False])
def test_a_note_stands_behind_a_table_that_goes_on_over_the_page(*, caption_is_last: bool) -> None:
    table = (("Rope", "Weight", "Loss"), ("8 mm", "6.1", "22"), ("14 mm", "9.6", "9"), ("20 mm", "8.8", "5"))

    def draw(pen: Pen, y: float, rows: tuple[tuple[str, ...], ...]) -> None:
        for number, cells in enumerate(rows):
            for x, cell in enumerate(cells):
                pen.text(60 + 100 * x, y + 16 * number, cell)

    def first(pen: Pen) -> None:
        marked(pen)
        pen.text(60, 640, "Table 1. Weight after 180 days.")
        if not caption_is_last:
            draw(pen, 670, table[:2])
        pen.text(60, 760, f"1 {NOTE}", size=8)

    def second(pen: Pen) -> None:
        draw(pen, 80, table if caption_is_last else table[2:])
        pen.prose(60, 200, PROSE)

    told = texts(drawn(first, second))
    rows = [number for number, text in enumerate(told) if " mm; " in text]
    assert len(rows) == 3
    assert told.index(f"[1] {NOTE}") > rows[-1]

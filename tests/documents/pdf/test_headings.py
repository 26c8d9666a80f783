"""How deep headings are."""

import pytest

from tests.documents.pdf.drawing import PROSE, Pen, drawn, read


def sections(*headings: tuple[str, float]) -> list[tuple[str, ...]]:
    """The sections of the texts below headings, each given with its size."""

    def draw(pen: Pen) -> None:
        y = 80.0
        for heading, size in headings:
            pen.text(60, y, heading, size=size, font="Helvetica-Bold")
            y = pen.prose(60, y + 26, PROSE) + 30

    document = read(drawn(draw, title="Kelp"))
    return [part.section for part in document.parts if part.kind == "text"]


@pytest.mark.parametrize("size", [14, 11])
def test_a_heading_without_a_number_is_no_parent_of_numbered_ones_that_look_alike(size: float) -> None:
    told = sections(("Abstract", size), ("1. Introduction", size), ("2. Methods", size), ("References", size))
    assert told == [("Abstract",), ("1. Introduction",), ("2. Methods",), ("References",)]


def test_a_numbered_subsection_that_looks_like_its_section_is_below_it() -> None:
    told = sections(("Abstract", 14), ("1. Methods", 14), ("1.1 Ropes", 14), ("Thanks", 14))
    assert told == [("Abstract",), ("1. Methods",), ("1. Methods", "1.1 Ropes"), ("Thanks",)]


def test_a_named_chapter_stays_above_the_numbered_sections_that_look_alike() -> None:
    told = sections(("Chapter 1", 14), ("1. Ropes", 14), ("Chapter 2", 14))
    assert told == [("Chapter 1",), ("Chapter 1", "1. Ropes"), ("Chapter 2",)]

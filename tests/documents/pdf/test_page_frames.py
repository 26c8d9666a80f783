"""What stands at the top of pages: headings that count up with them are text, running heads with their numbers are not."""

from collections.abc import Callable

import pytest

from tests.documents.pdf.drawing import PROSE, Pen, drawn, read

SECTIONS = ("The letter", "Production", "People", "Finances", "Outlook")


def headed(heading: Callable[[int], str], foot: str, *, size: float, font: str, top: float = 90) -> str:
    """The text of five pages, each with a line above its text and a foot."""

    def draw(number: int, pen: Pen) -> None:
        pen.text(60, top, heading(number), size=size, font=font)
        pen.prose(60, 120, PROSE.replace("harbour", SECTIONS[number]))
        pen.text(280, 805, foot.format(number + 1), size=9)

    pages = (lambda pen, number=number: draw(number, pen) for number in range(5))
    return read(drawn(*pages, title="Report")).text  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "font"), [(18, "Helvetica-Bold"), (16, "Helvetica"), (11, "Helvetica-Bold")])
@pytest.mark.parametrize("foot", ["Page {} of 12", "{}", ""])
@pytest.mark.parametrize("heading", ["{number} {name}", "{number}. {name}", "2.{number} {name}", "Chapter {number}"])
def test_headings_that_count_up_with_the_pages_are_kept(heading: str, foot: str, size: float, font: str) -> None:
    headings = [heading.format(number=number, name=name) for number, name in enumerate(SECTIONS, 1)]
    told = headed(lambda number: headings[number], foot, size=size, font=font).splitlines()
    assert [line for line in told if line in headings] == headings


def test_headings_whose_years_rise_are_kept() -> None:
    told = headed(lambda number: f"Results {2018 + number}", "", size=18, font="Helvetica-Bold")
    assert [told.count(f"Results {year}") for year in range(2018, 2023)] == [1] * 5


def test_headings_in_the_letters_of_the_text_are_kept_where_the_page_is_numbered_elsewhere() -> None:
    told = headed(lambda number: f"Chapter {number + 1}", "Page {}", size=11, font="Helvetica")
    assert [told.count(f"Chapter {number}") for number in range(1, 6)] == [1] * 5


def test_numbered_headings_of_which_no_two_are_alike_are_kept_in_the_letters_of_the_text() -> None:
    told = headed(lambda number: f"{number + 1} {SECTIONS[number]}", "", size=11, font="Helvetica")
    assert [told.count(f"{number} {name}") for number, name in enumerate(SECTIONS, 1)] == [1] * 5


@pytest.mark.parametrize(
    ("size", "font", "top"), [(9, "Helvetica", 40), (9, "Helvetica-Bold", 40), (11, "Helvetica", 70)]
)
@pytest.mark.parametrize("head", ["{} The board's annual report", "The board's annual report | {}"])
def test_a_running_head_with_the_pages_number_is_left_out(head: str, size: float, font: str, top: float) -> None:
    told = headed(lambda number: head.format(number + 41), "", size=size, font=font, top=top)
    assert "annual report" not in told


def test_a_bold_heading_where_other_pages_have_a_running_head_is_kept() -> None:
    def draw(number: int, pen: Pen) -> None:
        name, font = ("Closing words", "Helvetica-Bold") if number == 4 else ("The board", "Helvetica")
        pen.text(60, 80, name, font=font)
        pen.prose(60, 120, PROSE.replace("harbour", SECTIONS[number]))

    told = read(drawn(*(lambda pen, number=number: draw(number, pen) for number in range(5)))).text  # type: ignore[misc]
    assert "Closing words" in told
    assert "The board\n" not in told


def test_a_running_foot_that_names_its_page_is_left_out_beside_another_number() -> None:
    def draw(number: int, pen: Pen) -> None:
        pen.prose(60, 120, PROSE.replace("harbour", SECTIONS[number]))
        pen.text(60, 740, f"Herlein and others, expires in October [Page {number + 3}]")
        pen.text(280, 805, str(number + 41), size=9)

    told = read(drawn(*(lambda pen, number=number: draw(number, pen) for number in range(5)))).text  # type: ignore[misc]
    assert "Herlein" not in told

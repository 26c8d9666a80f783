"""Which first row of a table names its columns."""

import pytest

from tests.documents.pdf.drawing import Pen, drawn, read, texts

BODY = (("Revenue", "2,918", "3,304"), ("Profit before tax", "1,276", "1,715"))


def rows(*table: tuple[str, ...], bold: bool = False) -> list[str]:
    """The rows of a table, as they are told. bold: whether the first is."""

    def draw(pen: Pen) -> None:
        for y, cells in enumerate(table):
            for x, cell in enumerate(cells):
                pen.text(60 + 150 * x, 80 + 16 * y, cell, font="Helvetica-Bold" if bold and y == 0 else "Helvetica")

    return texts(drawn(draw), "row")


@pytest.mark.parametrize("years", [("2024", "2023"), ("1999", "2000"), ("2022/23", "2023/24"), ("2022–23", "2023–24")])
@pytest.mark.parametrize("corner", ["Item", ""])
def test_years_name_columns(corner: str, years: tuple[str, str]) -> None:
    item = f"{corner}: " if corner else ""
    assert rows((corner, *years), *BODY) == [
        f"{item}Revenue; {years[0]}: 2,918; {years[1]}: 3,304",
        f"{item}Profit before tax; {years[0]}: 1,276; {years[1]}: 1,715",
    ]


def test_years_beside_a_word_name_columns() -> None:
    told = rows(
        ("Item", "2024", "2023", "Change"), ("Revenue", "2,918", "3,304", "-12 %"), ("Staff", "612", "600", "2 %")
    )
    assert told[0] == "Item: Revenue; 2024: 2,918; 2023: 3,304; Change: -12 %"


@pytest.mark.parametrize(("corner", "bold"), [("", False), ("Depth (m)", True)])
def test_numbers_name_columns_in_bold_or_beside_an_empty_corner(corner: str, *, bold: bool) -> None:
    told = rows((corner, "5", "10"), ("Kelp", "12.1", "9.4"), ("Wrack", "3.0", "1.2"), bold=bold)
    kelp = "Kelp; 5: 12.1; 10: 9.4"
    assert told == [f"{corner}: {kelp}" if corner else kelp, told[1]]


@pytest.mark.parametrize(
    "first",
    [("Costs", "310", "295"), ("Founded", "1994", "1994"), ("Boats", "1,990", "2,001")],
)
def test_a_first_row_of_numbers_is_no_heading(first: tuple[str, str, str]) -> None:
    assert rows(first, *BODY)[0] == "; ".join(first)


def test_years_above_years_are_no_heading() -> None:
    assert rows(("Founded", "1884", "1902"), ("Closed", "1901", "1977"))[0] == "Founded; 1884; 1902"


def test_a_caption_stands_on_the_line_above_its_table() -> None:
    def draw(pen: Pen) -> None:
        pen.text(60, 80, "Table 2: Money in millions.")
        for y, cells in enumerate((("Item", "2024", "2023"), *BODY)):
            for x, cell in enumerate(cells):
                pen.text(60 + 150 * x, 110 + 16 * y, cell)

    assert read(drawn(draw)).text.startswith("Table 2: Money in millions.\nItem: Revenue; 2024: 2,918")

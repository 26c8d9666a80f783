"""Pages of two columns of which one is shorter, holds a table, or stands beside one."""

import pytest
from reportlab.lib.utils import simpleSplit

from tests.documents.pdf.drawing import PROSE, Pen, drawn, read, texts

NAMES = ("harbour", "river", "forest", "mountain", "meadow")
ROPES = (("Rope", "Weight", "Loss"), ("8 mm", "6.1 kg", "22 %"), ("14 mm", "9.6 kg", "9 %"), ("20 mm", "8.8 kg", "5 %"))
TOLD = [f"Rope: {rope}; Weight: {weight}; Loss: {loss}" for rope, weight, loss in ROPES[1:]]


def paragraphs(pen: Pen, x: float, y: float, names: tuple[str, ...]) -> float:
    """A column of paragraphs with space between them; where it ends."""
    for name in names:
        y = pen.prose(x, y, PROSE.replace("harbour", name), width=230, size=9) + 6
    return y


def table(pen: Pen, x: float, y: float) -> float:
    """A table of lines further apart than those of the text."""
    for row in ROPES:
        for column, cell in enumerate(row):
            pen.text(x + 60 * column, y, cell, size=8)
        y += 18
    return y


def prose(*names: str) -> list[str]:
    return [PROSE.replace("harbour", name) for name in names]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_longer_left_column_is_read_whole(count: int) -> None:
    right = ("island", "desert", "glacier", "orchard")[:count]

    def draw(pen: Pen) -> None:
        paragraphs(pen, 60, 80, NAMES)
        paragraphs(pen, 310, 86, right)

    assert texts(drawn(draw)) == prose(*NAMES, *right)


def test_a_table_at_the_foot_of_the_shorter_column_stands_in_it() -> None:
    def draw(pen: Pen) -> None:
        paragraphs(pen, 60, 80, NAMES)
        table(pen, 330, paragraphs(pen, 310, 80, ("island",)) + 12)

    assert texts(drawn(draw)) == [*prose(*NAMES, "island"), *TOLD]


def test_a_table_at_the_foot_of_the_longer_column_stands_in_it() -> None:
    def draw(pen: Pen) -> None:
        table(pen, 80, paragraphs(pen, 60, 80, NAMES) + 12)
        paragraphs(pen, 310, 84, ("island",))

    assert texts(drawn(draw)) == [*prose(*NAMES), *TOLD, *prose("island")]


@pytest.mark.parametrize("is_left", [True, False])
def test_a_table_by_itself_beside_a_column_of_text_is_a_column(*, is_left: bool) -> None:
    def draw(pen: Pen) -> None:
        if is_left:
            table(pen, 60, 83)
        paragraphs(pen, 310 if is_left else 60, 80, NAMES)
        if not is_left:
            table(pen, 310, 83)

    assert texts(drawn(draw)) == ([*TOLD, *prose(*NAMES)] if is_left else [*prose(*NAMES), *TOLD])


def test_a_heading_above_what_spans_the_page_is_no_part_of_the_longer_column() -> None:
    def draw(pen: Pen) -> None:
        y = paragraphs(pen, 60, 80, NAMES[:3])
        paragraphs(pen, 310, 80, ("island",))
        pen.text(60, y + 24, "Closing words", font="Helvetica-Bold", size=14)
        pen.prose(60, y + 48, PROSE.replace("harbour", "village"), size=9)

    told = read(drawn(draw)).text
    assert told.index("island") < told.index("Closing words") < told.index("village")


def test_a_short_heading_between_two_pairs_of_columns_stands_between_them() -> None:
    def draw(pen: Pen) -> None:
        for y, name in ((80, "upper"), (300, "lower")):
            for x, side in ((60, "left"), (310, "right")):
                pen.prose(x, y, PROSE.replace("harbour", f"{name} {side}"), width=230, size=9)
        pen.text(60, 270, "Second part", font="Helvetica-Bold")

    told = read(drawn(draw)).text
    order = ["upper left", "upper right", "Second part", "lower left", "lower right"]
    assert sorted(order, key=told.index) == order


@pytest.mark.parametrize("count", [1, 2])
def test_a_line_or_two_at_the_head_of_the_right_column_go_on_from_the_left_one(count: int) -> None:
    lines = simpleSplit(PROSE, "Helvetica", 9, 230)

    def draw(pen: Pen) -> None:
        y = paragraphs(pen, 60, 80, NAMES[1:])
        pen.lines(60, y, lines[:-count], size=9)
        pen.lines(310, 80, lines[-count:], size=9)

    assert texts(drawn(draw)) == [*prose(*NAMES[1:]), PROSE]

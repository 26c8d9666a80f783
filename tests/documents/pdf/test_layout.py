"""What stands where on a page: spaces, columns, tables, running lines, contents, footnotes."""

from collections.abc import Callable

import pytest
from reportlab.lib.utils import simpleSplit

from tests.documents.pdf.drawing import PROSE, Pen, drawn, read, texts

MONTHS = (
    "In April the mason came.",
    "In May the joiner came.",
    "In June the painter came.",
    "In July the owner came.",
    "In August all left.",
)


def columns(names: list[str], *, by_row: bool) -> bytes:
    """Columns of running text; by_row: drawn line by line over the page."""
    width = 480 / len(names) - 20
    lines = [simpleSplit(PROSE.replace("harbour", name), "Helvetica", 9, width) for name in names]
    places = [(column, row) for column in range(len(names)) for row in range(len(lines[column]))]

    def draw(pen: Pen) -> None:
        for column, row in sorted(places, key=lambda place: place[1] if by_row else 0):
            pen.text(60 + column * (width + 20), 80 + 12 * row, lines[column][row], size=9)

    return drawn(draw)


def with_margins(top: Callable[[int], str], bottom: Callable[[int], str], count: int) -> str:
    """The text of pages with running lines."""

    def draw(number: int, pen: Pen) -> None:
        pen.text(60, 30, top(number), size=9)
        pen.prose(60, 80, MONTHS[number])
        pen.text(290, 810, bottom(number), size=9)

    return read(drawn(*(lambda pen, number=number: draw(number, pen) for number in range(count)))).text  # type: ignore[misc]


def test_words_that_are_set_apart_without_a_space_are_apart() -> None:
    def draw(pen: Pen) -> None:
        for x, word in ((60, "until"), (86, "they"), (110, "are"), (130, "read")):
            pen.text(x, 80, word)

    assert texts(drawn(draw)) == ["until they are read"]


@pytest.mark.parametrize("by_row", [True, False])
@pytest.mark.parametrize("names", [["harbour", "river"], ["harbour", "river", "forest"]])
def test_columns_are_read_one_after_the_other(names: list[str], *, by_row: bool) -> None:
    assert texts(columns(names, by_row=by_row)) == [PROSE.replace("harbour", name) for name in names]


def test_what_spans_two_columns_stands_between_them() -> None:
    def draw(pen: Pen) -> None:
        for y, name in ((80, "upper"), (260, "lower")):
            for x, side in ((60, "left"), (310, "right")):
                pen.prose(x, y, PROSE.replace("harbour", f"{name} {side}"), width=230, size=9)
        pen.prose(
            60, 230, "A line between them goes from one edge of the page to the other, without regard for any column."
        )

    told = read(drawn(draw)).text
    order = ["upper left", "upper right", "A line between", "lower left", "lower right"]
    assert sorted(order, key=told.index) == order


def test_labels_and_values_stay_together() -> None:
    def draw(pen: Pen) -> None:
        for row, (label, value) in enumerate([("Name:", "Ingrid Solberg"), ("Weight", "4 kg"), ("Born in", "Bergen")]):
            pen.text(60, 80 + 16 * row, label)
            pen.text(200, 80 + 16 * row, value)

    assert texts(drawn(draw), "row") == ["Name: Ingrid Solberg", "Weight: 4 kg", "Born in: Bergen"]


def test_a_row_of_a_table_names_its_columns() -> None:
    def draw(pen: Pen) -> None:
        rows = [("Route", "Adult", "Child"), ("Skye", "14.20", "7.10"), ("Outer isles", "109.80", "54.90")]
        for y, cells in enumerate(rows):
            pen.text(60, 80 + 16 * y, cells[0])
            pen.text(300, 80 + 16 * y, cells[1], right=True)
            pen.text(400, 80 + 16 * y, cells[2], right=True)

    told = ["Route: Skye; Adult: 14.20; Child: 7.10", "Route: Outer isles; Adult: 109.80; Child: 54.90"]
    assert texts(drawn(draw), "row") == told


def test_a_cell_that_wraps_is_one_cell() -> None:
    def draw(pen: Pen) -> None:
        pen.text(60, 80, "Term", font="Helvetica-Bold")
        pen.text(160, 80, "Meaning", font="Helvetica-Bold")
        pen.text(60, 104, "Ballast")
        pen.lines(160, 104, ["Weight that is put low in a ship so that", "she stands up to her sails."])
        pen.text(60, 142, "Bilge")
        pen.lines(160, 142, ["The lowest place of the hull, in which", "water gathers."])

    assert texts(drawn(draw), "row") == [
        "Term: Ballast; Meaning: Weight that is put low in a ship so that she stands up to her sails.",
        "Term: Bilge; Meaning: The lowest place of the hull, in which water gathers.",
    ]


def test_leaders_between_a_name_and_its_price_go() -> None:
    def draw(pen: Pen) -> None:
        for row, (name, price) in enumerate([("Espresso", "3.80"), ("Scone", "3.10"), ("Tea", "2.20")]):
            pen.text(60, 80 + 18 * row, name)
            pen.text(370, 80 + 18 * row, "." * 60, right=True)
            pen.text(400, 80 + 18 * row, price, right=True)

    assert texts(drawn(draw), "row") == ["Espresso: 3.80", "Scone: 3.10", "Tea: 2.20"]


@pytest.mark.parametrize(
    "bottom",
    ["{}", "- {} -", "Page {}", "Page {} of 3", "{} / 3", "Seite {} von 3"],
)
def test_page_numbers_are_left_out(bottom: str) -> None:
    told = with_margins(lambda _: "Annals of the valley", lambda number: bottom.format(number + 1), 3)
    assert told == "\n\n".join(MONTHS[:3])


def test_roman_page_numbers_are_left_out() -> None:
    assert with_margins(lambda _: "Preface", lambda number: ("v", "vi", "vii")[number], 3) == "\n\n".join(MONTHS[:3])


def test_two_pages_are_enough_to_tell_a_running_head() -> None:
    told = with_margins(lambda _: "ACME Ltd.  Offer 2024-117", lambda _: "www.acme.example", 2)
    assert told == "\n\n".join(MONTHS[:2])


def test_a_running_head_that_changes_with_the_chapter_is_left_out() -> None:
    chapters = ("1 Boilers", "1 Boilers", "2 Pumps", "2 Pumps", "3 Valves")
    assert with_margins(lambda number: chapters[number], lambda number: str(number + 17), 5) == "\n\n".join(MONTHS)


def test_a_number_that_is_no_page_number_is_kept() -> None:
    assert read(drawn(lambda pen: pen.text(60, 80, "42"))).text == "42"
    told = with_margins(lambda _: "", lambda number: ("1984", "77", "3")[number], 3)
    assert told == "In April the mason came.\n\n1984\n\nIn May the joiner came.\n\n77\n\nIn June the painter came.\n\n3"


def test_a_line_that_two_pages_begin_with_is_kept_where_it_is_part_of_the_text() -> None:
    pages = [
        f"The parties agree that the {thing} is sold as seen and that no one may return it for any reason at all. "
        + PROSE
        for thing in ("boat", "boat")
    ]
    told = read(drawn(*(lambda pen, text=text: pen.prose(60, 80, text) for text in pages))).text  # type: ignore[misc]
    assert told.count("The parties agree") == 2


def test_the_only_line_of_pages_is_their_text() -> None:
    pages = [
        lambda pen, number=number: pen.text(60, 60, f"Page {number}: the deposit is 2350 euros.")
        for number in (1, 2, 3)
    ]
    assert read(drawn(*pages)).text.count("2350 euros") == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("leader", [" . . . . . . . . . . . . ", " ................... ", None])
def test_a_table_of_contents_is_left_out(leader: str | None) -> None:
    entries = [("1 Boilers", 3), ("1.1 Lighting", 4), ("2 Pumps", 7), ("3 Valves", 12)]

    def contents(pen: Pen) -> None:
        pen.text(60, 80, "Contents", size=18)
        for row, (name, page) in enumerate(entries):
            pen.text(60, 120 + 18 * row, f"{name}{leader or ''}")
            pen.text(500, 120 + 18 * row, str(page), right=True)

    assert read(drawn(contents, lambda pen: pen.prose(60, 80, PROSE))).text == PROSE


def test_a_footnote_stands_behind_the_sentence_that_goes_on_over_the_page() -> None:
    def first(pen: Pen) -> None:
        pen.prose(60, 80, PROSE)
        pen.raised(60, 160, ("The wall was built in 1884", False), ("3", True), (" of stones", False))
        pen.raised(60, 760, ("3", True), ("The year is given in the deed of the board,", False), size=8)
        pen.text(60, 771, "which was found in the chapel.", size=8)

    assert texts(drawn(first, lambda pen: pen.text(60, 80, "which the town had bought."))) == [
        PROSE,
        "The wall was built in 1884 [3] of stones which the town had bought.",
        "[3] The year is given in the deed of the board, which was found in the chapel.",
    ]


def test_small_print_that_is_no_footnote_stays_where_it_is() -> None:
    def draw(pen: Pen) -> None:
        pen.prose(60, 80, PROSE)
        pen.text(60, 400, "Photograph: Bo Karn.", size=8)

    assert texts(drawn(draw, lambda pen: pen.prose(60, 80, "What follows."))) == [
        PROSE,
        "Photograph: Bo Karn.",
        "What follows.",
    ]


@pytest.mark.parametrize(
    ("before", "raised", "told"),
    [
        ("2", "30", "2^30"),
        ("10", "-6", "10^-6"),
        ("40 m", "2", "40 m^2"),
        ("x", "2", "x^2"),
        ("the deed", "3", "the deed [3]"),
        ("in 1884", "12", "in 1884 [12]"),
        ("the end.", "4", "the end. [4]"),
        ("the 1", "st", "the 1st"),
    ],
)
def test_raised_letters_are_exponents_or_marks_by_what_they_follow(before: str, raised: str, told: str) -> None:
    def draw(pen: Pen) -> None:
        pen.raised(60, 80, (f"It says {before}", False), (raised, True), (" and goes on", False))

    assert texts(drawn(draw)) == [f"It says {told} and goes on"]


def test_text_along_the_edge_stands_behind_the_pages_text() -> None:
    def draw(pen: Pen) -> None:
        pen.canvas.saveState()
        pen.canvas.translate(30, 300)
        pen.canvas.rotate(90)
        pen.canvas.drawString(0, 0, "arXiv:2401.00001v1")
        pen.canvas.restoreState()
        pen.prose(60, 80, PROSE)

    assert texts(drawn(draw)) == [PROSE, "arXiv:2401.00001v1"]


def test_a_page_that_lies_on_its_side_is_read() -> None:
    def draw(pen: Pen) -> None:
        pen.canvas.rotate(90)
        for row, line in enumerate(simpleSplit(PROSE, "Helvetica", 11, 400)):
            pen.canvas.drawString(60, -100 - 14 * row, line)

    assert texts(drawn(draw)) == [PROSE]

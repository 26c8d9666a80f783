"""Presentations to blocks."""

import pptx
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from backends.local.documents import Place
from tests.documents.office_files import saved
from tests.documents.one import read_document

TITLE_AND_BODY, BLANK = 1, 6
"""Layouts of python-pptx's own template."""


def test_a_slide_has_its_number_its_title_its_bullets_and_its_notes() -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[TITLE_AND_BODY])
    slide.shapes.title.text = "How pumps\vwork"
    slide.placeholders[1].text = "Water comes in\nWater goes out"
    slide.notes_slide.notes_text_frame.text = "Show the valve."
    second = deck.slides.add_slide(deck.slide_layouts[TITLE_AND_BODY])
    second.shapes.title.text = "Care"
    second.placeholders[1].text = "Oil it."
    document = read_document("a.pptx", saved(deck))
    assert document.title == "How pumps work"
    assert [(document.text[part.start : part.end], part.kind, part.place, part.section) for part in document.parts] == [
        ("Water comes in", "item", Place("slide", 1), ()),
        ("Water goes out", "item", Place("slide", 1), ()),
        ("Notes: Show the valve.", "text", Place("slide", 1), ()),
        ("Care", "heading", Place("slide", 2), ("Care",)),
        ("Oil it.", "item", Place("slide", 2), ("Care",)),
    ]


def test_tables_have_their_columns_names_and_groups_are_read() -> None:
    deck = pptx.Presentation()
    shapes = deck.slides.add_slide(deck.slide_layouts[BLANK]).shapes
    table = shapes.add_table(2, 2, 0, 0, Inches(2), Inches(1)).table
    for at, text in enumerate(("Route", "Adult", "Skye", "14.20")):
        table.cell(at // 2, at % 2).text = text
    shapes.add_group_shape().shapes.add_textbox(0, 0, 1, 1).text_frame.text = "In a group"
    document = read_document("fares.pptx", saved(deck))
    assert document.text == "Slide 1\nRoute: Skye; Adult: 14.20\n\nIn a group"
    assert document.title == "fares"
    assert [part.kind for part in document.parts] == ["heading", "row", "text"]


def test_hidden_slides_are_left_out_and_told() -> None:
    deck = pptx.Presentation()
    for text in ("Shown", "Kept back"):
        deck.slides.add_slide(deck.slide_layouts[BLANK]).shapes.add_textbox(0, 0, 1, 1).text_frame.text = text
    deck.slides[1]._element.set("show", "0")
    document = read_document("a.pptx", saved(deck))
    assert document.text == "Slide 1\nShown"
    assert document.doubts == ("1 slide is hidden and was left out. Show it and save the file to have it read.",)


def test_a_chart_says_its_categories_and_values() -> None:
    deck = pptx.Presentation()
    data = CategoryChartData(number_format="0%")
    data.categories = ["Q1", "Q2", "Q3"]
    data.add_series("Ferry", (0.125, None, 0.5))
    data.add_series("Tug", (1, 2, 3), number_format="General")
    shapes = deck.slides.add_slide(deck.slide_layouts[BLANK]).shapes
    chart = shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(4), Inches(3), data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Fuel by quarter"
    points = XyChartData()
    points.add_series("Depth").add_data_point(1.5, 20)
    shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, 0, 0, Inches(4), Inches(3), points)
    document = read_document("a.pptx", saved(deck))
    assert document.text == (
        "Slide 1\nFuel by quarter\nFerry: Q1: 13%; Q3: 50%\n\nTug: Q1: 1; Q2: 2; Q3: 3\n\nDepth: 1.5: 20"
    )

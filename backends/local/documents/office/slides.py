"""Presentations (.pptx) to the text of their slides, in the order in which a screen reader reads it, each with its notes behind it."""

import io
from collections.abc import Iterable, Iterator

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.shapes.autoshape import Shape
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.slide import Slide
from pptx.text.text import TextFrame

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.office.charts import chart_blocks
from backends.local.documents.office.package import check_package, title_of
from backends.local.documents.tables.records import Faults, table_blocks
from backends.local.documents.text import one_line
from backends.local.documents.types import PartKind, Place

FURNITURE = frozenset({PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.HEADER})
"""Placeholders that say the same on every slide."""

LISTS = frozenset(
    {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY, PP_PLACEHOLDER.VERTICAL_OBJECT}
)
"""Placeholders whose paragraphs are bullets unless they say otherwise."""

MOST_LEVELS = 20
"""Of groups in groups; what lies deeper is left out."""

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def read(name: str, data: bytes) -> list[Reading]:
    """A presentation; every slide is a place and a section. The title is that of its properties, else the first slide's.

    Hidden slides are left out and told. Raises InputError as `check_package` does; whatever python-pptx raises if it is broken.
    """
    parts = check_package(name, data, ".pptx")
    blocks: list[Block] = []
    hidden = 0
    first = ""
    for number, slide in enumerate(Presentation(io.BytesIO(data)).slides, start=1):
        if slide._element.get("show") in ("0", "false"):
            hidden += 1
            continue
        body = list(_slide_blocks(slide, Place("slide", number)))
        if number == 1 and body and (own := slide.shapes.title) is not None:
            first = one_line(own.text_frame.text)
        blocks += body
    return [Reading(title_of(parts) or first, tuple(blocks), _doubts(hidden))]


def _doubts(hidden: int) -> tuple[str, ...]:
    if not hidden:
        return ()
    if hidden == 1:
        return ("1 slide is hidden and was left out. Show it and save the file to have it read.",)
    return (f"{hidden:,} slides are hidden and were left out. Show them and save the file to have them read.",)


def _slide_blocks(slide: Slide, place: Place) -> Iterator[Block]:
    """A slide below its title, or its number where it has none; nothing of one without text."""
    title = slide.shapes.title
    heading = one_line(title.text_frame.text) if title is not None else ""
    body = list(_shape_blocks((shape for shape in slide.shapes if shape != title), heading, place))
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if notes is not None and (said := one_line(notes.text)):
        body.append(Block(f"Notes: {said}", place=place))
    if body or heading:
        yield Block(heading or f"Slide {place.number}", "heading", place=place)
        yield from body


def _shape_blocks(shapes: Iterable[BaseShape], heading: str, place: Place, level: int = 1) -> Iterator[Block]:
    for shape in shapes:
        kind = shape.placeholder_format.type if shape.is_placeholder else None
        if kind in FURNITURE:
            continue
        if isinstance(shape, GroupShape):
            if level < MOST_LEVELS:
                yield from _shape_blocks(shape.shapes, heading, place, level + 1)
        elif isinstance(shape, GraphicFrame) and shape.has_table:
            rows = (
                (number, [one_line(cell.text) for cell in row.cells])
                for number, row in enumerate(shape.table.rows, start=1)
            )
            yield from table_blocks(rows, Faults(), place=lambda _: place, kind="row")
        elif isinstance(shape, GraphicFrame) and shape.has_chart:
            yield from chart_blocks(shape.chart._chartSpace, heading, place)
        elif isinstance(shape, Shape):
            yield from _text_blocks(shape.text_frame, place, listed=kind in LISTS)


def _text_blocks(frame: TextFrame, place: Place, *, listed: bool) -> Iterator[Block]:
    """Paragraphs; of a bullet's kind where the list or the paragraph itself says so."""
    for paragraph in frame.paragraphs:
        properties = paragraph._p.pPr
        plain = properties is not None and properties.find(f"{_A}buNone") is not None
        marked = properties is not None and any(
            properties.find(f"{_A}{mark}") is not None for mark in ("buChar", "buAutoNum")
        )
        kind: PartKind = "item" if marked or (listed and not plain) else "text"
        yield Block(paragraph.text, kind, place=place)

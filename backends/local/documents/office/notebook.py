"""Jupyter notebooks (nbformat 3 and 4) to text, code and what the code printed. Nothing is run."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.markup.markdown import read_markdown
from backends.local.documents.text import decode_file
from backends.local.documents.types import Place

MOST_OUTPUT_LINES = 20
"""Of a cell; a longer output is a log or a listing, and is left out."""


def read(name: str, data: bytes) -> list[Reading]:
    """A notebook; each cell is a place. The title is the first heading's, if it is of the first level.

    Raises ValueError if it is no notebook.
    """
    text, doubts = decode_file(name, data)
    notebook = json.loads(text)
    cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    blocks: list[Block] = []
    for number, cell in enumerate(cells, start=1):
        blocks += (replace(block, place=Place("cell", number)) for block in _blocks(cell))
    heading = next((block for block in blocks if block.kind == "heading"), None)
    title = notebook.get("metadata", {}).get("title") or (heading.text if heading and heading.level == 1 else "")
    return [Reading(str(title), tuple(blocks), doubts)]


def _blocks(cell: dict[str, Any]) -> Iterator[Block]:
    source = _text(cell.get("source", cell.get("input", "")))
    match cell.get("cell_type"):
        case "markdown":
            yield from read_markdown(source).blocks
        case "heading":
            yield Block(source, "heading", level=int(cell.get("level", 1)))
        case "code":
            yield Block(source, "code")
            for output in cell.get("outputs", ()):
                if printed := _printed(output):
                    yield Block(printed, "code")
        case _:
            yield Block(source)


def _printed(output: dict[str, Any]) -> str:
    """What an output says in text, if it is short and no picture's stand-in."""
    shown = output.get("data", output)
    if output.get("output_type") == "error" or any(kind.startswith(("image/", "png", "jpeg", "svg")) for kind in shown):
        return ""
    text = _text(output.get("text") or shown.get("text/plain") or "")
    return text if text.count("\n") < MOST_OUTPUT_LINES else ""


def _text(lines: object) -> str:
    """A notebook's text: a list of lines with their ends, or one string."""
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines)

"""Tables of contents and dot leaders: navigation, which a document's text does without."""

import re
from dataclasses import replace
from itertools import pairwise

from backends.local.documents.pdf.pieces import Piece
from backends.local.documents.pdf.rows import Page, Row

MIN_ENTRIES = 3
"""Fewer lines with leaders and page numbers are no table of contents."""

LEADER = re.compile(r"(?:[.·…‥_][ ]?){4,}|…[ ]?…")
_PAGE = re.compile(r"\s*(?:\d{1,4}|[ivxlc]{1,7}|[A-Z]{1,2}-?\d{1,3}|\d{1,2}-\d{1,3})\s*$")
_HEADING = re.compile(
    r"(table of )?contents|(list of )?(figures|tables|examples|illustrations|listings)|inhalt(sverzeichnis)?|"
    r"table des matières|sommaire|índice|indice|contenido|innhold|indhold|innehåll|inhoud|spis treści|оглавление|содержание",
    re.IGNORECASE,
)
_INDEX = re.compile(r"(\w+ (and \w+ )?)?index", re.IGNORECASE)


def remove_contents(pages: list[Page]) -> None:
    """Take the lines of tables of contents, and leaders of lines that are none, from the pages' rows."""
    in_contents = in_index = False
    for page in pages:
        headings = [number for number, row in enumerate(page.rows) if _HEADING.fullmatch(row.text.strip())]
        in_contents = in_contents or bool(headings)
        in_index = any(_INDEX.fullmatch(row.text.strip()) for row in page.rows[:3]) or in_index
        entries = [number for number, row in enumerate(page.rows) if _is_entry(row, loose=in_contents)]
        if len(entries) >= (1 if in_contents else MIN_ENTRIES) and (
            in_index or in_contents or _ascend([page.rows[each] for each in entries])
        ):
            page.rows = _without(page.rows, entries, headings)
        else:
            in_contents = in_index = False
        for row in page.rows:
            _drop_leaders(row)


def _is_entry(row: Row, *, loose: bool) -> bool:
    """Whether a row leads to a page. loose: without dots as well, if its number stands apart."""
    leader = _last_leader(row.text)
    if leader is not None:
        return _PAGE.fullmatch(row.text, leader) is not None
    if not loose:
        return False
    cells = row.cells()
    return len(cells) > 1 and len(cells[-1]) == 1 and _PAGE.fullmatch(cells[-1][0].text) is not None


def _last_leader(text: str) -> int | None:
    """Where a row's last leader ends."""
    end = None
    for found in LEADER.finditer(text):
        end = found.end()
    return end


def _ascend(rows: list[Row]) -> bool:
    """Whether the rows' page numbers ascend, as those of a table of contents do and prices do not."""
    numbers = [int(found[0]) for row in rows if (found := re.search(r"\d{1,4}$", row.text.rstrip()))]
    return all(a <= b for a, b in pairwise(numbers))


def _without(rows: list[Row], entries: list[int], headings: list[int]) -> list[Row]:
    """The rows without entries, the heading above them, and what stands between them where most are entries."""
    first, last = entries[0], entries[-1]
    heading = max((number for number in headings if number < first), default=None)
    if len(entries) >= 0.5 * (last + 1 - first):
        first = heading if heading is not None and first - heading <= 4 else first
        wrapped = len(rows) - last - 1 <= 2 and all(row.text[-1:].isdigit() for row in rows[last + 1 :])
        return rows[:first] + ([] if wrapped else rows[last + 1 :])
    dropped = {*entries, heading}
    return [row for number, row in enumerate(rows) if number not in dropped]


def _drop_leaders(row: Row) -> None:
    """Leave a gap where dots led the eye."""
    pieces: list[Piece] = []
    for piece in row.pieces:
        if piece.face.mono or not LEADER.search(piece.text):
            pieces.append(piece)
            continue
        width = (piece.right - piece.left) / len(piece.text)
        at = 0
        for found in [*LEADER.finditer(piece.text), None]:
            end = found.start() if found else len(piece.text)
            if text := piece.text[at:end].strip():
                right = piece.right if found is None else piece.left + end * width
                left = piece.left if at == 0 else right - len(text) * width
                pieces.append(replace(piece, text=text, left=left, right=right))
            at = found.end() if found else end
    dots = [piece for piece in pieces if not piece.text.strip(".·… ")]
    if sum(len(piece.text) for piece in dots) >= 4:
        pieces = [piece for piece in pieces if piece.text.strip(".·… ")]
    row.pieces = pieces or row.pieces

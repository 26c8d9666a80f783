"""Pieces to rows: what stands on one height, over the whole width of a page or of a column."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from backends.local.documents.pdf.pieces import Piece

CELL_GAP = 1.3
"""In ems: what stands further apart in a row is in different cells."""


@dataclass(slots=True)
class Row:
    """Pieces on one height, from left to right."""

    pieces: list[Piece]

    @property
    def y(self) -> float:
        """Of the baseline of its longest piece."""
        return max(self.pieces, key=_length).y

    @property
    def size(self) -> float:
        """Of the letters of its longest piece."""
        return max(self.pieces, key=_length).size

    @property
    def left(self) -> float:
        return self.pieces[0].left

    @property
    def right(self) -> float:
        return max(piece.right for piece in self.pieces)

    @property
    def text(self) -> str:
        return " ".join(piece.text for piece in self.pieces)

    def cells(self) -> list[list[Piece]]:
        """Its pieces, those together that no wide gap parts."""
        cells: list[list[Piece]] = []
        for piece in self.pieces:
            if cells and piece.left - cells[-1][-1].right < CELL_GAP * max(piece.size, cells[-1][-1].size):
                cells[-1].append(piece)
            else:
                cells.append([piece])
        return cells


@dataclass(slots=True)
class Page:
    """What one page holds."""

    number: int
    """From 1."""
    width: float
    height: float
    """In points, as its text stands upright."""
    rows: list[Row] = field(default_factory=list)
    """From top to bottom."""
    asides: list[str] = field(default_factory=list)
    """Text that does not run as the page's text does: along an edge, across a page."""
    is_picture: bool = False
    """Whether its text, if it has any, is in a picture."""
    is_garbled: bool = False
    """Whether the file does not tell its letters."""
    was_recognised: bool = False
    """Whether its text was read out of a picture."""

    @property
    def is_slide(self) -> bool:
        """Whether it is wide, as slides are."""
        return self.width > 1.2 * self.height


def _length(piece: Piece) -> int:
    return len(piece.text)


def rows_of(pieces: Iterable[Piece]) -> list[Row]:
    """Rows from top to bottom. Baselines may differ by a third of the letters' size."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda each: (each.y, each.left)):
        last = rows[-1].pieces[0] if rows else None
        if last and piece.y - last.y <= 0.35 * min(piece.size, last.size):
            rows[-1].pieces.append(piece)
        else:
            rows.append(Row([piece]))
    for row in rows:
        row.pieces.sort(key=lambda each: each.left)
        if len(row.pieces) > 1 and _runs_leftward(row.text):
            row.pieces = [_merged(row.pieces[::-1])]
    return rows


def _runs_leftward(text: str) -> bool:
    """Whether most of a text's letters are Arabic, Hebrew or others that are read from right to left."""
    if text.isascii():
        return False
    return sum(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text) > 0.5 * sum(map(str.isalpha, text))


def _merged(pieces: list[Piece]) -> Piece:
    """Pieces in reading order, as one."""
    longest = max(pieces, key=_length)
    left, right = min(piece.left for piece in pieces), max(piece.right for piece in pieces)
    return replace(longest, text=" ".join(piece.text for piece in pieces), left=left, right=right)

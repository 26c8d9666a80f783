"""What pdfium tells of a page's text: pieces of lines with their places, sizes and faces, and raised numbers written out.

Places are in points with the text upright: x to the right, y downward. Nothing here knows of columns or paragraphs.
"""

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2.raw as pdfium
from pypdfium2 import PdfTextPage

from backends.local.documents.pdf.raised import write_raised

HYPHEN = "\ufffe"
"""How pdfium writes a hyphen at a line's end."""

GAP = 0.7
"""In ems: words that stand further apart are pieces of their own, since a gutter between columns may lie there."""

SMALL = 0.88
"""Times the size of the letters beside: smaller ones that stand higher are raised, as exponents and marks of footnotes are."""

UPRIGHT = 0
"""The first of five directions: upright, upward, downward, upside down, slanted."""

_LIGATURES = str.maketrans({
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
    "\x02": HYPHEN, "\xad": HYPHEN, "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢",
})  # fmt: skip
"""Typesetters' glyphs that no one types into a question, and bullets of symbol fonts."""

MAX_PIECE_CHARS = 2_000
"""A longer piece is none that anyone set; pieces grow by copying."""

_OLD_CODES = str.maketrans("\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x1b\x1c\x1d\x1e\x1f\x88", "ﬀﬁﬃﬄ“”„«»–—ﬀﬁﬂﬃﬄ•")
"""What TeX's encodings OT1 and T1 hold where ASCII has control characters: old fonts do not say so. (`\r` of OT1 is `fl`.)"""

_STRAY_RETURN = re.compile(r"\r(?!\n)")
_CONTROL = re.compile(r"[\x0b-\x1f\x88](?<!\r)|\r(?!\n)")

ASKED = 4
"""Of every so many words it is asked whether the file tells its letters."""

SPACE = 0.17
"""In ems: a wider gap within what pdfium takes for one word is a space, unless all letters are spaced."""

MAX_KNOWN = 200_000
"""Words of which is kept that they were looked at."""

_ACCENTS = {
    "´": "\u0301",
    "¨": "\u0308",
    "ˆ": "\u0302",
    "˜": "\u0303",
    "ˇ": "\u030c",
    "˘": "\u0306",
    "˙": "\u0307",
    "˚": "\u030a",
    "˝": "\u030b",
    "¯": "\u0304",
}
_ACCENT = re.compile(f"[{''.join(_ACCENTS)}]")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\s\ufffe\x02\xad]+[\ufffe\x02\xad]?|[\ufffe\x02\xad]")
_MONOSPACED = re.compile(r"mono|courier|typewriter|consol|menlo|lettergothic|cmtt|sftt|ectt|lmtt|fixed", re.IGNORECASE)
_BOLD = re.compile(r"bold|black|heavy|semibold|demi|cmbx|sfbx|ecbx|-bd\b|medi\b", re.IGNORECASE)
_ITALIC = re.compile(r"ital|oblique|cmti|cmsl|slanted", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Face:
    """How a font looks."""

    bold: bool = False
    mono: bool = False
    italic: bool = False

    def __and__(self, other: "Face") -> "Face":
        """What both are."""
        if other == self:
            return self
        return Face(self.bold and other.bold, self.mono and other.mono, self.italic and other.italic)


@dataclass(slots=True)
class Piece:
    """Words that stand close together on a line."""

    text: str
    """Single spaces between words; as many as were meant in a monospaced face. May end in `HYPHEN`."""
    left: float
    right: float
    y: float
    """Of the baseline."""
    size: float
    """Of the font."""
    face: Face
    """Bold, monospaced or italic only if all of it is."""
    order: int
    """Its number in the order in which the page draws its text."""
    direction: int = UPRIGHT
    filled: bool = False
    """Whether it holds what was typed into a form."""
    marked: bool = False
    """Whether it begins with a raised mark, as a footnote does."""


@dataclass(slots=True)
class Run:
    """A word, or those letters of it that are alike."""

    text: str
    left: float
    right: float
    y: float
    size: float
    face: Face
    direction: int = UPRIGHT
    glued: bool = False
    """Whether no space stands before it."""


@dataclass(slots=True)
class _Setting:
    """How the word before was set: the next is mostly set alike, and need not be asked about."""

    bottom: float
    height: float
    """Of a letter's box."""
    y: float
    size: float
    direction: int


class TextReader:
    """Reads text pages; knows the faces of the fonts that it met."""

    def __init__(self) -> None:
        self._faces: dict[bytes, Face] = {}
        self._box = pdfium.FS_RECTF()
        self._end = pdfium.FS_RECTF()
        self._matrix = pdfium.FS_MATRIX()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()
        self._setting = _Setting(0.0, -1.0, 0.0, 0.0, UPRIGHT)
        self._even: set[str] = set()

    def pieces(self, page: PdfTextPage) -> tuple[list[Piece], float]:
        """(pieces in the order in which they are drawn, the share of words whose letters the file does not tell)."""
        raw, text = page.raw, _characters(page)
        pieces: list[Piece] = []
        asked = unknown = 0
        self._setting.height = -1.0
        for number, found in enumerate(_WORD.finditer(text)):
            start, word = found.start(), found.group()
            if number % ASKED == 0:
                asked += 1
                unknown += pdfium.FPDFText_HasUnicodeMapError(raw, start) == 1 or "\ufffd" in word
            if not self._is_even(raw, start, word):
                for run in self._split(raw, start, word):
                    _add(pieces, run)
            elif not (pieces and self._goes_on(raw, start, word, pieces[-1])):
                _add(pieces, self._run(raw, start, word))
        return pieces, unknown / asked if asked else 0.0

    def _goes_on(self, raw: object, start: int, word: str, piece: Piece) -> bool:
        """Add a word that is set as the one before it is, as most are; `_box` and `_end` hold the boxes of its first and last letter."""
        box, setting = self._box, self._setting
        gap = box.left - piece.right
        if (
            gap < 0
            or gap > GAP * setting.size
            or abs(box.bottom - setting.bottom) > 0.01
            or abs(box.top - box.bottom - setting.height) > 0.01
            or setting.direction != UPRIGHT
            or len(piece.text) > MAX_PIECE_CHARS
            or piece.size != setting.size
        ):
            return False
        face = self._face(raw, start)
        spaces = max(1, round(gap / (0.6 * setting.size))) if piece.face.mono else 1
        piece.text += " " * spaces + _plain(word)
        piece.right = max(piece.right, box.right if len(word) == 1 else self._end.right)
        piece.face &= face
        return True

    def _is_even(self, raw: object, start: int, word: str) -> bool:
        """Whether a word's letters are alike in size and height and stand close together.

        A word that was found even once is not looked at closely again, but for its last letter and digits, which may be raised.
        """
        pdfium.FPDFText_GetLooseCharBox(raw, start, self._box)
        last = start + len(word) - 1
        if last == start:
            return True
        bottom, height = self._box.bottom, self._box.top - self._box.bottom
        known = word in self._even and not _DIGIT.search(word)
        right = self._box.right
        for index in (last,) if known else range(start + 1, last + 1):
            pdfium.FPDFText_GetLooseCharBox(raw, index, self._end)
            if abs(self._end.bottom - bottom) + abs(self._end.top - self._end.bottom - height) > 0.1 * height:
                return False
            if not known and self._end.left - right > SPACE * height:
                return False
            right = self._end.right
        if not known and _ACCENT.search(word):
            return False
        if len(self._even) < MAX_KNOWN:
            self._even.add(word)
        return True

    def _split(self, raw: object, start: int, word: str) -> list[Run]:
        """A word, cut where its letters change in size or height, or where a gap says that there are two."""
        letters: list[Run] = []
        for position, letter in enumerate(word):
            pdfium.FPDFText_GetLooseCharBox(raw, start + position, self._box)
            letters.append(self._run(raw, start + position, letter))
        gaps = [b.left - a.right > SPACE * max(a.size, b.size) for a, b in pairwise(letters)]
        is_spaced = sum(gaps) > 0.4 * len(gaps)
        runs = letters[:1]
        for run, gap in zip(letters[1:], gaps, strict=True):
            last = runs[-1]
            alike = abs(last.size - run.size) < 0.1 * last.size and abs(last.y - run.y) < 0.1 * last.size
            if alike and (is_spaced or not gap):
                last.text = _accented(last, run) if _ACCENT.fullmatch(last.text[-1]) else last.text + run.text
                last.right = max(last.right, run.right)
            else:
                run.glued = is_spaced or not gap
                runs.append(run)
        return runs

    def _run(self, raw: object, start: int, word: str) -> Run:
        """Letters that are alike, from the index of the first on; `_box` and `_end` hold the boxes of the first and the last."""
        box, setting = self._box, self._setting
        end = self._end if len(word) > 1 else box
        height = box.top - box.bottom
        if abs(box.bottom - setting.bottom) > 0.01 or abs(height - setting.height) > 0.01:
            setting = self._setting = self._ask(raw, start, box.bottom, height)
        if setting.direction == UPRIGHT:
            left, right = min(box.left, end.left), max(box.right, end.right)
        elif setting.direction == 1:
            left, right = box.bottom, end.top
        elif setting.direction == 2:
            left, right = -box.top, -end.bottom
        else:
            left, right = -box.right, -end.left
        return Run(
            _plain(word), left, max(left, right), setting.y, setting.size, self._face(raw, start), setting.direction
        )

    def _ask(self, raw: object, start: int, bottom: float, height: float) -> _Setting:
        """How the letter at an index is set."""
        matrix = self._matrix
        pdfium.FPDFText_GetCharOrigin(raw, start, self._x, self._y)
        pdfium.FPDFText_GetMatrix(raw, start, matrix)
        size = pdfium.FPDFText_GetFontSize(raw, start) * math.hypot(matrix.c, matrix.d)
        direction = _direction(matrix.a, matrix.b)
        y = {UPRIGHT: -self._y.value, 1: self._x.value, 2: -self._x.value}.get(direction, self._y.value)
        return _Setting(bottom, height, y, size if 0.5 < size < 2000 else max(1.0, height), direction)

    def _face(self, raw: object, index: int) -> Face:
        pdfium.FPDFText_GetFontInfo(raw, index, self._name, len(self._name), self._flags)
        name = self._name.value
        face = self._faces.get(name)
        if face is None:
            plain = name.decode("utf-8", "replace")
            face = self._faces[name] = Face(
                bold=bool(_BOLD.search(plain)) or bool(self._flags.value & 0x40000),
                mono=bool(_MONOSPACED.search(plain)) or bool(self._flags.value & 1),
                italic=bool(_ITALIC.search(plain)) or bool(self._flags.value & 0x40),
            )
        return face


def gather(runs: Iterable[Run]) -> list[Piece]:
    """Words to pieces, in their order."""
    pieces: list[Piece] = []
    for run in runs:
        _add(pieces, run)
    return pieces


def _add(pieces: list[Piece], run: Run) -> None:
    if not (pieces and _join(pieces[-1], run)):
        pieces.append(Piece(run.text, run.left, run.right, run.y, run.size, run.face, len(pieces), run.direction))


def _plain(word: str) -> str:
    return word if word.isascii() and word.isprintable() else word.translate(_LIGATURES)


def _accented(accent: Run, letter: Run) -> str:
    """What was drawn as an accent and the letter below it, as one letter; as two where they stand side by side."""
    combining = _ACCENTS.get(accent.text[-1], "")
    told = unicodedata.normalize("NFC", {"ı": "i", "ȷ": "j"}.get(letter.text, letter.text) + combining)
    if len(told) == 1 and letter.left < accent.right - 0.1 * accent.size:
        return accent.text[:-1] + told
    return accent.text + letter.text


def _characters(page: PdfTextPage) -> str:
    """The page's text, one character for each that pdfium counts."""
    count = page.count_chars()
    text = page.get_text_range() if count > 0 else ""
    if len(text) == count:
        return _STRAY_RETURN.sub("ﬂ", text.translate(_OLD_CODES)) if _CONTROL.search(text) else text
    codes = (pdfium.FPDFText_GetUnicode(page.raw, index) for index in range(count))
    return "".join(chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd" for code in codes)


def _direction(a: float, b: float) -> int:
    """Of text whose matrix begins with a and b (ISO 32000-1, 8.3.3)."""
    if abs(b) <= 0.3 * abs(a):
        return UPRIGHT if a > 0 else 3
    if abs(a) <= 0.3 * abs(b):
        return 1 if b > 0 else 2
    return 4


def _join(piece: Piece, run: Run) -> bool:
    """Add a run to the piece before it, if it goes on there."""
    em = max(piece.size, run.size)
    gap = run.left - piece.right
    if len(piece.text) > MAX_PIECE_CHARS:
        return False
    if piece.direction != run.direction or not -0.4 * em <= gap <= GAP * em or abs(run.y - piece.y) > 0.75 * em:
        return False
    if run.size < SMALL * piece.size and 0.12 * piece.size < piece.y - run.y:
        if gap > 0.3 * em:
            return False
        piece.text += write_raised(piece.text, run.text)
    elif piece.size < SMALL * run.size and 0.12 * run.size < run.y - piece.y and len(piece.text) <= 3:
        piece.text += " " + run.text
        piece.size, piece.y, piece.face, piece.marked = run.size, run.y, run.face, True
    elif abs(run.y - piece.y) > 0.4 * em:
        return False
    else:
        spaces = max(1, round(gap / (0.6 * em))) if piece.face.mono else 1
        glued = run.glued or (piece.text.endswith("]") and run.text[0] in ").,;:!?")
        piece.text += run.text if glued else " " * spaces + run.text
        piece.face &= run.face
        if len(run.text) > len(piece.text) / 2 and run.size != piece.size:
            piece.size, piece.y = run.size, run.y
    piece.right = max(piece.right, run.right)
    return True

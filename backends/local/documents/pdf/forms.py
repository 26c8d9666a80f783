"""The values that were typed or ticked in a PDF's form (AcroForm, ISO 32000-1, 12.7), set beside the words that ask for them."""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import pypdfium2.raw as pdfium
from pypdfium2 import PdfFormEnv, PdfPage

from backends.local.documents.pdf.pieces import Face, Piece

MAX_FIELDS = 5_000
"""On one page."""

MAX_VALUE_CHARS = 20_000
"""Of one field."""

NEAR = 25.0
FAR = 300.0
"""In points, how far from a box its label may stand: right of a box to tick, and left of any."""

_HIDDEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13
"""The field flag of a password (ISO 32000-1, table 228)."""


@dataclass(frozen=True, slots=True)
class Field:
    """A box of a form that was filled in."""

    name: str
    """What its maker calls it."""
    value: str
    """Never empty; `yes` or `no` of a box to tick."""
    is_tick: bool
    left: float
    right: float
    top: float
    """From the page's top, downward, in points."""
    bottom: float


def fields_of(page: PdfPage, form: PdfFormEnv, top: float) -> Iterator[Field]:
    """The filled fields of a page whose upper edge is at `top`, in the order in which they are kept."""
    for index in islice(range(pdfium.FPDFPage_GetAnnotCount(page.raw)), MAX_FIELDS):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        try:
            field = _field(annotation, form, top)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
        if field is not None:
            yield field


def _field(annotation: object, form: PdfFormEnv, top: float) -> Field | None:
    if pdfium.FPDFAnnot_GetSubtype(annotation) != pdfium.FPDF_ANNOT_WIDGET:
        return None
    if pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
        return None
    value, is_tick = _value(annotation, form)
    box = pdfium.FS_RECTF()
    if not value or not pdfium.FPDFAnnot_GetRect(annotation, box):
        return None
    name = _text(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
    name = name or _text(pdfium.FPDFAnnot_GetFormFieldName, form, annotation).rsplit(".", 1)[-1].replace("_", " ")
    return Field(name, value, is_tick, box.left, box.right, top - box.top, top - box.bottom)


def _value(annotation: object, form: PdfFormEnv) -> tuple[str, bool]:
    """(what a field holds, whether it is a box to tick); empty where there is nothing to tell."""
    kind = pdfium.FPDFAnnot_GetFormFieldType(form.raw, annotation)
    if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
        return ("yes" if pdfium.FPDFAnnot_IsChecked(form.raw, annotation) else "no"), True
    if kind in (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
        chosen = [
            _option(form, annotation, option)
            for option in range(min(MAX_FIELDS, pdfium.FPDFAnnot_GetOptionCount(form.raw, annotation)))
            if pdfium.FPDFAnnot_IsOptionSelected(form.raw, annotation, option)
        ]
        return ", ".join(chosen) or _text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation), False
    if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
        if pdfium.FPDFAnnot_GetFormFieldFlags(form.raw, annotation) & _PASSWORD:
            return "", False
        return " ".join(_text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation).split()), False
    return "", False


def _option(form: PdfFormEnv, annotation: object, option: int) -> str:
    return _text(lambda *rest: pdfium.FPDFAnnot_GetOptionLabel(rest[0], rest[1], option, *rest[2:]), form, annotation)


def _text(get: Callable[..., int], form: PdfFormEnv, annotation: object) -> str:
    """A string of a field's, which pdfium gives in UTF-16."""
    size = min(get(form.raw, annotation, None, 0), 2 * MAX_VALUE_CHARS)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    get(form.raw, annotation, buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace").strip("\0 ")


def fill_in(pieces: list[Piece], fields: Iterator[Field]) -> None:
    """Write each field's value behind its label; behind the field's own name where no label stands beside or above it."""
    filled: set[int] = set()
    for field in fields:
        label = _label(pieces, field)
        if label is None:
            size = min(12.0, max(6.0, 0.7 * (field.bottom - field.top)))
            text = f"{field.name}: {field.value}" if field.name else field.value
            y = (field.top + field.bottom) / 2 + 0.35 * size
            pieces.append(Piece(text, field.left, field.right, y, size, Face(), len(pieces), filled=True))
            continue
        again = label.order in filled
        label.text = f"{label.text}; {field.value}" if again else f"{label.text.rstrip(' :')}: {field.value}"
        label.right = max(label.right, field.right)
        label.face, label.filled = Face(), True
        filled.add(label.order)


def _label(pieces: list[Piece], field: Field) -> Piece | None:
    """The words that say what a field asks for."""
    beside = [piece for piece in pieces if field.top - 2 <= piece.y - 0.3 * piece.size <= field.bottom + 2]
    after = [piece for piece in beside if -2 <= piece.left - field.right <= NEAR]
    if field.is_tick and after:
        return min(after, key=lambda piece: piece.left)
    before = [piece for piece in beside if piece.left < field.left and -4 < field.left - piece.right <= FAR]
    if before:
        return max(before, key=lambda piece: piece.left)
    above = [
        piece
        for piece in pieces
        if 0 <= field.top - piece.y <= 1.2 * piece.size and piece.left < field.right and piece.right > field.left
    ]
    return max(above, key=lambda piece: piece.y, default=None)

"""Documents to chunks: what is indexed, retrieved and read. Text is never altered, and a chunk is one run of its document's text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, Self, get_args

from backends.local.documents.types import Document, Part, Place
from backends.local.splitting import MAX_SENTENCE_CHARS, Spans, split_long, split_sentences, trim
from pipeline.errors import ConfigError

By = Literal["heading", "paragraph", "sentence", "page"]
"""Where a chunk may end: `heading` and `page` also keep to one section, or to one page, slide or notebook cell."""

SIZE, OVERLAP = 800, 0
MIN_SIZE, MAX_SIZE = 100, 4_000
WHOLE = 1.5
"""What is not to be cut (a paragraph, a table, a block of code) may be so many times the size."""


MAX_TERM_CHARS = 60
"""Of a line that ends in a colon and is defined below."""


@dataclass(frozen=True, slots=True)
class Chunking:
    """How documents are cut. A row that stands for itself is a chunk by every way."""

    by: By = "heading"
    """Where a chunk may end."""
    size: int = SIZE
    """Characters that a chunk is filled up to. 1,200 of English are about 300 tokens, well inside E5's window of 512."""
    overlap: int = OVERLAP
    """Characters, at most, of whole sentences that a chunk repeats of the one before it in the same section."""

    @classmethod
    def parse(cls, words: str) -> Self:
        """Of `by[:size[:overlap]]`, such as `heading:800:0`. Raises ConfigError, with what is allowed."""
        by, *numbers = words.strip().casefold().split(":")
        try:
            size, overlap = (int(given or usual) for given, usual in zip_longest(numbers, (SIZE, OVERLAP)))
            known = by in get_args(By)
        except ValueError:
            known = False
        if not known or not MIN_SIZE <= size <= MAX_SIZE or not 0 <= overlap <= size // 2:
            raise ConfigError(
                f"RAGLASS_CHUNKING is {words!r}. Write where a chunk ends ({', '.join(get_args(By))}), its size in characters "
                f"({MIN_SIZE} to {MAX_SIZE:,}) and how many of them it repeats of the one before (up to half), as in heading:800:0."
            )
        return cls(by, size, overlap)  # type: ignore[arg-type]

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.by}:{self.size}:{self.overlap}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk before it has an id."""

    start: int
    """Offset in the document's text."""
    text: str
    """Contiguous text of the document, white space trimmed at both ends."""
    section: tuple[str, ...] = ()
    """The headings that all of it stands under."""
    place: str = ""
    """Where in its file it stands, as `page 12` or `rows 4–9`."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where its sentences stand in `text`; a heading, a row and a short block of code are each one."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What a chunk is made of: a part, or a piece of one that is too long."""

    start: int
    end: int
    part: Part
    spans: Spans


def split_document(document: Document, chunking: Chunking | None = None) -> list[Piece]:
    """Cut a document into chunks, in its own order."""
    chosen = chunking or Chunking()
    pieces: list[Piece] = []
    held: list[_Unit] = []
    for group in _groups(document, chosen):
        if held and _ends(held, group, chosen):
            pieces.append(_piece(document.text, held))
            held = _repeated(held, group, chosen)
        held += group
    if held:
        pieces.append(_piece(document.text, held))
    return pieces


def name_place(first: Place | None, last: Place | None) -> str:
    """`page 12`, `pages 12–13`; empty for none."""
    if first is None:
        return ""
    if last is None or last == first or last.unit != first.unit:
        return f"{first.unit} {first.number}"
    return f"{first.unit}s {first.number}–{last.number}"


def parts_of(document: Document) -> Sequence[Part]:
    """A document's parts; its paragraphs, where it has none."""
    if document.parts or not document.text:
        return document.parts
    parts, offset = [], 0
    for paragraph in document.text.split("\n\n"):
        start, end = trim(document.text, offset, offset + len(paragraph))
        if start < end:
            parts.append(Part(start, end))
        offset += len(paragraph) + 2
    return parts


def _groups(document: Document, chunking: Chunking) -> Iterator[list[_Unit]]:
    """Units that stay together: headings with what they head, a term with its definition, a table that is not too long."""
    group: list[_Unit] = []
    for part in parts_of(document):
        for unit in _units(document.text, part, chunking):
            if group and not _belongs(document.text, group, unit, chunking):
                yield group
                group = []
            group.append(unit)
    if group:
        yield group


def _belongs(text: str, group: list[_Unit], unit: _Unit, chunking: Chunking) -> bool:
    last = group[-1]
    whole = unit.end - group[0].start <= chunking.size * WHOLE
    if unit.part.kind == "heading":
        return last.part.kind == "heading" and whole
    if last.part.kind == "heading":
        return True
    held = "\n\n" not in text[last.end : unit.start] and unit.part is not last.part
    announced = text[last.end - 1] == ":" if last.part.kind == "text" else last.part.kind == "item" and len(group) > 1
    listed = unit.part.kind == "item" and announced
    same_table = unit.part.kind == last.part.kind == "row" and unit.part.section == last.part.section
    return whole and (held or listed or same_table)


def _units(text: str, part: Part, chunking: Chunking) -> Iterator[_Unit]:
    """A part, or pieces of it where it is longer than a chunk may be, or where chunks end with sentences."""
    spans = _sentences(text, part)
    most = chunking.size * WHOLE
    if part.end - part.start <= most and (chunking.by != "sentence" or part.kind != "text"):
        yield _Unit(part.start, part.end, part, spans)
        return
    if chunking.by == "sentence":
        yield from (_Unit(start, end, part, [(start, end)]) for start, end in spans)
        return
    even = (part.end - part.start) / -(-(part.end - part.start) // int(most))
    held: Spans = []
    for span in spans:
        if held and span[1] - held[0][0] > even * 1.1:
            yield _Unit(held[0][0], held[-1][1], part, held)
            held = []
        held.append(span)
    if held:
        yield _Unit(held[0][0], held[-1][1], part, held)


def _sentences(text: str, part: Part) -> Spans:
    """The sentences of a part, as offsets in the document's text."""
    if part.kind in ("heading", "row", "record", "code"):
        return list(split_long(text, part.start, part.end))
    return [(part.start + start, part.start + end) for start, end in split_sentences(text[part.start : part.end])]


def _ends(held: list[_Unit], group: list[_Unit], chunking: Chunking) -> bool:
    """Whether the chunk ends before the group."""
    last, following = held[-1].part, group[0].part
    if following.kind == "record" or last.kind == "record":
        return True
    if group[-1].end - held[0].start > chunking.size:
        return True
    if chunking.by == "page":
        return following.place != last.place
    return chunking.by == "heading" and following.section != last.section


def _repeated(held: list[_Unit], group: list[_Unit], chunking: Chunking) -> list[_Unit]:
    """The end of the chunk before, as much of it as the next one repeats."""
    last, following = held[-1], group[0].part
    if not chunking.overlap or last.part.kind != "text" or following.section != last.part.section:
        return []
    spans = [span for span in last.spans if last.end - span[0] <= chunking.overlap]
    return [_Unit(spans[0][0], last.end, last.part, spans)] if spans else []


def _piece(text: str, units: list[_Unit]) -> Piece:
    start, end = units[0].start, units[-1].end
    section = units[0].part.section
    for unit in units:
        shared = [one == other for one, other in zip(section, unit.part.section, strict=False)]
        section = section[: (*shared, False).index(False)]
    places = [unit.part.place for unit in units if unit.part.place is not None]
    place = name_place(places[0], max(places, key=lambda each: each.number)) if places else ""
    spans = tuple((s - start, e - start) for s, e in _with_terms(text, units))
    return Piece(start, text[start:end], section, place, spans)


def _is_term(text: str, span: tuple[int, int], following: tuple[int, int]) -> bool:
    """Whether what stands before a sentence is a term: short, on a line of its own, and ending in a colon."""
    alone = span[0] == 0 or text[span[0] - 1] == "\n"
    return (
        alone
        and text[span[1] - 1] == ":"
        and span[1] - span[0] <= MAX_TERM_CHARS
        and following[1] - span[0] <= MAX_SENTENCE_CHARS
    )


def _with_terms(text: str, units: list[_Unit]) -> Spans:
    """The sentences of units, a term in one with the first sentence of the definition on the line below it: neither says a thing alone."""
    spans: Spans = []
    for unit in units:
        first, *rest = unit.spans
        if spans and unit.part.kind == "text" and _is_term(text, spans[-1], first):
            first = spans.pop()[0], first[1]
        spans += [first, *rest]
    return spans

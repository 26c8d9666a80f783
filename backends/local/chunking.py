"""Documents to chunks, and chunks to sentences. Text is never cut inside a sentence and never altered."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sentencex import get_sentence_boundaries

Spans = list[tuple[int, int]]
"""Character ranges, [start, end), in order and without overlap."""

TARGET_CHARS = 800
"""Neighbouring paragraphs are packed into one chunk up to this length."""

MAX_CHARS = 1_200
"""A paragraph up to this length stays whole; about 300 tokens, well inside E5's window of 512."""

_HEADING = re.compile(r"(?![-*•]\s)(?:[^\s]+\s+){0,11}[^\s]*[^\W_](?:[)\]'\"”’])?")
"""A dozen words at most, the last without a stop, a comma or a colon behind it."""

_BEGINNING = re.compile(r"[\"'“‘(]?[A-Z0-9]")
"""How a sentence begins, and a line that goes on from the one above it does not."""

MAX_SENTENCE_CHARS = 600
"""A "sentence" without an end (a table, a list, minified text) is cut at white space here, so that a quotation stays readable."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk before it has an id: its text and where the text begins in its document."""

    start: int
    """Offset in the document's text."""
    text: str
    """Contiguous text of the document, white space trimmed at both ends."""


def split_sentences(text: str) -> Spans:
    """Where the sentences of `text` stand, white space trimmed; empty for blank text."""
    spans: Spans = []
    for boundary in get_sentence_boundaries("en", text):
        start, end = _trim(text, boundary["start_index"], boundary["end_index"])
        for part in _split_heading(text, start, end):
            spans.extend(_split_long(text, *part))
    return spans


def split_document(text: str) -> list[Piece]:
    """Cut a document into chunks: whole paragraphs, packed up to TARGET_CHARS; long ones cut evenly between sentences."""
    pieces: list[Piece] = []
    start = end = -1
    for block_start, block_end in _blocks(text):
        if start >= 0 and block_end - start <= TARGET_CHARS:
            end = block_end
            continue
        if start >= 0:
            pieces.append(Piece(start, text[start:end]))
        start, end = block_start, block_end
    if start >= 0:
        pieces.append(Piece(start, text[start:end]))
    return pieces


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs, those over MAX_CHARS cut into even parts between sentences."""
    for start, end in _paragraphs(text):
        if end - start <= MAX_CHARS:
            yield start, end
            continue
        parts = -(-(end - start) // MAX_CHARS)
        even = (end - start) / parts
        part_start = part_end = start
        for s, e in split_sentences(text[start:end]):
            if part_end > part_start and start + e - part_start > even * 1.1:
                yield part_start, part_end
                part_start = start + s
            part_end = start + e
        yield part_start, part_end


def _paragraphs(text: str) -> Spans:
    """Runs of text between blank lines."""
    spans: Spans = []
    offset = 0
    for block in text.split("\n\n"):
        start, end = _trim(text, offset, offset + len(block))
        if start < end:
            spans.append((start, end))
        offset += len(block) + 2
    return spans


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _split_heading(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A heading stands on the line above the text that it heads, with nothing that ends it: no part of the first sentence."""
    line, _, below = text[start:end].partition("\n")
    begins = start == 0 or text[:start].rstrip(" \t").endswith("\n")
    if begins and _HEADING.fullmatch(line.strip()) and _BEGINNING.match(below.lstrip()):
        yield _trim(text, start, start + len(line))
        start = _trim(text, start + len(line), end)[0]
    yield start, end


def _split_long(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_SENTENCE_CHARS:
        cut = start + MAX_SENTENCE_CHARS
        while cut > start and not text[cut].isspace():
            cut -= 1
        if cut == start:
            cut = start + MAX_SENTENCE_CHARS
        yield _trim(text, start, cut)
        start, _ = _trim(text, cut, end)
    if start < end:
        yield start, end

"""Footnotes: what stands in small letters, each behind its mark, at the foot of a column."""

import re

from backends.local.documents.pdf.lines import Line

SMALL = 0.93
"""Times the size of the text: notes are set no larger."""

FAR = 2.2
"""Times the letters' size: notes as large as the text stand so far below it."""

_MARK = re.compile(r"(?:\[?\d{1,3}\]?[.)]?\s+|[*†‡§¶]{1,3}\s*|[a-z][.)]\s+)(?=\S)")
_BARE_NUMBER = re.compile(r"(\d{1,3})\s+(?=\S)")
_REFERRED = re.compile(r"\[(\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*)\]")
_PLAIN_MARK = re.compile(r"(\d{1,3}|[*†‡§¶#]{1,3})\s+(?=[\"'“‘(]?[^\W\d_])")


def split_notes(regions: list[list[Line]], size: float, height: float, *, goes_on: bool) -> list[list[Line]]:
    """Take footnotes from the ends of a page's regions, and give them, each as its lines.

    size: of the document's text; height: of the page, in points. goes_on: whether a note of the page before ends no sentence.
    """
    found: list[list[Line]] = []
    body = any(line.size > SMALL * size for lines in regions for line in lines)
    for number, lines in enumerate(regions):
        below = [
            line.y
            for later in regions[number + 1 :]
            for line in later[:1]
            if line.edges[0] < lines[0].edges[1] and line.edges[1] > lines[0].edges[0]
        ]
        if below and max(below) > lines[-1].y:
            continue
        start = _start(lines, size, height, goes_on=goes_on) if body else None
        if start is None:
            continue
        for line in lines[start:]:
            if found and not _begins(line):
                found[-1].append(line)
            else:
                found.append([line])
        del lines[start:]
    regions[:] = [lines for lines in regions if lines]
    return found


def tell_note(text: str, marks: frozenset[str], *, marked: bool) -> str:
    """A note's text, its number written as it is where the text refers to it.

    marks: those in the page's text; a number that is none of them is the note's own. marked: whether the number is raised.
    """
    found = _BARE_NUMBER.match(text)
    if found is None or not (marked or found[1] in marks):
        return text
    return f"[{found[1]}] {text[found.end() :]}"


def marks_in(regions: list[list[Line]]) -> frozenset[str]:
    """The numbers of notes to which a page's text refers."""
    marks = (found for lines in regions for line in lines for found in _REFERRED.findall(line.text))
    return frozenset(number for mark in marks for number in re.findall(r"\d+", mark))


def _begins(line: Line) -> bool:
    return line.marked or (not line.face.mono and _MARK.match(line.text) is not None)


def _start(lines: list[Line], size: float, height: float, *, goes_on: bool) -> int | None:
    """Where the notes at the end of a region begin."""
    start = len(lines)
    while start and lines[start - 1].size <= SMALL * size and not lines[start - 1].is_row:
        start -= 1
    marked = next((number for number in range(start, len(lines)) if _begins(lines[number])), None)
    if marked is not None and lines[-1].y > 0.5 * height:
        return start if goes_on else marked
    if start < len(lines) and start > 0 and goes_on and lines[start].y - lines[start - 1].y > FAR * size:
        return start
    return _start_of_large(lines, height)


def _start_of_large(lines: list[Line], height: float) -> int | None:
    """Where notes as large as the text begin: far below it, in the page's last quarter, behind a mark."""
    for number in range(len(lines) - 1, 0, -1):
        line, above = lines[number], lines[number - 1]
        if line.y < 0.75 * height:
            return None
        if line.y - above.y > FAR * line.size:
            is_note = line.marked or _PLAIN_MARK.match(line.text)
            return number if is_note and not line.is_row else None
    return None

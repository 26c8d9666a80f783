"""Which lines are headings, and of which level: by the document's outline, by size and weight, by numbering."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import islice, pairwise

from backends.local.documents.pdf.lines import Line

LARGER = 1.1
"""Times the size of the text: larger letters are headings'."""

MAX_LINES = 3
"""Of one heading."""

MAX_LEVEL = 6

MAX_ENTRIES = 100
"""Of an outline, that lead to one page."""

_NUMBERED = re.compile(r"(?:(\d{1,3}(?:\.\d{1,3}){0,5})\.?|([A-Z](?:\.\d{1,3}){1,5}))\s+(?=[^\W\d_])")
_SUBSECTION = re.compile(r"(\d{1,2})\.\d{1,2}\.?\s+[^\W\d_]")
_NAMED = re.compile(
    r"(?:chapter|part|section|appendix|article|annex|kapitel|chapitre|capítulo|capitolo)\s+(?:\d{1,3}|[ivxlc]{1,6}|[a-z])\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?;,…。؟][\"'”’)\]]*$")
_LETTER = re.compile(r"[^\W\d_]")

Style = tuple[float, bool, int]
"""Size in half points, whether it is bold, and how deep its number is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a document's outline."""

    title: str
    level: int
    """From 1."""
    page: int
    """From 1."""


def mark_headings(regions: list[list[Line]], size: float, outline: list[Entry], slides: frozenset[int]) -> None:
    """Set `level` of the lines that are headings.

    size: of the document's text, in points. slides: the pages that are slides, whose first line is their title.
    """
    _mark_outline(regions, outline)
    titles = _titles(regions, slides)
    heavy = _is_bold_document(regions)
    chapters = {found[1] for lines in regions for line in lines if (found := _SUBSECTION.match(line.text))}
    looking = [
        line
        for lines in regions
        for number, line in enumerate(lines)
        if not line.level
        and (id(line) in titles or _looks_like_heading(lines, number, size, heavy=heavy, chapters=chapters))
    ]
    known: dict[Style, Counter[int]] = defaultdict(Counter)
    for lines in regions:
        for line in lines:
            if line.level:
                known[_style(line, size)][line.level] += 1
    levels = {style: counts.most_common(1)[0][0] for style, counts in known.items()}
    candidates = _ranked([(line, _style(line, size)) for line in looking], frozenset(levels))
    deepest = max(levels.values(), default=0)
    unknown = sorted(
        {style for _, style in candidates if style not in levels}, key=lambda each: (-each[0], not each[1], each[2])
    )
    for number, style in enumerate(unknown):
        larger = [level for other, level in levels.items() if other[0] > style[0] + 0.5] if deepest else []
        levels[style] = min(MAX_LEVEL, (max(larger, default=deepest) + 1) if deepest else number + 1)
    for line, style in candidates:
        line.level = levels[style]


def _titles(regions: list[list[Line]], slides: frozenset[int]) -> set[int]:
    """The ids of the lines that stand above all else on a slide, and apart from it."""
    pages: dict[int, list[Line]] = defaultdict(list)
    for lines in regions:
        if lines[0].page in slides:
            pages[lines[0].page] += lines
    titles: set[int] = set()
    for lines in pages.values():
        first, *rest = sorted(lines, key=lambda line: line.y)
        apart = all(line.y - first.y > 1.5 * first.size for line in rest[:1])
        if apart and _LETTER.search(first.text) and len(first.text) < 100 and not first.text.endswith((".", ",", ";")):
            titles.add(id(first))
    return titles


def _style(line: Line, size: float) -> Style:
    numbered = _NUMBERED.match(line.text)
    depth = (numbered[1] or numbered[2]).count(".") + 1 if numbered else 0
    return round(line.size * 2) / 2, line.face.bold and line.size < LARGER * size, depth


def _ranked(candidates: list[tuple[Line, Style]], known: frozenset[Style]) -> list[tuple[Line, Style]]:
    """Headings with their styles: one without a number ranks with the outermost that have one and look the same.

    known: the styles of which the outline tells the level; these stay as they are.
    """
    depths: dict[tuple[float, bool], int] = {}
    for _, (letters, bold, depth) in candidates:
        if depth:
            depths[letters, bold] = min(depth, depths.get((letters, bold), depth))
    ranked: list[tuple[Line, Style]] = []
    for line, style in candidates:
        letters, bold, depth = style
        if not (depth or style in known or _NAMED.match(line.text)):
            style = letters, bold, depths.get((letters, bold), 0)
        ranked.append((line, style))
    return ranked


def _is_bold_document(regions: list[list[Line]]) -> bool:
    """Whether bold is how the text is set."""
    lines = [line for region in regions for line in region]
    return sum(line.face.bold for line in lines) > 0.5 * len(lines)


def _plain(text: str) -> str:
    """Letters and digits, without the number before."""
    return re.sub(r"[\W_]+", "", _NAMED.sub("", _NUMBERED.sub("", " ".join(text.split()), count=1), count=1)).casefold()


def _mark_outline(regions: list[list[Line]], outline: list[Entry]) -> None:
    """Mark the lines that an outline names, on the page that it names."""
    wanted: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for entry in outline:
        if len(wanted[entry.page]) < MAX_ENTRIES and (plain := _plain(entry.title)):
            wanted[entry.page].append((plain, entry.level))
    named: set[tuple[int, str]] = set()
    for lines in regions:
        names = wanted.get(lines[0].page) if lines else None
        if not names:
            continue
        for number in range(len(lines)):
            for plain, level in names:
                count = _named_lines(lines, number, plain)
                for line in lines[number : number + count]:
                    line.level = line.level or min(level, MAX_LEVEL)
                    named.add((lines[0].page, plain))
    for lines in regions:
        for plain, level in wanted.get(lines[0].page, ()):
            if (lines[0].page, plain) not in named:
                _mark_beginning(lines, plain, min(level, MAX_LEVEL))


def _mark_beginning(lines: list[Line], plain: str, level: int) -> None:
    """Mark the line of which a heading is only the beginning, as where a title stands behind a name."""
    for number, line in enumerate(lines):
        above = line.y - lines[number - 1].y if number else 99.0
        below = lines[number + 1].y - line.y if number + 1 < len(lines) else 99.0
        if line.level or min(above, below) < 1.5 * line.size or len(line.text) > 100 or _SENTENCE.search(line.text):
            continue
        ends = [_plain(line.text[: found.start()]) for found in islice(re.finditer(r"\s", line.text), 12)]
        if plain in ends:
            line.level = level
            return


def _named_lines(lines: list[Line], first: int, plain: str) -> int:
    """How many lines from `first` on make up a heading of this name; 0 if they do not."""
    text = ""
    for count, line in enumerate(lines[first : first + MAX_LINES], 1):
        if line.is_row or line.face != lines[first].face or abs(line.size - lines[first].size) > 0.5:
            return 0
        text = f"{text} {line.text}"
        told = _plain(text)
        if told == plain:
            return count
        if not told or not plain.startswith(told):
            return 0
    return 0


def _looks_like_heading(lines: list[Line], number: int, size: float, *, heavy: bool, chapters: set[str]) -> bool:
    """Whether a line is one by its looks. chapters: the numbers of which there are subsections."""
    line = lines[number]
    if line.is_row or line.face.mono or not _LETTER.search(line.text) or len(line.text) > 150:
        return False
    if line.size >= LARGER * size:
        return len(line.text) > 1 and not (len(line.text) > 60 and line.text.endswith("."))
    if line.size < 0.9 * size:
        return False
    above = line.y - lines[number - 1].y if number else 99.0
    below = lines[number + 1].y - line.y if number + 1 < len(lines) else 99.0
    ends = _SENTENCE.search(line.text) is not None or line.text.endswith(":")
    if line.face.bold and not heavy:
        return not ends and _is_alone(lines, number)
    if ends:
        return False
    apart = above > 1.5 * line.size and below > 1.3 * line.size
    numbered = _NUMBERED.match(line.text)
    if (numbered and "." in (numbered[1] or numbered[2])) or _NAMED.match(line.text):
        return (
            len(line.text) < 80 and line.text[numbered.end() if numbered else 0].isupper() and above > 1.25 * line.size
        )
    if numbered and numbered[1] in chapters and apart and len(line.text) < 80:
        return True
    return apart and line.text.isupper() and len(line.text) > 3


def _is_alone(lines: list[Line], number: int) -> bool:
    """Whether a bold line is a heading by itself rather than a bold part of a paragraph that fills a line."""
    line = lines[number]
    if number and not lines[number - 1].face.bold:
        above = lines[number - 1]
        goes_on = line.y - above.y < 1.35 * line.size and not re.search(r"[.!?:]\W*$", above.text)
        return not (goes_on and above.right > above.edges[1] - 6 * line.size)
    return True


def title_of(regions: list[list[Line]], size: float) -> str:
    """The largest heading of the first page, if it is larger than the text; else empty."""
    lines = [line for region in regions for line in region if line.page == 1]
    largest = max((line.size for line in lines if line.level), default=0.0)
    if largest < 1.2 * size:
        return ""
    words: list[str] = []
    for before, line in pairwise([None, *lines]):
        if line is None or not line.level or abs(line.size - largest) > 0.5:
            if words:
                break
            continue
        if before is not None and words and line.y - before.y > 2.2 * line.size:
            break
        words.append(line.text)
    return " ".join(words)

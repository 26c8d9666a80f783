"""What of a page's frame is left in chunks: found with the file's own bytes in hand, and with no code of the readers that are measured.

Chunk and frame are compared by their letters and digits alone, so that neither a lost space nor a cell's bar hides one.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

KINDS = ("leaders", "running", "navigation", "marks")
"""`leaders`: dotted lines of a table of contents. `running`: heads, feet and page numbers. `navigation`: links that are no part of the
text, hidden elements, "¶". `marks`: what dialects of Markdown and reStructuredText write around text, as `!!! note` or `.. _label:`."""

LEADERS = re.compile(r"(?:\. ?){5,}|…{2,}")
RUNNING = re.compile(r"\[Page \d+\]|\((?:continues on next|continued from previous) page\)")
NAVIGATION = re.compile(
    r"¶|\bPrev(?:ious)?\s+(?:Up\s+|Home\s+){1,2}Next\b|\bNext: .{0,80}\bPrev(?:ious)?: .{0,80}\bUp: "
)
MARK = re.compile(r"\s*(?:(?:!!!|\?\?\?\+?|///+|::::*|===!?)\s*(?:[\w{\"]|\|).*|\{:?\s*[#.][^}]*\}\s*)")
"""A line that opens a block of a dialect, or gives its neighbour an id or class."""

RST_MARK = re.compile(r"\.\. (?:_[^:]+:|\|[^|]+\| |[\w:.-]+::).*")
"""The same in reStructuredText; further in, it may be an example."""

LONG_WORD = 20
"""Letters. Hardly a word of English has as many: where many do, spaces are lost."""

MIN_PAGES, MIN_SHARE = 3, 0.4
"""A line without the page's number has to stand at the edge of so many pages, and so large a share of them, to be taken for a running one:
the name of a chapter also stands in the chapter."""

FIRST_PAGE = 2
"""Whose number is looked for: page 1 begins with "1 Introduction" as often as not."""

MIN_CHARS = 8
"""Of what is looked for: a shorter one is found by chance."""

TAIL_CHARS = 12
"""Of the line before the page's number."""

NAVIGATION_PATH = "//nav|//footer|//*[@role='navigation' or @hidden or @aria-hidden='true' or @id='footer']" + "".join(
    f"|//*[contains(concat(' ',@class,' '),' {name} ')]"
    for name in ("navheader", "navfooter", "docnav", "related", "sphinxsidebar", "wy-nav-side", "footer", "headerlink")
)
"""Navigation in the HTML of docbook, publican, Sphinx and its themes, asciidoc and MkDocs."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the text of one file."""

    recurring: frozenset[str] = frozenset()
    """Of many pages, as `numberless` gives it."""
    numbered: frozenset[str] = frozenset()
    """Of one page, with its number, as `squeezed` gives it."""
    navigation: frozenset[str] = frozenset()
    """As `squeezed` gives it."""
    marks: frozenset[str] = frozenset()
    """As `unspaced` gives it."""
    pages: int = 1
    """Of a PDF or a text set in pages; 1 for any other file."""

    def kinds_in(self, chunk: str) -> list[str]:
        """Those of KINDS that a chunk holds."""
        tight = squeezed(chunk)
        found = {
            "leaders": LEADERS.search(chunk) is not None,
            "running": RUNNING.search(chunk) is not None
            or any(each in tight for each in self.numbered)
            or (bool(self.recurring) and any(each in numberless(chunk) for each in self.recurring)),
            "navigation": NAVIGATION.search(chunk) is not None or any(each in tight for each in self.navigation),
            "marks": bool(self.marks) and any(each in unspaced(chunk) for each in self.marks),
        }
        return [kind for kind in KINDS if found[kind]]


def squeezed(text: str) -> str:
    """Letters and digits alone, in small letters, ligatures taken apart."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def numberless(text: str) -> str:
    """The same with `#` for each number."""
    return re.sub(r"\d+", "#", squeezed(text))


def unspaced(text: str) -> str:
    """Without white space."""
    return re.sub(r"\s+", "", text)


def frame_of(path: Path) -> Frame:
    """The frame of a PDF, a text in pages, a web page, Markdown or reStructuredText; of any other file an empty one."""
    if path.name.endswith((".rst", ".rst.txt")):
        return _of_rst(path)
    kinds = {".pdf": _of_pdf, ".txt": _of_text, ".html": _of_html, ".md": _of_markdown}
    suffix = path.suffix.lower()
    return kinds[suffix](path) if suffix in kinds else Frame()


def _of_pdf(path: Path) -> Frame:
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        pages = [page.get_textpage().get_text_bounded().splitlines() for page in document]
    return _in_pages(pages)


def _of_text(path: Path) -> Frame:
    text = path.read_text(encoding="utf-8", errors="replace")
    pages = [page.splitlines() for page in re.split(r"\f|(?<=\])\n(?=\n)", text)] if "[Page 2]" in text else []
    return _in_pages(pages)


def _in_pages(pages: Sequence[Sequence[str]]) -> Frame:
    """Lines at pages' edges that recur or bear the page's own number; where that stands alone, with the words before it."""
    inked = [[line for line in page if line.strip()] for page in pages]
    edges = [list(dict.fromkeys((*page[:2], *page[-2:]))) for page in inked]
    offsets = Counter(number - n for n, page in enumerate(edges) for line in page for number in _end_numbers(line))
    first = offsets.most_common(1)[0][0] if offsets else 0
    often, numbered, before = Counter[str](), set[str](), ""
    for number, (page, lines) in enumerate(zip(inked, edges, strict=True), first):
        own = [line for line in lines if number in _end_numbers(line)] if number >= FIRST_PAGE else []
        often.update({numberless(line) for line in lines if line not in own})
        for line in own:
            alone = line.strip().isdecimal()
            above = page[page.index(line) - 1] if line != page[0] else before
            numbered.add((squeezed(above)[-TAIL_CHARS:] if alone else "") + squeezed(line))
        before = page[-1] if page else before
    recurring = {line for line, count in often.items() if count >= max(MIN_PAGES, MIN_SHARE * len(pages))}
    return Frame(
        recurring=frozenset(line for line in recurring if len(line) >= MIN_CHARS),
        numbered=frozenset(line for line in numbered if len(line) >= MIN_CHARS),
        pages=max(len(pages), 1),
    )


def _end_numbers(line: str) -> set[int]:
    """The numbers that a line begins and ends with, as a page's head or foot does."""
    words = line.split()
    return {int(word) for word in (*words[:1], *words[-1:]) if word.isdecimal()}


def _of_html(path: Path) -> Frame:
    from lxml import html

    root = html.fromstring(path.read_bytes())
    for element in root.xpath("//script|//style|//head"):
        element.drop_tree()
    outside = root.xpath(NAVIGATION_PATH)
    inner = {id(each) for element in outside for each in element.iterdescendants()}
    outside = [element for element in outside if id(element) not in inner]
    texts = [[each for each in map(squeezed, element.itertext()) if each] for element in outside]
    for element in outside:
        element.drop_tree()
    body = squeezed(" ".join(root.itertext()))
    links = {link for each in texts for link in (*each, *(a + b for a, b in pairwise(each)))}
    return Frame(navigation=frozenset(link for link in links if len(link) >= MIN_CHARS and link not in body))


def _of_markdown(path: Path) -> Frame:
    fenced, inside, outside, fence = set[str](), False, set[str](), ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        opened = re.match(r"\s*(`{3,}|~{3,})", line)
        if opened and (not inside or opened[1].startswith(fence)):
            inside, fence = not inside, opened[1]
        elif inside or line.startswith("    "):
            fenced.add(unspaced(line))
        elif MARK.fullmatch(line) and len(line) >= MIN_CHARS:
            outside.add(unspaced(line))
    return Frame(marks=frozenset(each for each in outside if not any(each in code for code in fenced)))


def _of_rst(path: Path) -> Frame:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    examples = {unspaced(line) for line in lines if line.startswith("  ")}
    marks = {unspaced(line) for line in lines if RST_MARK.fullmatch(line)}
    return Frame(marks=frozenset(mark for mark in marks - examples if len(mark) >= MIN_CHARS))


def letters(text: str) -> tuple[int, int]:
    """(letters, those of them in words of LONG_WORD letters or more)."""
    lengths = [len(word) for word in re.findall(r"[^\W\d_]+", text)]
    return sum(lengths), sum(length for length in lengths if length >= LONG_WORD)

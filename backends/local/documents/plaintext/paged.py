"""Text that was set in pages, as RFCs are: running heads and feet go, and what a page's end cut in two is one again."""

import re
from collections import Counter
from collections.abc import Sequence

EDGE_LINES = 2
"""How many lines at a page's top or foot may be its running head or foot."""

MIN_PAGES = 3
"""Fewer pages say nothing on what repeats."""

REPEATED_SHARE = 0.5
"""Of the pages that have the same line at their edge, but for its numbers, from which on it is a running head."""

SHORT_CHARS = 45
"""A line that is shorter looks like the last of its paragraph."""

_FOOT = re.compile(
    r"\S.*\[Page \d{1,4}\]\s*|\s*\[Page \d{1,4}\]\s*|\s*(?:-\s*)?(?:Page )?\d{1,4}(?: of \d{1,4})?(?:\s*-)?\s*",
    re.IGNORECASE,
)
_PAGE_FOOT = re.compile(r"^.*\[Page \d{1,4}\][ \t]*$", re.MULTILINE)
_SENTENCE_END = re.compile(r"""[.:;?!]["')\]]*$""")
_RFC_HEAD = re.compile(r"(RFC \d{1,5})\s{2,}(\S.*?)\s{2,}\S.*")


def join_pages(text: str) -> tuple[str, str]:
    """(text without its pages, title that the running head of an RFC gives or empty).

    A page ends at a form feed, or after a line like `Fielding & Reschke  Standards Track  [Page 12]`. Text of fewer than three pages
    stays as it is.
    """
    pages = _pages(text)
    if len(pages) < MIN_PAGES:
        return text, ""
    heads = _repeated([_edge(page, 1) for page in pages])
    feet = _repeated([_edge(page, -1) for page in pages])
    title = ""
    joined: list[str] = []
    for page in pages:
        head = next((line for line in _edge(page, 1) if (found := _RFC_HEAD.fullmatch(line.strip()))), "")
        found = _RFC_HEAD.fullmatch(head.strip())
        title = title or (f"{found.group(1)}: {found.group(2)}" if found else "")
        body = _trimmed(page, heads, feet)
        if joined and body and not _goes_on(joined[-1], body[0]):
            joined.append("")
        elif joined and body and _cut_short(joined[-1], body[0]):
            joined[-1] = f"{joined[-1].rstrip()} {body.pop(0).strip()}"
        joined += body
    return "\n".join(joined), title


def _pages(text: str) -> list[list[str]]:
    if "\f" not in text:
        text = _PAGE_FOOT.sub(lambda foot: f"{foot.group()}\n\f", text)
    return [page.split("\n") for page in text.split("\f")]


def _edge(page: Sequence[str], step: int) -> list[str]:
    """The first (step 1) or last (step -1) lines of a page that are not blank."""
    return [line for line in page[::step] if line.strip()][:EDGE_LINES]


def _repeated(edges: Sequence[Sequence[str]]) -> set[str]:
    counts = Counter(key for edge in edges for key in {_key(line) for line in edge})
    return {key for key, count in counts.items() if key and count >= max(MIN_PAGES - 1, REPEATED_SHARE * len(edges))}


def _key(line: str) -> str:
    """A line but for its numbers and spaces; empty for one that has no letters."""
    key = re.sub(r"[\d\s]+", " ", line).strip()
    return key if any(character.isalpha() for character in key) else ""


def _trimmed(page: list[str], heads: set[str], feet: set[str]) -> list[str]:
    """A page's lines without its head, foot and the blank lines around them."""
    first, last = 0, len(page)
    for _ in range(EDGE_LINES):
        first = _past_blank(page, first, last, 1)
        first += first < last and _key(page[first]) in heads
    for _ in range(EDGE_LINES):
        last = _past_blank(page, last, first, -1)
        last -= first < last and (_key(page[last - 1]) in feet or _FOOT.fullmatch(page[last - 1]) is not None)
    first = _past_blank(page, first, last, 1)
    return page[first : _past_blank(page, last, first, -1)]


def _past_blank(page: list[str], at: int, end: int, step: int) -> int:
    while at != end and not page[at if step > 0 else at - 1].strip():
        at += step
    return at


def _goes_on(last: str, first: str) -> bool:
    """Whether a page's first line goes on from the last of the page before: at the same margin, and no sentence had ended."""
    same_margin = len(last) - len(last.lstrip()) == len(first) - len(first.lstrip())
    return same_margin and _SENTENCE_END.search(last.rstrip()) is None


def _cut_short(last: str, first: str) -> bool:
    """Whether a page's end cut a line in two, in the middle of a sentence."""
    return len(last) < SHORT_CHARS and first.strip()[:1].islower() and re.search(r"[\w,]\s*$", last) is not None

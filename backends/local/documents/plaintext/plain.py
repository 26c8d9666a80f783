"""Plain text to paragraphs, headings, lists and what only a fixed width can show."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise, zip_longest

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.faq import set_questions_apart
from backends.local.documents.formats import format_of
from backends.local.documents.plaintext.paged import join_pages
from backends.local.documents.text import UNSPACED, clean, decode_file
from backends.local.documents.unpacking import Budget

WRAPPED_CHARS = (45, 120)
"""Shortest and longest line that a hard-wrapping editor or mailer leaves in the middle of a paragraph."""

MAX_HEADING = 80
"""Characters of a heading that only its place and look tell."""

DEEPER = 3
"""Columns right of the body's margin from which on lines that are no sentences are an example."""

MIN_GAP = 3
"""Spaces within a line that set columns apart; two may follow a full stop."""

SOURCE_SUFFIXES = (".rst.txt", ".md.txt")
"""Of the sources of pages that Sphinx lays beside them."""

PROSE_MARKS = " ,.;:?!'’\"“”()[]-–—/"
"""Characters that sentences are made of, besides letters and digits."""

_LIST_ITEM = re.compile(r"\s*(?:[-*+o•–◦‣]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s+(?=\S)")
_STAMP = re.compile(
    r"\s*[\[(<]?(?:\d{4}-\d\d-\d\d|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d\d:\d\d|[A-Z][a-z]{2}\s+\d{1,2}\s+\d\d:\d\d)"
)
_UNDERLINE = re.compile(r"([=\-~*#^\"'+_`.:])\1{2,}")
_LEADERS = re.compile(r"(?:(?<!\.)\.{4,}|(?<!\. )(?:\. ){3,}\.?|(?<!…)…{2,})\s*(?:\d{1,4}|[ivxlc]{1,6})?\s*$")
_CONTENTS = re.compile(r"(?:table of )?contents(?: \(continued\))?", re.IGNORECASE)
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,3}){0,5}|[A-Z](?:\.\d{1,3}){1,5}|Appendix [A-Z])\.?(\s+)(\S.*)")
_GAP = re.compile(rf"\S {{{MIN_GAP},}}\S")
_DRAWN = re.compile(r"[+|][-=+_|]{2,}|[-=_]{3,}[+|>]|[|!].*[|!]\s*$|[│┌└├─]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_QUOTED = re.compile(r"\s*>[> ]*")


def read(name: str, data: bytes) -> list[Reading]:
    """A text file. What Sphinx keeps of a page's source (`page.rst.txt`) is read as that."""
    inner = format_of(name[: -len(".txt")]) if name.lower().endswith(SOURCE_SUFFIXES) else None
    if inner is not None:
        return list(inner.read(name, data, Budget()))
    text, doubts = decode_file(name, data)
    text, title = join_pages(text)
    return [Reading(title, tuple(plain_blocks(text)), doubts)]


def plain_blocks(text: str) -> list[Block]:
    """The blocks of plain text: runs of lines between blank lines, told apart by their look.

    Hard-wrapped lines are joined; short lines (verse, addresses) keep their breaks, and drawings, tables and examples their columns; a
    line too long to be wrapped is a paragraph of its own. Underlined and numbered lines, and those that stand out from an indented
    body, are headings. Lines of a contents list, with dots up to a page's number, are left out.
    """
    runs = [run.split("\n") for run in re.split(r"\n(?:[^\S\n]*\n)+", clean(text, tabs=True).expandtabs(8).strip("\n"))]
    return set_questions_apart(_Runs(runs).blocks())


class _Runs:
    """The runs of lines of a text, and what is the same in all of it."""

    def __init__(self, runs: Sequence[list[str]]) -> None:
        kept = ([line for line in run if line.strip()] for run in _without_contents(runs))
        self._runs = [run for run in kept if run]
        self._margin = _margin(self._runs)
        self._underlines: list[str] = []

    def blocks(self) -> Iterator[Block]:
        for run, next_run in zip_longest(self._runs, self._runs[1:], fillvalue=list[str]()):
            heading, rest = self._heading(run, next_run)
            if heading is not None:
                yield heading
            if rest:
                yield from self._read(rest)

    def _heading(self, run: list[str], next_run: list[str]) -> tuple[Block | None, list[str]]:
        """(heading that a run begins with, the rest of the run)."""
        underlined, rest = self._underlined(run)
        if underlined is not None:
            return underlined, rest
        in_body = self._margin >= 2 and _indent(run[:1]) == 0
        if in_body and len(run) > 1 and _indent(run[1:]) >= 2 and _is_short(run[0]):
            return Block(run[0].strip(), "heading", 1), run[1:]
        whole = " ".join(line.strip() for line in run)
        if len(run) > 2 or not _is_short(whole) or _WORD.search(whole) is None:
            return None, run
        numbered = _NUMBERED.fullmatch(whole)
        if numbered and _indent(run) <= self._margin and self._is_apart(numbered, run, next_run):
            return Block(whole, "heading", numbered.group(1).count(".") + 1), []
        stands_out = bool(next_run) and _indent(next_run) >= _indent(run) + 2
        if in_body and len(run) == 1 and stands_out and whole[:1].isupper():
            return Block(whole.rstrip(":"), "heading", 1), []
        return None, run

    def _underlined(self, run: list[str]) -> tuple[Block | None, list[str]]:
        """(heading that a line of marks follows, the rest of the run). Each kind of line is a level, in order of appearance."""
        lines = run[1:] if len(run) > 2 and _UNDERLINE.fullmatch(run[0].strip()) else run
        found = _UNDERLINE.fullmatch(lines[1].strip()) if len(lines) > 1 else None
        title = lines[0].strip()
        if found is None or _WORD.search(title) is None or len(lines[1].strip()) < len(title) // 2:
            return None, run
        style = found.group(1) * (1 + (lines is not run))
        if style not in self._underlines:
            self._underlines.append(style)
        return Block(title, "heading", self._underlines.index(style) + 1), lines[2:]

    def _is_apart(self, numbered: re.Match[str], run: list[str], next_run: list[str]) -> bool:
        """Whether a numbered line is a heading rather than an item: by its number, its margin, or the paragraph below it."""
        if "." in numbered.group(1) or (_indent(run) == 0 and self._margin >= 2):
            return True
        return bool(next_run) and len(next_run[0]) >= WRAPPED_CHARS[0] and not _LIST_ITEM.match(next_run[0])

    def _read(self, run: list[str]) -> Iterator[Block]:
        if self._is_set(run):
            yield Block("\n".join(line[_indent(run) :] for line in run), "code")
            return
        for quoted, lines in groupby(run, key=lambda line: _QUOTED.match(line) is not None):
            yield from _paragraphs([_QUOTED.sub("", line) if quoted else line for line in lines])

    def _is_set(self, run: Sequence[str]) -> bool:
        """Whether a run's columns count: a drawing, a table, or an example right of the body's margin."""
        if sum(len(line) <= WRAPPED_CHARS[1] and bool(_DRAWN.search(line)) for line in run) * 2 > len(run):
            return True
        if sum(_has_columns(line) for line in run) * 2 > len(run) > 1:
            return True
        deep = _indent(run) >= self._margin + DEEPER and _indent(run) >= 4
        return deep and not _LIST_ITEM.match(run[0]) and not _is_prose(run)


def _without_contents(runs: Sequence[list[str]]) -> Iterator[list[str]]:
    """The runs but for lists of contents: lines with dots up to a page's number, and what is wrapped among them."""
    led = [sum(bool(_LEADERS.search(line)) for line in run) for run in runs]
    has_contents = any(led)
    for run, leaders in zip(runs, led, strict=True):
        if leaders * 2 > len(run):
            continue
        yield [
            line for line in run if not (has_contents and (_LEADERS.search(line) or _CONTENTS.fullmatch(line.strip())))
        ]


def _margin(runs: Sequence[Sequence[str]]) -> int:
    """The column at which most long lines begin."""
    columns = Counter(len(line) - len(line.lstrip()) for run in runs for line in run if len(line) >= WRAPPED_CHARS[0])
    return columns.most_common(1)[0][0] if columns else 0


def _indent(run: Sequence[str]) -> int:
    return min(len(line) - len(line.lstrip()) for line in run)


def _has_columns(line: str) -> bool:
    mark = _LIST_ITEM.match(line)
    return _GAP.search(line, mark.end() if mark else 0) is not None


def _is_short(line: str) -> bool:
    """Whether a line could be a heading: short, without columns, and not a sentence or a part of one."""
    return len(line) <= MAX_HEADING and not line.endswith((".", ",", ";")) and _GAP.search(line) is None


def _is_prose(run: Sequence[str]) -> bool:
    """Whether lines are sentences, rather than code, figures or verse."""
    text = " ".join(line.strip() for line in run)
    words = len(_WORD.findall(text))
    if sum(character.isalnum() or character in PROSE_MARKS for character in text) < 0.97 * len(text):
        return False
    is_label = len(run) == 1 and text[:1].isupper() and text.endswith(":") and words >= 2
    return is_label or (words >= 5 and text.endswith((".", ":", "?", "!", ",", '"', ")")))


def _paragraphs(run: Sequence[str]) -> Iterator[Block]:
    """A run of lines as paragraphs and list items; those of one run stand on lines below one another."""
    groups: list[list[str]] = []
    for last, line in pairwise(["", *run]):
        long = len(line) > WRAPPED_CHARS[1]
        if not groups or _LIST_ITEM.match(line) or long or len(last) > WRAPPED_CHARS[1]:
            groups.append([line])
        else:
            groups[-1].append(line)
    for number, group in enumerate(groups, start=1):
        text = group[0].strip()
        for last, line in pairwise(group):
            text += _between(last, line) + line.strip()
        long = len(group[-1]) > WRAPPED_CHARS[1] or (number < len(groups) and len(groups[number][0]) > WRAPPED_CHARS[1])
        is_item = _LIST_ITEM.match(group[0]) is not None
        yield Block(text, "item" if is_item else "text", holds_next=number < len(groups) and not long)


def _between(last: str, line: str) -> str:
    """Between two lines of a paragraph: a space where the first was wrapped, nothing after a hyphen or in Chinese, else a line break."""
    if len(last) + len(_UNSPACED.findall(last)) < WRAPPED_CHARS[0] or _STAMP.match(line):
        return "\n"
    if _UNSPACED.match(last.rstrip()[-1:]) and _UNSPACED.match(line.strip()):
        return ""
    return "" if re.search(r"[^\W\d_]-$", last) and line.strip()[:1].islower() else " "

"""What a quotation needs around it, and what is never one. Rules about a chunk's text alone, for any writer's habits.

A heading, a running title or a question is no answer, however well it fits. A sentence that ends in a colon goes on; one that begins with
"It" speaks of what stands before it.
"""

import re
from collections.abc import Sequence

from backends.local.splitting import Spans

MAX_HEADING_WORDS = 12
LONG_LINE = 60
"""Characters of a line that is text and no table's cell."""

MAX_ITEM_CHARS = 100
"""Of an item that nothing marks as one."""

MAX_LISTED = 6
"""Items taken after a colon."""

MAX_ADDED_CHARS = 300
"""Of what is taken along: an answer stays short."""

_ASKING = re.compile(r"(?:q|question|faq)\s*\d*\s*[:.)][^\n]*\Z", re.IGNORECASE)
"""A labelled question, with no answer in the same breath."""

_HEADING_MARK = re.compile(r"\s*#{1,6}\s")
_ITEM = re.compile(r"\s*(?:[-*•–·]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+")
_PRONOUN = re.compile(
    r"(?:he|she|it|they|this|these|those|his|her|its|their|such|both|the (?:former|latter|same))\b", re.IGNORECASE
)
_STEP = re.compile(r"(?:then|next|afterwards|after (?:that|this)|finally)\b", re.IGNORECASE)
_ENDS = re.compile(r"[.!?:;…。！？।؟]['\"”’)\]]*$")
_CELL = re.compile(r"[|\t]")
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|can|could|will|would|may|might|must|should|shall"
    r"|\w{3,}(?:ed|es))\b",
    re.IGNORECASE,
)


def is_quotable(text: str, span: tuple[int, int], titles: Sequence[str]) -> bool:
    """Whether a sentence of a chunk may be an answer at all: not a question, a heading or a row of field names.

    titles: what the chunk stands under: its document's title and its section.
    """
    sentence = text[slice(*span)].strip()
    if sentence.rstrip("'\"”’)]").endswith(("?", "？", "؟")) or _HEADING_MARK.match(sentence):
        return False
    if _ASKING.match(sentence):
        return False
    if sentence.casefold() in (title.casefold() for title in titles) and not _ENDS.search(sentence):
        return False
    return not (_is_heading(text, span) or _is_field_names(sentence))


def with_context(text: str, spans: Spans, index: int) -> list[int]:
    """Positions in `spans` of a sentence and of those that it cannot do without, in the chunk's order. text: the chunk's."""
    taken = [index]
    at = index
    answer = _answer_below_a_question(text, spans, index)
    if answer:
        return answer
    while at and _leans_back(text, spans, at) and _chars(spans, [at - 1, *taken[1:]]) <= MAX_ADDED_CHARS:
        at -= 1
        taken.insert(0, at)
        if index - at == 2:
            break
    if text[slice(*spans[index])].rstrip().endswith(":"):
        return taken + _listed(text, spans, index)
    while taken[-1] + 1 < len(spans) and _goes_on(text, spans, taken[-1] + 1):
        if _chars(spans, [*taken[1:], taken[-1] + 1]) > MAX_ADDED_CHARS:
            break
        taken.append(taken[-1] + 1)
    return taken


def _answer_below_a_question(text: str, spans: Spans, index: int) -> list[int]:
    """The whole paragraph of a sentence, where a question stands above it as its heading and it is short; else nothing."""
    first = last = index
    while first and "\n" not in text[spans[first - 1][1] : spans[first][0]]:
        first -= 1
    if not first or not text[slice(*spans[first - 1])].rstrip().endswith("?"):
        return []
    above = spans[first - 1]
    if text[above[1] : spans[first][0]].strip(" ") != "\n" or (above[0] and text[above[0] - 1] != "\n"):
        return []
    while last + 1 < len(spans) and "\n\n" not in text[spans[last][1] : spans[last + 1][0]]:
        last += 1
    whole = list(range(first, last + 1))
    return whole if _chars(spans, whole) <= MAX_ADDED_CHARS else []


def _goes_on(text: str, spans: Spans, at: int) -> bool:
    """Whether the sentence at `at` is the next step of what the one before it begins."""
    return bool(_STEP.match(text[slice(*spans[at])])) and "\n" not in text[spans[at - 1][1] : spans[at][0]]


def _leans_back(text: str, spans: Spans, at: int) -> bool:
    """Whether the sentence at `at` speaks of the one before it."""
    before, sentence = text[slice(*spans[at - 1])], text[slice(*spans[at])]
    gap = text[spans[at - 1][1] : spans[at][0]]
    return bool(_PRONOUN.match(sentence)) and "\n" not in gap and not before.rstrip().endswith("?")


def _listed(text: str, spans: Spans, index: int) -> list[int]:
    """What follows a colon: the items of a list, or one sentence.

    Items are marked, or short and alone on their lines, as those of a page are; a list is of one kind.
    """
    following = range(index + 1, min(index + 1 + MAX_LISTED, len(spans)))
    if not following:
        return []
    is_item = _is_marked if _is_marked(text, spans, index + 1) else _is_short_line
    taken: list[int] = []
    for at in following:
        if (taken and not is_item(text, spans, at)) or _chars(spans, [*taken, at]) > MAX_ADDED_CHARS:
            break
        taken.append(at)
        if not is_item(text, spans, at):
            break
    return taken


def _is_marked(text: str, spans: Spans, at: int) -> bool:
    return _ITEM.match(text[slice(*spans[at])]) is not None


def _is_short_line(text: str, spans: Spans, at: int) -> bool:
    start, end = spans[at]
    alone = "\n" in text[spans[at - 1][1] : start] and (at + 1 == len(spans) or "\n" in text[end : spans[at + 1][0]])
    return alone and end - start <= MAX_ITEM_CHARS


def _chars(spans: Spans, positions: list[int]) -> int:
    return sum(spans[at][1] - spans[at][0] for at in positions)


def _is_heading(text: str, span: tuple[int, int]) -> bool:
    """A short line of its own, without an end, a number or a verb, over a line that is a sentence or long."""
    start, end = span
    sentence = text[start:end]
    alone = (start == 0 or text[:start].rstrip(" \t").endswith("\n")) and text[end:].startswith("\n")
    below = text[end:].lstrip().partition("\n")[0].rstrip()
    if not (_ENDS.search(below) or len(below) > LONG_LINE):
        return False
    plain = len(sentence.split()) <= MAX_HEADING_WORDS and not _ENDS.search(sentence.rstrip())
    return (
        alone
        and plain
        and not re.search(r"[\d=]|: ", sentence)
        and not _VERB.search(sentence)
        and not _ITEM.match(sentence)
    )


def _is_field_names(sentence: str) -> bool:
    """A table's first row: three cells or more, none with a number, a verb or more than three words."""
    cells = [cell.strip() for cell in _CELL.split(sentence) if cell.strip()]
    return len(cells) >= 3 and all(
        len(cell.split()) <= 3 and not re.search(r"\d", cell) and not _VERB.search(cell) for cell in cells
    )

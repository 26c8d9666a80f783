"""Text to sentences. Text is never altered, and a sentence is one run of it."""

import re
from collections.abc import Iterator

from sentencex import get_sentence_boundaries

Spans = list[tuple[int, int]]
"""Character ranges, [start, end), in order and without overlap."""

MAX_SENTENCE_CHARS = 600
"""A "sentence" without an end (a table, a list, minified text) is cut at white space here, so that a quotation stays readable."""

MAX_BLOCK_CHARS = 4_000
"""What the splitter sees at once. Its work grows faster than the text where nothing ends a sentence."""

_HEADING = re.compile(r"(?![-*•]\s)(?:[^\s]+\s+){0,11}[^\s]*[^\W_](?:[)\]'\"”’])?")
"""A dozen words at most, the last without a stop, a comma or a colon behind it."""

_BEGINNING = re.compile(r"[\"'“‘(]?[A-Z0-9]")
"""How a sentence begins, and a line that goes on from the one above it does not."""

_BEFORE_NUMBERS = """
abb app approx appx apt art arts ca cap cf ch chap cl cont cor dept ed eds eq eqs ex ext fig figs fn fr hrsg incl kap max min nos nr nrs obs
op par para pp pt ref refs resp sec sect secs ser st str tab tel vol vols vs al p
"""
"""Abbreviations that a number or a bracket follows within a sentence."""

_BEFORE_NAMES = """
adm brig capt col dr fr ft gen gov hon lt mme mr mrs ms mt mts prof rep rev sen sgt sr st sta ste
"""
"""Abbreviations that a name follows."""

_FOLLOWED = {"numbers": frozenset(_BEFORE_NUMBERS.split()), "names": frozenset(_BEFORE_NAMES.split())}
_ABBREVIATED = re.compile(r"(?:^|[\s(\[])([^\W\d_]{1,7})\.$")
_NAMED = re.compile(
    r"(?!(?:The|It|He|She|They|We|You|This|That|These|Those|A|An|In|On|At|For|If|There|Its|His|Her)\b)[^\W\d_a-z]"
)
_NUMBERED = re.compile(r"\(?(?:\d+(?:\.\d+)*|[A-Za-z])[.)]")
_KANA, _HAN, _THAI = (re.compile(f"[{letters}]") for letters in ("\u3040-\u30ff", "\u3400-\u9fff", "\u0e00-\u0e7f"))


def split_sentences(text: str) -> Spans:
    """Where the sentences of `text` stand, white space trimmed; empty for blank text."""
    spans: Spans = []
    for block_start, block_end in _blocks(text):
        block = text[block_start:block_end]
        for start, end in _joined(block, _boundaries(block)):
            for part in _split_heading(text, block_start + start, block_start + end):
                spans.extend(split_long(text, *part))
    return spans


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """A range without the white space at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def split_long(text: str, start: int, end: int, most: int = MAX_SENTENCE_CHARS) -> Iterator[tuple[int, int]]:
    """A range in parts of at most `most` characters, cut at a line's end, else at white space, else anywhere; none for a blank one."""
    while end - start > most:
        cut = max(text.rfind("\n", start + 1, start + most + 1), start)
        if cut == start:
            cut = start + most
            while cut > start and not text[cut].isspace():
                cut -= 1
        if cut == start:
            cut = start + most
        part = trim(text, start, cut)
        if part[0] < part[1]:
            yield part
        start, _ = trim(text, cut, end)
    if start < end:
        yield start, end


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs, in parts no longer than the splitter is to see at once."""
    offset = 0
    for paragraph in text.split("\n\n"):
        start, end = trim(text, offset, offset + len(paragraph))
        yield from split_long(text, start, end, MAX_BLOCK_CHARS)
        offset += len(paragraph) + 2


def _boundaries(block: str) -> Spans:
    """As sentencex sees them, by the script that the block is written in."""
    language = "en"
    if not block.isascii():
        language = (
            "ja" if _KANA.search(block) else "zh" if _HAN.search(block) else "th" if _THAI.search(block) else "en"
        )
    found = (trim(block, each["start_index"], each["end_index"]) for each in get_sentence_boundaries(language, block))
    return [(start, end) for start, end in found if start < end]


def _joined(block: str, found: Spans) -> Spans:
    """Sentences with those that an abbreviation or a number broke off joined again."""
    spans: Spans = []
    for start, end in found:
        if spans and "\n" not in block[spans[-1][1] : start] and _goes_on(block[slice(*spans[-1])], block[start:end]):
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return spans


def _goes_on(before: str, after: str) -> bool:
    """Whether what looks like two sentences on one line is one."""
    first = after[0]
    if first.islower() and not before.endswith(("?", "!")):
        return True
    if _NUMBERED.fullmatch(before):
        return True
    last = _ABBREVIATED.search(before[-10:])
    if last is None:
        return False
    word = last.group(1).casefold()
    if word in _FOLLOWED["names"] and _NAMED.match(after):
        return True
    if word == "no":
        return first.isdigit()
    return word in _FOLLOWED["numbers"] and (first.isdigit() or first in "([")


def _split_heading(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A heading stands on the line above the text that it heads, with nothing that ends it: no part of the first sentence."""
    line, _, below = text[start:end].partition("\n")
    before = start
    while before and text[before - 1] in " \t":
        before -= 1
    begins = before == 0 or text[before - 1] == "\n"
    if begins and _HEADING.fullmatch(line.strip()) and _BEGINNING.match(below.lstrip()):
        yield trim(text, start, start + len(line))
        start = trim(text, start + len(line), end)[0]
    yield start, end

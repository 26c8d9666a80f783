"""Text to words, and words to stems: the one tokeniser of the lexical index and of the reader.

Words are read in NFC, so that "é" is one letter however it was typed. Scripts that put no space between words (Chinese, Japanese, Thai,
Lao, Khmer, Burmese) are cut by ICU's dictionaries.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import cast

import Stemmer

_MARK = "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.category(chr(code)).startswith("M"))
"""Combining marks: vowel signs and accents, which are parts of words that Python's `\\w` does not know as such."""

WORD = re.compile(rf"\d+(?:[.,]\d+)*|[^\W\d_]+(?:[{_MARK}]+[^\W\d_]*)*|\w")
"""A number with its separators, a run of letters with their marks, or any other single word character."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)

_STOP_WORDS = """
a about after all also am an and any are as at be because been before being between both but by can could d did do does doing down during
each few for from further had has have having he her here hers herself him himself his how i if in into is it its itself just ll m may me
might more most must my myself nor now of off on once only or other our ours ourselves out over own re s same shall she should so some such
t than that the their theirs them themselves then there these they this those through to too under until up upon ve very was we were what
when where which while who whom whose why will with would you your yours yourself yourselves
please tell describe explain
"""

STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English function words, and what asks without saying what for. Negations (`not`, `no`, `never`, `without`) are no stop words."""

_local = threading.local()


def split_words(text: str) -> list[str]:
    """The words of `text` in order, in NFC, case kept."""
    composed = unicodedata.normalize("NFC", text)
    return [composed[start:end] for start, end in word_spans(composed)]


def word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of a text in NFC stand, as [first character, one past the last)."""
    for found in WORD.finditer(text):
        start, end = found.span()
        if text.isascii() or not _UNSPACED.search(text, start, end):
            yield start, end
        else:
            yield from ((start + first, start + last) for first, last in _segments(text[start:end]))


@cache
def _breaker() -> type:
    from icu4py.breakers import WordBreaker  # Few texts need it.

    return cast(type, WordBreaker)


def _segments(run: str) -> list[tuple[int, int]]:
    """The words of a run of letters without spaces. ICU finds the language by the script, and counts in units of UTF-16."""
    found: list[tuple[int, int]] = list(_breaker()(run, "en").segments())
    if max(run) <= "\uffff":
        return found
    place = {0: 0}
    units = 0
    for number, letter in enumerate(run, start=1):
        units += 1 if letter <= "\uffff" else 2
        place[units] = number
    return [(place[start], place[end]) for start, end in found]


def stem_words(words: list[str]) -> list[str]:
    """Stems (Snowball English) of lower-cased words; numbers lose their thousands separators."""
    lowered = [word.replace(",", "") if word[0].isdigit() else word.casefold() for word in words]
    return cast(list[str], _stemmer().stemWords(lowered))


def content_stems(text: str) -> list[str]:
    """Stems of the words of `text` in order, less stop words."""
    return stem_words([word for word in split_words(text) if word.casefold() not in STOP_WORDS])


def _stemmer() -> Stemmer.Stemmer:
    """One stemmer a thread: PyStemmer's are not safe to share."""
    if not hasattr(_local, "stemmer"):
        _local.stemmer = Stemmer.Stemmer("english")
    return cast(Stemmer.Stemmer, _local.stemmer)

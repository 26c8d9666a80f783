"""Text to words, and words to stems: the one tokeniser of the lexical index and of the reader."""

import re
import threading
from typing import cast

import Stemmer

WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|\w")
"""A number with its separators, a run of letters, or any other single word character."""

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
    """The words of `text` in order, case kept."""
    return WORD.findall(text)


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

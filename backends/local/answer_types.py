"""What kind of answer a question asks for, and which sentences could hold one. Surface rules for English, on purpose few."""

import re
from enum import StrEnum

from backends.local.words import STOP_WORDS


class AnswerType(StrEnum):
    """The kinds that surface rules can tell apart; everything else is OTHER, for which nothing is expected."""

    DATE = "date"
    NUMBER = "number"
    NAME = "name"
    PLACE = "place"
    REASON = "reason"
    MANNER = "manner"
    OTHER = "other"


_QUESTIONS = (
    (
        AnswerType.DATE,
        r"\bwhen\b|\b(what|which) (\w+ )?(year|date|day|month|century|decade|time period|era)\b|\bhow long ago\b",
    ),
    (
        AnswerType.NUMBER,
        r"\bhow (many|much|long|far|old|tall|high|deep|large|big|fast|quickly|often|heavy|wide|hot|cold|\w+ly)\b"
        r"|\b(what|which) (is the |was the |were the |are the )?(\w+ )?"
        r"(percent|percentage|number|population|proportion|fraction|amount|length|height|speed|distance|temperature|age|size|cost|price)\b",
    ),
    (AnswerType.NAME, r"\bwho(m|se)?\b|\b(what|which) (person|man|woman|king|queen|scientist|author|general|leader)\b"),
    (
        AnswerType.PLACE,
        r"\bwhere\b|\b(what|which) (\w+ )?(city|country|place|town|state|region|continent|river|island|location|area|nation|province)\b",
    ),
    (
        AnswerType.REASON,
        r"\bwhy\b|\bwhat (\w+ )?(caused?|causes|reason|motivated|led|leads|made)\b|\bfor what (reason|purpose)\b",
    ),
    (AnswerType.MANNER, r"\bhow\b"),
)
_QUESTION_RULES = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _QUESTIONS)

_DATE = re.compile(
    r"\b1\d{3}s?\b|\b20\d\ds?\b|\b\d{1,4} (BCE?|AD|CE)\b|\bAD \d+|\b\d+(st|nd|rd|th)[ -]centur|\bcentur(y|ies)\b"
    r"|\b(January|February|March|April|May|June|July|August|September|October|November|December)\b"
    r"|\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b(million|billion|thousand|hundred)s? (of )?years\b|\byears? (ago|later|after)\b"
)
_NUMBER = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    r"|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|half|third|quarter"
    r"|dozens?|twice|once|double|most|several)\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(because|since|due to|so that|as a result|in order to|owing to|thanks to|caused?|causes|causing|led to|leads to|leading to"
    r"|reasons?|therefore|thus|to avoid|to prevent|hence|for fear|so)\b",
    re.IGNORECASE,
)
_MANNER = re.compile(r"\b(by|through|using|via|with|when|first|then|into|from)\b", re.IGNORECASE)
_CAPITALISED = re.compile(r"\b[A-Z][^\W\d_]*(?:[-'’][^\W\d_]+)*")


def expected_type(question: str) -> AnswerType:
    """The kind of answer that the question's words ask for; the first rule that matches wins."""
    for kind, pattern in _QUESTION_RULES:
        if pattern.search(question):
            return kind
    return AnswerType.OTHER


def holds_answer(kind: AnswerType, sentence: str, question_words: frozenset[str]) -> bool:
    """Whether `sentence` holds something of this kind that the question (its words, case-folded) does not name itself."""
    match kind:
        case AnswerType.DATE:
            return _holds_new(_DATE, sentence, question_words)
        case AnswerType.NUMBER:
            return _holds_new(_NUMBER, sentence, question_words)
        case AnswerType.NAME | AnswerType.PLACE:
            return _holds_new(_CAPITALISED, sentence, question_words | STOP_WORDS)
        case AnswerType.REASON:
            return bool(_REASON.search(sentence))
        case AnswerType.MANNER:
            return bool(_MANNER.search(sentence))
        case AnswerType.OTHER:
            return True


def _holds_new(pattern: re.Pattern[str], sentence: str, known: frozenset[str]) -> bool:
    return any(match.group().casefold() not in known for match in pattern.finditer(sentence))

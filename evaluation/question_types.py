"""What kind of answer a question asks for: by rules and by a shipped classifier, and unsure where the two disagree.

The nine types are those of the built-in corpus. English only. The classifier is TF-IDF (Salton and Buckley 1988) with a linear support
vector machine, fitted by benchmarks/fit_question_types.py and applied here with NumPy alone.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from corpus import QUESTION_TYPES, QuestionType
from evaluation.summary import FloatArray
from pipeline.errors import ConfigError

WEIGHTS_FILE = Path(__file__).with_name("question_types.json")


@dataclass(frozen=True, slots=True)
class Label:
    """The type of a question."""

    type: QuestionType | None
    """What rules and classifier agree on; None where they do not, which a person has to look at."""
    by_rules: QuestionType
    """What the first rule that fits says."""
    by_classifier: QuestionType
    """What the classifier says."""


def label(question: str) -> Label:
    """The type of a question, by both. Raises ConfigError for damaged weights."""
    by_rules, by_classifier = label_by_rules(question), label_by_classifier(question)
    return Label(by_rules if by_rules == by_classifier else None, by_rules, by_classifier)


_BE = r"(?:is|are|was|were)"
_KIND = r"(?:what|which)"
_PLACES = (
    r"(?:cit(?:y|ies)|countr(?:y|ies)|counties|county|towns?|villages?|states?|regions?|provinces?|continents?|islands?|locations?|places?"
    r"|streets?|districts?|hospitals?|universit(?:y|ies)|laborator(?:y|ies)|museums?|buildings?|houses?|ports?|harbours?"
    r"|observator(?:y|ies)|theatres?|halls?|valleys?|deserts?|parts? of (?:the )?\w+|nations?|mountains?|lakes?|seas?|oceans?"
    r"|coasts?|beach(?:es)?|rooms?)"
)
_PEOPLE = (
    r"(?:persons?|m[ae]n|wom[ae]n|doctors?|surgeons?|vets?|kings?|queens?|emperors?|popes?|monks?|priests?|(?:arch)?bishops?|saints?|nurses?"
    r"|presidents?|generals?|captains?|pilots?|guards?|soldiers?|sailors?|astronauts?|maids?|milkmaids?|rulers?|officials?|officers?"
    r"|leaders?|founders?|brothers?|sisters?|directors?|collectors?|actors?|inventors?|authors?|poets?|explorers?|engineers?|lawyers?"
    r"|astronomers?|researchers?|composers?|painters?|writers?|philosophers?|photographers?|craftsm[ae]n|critics?|architects?|musicians?"
    r"|mathematicians?|physicians?|historians?|politicians?|\w{2,}(?:ologist|icist|emist)s?|scientists?|artists?|economists?|botanists?)"
)
_AMOUNTS = (
    r"(?:percentage|percent|proportion|fraction|share|amount|number|population|length|height|depth|width|speed|distance|temperature|age"
    r"|size|cost|price|weight|mass|half-life|total|frequency|diameter|area|volume|average|sum|prize money)"
)
_VIEWS = (
    r"(?:think|thought|believe[sd]?|believing|feel|felt|regard(?:ed|s)?|rate[sd]?|view(?:ed|s)?|consider(?:ed|s)?|argue[sd]?"
    r"|criticis(?:e[sd]?|ing)|suspect(?:ed)?|dislike[sd]?|say about|say against|have to say|say of|object(?:ed)?|judge[sd]?"
    r"|see the|make of|praise[sd]?"
    r"|blamed?|fear|claim(?:ed)?|justify|call the|see in)"
)
_MANY = r"(?:some|many|most|several) (?:\w+ ){0,5}"

_MEASURED = (
    r"(?:many|much|long|far|old|tall|high|deep|large|big|fast|quickly|often|heavy|wide|hot|cold|little|thick|strong|small|bright|loud"
    r"|common)"
)

_RULES: tuple[tuple[QuestionType, str], ...] = (
    (
        "OPINION",
        rf"\b{_KIND}\b.*\b(?:opinion|verdict|attitude|complaint|objection|criticism|worry|worrie|fault|stance|reputation|argument)s?\b",
    ),
    ("OPINION", r"\b(?:what|how)\b.*\bview of\b|\bin (?:the )?(?:\w+ ){0,3}(?:opinion|view|eyes) of\b"),
    ("OPINION", rf"^(?:for )?(?:what|how|how \w+ly)\b.*\b(?:do|does|did|has|have|is|was|were)\b.*\b{_VIEWS}\b"),
    ("OPINION", rf"\b(?:critics|{_MANY}){_VIEWS}\b|^what (?:\w+ )?do {_MANY}|^on what grounds do (?:some|many)"),
    ("OPINION", r"^how do (?:many|some|most) \w+ see\b|\baccording to (?:some|many|most|critics)"),
    ("REASON", r"^(?:\w+ )?why\b|\bfor what (?:reason|purpose)\b|\bon what grounds\b|^how come\b"),
    (
        "REASON",
        rf"^{_KIND} (?:reasons?|motives?|causes?|caused|causing|explains|explained|prompted|motivated|led|leads|drove|makes|made)\b",
    ),
    ("REASON", rf"^what {_BE} the (?:\w+ )?(?:reason|cause|motive|purpose)\b|^what (?:\w+ )?reason\b"),
    ("DATE", r"^(?:\w+ )?when\b|^how long ago\b|\bwhat (?:is|was) the (?:date|year|day)\b"),
    ("DATE", rf"\b{_KIND} (?:\w+ )?(?:year|date|day|month|century|decade|era|period|season)\b"),
    ("PERSON", rf"^(?:\w+ )?who(?:m|se)?\b|^(?:\w+ )?{_KIND} (?:[\w-]+ ){{0,2}}{_PEOPLE}\b"),
    (
        "PERSON",
        r"\bnames? of (?:.*\b)?(?:wife|husband|son|daughter|father|mother|brother|sister|teacher|assistant|man|woman|person)\b",
    ),
    ("STATISTICS", rf"^(?:\w+ ){{0,2}}how {_MEASURED}\b"),
    (
        "STATISTICS",
        rf"\b(?:what|which) (?:{_BE} the )?(?:[\w-]+ ){{0,2}}{_AMOUNTS}\b|^what (?:do|does|did)\b.*\b(?:cost|weigh)\b",
    ),
    ("LOCATION", rf"^(?:\w+ )?where\b|^(?:\w+ )?{_KIND} (?:two )?(?:[\w-]+ ){{0,2}}{_PLACES}\b"),
    (
        "PROCESS",
        r"^(?:\w+ )?how\b|\b(?:in what way|by what (?:means|method|process))\b|^what (?:happens|happened|steps?|process|method)\b",
    ),
    ("FACT", r"^what (?:kind|sort|type)s? of\b|^what (?:do|does|did) .*\b(?:mean|do|refer to|tell)\b"),
    ("ENTITY", rf"^(?:\w+ ){{0,2}}{_KIND} (?!{_BE}\b|do\b|does\b|did\b|has\b|have\b|can\b|would\b|happen)|^which\b"),
    (
        "ENTITY",
        rf"^what {_BE} (?:the )?(?:[\w-]+ ){{0,3}}(?:names?|nickname|title)\b|^what {_BE} the (?:\w+est|only|first|last|most|main)\b",
    ),
    ("ENTITY", rf"^what {_BE} .*\b(?:called|known as)(?: that\b| in\b| by\b|\?|$)"),
    ("FACT", ""),
)
"""Type and pattern; the first that is found wins."""

_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _RULES)


def label_by_rules(question: str) -> QuestionType:
    """The type of the first rule whose pattern is found; FACT where none is."""
    return next(kind for kind, pattern in _COMPILED if pattern.search(question))


def label_by_classifier(question: str) -> QuestionType:
    """The type with the largest decision value."""
    return QUESTION_TYPES[int(np.argmax(decide(default_weights(), question)))]


_TOKEN = re.compile(r"\w+")


def split_grams(question: str) -> list[str]:
    """Single words, pairs and triples, in lower case, start and end marked; names become `@` and numbers `#`: what is asked counts."""
    words: list[str] = []
    for place, word in enumerate(_TOKEN.findall(question)):
        name = place > 0 and word[0].isupper()
        shown = "#" if any(letter.isdigit() for letter in word) else "@" if name else word.lower()
        if not (shown == "@" and words[-1:] == ["@"]):
            words.append(shown)
    marked = ["^", *words, "$"]
    return [" ".join(marked[start : start + n]) for n in (1, 2, 3) for start in range(len(marked) - n + 1)]


@dataclass(frozen=True, slots=True)
class TypeWeights:
    """The classifier's fitted numbers."""

    grams: dict[str, int]
    """Columns by what `split_grams` gives."""
    idf: FloatArray
    """(grams,)."""
    weights: FloatArray
    """(types, grams), types in the order of QUESTION_TYPES."""
    bias: FloatArray
    """(types,)."""

    @classmethod
    def load(cls, path: Path = WEIGHTS_FILE) -> Self:
        """Read what benchmarks/fit_question_types.py wrote. Raises ConfigError if the file is not that."""
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            grams = {gram: place for place, gram in enumerate(data["grams"])}
            found = cls(grams, *(np.array(data[name], np.float64) for name in ("idf", "weights", "bias")))
            if tuple(data["types"]) != QUESTION_TYPES or found.weights.shape != (len(found.bias), len(grams)):
                raise ValueError("other types")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"The weights of the question types in {path.name} cannot be used ({type(error).__name__}). "
                "Reinstall Raglass, or fit them again: python -m benchmarks.fit_question_types."
            ) from error
        return found


@cache
def default_weights() -> TypeWeights:
    """The shipped weights, read once."""
    return TypeWeights.load()


def decide(weights: TypeWeights, question: str) -> npt.NDArray[np.float64]:
    """(types,): decision values, w·x + b with x = (1 + ln count)·idf, scaled to length 1; grams that were never seen are passed over."""
    counts = Counter(gram for gram in split_grams(question) if gram in weights.grams)
    places = [weights.grams[gram] for gram in counts]
    values = (1 + np.log(np.array(list(counts.values()), np.float64))) * weights.idf[places]
    length = float(np.linalg.norm(values))
    found: FloatArray = weights.bias + weights.weights[:, places] @ (values / length if length else values)
    return found

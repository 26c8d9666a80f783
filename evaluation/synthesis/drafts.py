"""A question that was written and not yet checked, and what its words alone must be."""

import re
from dataclasses import dataclass

from backends.local.words import content_stems
from corpus import QuestionType
from evaluation.synthesis.clauses import PRONOUNS
from evaluation.synthesis.people import PERSON_NOUNS
from evaluation.synthesis.verbs import bases, is_finite

MOST_WORDS = 26
"""Of a question."""

FEWEST_WORDS = 4

MOST_ANSWER_WORDS = 30

DEFINING = ("FACT", "REASON", "PROCESS")
"""Types whose questions are about the thing that they name."""

ENOUGH_STEMS = 5
"""Words other than function words that say what is meant even where none is a name."""

_UNIQUE = """
world sky sea universe air earth globe equator ground sun moon solar-system north south east west internet media past present future
public country environment atmosphere weather heart brain body eye ear night day morning evening spring summer autumn winter
"""

UNIQUE = frozenset(_UNIQUE.split())
"""What `the` may stand before without having been named."""

_VAGUE = """
event device idea effect picture image method problem story claim decision agreement result discovery view process project work thing
fact change reason case change deal change experiment invention design technique substance material plan visit trip object
"""

VAGUE = frozenset(_VAGUE.split())
"""What says too little after `the`, even with something behind it."""

_CUT = re.compile(
    r"\b(?:not|only|just|of|the|a|an|to|by|with|from|for|and|or|in the|at|on|both|between|than|as|that|more|most)\?$"
)
"""How a question ends that was cut in the middle."""

_SAYS = re.compile(
    r"\b(?:argue|show|notice|announce|discover|prove|think|believe|suggest|claim|find|found|state|warn|propose|predict|explain|report|say"
    r"|realise|conclude|observe|demonstrate|calculate|estimate|convince)(?:d|ed|s)?\b"
)
"""Verbs behind which `that` begins what is said."""

_COMPARED = re.compile(
    r"\b(?:faster|better|larger|cheaper|smaller|bigger|newer|simpler|stronger|safer|later|earlier|higher|lower|longer|further|farther|similar)\b"
)
"""What needs something to be compared with."""

_FOLLOWS = (
    r"in|on|at|to|by|from|with|and|or|is|are|was|were|of|for|that|who|which|than|as|into|over|under|through|between|around|across|after|"
    r"before|during"
)
_DEFINITE = re.compile(rf"\bthe ((?:[a-z][\w'’-]* )*?[a-z][\w'’-]*)(?=[?,]|$| (?:{_FOLLOWS}|[A-Z0-9]|\w+ed\b|\w+ly\b))")


@dataclass(frozen=True, slots=True)
class Draft:
    """A question from a chunk."""

    question: str
    """As it would be asked."""
    answers: tuple[str, ...]
    """Accepted answers, the fullest first, each a part of the chunk."""
    type: QuestionType
    """What kind of answer is asked for."""
    rule: str
    """What wrote it: a template's name, or the model's."""


def problem_with(draft: Draft, title: str) -> str:
    """Why a question cannot stand on its own, empty if it can. title: the document's."""
    words = re.findall(r"[\w'’-]+", draft.question)
    answer = draft.answers[0] if draft.answers else ""
    if not FEWEST_WORDS <= len(words) <= MOST_WORDS or not 1 <= len(answer.split()) <= MOST_ANSWER_WORDS:
        return "it is too short or too long"
    if _CUT.search(draft.question):
        return "it ends too early"
    if any(word.lower() in PRONOUNS for word in words[1:]):
        return "it points at something that it does not name"
    if answer.lower().removeprefix("the ") in draft.question.lower():
        return "it gives its answer away"
    if (_COMPARED.search(draft.question) and " than " not in draft.question) or _points(draft.question):
        return "it points at something that it does not name"
    if draft.type not in DEFINING and not _names_something(draft.question, title):
        return "it does not say what it is about"
    return "it says “the …” of a thing without saying which" if _is_vague(draft.question, title) else ""


def _points(question: str) -> bool:
    """Whether it says `that` of a thing: what `that` begins has a verb soon."""
    for found in re.finditer(r"\bthat\b ?", question):
        if _SAYS.search(question[: found.start()]):
            continue
        follows = re.findall(r"[\w'’-]+", question[found.end() :])[:9]
        if not any(is_finite(word) or (place and word in bases()) for place, word in enumerate(follows)):
            return True
    return False


def _names_something(question: str, title: str) -> bool:
    """Whether it holds a name, a year or a word of the title."""
    words = re.findall(r"[\w'’-]+", question)[1:]
    stems = set(content_stems(title))
    if any(word[:1].isupper() or re.fullmatch(r"\d{4}s?", word) for word in words):
        return True
    found = content_stems(question)
    return bool(stems & set(found)) or len(found) >= ENOUGH_STEMS


def _is_vague(question: str, title: str) -> bool:
    """Whether it calls a thing `the …` though nothing in it says which."""
    named = title.lower().removeprefix("the ").removeprefix("a ").split(":")[0].strip()
    for found in _DEFINITE.finditer(question):
        words = found[1].split()
        follows = question[found.end() :].lstrip()
        verb = next((place for place, word in enumerate(words) if place and word in bases()), None)
        if verb is not None:  # `did the paper launch a …`: the thing ends before the verb.
            follows = " ".join((*words[verb:], follows))
            words = words[:verb]
        thing = " ".join(words)
        head = words[-1].lower()
        if re.search(r"\b(?:first|last|only|most|least|best|main|chief|oldest|next|\w+est)\b", thing):
            continue
        if head in PERSON_NOUNS and follows[:1].isupper():
            continue
        if follows[:1].isupper():
            continue
        if head in UNIQUE or thing.lower() == named or (named == head and len(named.split()) == 1):
            continue
        if follows.split(" ")[0] in ("of", "for", "between", "that", "who") and head not in VAGUE:
            continue
        return True
    return False

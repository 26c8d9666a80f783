"""A sentence as templates see it: its subject, its verb and what follows, up to where the clause ends. Surface rules for English."""

import re
from dataclasses import dataclass, replace

from evaluation.synthesis.verbs import AUXILIARIES, SAME, bases, is_finite, participles, past_forms, present_forms

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"

_YEAR = r"(?:1\d{3}|20\d\d)"
_WHEN = (
    rf"(?:the (?:early |late |mid-)?{_YEAR}s|(?:the )?(?:early |late |mid-)?(?:the )?\d{{1,2}}(?:st|nd|rd|th) century(?: BC| AD)?"
    rf"|\d{{1,2}} (?:{MONTHS}) {_YEAR}|(?:{MONTHS}) \d{{1,2}}, {_YEAR}|(?:{MONTHS}) {_YEAR}|(?:AD )?\d{{1,4}} (?:BC|AD)|{_YEAR})"
)
DATE = re.compile(
    rf"(?P<before>\b(?:[Ii]n|[Oo]n|[Bb]y|[Aa]round|[Ii]n about|[Aa]fter|[Bb]efore) )(?P<date>{_WHEN})(?![\w-]|,? \d|'s)"
)
"""A moment with the word before it."""

_FRONT = re.compile(rf"(?:In|On) (?P<date>{_WHEN}),? ")

ANY_YEAR = re.compile(rf"\b{_YEAR}s?\b|\bcentury\b")

_ADVERBS = """
first also later then finally usually often always never probably still mostly sometimes soon once eventually originally initially now
already famously officially formally successfully independently publicly
"""

ADVERBS = frozenset(_ADVERBS.split())
"""What may stand between a subject and its verb."""

_PRONOUNS = """
he she it they him her them his hers its their theirs this these those we us our you your i my me himself herself itself themselves one
ones there here another other others such both each either neither former latter same
"""

PRONOUNS = frozenset(_PRONOUNS.split())
"""What points at something that a question would have to name."""

_ENDS = re.compile(
    r",(?=\s|$)|;|:|\s[–—-]\s|\s\("
    r"|\s(?:because|although|though|while|whereas|when|which|who|whose|whom|but|so that|since|unless|if|until|as|where|than|after|before"
    r"|and (?:then|later|so)|without|whether)\b"
)
"""Where a clause ends, whatever comes."""

_LIST = re.compile(r", (?:[\w'’-]+ ){0,4}?[\w'’-]+(?:,| and | or )")
"""A comma that goes on with a list."""


HAVE = {"has": "does", "have": "do", "had": "did"}
"""Forms of `have` with what asks for them where it is the only verb."""


@dataclass(frozen=True, slots=True)
class Clause:
    """The first clause of a sentence."""

    subject: str
    """As it would stand within a sentence: `the Moon`, `John Boyd Dunlop`."""
    apposition: str
    """What is said of the subject between commas; empty if nothing is."""
    adverb: str
    """A word between subject and verb; empty if there is none."""
    verb: str
    """The verb as it stands."""
    rest: str
    """What follows, up to where the clause ends."""
    after: str
    """What comes behind that, with what ends the clause."""
    front: str
    """The moment that the sentence begins with, with its preposition; empty if it does not."""

    @property
    def is_auxiliary(self) -> bool:
        """Whether the verb goes before the subject in a question; `had` does in `had built a tower`, and not in `had a tower`."""
        if self.verb in HAVE:
            return _is_perfect(self.rest)
        return self.verb in AUXILIARIES

    @property
    def is_past(self) -> bool:
        """Whether it tells what happened."""
        return self.verb in past_forms() or self.verb in ("was", "were") or self.support == "did"

    @property
    def base(self) -> str:
        """The verb as it stands after `did`."""
        if self.verb in HAVE:
            return "have"
        return past_forms().get(self.verb) or present_forms().get(self.verb) or self.verb

    @property
    def support(self) -> str:
        """`did`, `does` or `do`."""
        if self.verb in HAVE:
            return HAVE[self.verb]
        if self.verb in SAME and (self.subject.split(" ")[-1][:1].isupper() or not self.subject.endswith("s")):
            return "did"
        return "did" if self.verb in past_forms() else "does" if self.verb in present_forms() else "do"

    def without(self, cut: str) -> "Clause":
        """The same without a part of what follows the verb."""
        return replace(self, rest=" ".join(self.rest.replace(cut, " ", 1).split()))


def read_clause(sentence: str, context: str) -> Clause | None:
    """The first clause; None where the rules do not see its parts. context: the chunk, which tells names from other words."""
    text = sentence.strip().rstrip(".").strip()
    if not text or re.search(r"[\"“”?!;:()\[\]…]", text) or not 4 <= len(text.split()) <= 45:
        return None
    front = _FRONT.match(text)
    body = text[front.end() :] if front else text
    words = body.split(" ")
    place = _find_verb(words)
    if place is None:
        return None
    head = " ".join(words[:place])
    subject, apposition, adverb = _read_subject(head)
    if not subject:
        return None
    tail = f" {' '.join(words[place + 1 :])}"
    end = _end_of(tail)
    if end is None:
        return None
    rest, after = tail[:end].strip(), tail[end:]
    verb = words[place]
    if after and re.search(r"\bthat\b", rest) and not re.match(r" because|, (?:and|but)\b", after):
        return None  # What `that` begins was cut.
    if verb not in AUXILIARIES and verb in past_forms() and _has_finite(rest):
        return None  # Perhaps the verb is a participle: `a region called X lies …`.
    if (verb not in AUXILIARIES and re.search(r" and \w+ed\b", rest)) or (
        verb in HAVE and set(rest.split()) & participles() and not _is_perfect(rest)
    ):
        return None  # A second verb, which no question would carry along.
    inside = subject if front else _inside(subject, context)
    if inside is None:
        return None
    return Clause(inside, apposition, adverb, verb, rest, after, front[0].strip().rstrip(",") if front else "")


def _is_perfect(rest: str) -> bool:
    """Whether what follows `had` begins with a participle."""
    follows = [word for word in rest.split(" ") if word not in ADVERBS and not word.endswith("ly")][:1]
    return bool(follows) and (follows[0] in ("been", "not", "become") or follows[0] in participles())


def _find_verb(words: list[str]) -> int | None:
    """The place of the first verb; None where something comes before it that no plain subject holds."""
    depth = 0
    for place, word in enumerate(words[:16]):
        low = word.lower().rstrip(",")
        if low in (
            "that",
            "which",
            "who",
            "whose",
            "when",
            "where",
            "if",
            "because",
            "while",
            "although",
            "after",
            "before",
            "as",
            "to",
        ):
            if not depth:
                return None
            continue
        if word.endswith(","):
            depth += 1
            continue
        inside = depth % 2 == 1
        if place and not inside and word.islower() and (is_finite(word) or _is_plural_verb(words, place)):
            return None if words[place - 1].lower() in ("the", "a", "an", "of", "in", "and", "to", "by") else place
    return None


def _is_plural_verb(words: list[str], place: int) -> bool:
    """Whether a verb without ending follows a plural: `Glaciers move`."""
    before = words[place - 1]
    if before.lower() in ADVERBS and place > 1:
        before = words[place - 2]
    return (
        words[place] in bases()
        and bool(re.fullmatch(r"[\w-]*[a-z]s|people|children|men|women", before))
        and not before.endswith("ss")
    )


_ELSEWHERE = "In On At By From With During For After Before Since To When While If As Like"

_NO_SUBJECTS = frozenset(_ELSEWHERE.split(" "))
"""How a sentence begins whose subject stands later."""


def _read_subject(head: str) -> tuple[str, str, str]:
    """(subject, apposition, adverb); the subject is empty where it is none that a question can name."""
    adverb = ""
    last = head.rsplit(" ", 1)
    if len(last) == 2 and (last[1] in ADVERBS or (last[1].endswith("ly") and last[1].islower())):
        head, adverb = last
    parts = head.split(", ")
    if len(parts) == 1:
        subject, apposition = head, ""
    elif len(parts) == 2 and parts[1].endswith(","):
        subject, apposition = parts[0], parts[1].rstrip(",")
    else:
        return "", "", ""
    words = subject.split()
    if (
        not words
        or words[-1].lower() in ("the", "a", "an", "most")
        or len(words) > 9
        or any(word.lower().strip("'’s,") in PRONOUNS for word in words)
        or "," in subject
    ):
        return "", "", ""
    if words[0] in _NO_SUBJECTS:
        return "", "", ""
    return subject, apposition, adverb


def _end_of(tail: str) -> int | None:
    """Where the clause ends in what follows the verb; None where it ends within a list."""
    found = _ENDS.search(tail)
    end = len(tail) if found is None else found.start()
    if found is not None and found[0] == "," and _LIST.match(tail[end:]):
        return None
    for each in re.finditer(r" and | or ", tail[:end]):
        if " that " in tail[: each.start()]:
            continue
        follows = tail[each.end() :].split(" ")
        if is_finite(follows[0]) or (len(follows) > 1 and any(map(is_finite, follows[1:5]))):
            return each.start()
    return end


def _has_finite(text: str) -> bool:
    """Whether a verb stands in what follows one, outside of a clause that begins with `that`."""
    return any(is_finite(word) and word.islower() for word in text.split(" that ")[0].split())


_ARTICLES = (
    "The",
    "A",
    "An",
    "Some",
    "Many",
    "Most",
    "Several",
    "All",
    "About",
    "Nearly",
    "Every",
    "No",
    "Early",
    "Modern",
    "Ancient",
)


def _inside(subject: str, context: str) -> str | None:
    """The subject of a sentence as it stands within one; None where it is not known whether its first word is a name."""
    words = subject.split(" ")
    if words[0] in _ARTICLES:
        return " ".join((words[0].lower(), *words[1:]))
    if len(words) > 1 and re.match(r"[A-Z]|von |van |de |da ", " ".join(words[1:])):
        return subject
    first = words[0]
    if len(words) > 1 and re.search(rf"\b{re.escape(f'{first.lower()} {words[1]}')}\b", context):
        return " ".join((first.lower(), *words[1:]))
    if re.search(rf"(?<![.!?\n] )(?<!\n)(?<!^)\b{re.escape(first)}\b", context):
        return subject
    if re.search(rf"\b{re.escape(first.lower())}\b", context):
        return " ".join((first.lower(), *words[1:]))
    return None

"""Templates: what a sentence says, turned into a question whose answer is a part of it. A rule that is not sure writes nothing."""

import re
from collections.abc import Callable, Iterator

from backends.local.splitting import split_sentences
from evaluation.synthesis.clauses import ANY_YEAR, DATE, HAVE, Clause, read_clause
from evaluation.synthesis.drafts import Draft
from evaluation.synthesis.numbers import count_drafts, measure_drafts
from evaluation.synthesis.people import PERSON_NOUNS, is_person_noun, person_name
from evaluation.synthesis.verbs import bases, is_finite, participles
from pipeline.types import Chunk

Rule = Callable[[Clause, str, str], Iterator[Draft]]
"""Clause, sentence and chunk to drafts."""


def write_drafts(chunk: Chunk) -> Iterator[Draft]:
    """What the templates make of a chunk."""
    for start, end in split_sentences(chunk.text):
        sentence = " ".join(chunk.text[start:end].split())
        if not re.match(r"[A-Z0-9]", sentence) or not sentence.endswith("."):
            continue
        yield from _whole_drafts(sentence)
        clause = read_clause(sentence, chunk.text)
        if clause is None:
            continue
        for rule in RULES:
            yield from rule(clause, sentence, chunk.text)


def ask(words: str) -> str:
    """Words as a question."""
    text = " ".join(words.split()).rstrip(" ,.")
    return f"{text[:1].upper()}{text[1:]}?"


def _verb_phrase(clause: Clause) -> str:
    return f"{clause.adverb} {clause.verb}".strip()


def inverted(clause: Clause, rest: str | None = None) -> str:
    """Verb and subject as in a question: `did Bell make the first call`, `was the tower built`."""
    tail = clause.rest if rest is None else rest
    if clause.is_auxiliary:
        return f"{clause.verb} {clause.subject} {clause.adverb} {tail}"
    return f"{clause.support} {clause.subject} {clause.adverb} {clause.base} {tail}"


def _one_date(clause: Clause) -> tuple[Clause, str, str] | None:
    """The clause without its only moment, the moment, and that with its preposition; None for none, or several."""
    if clause.front:
        if ANY_YEAR.search(clause.rest):
            return None
        preposition, _, date = clause.front.partition(" ")
        return clause, date, f"{preposition.lower()} {date}"
    found = list(DATE.finditer(clause.rest))
    if len(found) != 1 or found[0]["before"].strip().lower() not in ("in", "on", "around", "in about"):
        return None
    cut = clause.without(found[0][0])
    return None if ANY_YEAR.search(cut.rest) else (cut, found[0]["date"], found[0][0])


_MADE = frozenset(
    {"invented", "wrote", "discovered", "designed", "painted", "composed", "founded", "built", "patented", "coined"}
)
"""Of which it is enough to say what."""

_BARE = frozenset(
    {
        "died",
        "die",
        "lived",
        "came",
        "went",
        "moved",
        "retired",
        "returned",
        "wanted",
        "married",
        "worked",
        "accepted",
        "left",
    }
)
"""What thousands have done: it takes more to say who is meant."""


def who(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """Who invented the digital camera?"""
    name = person_name(clause.subject, clause.apposition, clause.verb, chunk)
    if (
        not name
        or clause.is_auxiliary
        or clause.verb in HAVE
        or clause.verb in _BARE
        or clause.after.startswith((" that", " than"))
    ):
        return
    bare = DATE.sub(" ", clause.rest).split()
    if len(bare) < (2 if clause.verb in _MADE else 4 if clause.after and not clause.front else 3):
        return
    moment = f" {clause.front[0].lower()}{clause.front[1:]}" if clause.front else ""
    yield Draft(ask(f"who {_verb_phrase(clause)} {clause.rest}{moment}"), (name,), "PERSON", "who did it")


def when(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """When did George Eastman bring the camera to the masses?"""
    dated = _one_date(clause)
    if (
        dated is None
        or not clause.is_past
        or clause.verb in HAVE
        or clause.after.startswith((" than", " and", " or", " as"))
    ):
        return
    bare, date, _ = dated
    if clause.is_auxiliary and bare.rest.split(" ")[0] not in participles():
        return
    if re.search(r"\b(?:until|since|from|between|to|only|alone)$", bare.rest):
        return
    if _is_reduced(clause) or (not bare.rest and clause.base not in ALONE):
        return
    yield Draft(ask(f"when {inverted(bare)}"), (date,), "DATE", "when it was")


_ALONE = """
die begin end open close fall rise collapse arrive appear disappear vanish return start explode erupt retire resign emerge break burn
sink land crash live work serve sail travel move fly walk run go come stand grow happen occur meet fight study teach settle stay sit lie
march migrate gather speak swim ride turn
"""

ALONE = frozenset(_ALONE.split())
"""Verbs that need no object."""


def _is_reduced(clause: Clause) -> bool:
    """Whether the verb may be a participle behind its noun: `a heart preserved in Toronto weighs …`."""
    is_name = re.match(r"[A-ZÀ-Þ]|the [A-ZÀ-Þ]", clause.subject) is not None
    bare = re.match(r"(?:in|at|on|by|from|with|near|for|under|during|since|to)\b", clause.rest) is not None
    return not clause.is_auxiliary and not is_name and bare and clause.base not in ALONE


_NO_PLACE = re.compile(
    r"\b(?:War|Revolution|Age|Ages|Congress|Parliament|English|Latin|Greek|French|German|Italian|Chinese|Arabic|Spanish|Physics|Chemistry|"
    r"Medicine|Literature|Peace|Prize|Games|Olympics|Nature|Bible|Church|January|February|March|April|May|June|July|August|September|October|"
    r"November|December|Jupiter|Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Christmas|Easter|Middle|Bronze|Iron|Stone|BC|AD)\b"
)
_PLACE = re.compile(
    r"(?P<with> (?P<word>in|at|near|on) )"
    r"(?P<place>(?:the )?(?:[A-ZÀ-Þ][\w'’-]*)(?: (?:[A-ZÀ-Þ][\w'’-]*|of|upon|de|la|le|on|the))*(?<! of)(?<! the)(?<! on))$"
)


MOST_BEFORE_PLACE = 11
"""Words between the verb and a place, beyond which the place may belong to any of them."""


def _has_infinitive(rest: str) -> bool:
    """Whether a second verb follows, to which a place may belong, or something is compared with all others there."""
    second = re.search(r"\bto (?!the\b|a\b|an\b|his\b|her\b|their\b|its\b|\d)[a-z]", rest) is not None
    return second or re.search(r"\b(?:that|who|any|highest|largest|most|most of)\b", rest) is not None


def where(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """Where was Alexander Graham Bell born?"""
    dated = _one_date(clause)
    bare = clause if dated is None or clause.front else dated[0]
    found = _PLACE.search(f" {bare.rest}")
    if found is None or _NO_PLACE.search(found["place"]) or ANY_YEAR.search(found["place"]):
        return
    rest, place = f" {bare.rest}"[: found.start()].strip(), found["place"]
    while (
        found["word"] == "in"
        and (outer := _PLACE.search(f" {rest}")) is not None
        and not _NO_PLACE.search(outer["place"])
    ):
        rest, place = f" {rest}"[: outer.start()].strip(), f"{outer['place']} {found['word']} {place}"
    if _is_reduced(clause):
        return
    is_passive = clause.verb in ("was", "were", "is", "are") and rest.split(" ")[0] in participles()
    if (clause.is_auxiliary and not is_passive) or len(rest.split()) > MOST_BEFORE_PLACE or _has_infinitive(rest):
        return
    if found["word"] == "on" and not re.search(r"Island|Mount|Street|Hill|Strasse", found["place"]):
        return
    tail = re.match(r", ((?:[A-ZÀ-Þ][\w’-]*)(?: [A-ZÀ-Þ][\w’-]*)*)(?=[,.]|$| on | in )", clause.after)
    if tail is not None and not _NO_PLACE.search(tail[1]):
        place = f"{place}, {tail[1]}"
    moment = ""
    if dated is not None:
        moment = dated[2] if not clause.front else f"{clause.front[0].lower()}{clause.front[1:]}"
    answers = tuple(dict.fromkeys((place, found["place"])))
    yield Draft(ask(f"where {inverted(bare, rest)} {moment}"), answers, "LOCATION", "where it was")


_LITTLE = (
    "aspect example part feature reason result problem case way factor response sign source application use essence"
)

_EXAMPLES = frozenset(_LITTLE.split(" "))
"""What says little of a thing, or that there are others of the kind."""


def _the_one(clause: Clause, answers: tuple[str, ...], chunk: str) -> Iterator[Draft]:
    """Who was the first person on the Moon? What was the first modern bicycle? Of a clause whose predicate says that there is only one."""
    is_name = clause.subject[:1].isupper() or re.match(r"the [A-Z]", clause.subject)
    person = person_name(clause.subject, "", "argued", chunk)
    described = set(clause.rest.lower().split()[:7])
    is_human = bool(PERSON_NOUNS & described) or re.match(r"the \w+ (?:to|person|man|woman)\b", clause.rest)
    if person and is_human and len(clause.rest.split()) >= 4:
        yield Draft(ask(f"who {clause.verb} {clause.rest}"), (person,), "PERSON", "which one it is")
    elif is_name and not is_human and len(clause.rest.split()) >= 4:
        yield Draft(
            ask(f"what {clause.verb} {clause.rest}"),
            (clause.subject.removeprefix("the "),),
            "ENTITY",
            "which one it is",
        )
    elif clause.subject.startswith(("a ", "an ")):
        yield Draft(ask(f"what {clause.verb} {clause.subject}"), answers, "FACT", "what it is")


def what_is(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """What is a moraine? Who was Ada Lovelace?"""
    if clause.verb not in ("is", "was") or clause.adverb or clause.apposition or clause.front:
        return
    said = re.match(r"(?:a|an|the) \w", clause.rest)
    if (
        said is None
        or len(clause.subject.split()) > 5
        or _EXAMPLES & set(f"{clause.subject} {clause.rest}".split()[:9])
    ):
        return
    whole = re.split(
        r", (?:and|but|so|because|while|which was|which is)\b| because | although | but ", sentence.rstrip(".")
    )[0]
    answer = whole.split(f" {clause.verb} ", 1)[1]
    cut = re.search(r" and (\w+)", answer)
    if cut is not None and is_finite(cut[1]) and " that " not in answer[: cut.start()]:
        answer = answer[: cut.start()]
    answers = tuple(dict.fromkeys((answer, clause.rest)))
    superlative = re.match(r"the (?:only|first|last|second|third|(?:\w+-)?\w+est|most \w+) ", clause.rest)
    is_name = clause.subject[:1].isupper() or re.match(r"the [A-Z]", clause.subject)
    if superlative:
        yield from _the_one(clause, answers, chunk)
        return
    top = re.match(r"the (?:[\w-]+ ){0,2}?(?:only|first|last|\w+est|most \w+)\b", clause.subject)
    if top and re.match(r"(?:the )?[A-Z]", clause.rest) and not PERSON_NOUNS & set(clause.subject.lower().split()):
        yield Draft(ask(f"what {clause.verb} {clause.subject}"), (clause.rest,), "ENTITY", "which one it is")
        return
    if top or (clause.verb == "was" and not is_name):
        return
    if len(answer.split()) < 4:
        return
    is_human = (is_name and is_person_noun(clause.rest)) or clause.subject.split()[-1] in PERSON_NOUNS
    asked = "who" if is_human else "what"
    yield Draft(ask(f"{asked} {clause.verb} {clause.subject}"), answers, "FACT", "what it is")


def why(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """Why does the same side of the Moon always face the Earth?"""
    said = re.match(r",? because (?P<reason>.*)$", clause.after)
    if said is None or said["reason"].startswith("of "):
        return
    if re.search(r"\b(?:that|only|simply)\b", clause.rest) or _is_reduced(clause):
        return
    rest = re.sub(r" ?\b(?:chiefly|mainly|mostly|partly|largely|primarily)$", "", clause.rest)
    reason = re.split(r", (?:and|but|so|which|whereas|while)\b|; ", said["reason"].rstrip("."))[0]
    moment = f" {clause.front[0].lower()}{clause.front[1:]}" if clause.front else ""
    if not (rest or clause.base in bases()) or len(reason.split()) < 3:
        return
    yield Draft(ask(f"why {inverted(clause, rest)}{moment}"), (reason,), "REASON", "because")


def how(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """How does a telephone work? How did the astronauts return?"""
    if clause.is_auxiliary and clause.rest.split(" ")[0] not in participles():
        return
    by = re.search(
        r"(?:^| )by (?!the\b|a\b|an\b)(?P<doing>(?!increasing|decreasing|following|leading)[a-z]+ing\b.*)$", clause.rest
    )
    if by is not None and len(by["doing"].split()) >= 2:
        rest = clause.rest[: by.start()].strip()
        moment = f" {clause.front[0].lower()}{clause.front[1:]}" if clause.front else ""
        yield Draft(
            ask(f"how {inverted(clause, rest)}{moment}"), (f"by {by['doing']}", by["doing"]), "PROCESS", "by doing"
        )
    formed = re.match(r" (?P<how>(?:when|where) .*)$", clause.after)
    if formed is not None and clause.verb in ("forms", "form", "occurs", "occur", "arises") and not clause.rest:
        answer = re.split(r", (?:and|but|so)\b", formed["how"].rstrip("."))[0]
        yield Draft(ask(f"how {inverted(clause)}"), (answer, answer.split(" ", 1)[1]), "PROCESS", "how it forms")


def named(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """Who is Halley's Comet named after?"""
    found = re.match(r"named after (?:the )?(?P<what>[^,]*)", f"{clause.rest}{clause.after}")
    if clause.verb not in ("is", "was", "are", "were") or found is None or clause.adverb:
        return
    person = re.match(r"(?:[A-Z]\w+ )?(?:\w+ )?(?P<noun>[a-z]+) (?P<name>[A-Z].*)$", found["what"])
    if person is not None and is_person_noun(person["noun"]):
        yield Draft(ask(f"who {clause.verb} {clause.subject} named after"), (person["name"],), "PERSON", "named after")


def regarded(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """How do many historians regard Apollo 11?"""
    found = re.match(r"(?P<what>.+?) (?P<how>as [^,]+)", f"{clause.rest}{clause.after}")
    if (
        clause.verb not in ("regard", "regarded", "praise", "praised", "criticise", "criticised", "dismissed")
        or found is None
    ):
        return
    if not re.match(r"(?:some|many|most|several|critics|historians)\b", clause.subject):
        return
    yield Draft(
        ask(f"how {inverted(clause, found['what'])}"), (found["how"], found["how"][3:]), "OPINION", "regarded as"
    )


def by_whom(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    """Who was the telescope built by? Asked as `By whom was …`."""
    found = re.search(
        r" by (?:the )?(?P<who>(?:[\w-]+ ){0,3}?(?P<name>[A-ZÀ-Þ][\w.'’-]*(?: (?:[A-ZÀ-Þ][\w.'’-]*|von|van|de|da))*))$",
        clause.rest,
    )
    if clause.verb not in ("was", "were") or found is None or clause.rest.split(" ")[0] not in participles():
        return
    if not person_name(found["who"].strip(), "", "argued", chunk):
        return
    yield Draft(ask(f"by whom {inverted(clause, clause.rest[: found.start()])}"), (found["name"],), "PERSON", "by whom")


def _numbers(clause: Clause, sentence: str, chunk: str) -> Iterator[Draft]:
    yield from measure_drafts(clause, inverted, ask)


def _whole_drafts(sentence: str) -> Iterator[Draft]:
    yield from count_drafts(sentence, ask, is_finite)


RULES: tuple[Rule, ...] = (who, when, where, what_is, why, how, named, regarded, by_whom, _numbers)
"""Every template that reads a clause."""

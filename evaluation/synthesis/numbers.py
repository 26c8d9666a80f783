"""Templates for quantities: how long, how far, how many, what share."""

import re
from collections.abc import Callable, Iterator

from evaluation.synthesis.clauses import PRONOUNS, Clause
from evaluation.synthesis.drafts import Draft

_WORDS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|"
    "forty|fifty|sixty|seventy|eighty|ninety"
)
_ROUGH = (
    r"(?:about |around |roughly |nearly |almost |over |more than |less than |at least |up to |some |only |on average |fewer than "
    r"|just over )*"
)
_NUMBER = rf"(?:minus )?(?:\d+(?:,\d{{3}})*(?:\.\d+)?|{_WORDS})(?: (?:hundred|thousand|million|billion|trillion))?(?: and a half)?"
_AMOUNT = rf"(?P<rough>{_ROUGH})(?P<number>{_NUMBER})"
_LENGTH = r"(?:milli|centi|kilo|micro|nano)?met(?:re|er)s?|miles?|feet|foot|inch(?:es)?|light years?"
_TIME = r"seconds?|minutes?|hours?|days?|(?:Earth )?days|weeks?|months?|years?|centuries|decades?"

_MEASURED = re.compile(
    rf"{_AMOUNT} (?P<unit>{_LENGTH}|years?|{_TIME}) (?P<how>long|wide|high|tall|deep|thick|old|across)(?: (?P<where>(?:in|at|on) [^,]+))?$"
)
_AWAY = re.compile(rf"{_AMOUNT} (?P<unit>{_LENGTH}) (?:away )?from (?P<what>.+)$")
_SPAN = re.compile(rf"{_AMOUNT} (?P<unit>{_TIME})$")
_TO_DO = re.compile(rf"{_AMOUNT} (?P<unit>{_TIME}) to (?P<what>.+)$")
_PLAIN = re.compile(rf"{_AMOUNT} (?P<unit>[a-z]+)$")
_SHARE = re.compile(rf"{_AMOUNT} (?:percent|per cent) of (?P<of>.+)$")
_HELD = re.compile(rf"{_AMOUNT} (?P<what>(?:[a-z][\w-]* )?[a-z][\w-]*s)(?P<more> (?:in|on|at|for|around|of) [^,]+)?$")
_COUNTED = re.compile(
    rf"(?P<rough>{_ROUGH})(?P<number>{_NUMBER}) (?P<what>(?:[a-z][\w-]* )?(?:[a-z][\w-]*s|people|men|women|children)) (?P<rest>[^,;:()]+?)"
    r"(?:\.|,.*|;.*| because .*| when .*)$",
    re.IGNORECASE,
)

_HELD_BY = frozenset({"has", "have", "had", "contains", "contain", "contained", "includes", "include"})
_SHARED_BY = frozenset(
    {
        "covers",
        "cover",
        "covered",
        "contains",
        "contain",
        "makes",
        "make",
        "holds",
        "hold",
        "provides",
        "supplies",
        "produces",
    }
)
_MEASURES = "kilometres metres miles centimetres millimetres kilograms tons tonnes degrees percent seconds minutes hours days years"

_UNITS = frozenset(_MEASURES.split(" "))
"""Words behind a number that are no things to be counted."""

Inverted = Callable[..., str]


def _answers(found: re.Match[str], unit: str) -> tuple[str, ...]:
    """The amount with its unit, as it stands, and without `about`."""
    plain = f"{found['number']} {unit}".strip()
    return tuple(dict.fromkeys((f"{found['rough']}{plain}".strip(), plain)))


def measure_drafts(clause: Clause, inverted: Inverted, ask: Callable[[str], str]) -> Iterator[Draft]:
    """How long is the Lambert Glacier? How far away from the Earth is the Moon? How many moons does Mars have?"""
    if clause.front or clause.apposition or clause.after.startswith((" than", " as")):
        return
    for asked, answers in (*_dimensions(clause), *_spans(clause, inverted), *_parts(clause, inverted)):
        yield Draft(ask(asked), answers, "STATISTICS", "how much")


def _dimensions(clause: Clause) -> Iterator[tuple[str, tuple[str, ...]]]:
    if clause.verb not in ("is", "are", "was", "were") or clause.adverb:
        return
    rest = re.sub(r"^on average ", "", clause.rest)
    measured, away = _MEASURED.match(rest), _AWAY.match(rest)
    if measured is not None:
        how = {"across": "wide"}.get(measured["how"], measured["how"])
        yield (
            f"how {how} {clause.verb} {clause.subject} {measured['where'] or ''}",
            _answers(measured, measured["unit"]),
        )
    elif away is not None:
        yield f"how far from {away['what']} {clause.verb} {clause.subject}", _answers(away, away["unit"])


def _spans(clause: Clause, inverted: Inverted) -> Iterator[tuple[str, tuple[str, ...]]]:
    span, to_do, plain = _SPAN.match(clause.rest), _TO_DO.match(clause.rest), _PLAIN.match(clause.rest)
    if clause.base == "last" and span is not None:
        yield f"how long {inverted(clause, '')}", _answers(span, span["unit"])
    elif clause.base == "take" and to_do is not None:
        yield f"how long {inverted(clause, '')} to {to_do['what']}", _answers(to_do, to_do["unit"])
    elif clause.base in ("weigh", "cost") and plain is not None:
        yield f"how much {inverted(clause, '')}", _answers(plain, plain["unit"])


def _parts(clause: Clause, inverted: Inverted) -> Iterator[tuple[str, tuple[str, ...]]]:
    share, held = _SHARE.match(clause.rest), _HELD.match(clause.rest)
    if share is not None and clause.verb in _SHARED_BY:
        tail = "up" if clause.rest.startswith("up ") else ""
        yield f"what percentage of {share['of']} {inverted(clause, tail)}", _answers(share, "percent")
    elif held is not None and clause.verb in _HELD_BY and held["what"].split()[-1] not in _UNITS:
        do = {"has": "does", "have": "do", "had": "did"}.get(clause.verb)
        base = "have" if do else ""
        tail = f"{do} {clause.subject} {base}" if do else inverted(clause, "")
        yield f"how many {held['what']} {tail} {held['more'] or ''}", _answers(held, "")


def count_drafts(sentence: str, ask: Callable[[str], str], is_finite: Callable[[str], bool]) -> Iterator[Draft]:
    """How many people watched the Moon landing on television?"""
    found = _COUNTED.match(sentence)
    if found is None or found["what"].split()[-1].lower() in _UNITS:
        return
    words = found["rest"].split()
    if not is_finite(words[0]) or len(words) < 3 or any(word.lower() in PRONOUNS for word in words):
        return
    yield Draft(ask(f"how many {found['what']} {found['rest']}"), _answers(found, ""), "STATISTICS", "how many")

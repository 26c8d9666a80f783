"""Signs that a sentence speaks of the opposite of what a question asks: negation, antonyms, negative prefixes.

A question that swaps "largest" for "smallest", or adds "not", stays close to the sentence it was made from in every embedding;
such questions are the hard half of SQuAD v2's unanswerable ones (Rajpurkar et al., 2018, table 2).
"""

from collections import defaultdict
from collections.abc import Mapping, Set
from functools import cache, lru_cache

from backends.local.words import stem_words

NEGATIONS = (
    "not",
    "no",
    "never",
    "none",
    "without",
    "neither",
    "cannot",
    "nobody",
    "nothing",
    "t",
    "unable",
    "fail",
    "failed",
)
"""`t` is what tokenising leaves of "n't"."""

KEPT_STEMS = 4096
"""Stems whose opposites are remembered."""

PREFIXES = ("un", "in", "im", "non", "dis", "ir", "il", "anti", "de")

PAIRS = """
accept refuse; accept reject; accepted refused; accepted rejected; add remove; advantage disadvantage; after before; agree disagree;
allow forbid; allow prevent; allow prohibit; allowed forbidden; ally enemy; always never; ancient modern; arrive leave; attack defend;
began ended; begin end; best worst; better worse; big small; bigger smaller; biggest smallest; birth death; born died; build destroy;
built destroyed; buy sell; common rare; confirm deny; admit deny; create destroy; dangerous safe; decrease increase; direct indirect;
early late; earlier later; earliest latest; easier harder; easiest hardest; east west; eastern western; easy difficult; easy hard;
empty full; encourage discourage; end start; ended started; enter leave; even odd; expand contract; expand shrink; export import;
external internal; fall rise; fast slow; faster slower; fewer more; fewest most; few many; finite infinite; first last; friend enemy;
formal informal; gain lose; good bad; hate love; high low; higher lower; highest lowest; hot cold; improve worsen; include exclude;
inside outside; large small; larger smaller; largest smallest; least most; left right; legal illegal; less more; lightest heaviest;
long short; longer shorter; longest shortest; lost won; lower upper; majority minority; major minor; male female; maximum minimum;
men women; many few; new old; newest oldest; north south; northern southern; often rarely; frequently rarely; older younger;
oldest youngest; open close; oppose support; opposed supported; partial complete; permit prohibit; poor rich; popular unpopular;
positive negative; possible impossible; private public; reduce increase; same different; similar different; simple complex;
son daughter; strengthen weaken; strong weak; stronger weaker; strongest weakest; succeed fail; success failure; victory defeat;
win lose
"""


@cache
def antonyms() -> Mapping[str, frozenset[str]]:
    """Each stem's antonyms, as stems."""
    table: dict[str, set[str]] = defaultdict(set)
    for pair in PAIRS.split(";"):
        one, other = stem_words(pair.split())
        table[one].add(other)
        table[other].add(one)
    return {stem: frozenset(others) for stem, others in table.items()}


@cache
def negations() -> frozenset[str]:
    """Stems that negate."""
    return frozenset(stem_words(list(NEGATIONS)))


def is_negated(stems: Set[str]) -> bool:
    """Whether the text with these stems (stop words included) holds a negation."""
    return not negations().isdisjoint(stems)


def count_opposites(question: Set[str], sentence: Set[str]) -> int:
    """How many of the question's stems the sentence lacks while it holds their antonym or negatively prefixed form."""
    return sum(stem not in sentence and not opposites(stem).isdisjoint(sentence) for stem in question)


@lru_cache(KEPT_STEMS)
def opposites(stem: str) -> frozenset[str]:
    """A stem's antonyms, and its forms with a negative prefix more or less."""
    more = (prefix + stem for prefix in PREFIXES)
    less = (stem[len(prefix) :] for prefix in PREFIXES if stem.startswith(prefix) and len(stem) > len(prefix) + 3)
    return antonyms().get(stem, frozenset()).union(more, less)

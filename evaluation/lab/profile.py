"""What a dataset and a corpus are made of: lengths, types, words that questions share with their context, and what fits a model's window.

Takes texts and counts; refuses to load, cut or tokenise anything.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backends.local.words import content_stems, split_words
from evaluation.datasets import LabelledQuestion
from evaluation.summary import GROUPS, UNTYPED, Measure, measure
from explain.answers import holds_gold, normalise
from pipeline.types import Chunk

BINS = 20
"""Bars of a histogram of lengths, at most."""

CHARS_A_TOKEN = 4
"""What a token of English is taken for where no tokenizer is at hand; other languages and numbers have shorter ones."""

MOST_OVERLAPS = 1_000
"""Questions that are held against their context; of more, so many are drawn."""

Z = 1.959963985
"""Of a normal variate, within ±Z in 95 % of cases."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long some texts are, in words."""

    name: str
    """What they are: `question`, `answer`, `document`, `chunk`."""
    texts: int
    """How many, at least 1."""
    least: int
    """Words of the shortest."""
    median: float
    mean: float
    p95: float
    """95 % are no longer."""
    most: int
    """Words of the longest."""
    width: int
    """Of a histogram's bars, in words: bar i counts texts of i·width words and up to one fewer than (i + 1)·width."""
    counts: tuple[int, ...]
    """Texts of each bar; of the last, all that are longer, too."""


@dataclass(frozen=True, slots=True)
class Extreme:
    """One of the longest or shortest texts."""

    name: str
    """What it is: `question`, `answer`, `document`, `chunk`."""
    which: str
    """`longest` or `shortest`."""
    text_id: str
    """Its id."""
    words: int
    text: str
    """How it begins."""


@dataclass(frozen=True, slots=True)
class TypeShare:
    """The questions of one type or group."""

    name: str
    """The type or group."""
    group: str
    """The group that a type belongs to, or the types of a group; empty for a type of none."""
    questions: int
    """How many."""
    answerable: int
    """How many of them have an answer in the documents."""
    question_words: float
    """Mean length."""
    answer_words: float | None
    """Mean length of the first accepted answer; None where none is answerable."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Which share of a question's content words, by their stems, stands in the chunk that holds its answer."""

    name: str
    """The type, or `all`."""
    gold: Measure
    """Mean over questions, with an interval over articles; of several gold chunks, the one that shares most counts."""
    other: Measure
    """The same with a chunk of another document, drawn at random: what words are shared by chance."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How much of what a model is given fits what it reads at once."""

    model: str
    """Its name."""
    what: str
    """What it is given: `question`, `chunk`, `whole document`, `question and chunk`, `question and 5 chunks`."""
    window: int
    """Tokens that it reads at once."""
    texts: int
    """How many were counted."""
    median: float
    """Tokens."""
    p95: float
    most: int
    """Tokens of the longest."""
    beyond: float
    """Share that does not fit, in [0, 1]."""
    low: float
    """Lower 95 % limit of that share, where texts were drawn; else the share."""
    high: float
    counted: bool
    """Whether the model's own tokenizer counted; False where CHARS_A_TOKEN characters were taken for a token."""
    drawn: bool
    """Whether the texts are a random draw of more."""


def count_words(text: str) -> int:
    """Words, as the lexical index cuts them: of scripts without spaces, too."""
    return len(split_words(text))


def measure_lengths(name: str, texts: Sequence[str]) -> Lengths | None:
    """Lengths in words; None of no texts."""
    if not texts:
        return None
    found = np.array([count_words(text) for text in texts])
    # The longest hundredth would squeeze all others into a bar or two.
    top = int(np.percentile(found, 99))
    width = -(-(top + 1) // BINS)
    counts = np.bincount(np.minimum(found, top) // width)
    return Lengths(
        name,
        len(found),
        int(found.min()),
        float(np.median(found)),
        float(found.mean()),
        float(np.percentile(found, 95)),
        int(found.max()),
        width,
        tuple(map(int, counts)),
    )


def find_extremes(name: str, texts: Sequence[tuple[str, str]], *, each: int = 3, chars: int = 90) -> list[Extreme]:
    """The longest and the shortest texts, the most extreme first. texts: (id, text). chars: how much of each is kept."""
    sized = sorted(((count_words(text), place) for place, (_, text) in enumerate(texts)), key=lambda pair: pair[0])
    each = min(each, (len(sized) + 1) // 2)
    chosen = [("longest", pair) for pair in reversed(sized[len(sized) - each :])]
    chosen += [("shortest", pair) for pair in sized[: min(each, len(sized) - each)]]
    return [
        Extreme(name, which, texts[place][0], words, " ".join(texts[place][1].split())[:chars])
        for which, (words, place) in chosen
    ]


def count_shares(questions: Sequence[LabelledQuestion]) -> tuple[list[TypeShare], list[TypeShare]]:
    """Every type that there is, the most frequent first, and every group (see GROUPS) that has questions."""
    group_of = {kind: name for name, kinds in GROUPS.items() for kind in kinds}
    by_type: dict[str, list[LabelledQuestion]] = {}
    for question in questions:
        by_type.setdefault(question.type or UNTYPED, []).append(question)
    types = [_share(kind, group_of.get(kind, ""), found) for kind, found in by_type.items()]
    groups = [
        _share(name, ", ".join(kinds), held)
        for name, kinds in GROUPS.items()
        if (held := [question for question in questions if question.type in kinds])
    ]
    return sorted(types, key=lambda each: (-each.questions, each.name)), groups


def _share(name: str, group: str, questions: Sequence[LabelledQuestion]) -> TypeShare:
    answered = [count_words(question.answers[0]) for question in questions if question.answers]
    return TypeShare(
        name,
        group,
        len(questions),
        len(answered),
        float(np.mean([count_words(question.text) for question in questions])),
        float(np.mean(answered)) if answered else None,
    )


def measure_overlap(questions: Sequence[LabelledQuestion], chunks: Sequence[Chunk], *, seed: int = 0) -> list[Overlap]:
    """Words that questions share with their gold chunk: of all, then by type in alphabetical order.

    Questions count whose article is known, and of whose chunks one holds a gold answer; at most MOST_OVERLAPS, drawn by `seed`.
    """
    named: dict[str, list[int]] = {}
    for place, chunk in enumerate(chunks):
        for name in {normalise(chunk.title), normalise(chunk.document_id)}:
            named.setdefault(name, []).append(place)
    asked = [each for each in questions if each.answers and normalise(each.article) in named]
    rng = random.Random(seed)
    if len(asked) > MOST_OVERLAPS:
        asked = rng.sample(asked, MOST_OVERLAPS)
    stems: dict[int, frozenset[str]] = {}

    def share(wanted: frozenset[str], place: int) -> float:
        if place not in stems:
            stems[place] = frozenset(content_stems(f"{chunks[place].heading} {chunks[place].text}"))
        return len(wanted & stems[place]) / len(wanted)

    found: list[tuple[str, str, float, float | None]] = []
    for question in asked:
        mine = named[normalise(question.article)]
        gold = [at for at in mine if holds_gold(f"{chunks[at].title}. {chunks[at].text}", question.answers)]
        wanted = frozenset(content_stems(question.text))
        if gold and wanted:
            other = _elsewhere(chunks, mine, rng)
            chance = None if other is None else share(wanted, other)
            found.append((question.type or UNTYPED, question.cluster, max(share(wanted, at) for at in gold), chance))
    kinds = sorted({kind for kind, *_ in found})
    groups = [("all", found), *((kind, [row for row in found if row[0] == kind]) for kind in kinds)]
    return [
        Overlap(name, measure([(row[1], row[2]) for row in rows]), measure([(row[1], row[3]) for row in rows]))
        for name, rows in groups
        if rows
    ]


def _elsewhere(chunks: Sequence[Chunk], mine: Sequence[int], rng: random.Random) -> int | None:
    """A chunk of another document; None where there is none. Tried a few times: most of a corpus is elsewhere."""
    within = set(mine)
    for _ in range(50):
        place = rng.randrange(len(chunks))
        if place not in within:
            return place
    return next((place for place in range(len(chunks)) if place not in within), None)


def measure_fit(model: str, what: str, window: int, tokens: Sequence[int], *, counted: bool, drawn: bool) -> Fit | None:
    """What does not fit a window, of texts of so many tokens; None of no texts. drawn: whether there are more than these."""
    if not tokens:
        return None
    found = np.array(tokens)
    over = int((found > window).sum())
    low, high = wilson_interval(over, len(found)) if drawn else (over / len(found), over / len(found))
    return Fit(
        model,
        what,
        window,
        len(found),
        float(np.median(found)),
        float(np.percentile(found, 95)),
        int(found.max()),
        over / len(found),
        low,
        high,
        counted,
        drawn,
    )


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """95 % limits of a share of independent trials, at least 1 (Wilson 1927)."""
    rate, scale = hits / trials, 1 + Z * Z / trials
    middle = (rate + Z * Z / (2 * trials)) / scale
    reach = Z * math.sqrt(rate * (1 - rate) / trials + Z * Z / (4 * trials * trials)) / scale
    return max(0.0, middle - reach), min(1.0, middle + reach)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, where nothing can count them."""
    return -(-len(text) // CHARS_A_TOKEN)

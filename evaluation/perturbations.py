"""A question worded otherwise: seven small changes after which it still asks for the same.

They follow Penha, Câmara and Hauff 2021 (arXiv 2111.13057). Each kind lists every variant that it can make of a question; a seed picks
one, so that different seeds give different variants as long as there are any. Refuses to judge what a change does: `evaluation.stability`.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from backends.local.words import STOP_WORDS
from pipeline.errors import InputError

SEEDS = (0, 1, 2, 3, 4)
"""As many variants of each kind as are asked by default."""

SYNONYMS_FILE = Path(__file__).with_name("synonyms.json")

SHORTEST_TYPO = 4
"""Letters of a word that may get a typo."""


@dataclass(frozen=True, slots=True)
class Perturbed:
    """What became of a question."""

    kind: str
    """One of KINDS."""
    seed: int
    """Which of the kind's variants."""
    text: str | None
    """The variant, which is never the question itself; None if there is none."""
    why_not: str = ""
    """Why there is none; empty if there is."""


def perturb(question: str, kind: str, seed: int) -> Perturbed:
    """One variant of a question. Seeds wrap around where a question has fewer variants. Raises InputError for a kind not of KINDS."""
    if kind not in KINDS:
        raise InputError(f"{kind!r} is no perturbation. Choose from {', '.join(KINDS)}.")
    vary, nothing = _KINDS[kind]
    variants = sorted({variant for variant in vary(question) if variant != question and variant.strip()})
    if not variants:
        return Perturbed(kind, seed, None, nothing)
    random.Random(f"{kind} {question}").shuffle(variants)
    return Perturbed(kind, seed, variants[seed % len(variants)])


def perturb_all(question: str, kinds: Sequence[str], seeds: Sequence[int]) -> Iterator[Perturbed]:
    """The different variants of each kind, or one `Perturbed` that says why there is none; the same text is not given twice."""
    for kind in kinds:
        given = set()
        for seed in seeds:
            found = perturb(question, kind, seed)
            if found.text not in given:
                given.add(found.text)
                yield found


_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""Letters, with apostrophes between them."""

_TOKEN = re.compile(r"\w+(?:[-'’.,]\w+)*")
"""What is moved or left out as one: a word, a hyphenated one, or a number with its separators."""

_MARK = re.compile(r"(?<!\w)[^\w\s]+|[^\w\s]+(?!\w)")
"""Punctuation that stands at the edge of a word: `1,912`, `half-life` and `Rome's` are left alone."""

_QUOTED = re.compile(r"[\"“][^\"”]*[\"”]")

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""Neighbours on a keyboard are next to each other in a row."""


def _typos(question: str) -> Iterator[str]:
    """One character left out, doubled, swapped with the next, or replaced by its neighbour on the keyboard; function words are spared."""
    for match in _WORD.finditer(question):
        word = match.group()
        if len(word) < SHORTEST_TYPO or word.casefold() in STOP_WORDS:
            continue
        for place in range(1, len(word)):
            for wrong in _mistype(word, place):
                yield question[: match.start()] + wrong + question[match.end() :]


def _mistype(word: str, place: int) -> Iterator[str]:
    """The typos at one place of a word. Each is one edit of Damerau and Levenshtein away."""
    before, letter, after = word[:place], word[place], word[place + 1 :]
    yield before + after
    yield before + letter + letter + after
    if after:
        yield before + after[0] + letter + after[1:]
    row = next((row for row in _KEYS if letter in row), "")
    at = row.find(letter)
    for neighbour in row[max(at - 1, 0) : at + 2].replace(letter, ""):
        yield before + neighbour + after


def _cases(question: str) -> Iterator[str]:
    """No capitals, capitals only, every word with one, and the first letter alone."""
    yield from (question.lower(), question.upper(), question[:1].upper() + question[1:].lower())
    yield _WORD.sub(lambda match: match.group()[0].upper() + match.group()[1:], question)


def _punctuation(question: str) -> Iterator[str]:
    """None at all, or another mark at the end."""
    yield " ".join(_MARK.sub(" ", question).split())
    bare = question.rstrip().rstrip("?!. …")
    yield from (bare + end for end in ("", "??", " ?", "...", "!", "."))


def _stop_word_deletions(question: str) -> Iterator[str]:
    """All function words left out, and all but one: what people type into a search box. Not where nothing else would stay."""
    tokens = question.split()
    stopping = [place for place, token in enumerate(tokens) if _bare(token) in STOP_WORDS]
    if len(stopping) == len(tokens):
        return
    for kept in (None, *stopping):
        yield " ".join(token for place, token in enumerate(tokens) if place not in stopping or place == kept)


def _word_orders(question: str) -> Iterator[str]:
    """Two words changed for each other; marks stay where they are."""
    places = [match.span() for match in _TOKEN.finditer(question)]
    for number, (start, end) in enumerate(places):
        for other_start, other_end in places[number + 1 :]:
            first, second = question[start:end], question[other_start:other_end]
            yield question[:start] + second + question[end:other_start] + first + question[other_end:]


_FRAMES = ("Can you tell me: {}", "I would like to know: {}", "Please answer this question: {}", "Tell me, {}", "Question: {}")  # fmt: skip

_AUXILIARY = r"(?=(?:is|are|was|were|do|does|did|can|could|will|would|has|have|had|should|might|may)\b)"
_REWORDINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        (r"^why " + _AUXILIARY, ("For what reason ",)),
        (r"^for what reason ", ("Why ",)),
        (r"^when " + _AUXILIARY, ("At what time ", "At what point in time ")),
        (r"^(in|on) what (?=year|date|day)", (r"\1 which ",)),
        (r"^(in|on) which (?=year|date|day)", (r"\1 what ",)),
        (r"^where " + _AUXILIARY, ("In what place ", "In which place ", "At what location ")),
        (r"^who ", ("Which person ", "What person ")),
        (r"^how many ", ("What number of ",)),
        (r"^how " + _AUXILIARY, ("In what way ",)),
        (r"^which (?!is|are|was|were)", ("What ",)),
        (r"^what is meant by (.+)\?$", (r"What does \1 mean?", r"What is the meaning of \1?")),
        (r"^what does (?:the (?:term|word) )?(.+) mean\?$", (r"What is meant by \1?",)),
        (r"\?$", (", do you know?", ", please?")),
    )
)


def _paraphrases(question: str) -> Iterator[str]:
    """Other words for the one that asks, and a frame around the whole."""
    yield from (frame.format(question) for frame in _FRAMES)
    for pattern, instead in _REWORDINGS:
        yield from (pattern.sub(new, question, count=1) for new in instead if pattern.search(question))


def _synonyms(question: str) -> Iterator[str]:
    """One word replaced by a synonym. Numbers, names (capitalised within the sentence) and what is quoted stay as they are."""
    quoted = [match.span() for match in _QUOTED.finditer(question)]
    first = _TOKEN.search(question)
    for match in _TOKEN.finditer(question):
        word, opening = match.group(), match.start() == (first.start() if first else 0)
        if any(start <= match.start() < end for start, end in quoted) or (word != word.lower() and not opening):
            continue
        for other in _table().get(word.lower(), ()):
            fitting = other[0].upper() + other[1:] if word[0].isupper() else other
            yield question[: match.start()] + fitting + question[match.end() :]


@cache
def _table() -> Mapping[str, tuple[str, ...]]:
    """What may stand for a word in most questions, by word, in lower case."""
    table: dict[str, list[str]] = json.loads(SYNONYMS_FILE.read_text(encoding="utf-8"))
    return {word: tuple(others) for word, others in table.items()}


def _bare(token: str) -> str:
    return token.strip("\"“”'’.,;:?!()").casefold()


_KINDS: Mapping[str, tuple[Callable[[str], Iterator[str]], str]] = {
    "typo": (_typos, f"It has no word of {SHORTEST_TYPO} letters or more to misspell."),
    "case": (_cases, "It has no letters of more than one case."),
    "punctuation": (_punctuation, "It has no other punctuation to be given."),
    "stop words": (_stop_word_deletions, "It has no function words to leave out, or nothing else."),
    "word order": (_word_orders, "It has no two different words."),
    "paraphrase": (_paraphrases, "No template fits it."),
    "synonym": (_synonyms, "No word of it is in the table of synonyms."),
}
"""What each kind yields, and why a question may have no variant of it."""

KINDS = tuple(_KINDS)
"""Every kind of perturbation."""

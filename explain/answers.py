"""When two answers say the same: the comparison of the official SQuAD v2 script.

It compares words and refuses to know what they mean: "twelve" and "12" differ, while "1,912" and "1.912" are the same, since all
ASCII punctuation is dropped. The script is `evaluate-v2.0.py` (Rajpurkar et al. 2018, arXiv 1806.03822).
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

KEPT_TEXTS = 4096
"""Texts whose normal form is remembered: gold answers are looked for in the same chunks again and again."""

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@lru_cache(KEPT_TEXTS)
def normalise(answer: str) -> str:
    """An answer in lower case, without ASCII punctuation, articles and extra white space; other punctuation stays."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def split_tokens(answer: str) -> list[str]:
    """The tokens that F1 counts; none for an answer of articles and punctuation alone."""
    return normalise(answer).split()


def exact_match(answer: str, gold: str) -> bool:
    """Whether two answers are the same once normalised."""
    return normalise(answer) == normalise(gold)


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of the two shares of tokens in common, repeats counted, in [0, 1]; symmetric.

    Where either side has no tokens (in SQuAD v2: no answer), 1 if neither has, else 0.
    """
    return tokens_f1(split_tokens(answer), split_tokens(gold))


def tokens_f1(answer: Sequence[str], gold: Sequence[str]) -> float:
    """`token_f1` of answers that are already tokens, for whoever compares one answer with many."""
    if not answer or not gold:
        return float(not answer and not gold)
    shared = (Counter(answer) & Counter(gold)).total()
    return 2 * shared / (len(answer) + len(gold))


def best_exact_match(answer: str, golds: Sequence[str]) -> bool:
    """Whether an answer is one of the gold answers; for an unanswerable question (no gold answer), whether it is empty."""
    return any(exact_match(answer, gold) for gold in _answerable(golds))


def best_f1(answer: str, golds: Sequence[str]) -> float:
    """The best F1 with any gold answer; for an unanswerable question (no gold answer), 1 if the answer is empty, else 0."""
    return max(token_f1(answer, gold) for gold in _answerable(golds))


def holds_gold(answer: str, golds: Sequence[str]) -> bool:
    """Whether any gold answer stands in an answer, whole words only, both normalised: what an answer that quotes is judged by."""
    padded = f" {normalise(answer)} "
    return any(f" {gold} " in padded for gold in map(normalise, golds) if gold)


def _answerable(golds: Sequence[str]) -> Sequence[str]:
    """Gold answers that have tokens, or the empty answer if there are none, as the script has it."""
    return [gold for gold in golds if normalise(gold)] or [""]

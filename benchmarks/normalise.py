"""SQuAD's answer normalisation (Rajpurkar et al., 2016, the official evaluation script) and the match built on it."""

import re
import string
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """Lower case; ASCII punctuation, articles and surplus white space removed, in the official order."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def holds_gold(answer: str, golds: Sequence[str]) -> bool:
    """Whether any gold string stands in the answer, whole words only, both normalised."""
    padded = f" {normalise_answer(answer)} "
    return any(f" {gold} " in padded for gold in map(normalise_answer, golds) if gold)

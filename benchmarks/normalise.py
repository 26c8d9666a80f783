"""Whether a gold answer stands in an answer: the match on SQuAD's normalisation that "gold in answer" is counted by."""

from collections.abc import Sequence

from explain.answers import normalise


def holds_gold(answer: str, golds: Sequence[str]) -> bool:
    """Whether any gold string stands in the answer, whole words only, both normalised."""
    padded = f" {normalise(answer)} "
    return any(f" {gold} " in padded for gold in map(normalise, golds) if gold)

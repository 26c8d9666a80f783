"""What became of a question of a run, in words that exclude each other: right, wrong, abstained wrongly, failed. Without streamlit.

An answer is right or wrong; an abstention is right where the documents have no answer, and else neither. What is not right is told apart
nowhere but here.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from evaluation.scoring import Scored

Outcome = Literal["right", "wrong", "abstained wrongly", "failed"]


def outcome(scored: Scored) -> Outcome:
    """What became of a question, in a word or two. One that abstains where the documents have no answer is right."""
    if scored.failed:
        return "failed"
    if scored.correct:
        return "right"
    return "abstained wrongly" if scored.abstained else "wrong"


OUTCOMES: Mapping[str, Callable[[Scored], bool]] = {
    "all": lambda scored: True,
    "not right": lambda scored: not scored.correct,
    "right": lambda scored: scored.correct,
    "wrong": lambda scored: outcome(scored) == "wrong",
    "abstained wrongly": lambda scored: outcome(scored) == "abstained wrongly",
    "abstained rightly": lambda scored: scored.abstained and scored.correct,
    "failed": lambda scored: scored.failed,
    "right chunk not retrieved": lambda scored: scored.answerable and scored.gold_rank is None,
}
"""Which questions a table of them shows."""

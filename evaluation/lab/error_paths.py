"""Where wrong answers come in, and how what a choice changes in retrieval reaches the answers. Pure computation."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from evaluation.scoring import Scored


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of questions: shares of them all, which add up to 1."""

    right: float
    """Right, be it by saying that there is no answer."""
    not_retrieved: float
    """Wrong, and no retrieved chunk holds the answer, whatever was then said: retrieval."""
    misread: float
    """Wrong, though a retrieved chunk holds the answer, and something else was said: reading."""
    abstained: float
    """A retrieved chunk holds the answer, and none was given: abstention."""
    made_up: float
    """The documents have no answer, and one was given."""
    failed: float
    """A stage failed."""


@dataclass(frozen=True, slots=True)
class Passage:
    """How a level of a factor differs from all cells, in right answers to questions that have one; the three parts add up to the first."""

    right: float
    """Difference of the share of right answers."""
    retrieval: float
    """Through retrieval: other questions find their chunk."""
    reading: float
    """Through reading: of what is found, and not found, another share is answered wrong."""
    abstention: float
    """Through abstention: another share is not answered."""


def count_outcomes(scores: Sequence[Scored]) -> Outcomes:
    """What became of the questions, at least one."""
    found = {field.name: 0 for field in fields(Outcomes)}
    for each in scores:
        found[outcome_of(each)] += 1
    return Outcomes(**{name: count / len(scores) for name, count in found.items()})


def outcome_of(scored: Scored) -> str:
    """The field of Outcomes that an answer counts to."""
    if scored.failed:
        return "failed"
    if scored.correct:
        return "right"
    if not scored.answerable:
        return "made_up"
    if scored.gold_rank is None:
        return "not_retrieved"
    return "abstained" if scored.abstained else "misread"


def trace_passage(level: Sequence[Scored], everything: Sequence[Scored]) -> Passage | None:
    """How a level's answers differ from all, by Kitagawa's decomposition (1955, JASA 50:1168); None without answerable questions.

    A share of right answers is r·p₁ + (1 − r)·p₀ for r found, p₁ right of the found and p₀ of the others; each difference is weighted by
    the mean of the other quantity, so that nothing is left over. What is not right of a group was abstained from or answered wrong.
    """
    one, other = _rates(level), _rates(everything)
    if one is None or other is None:
        return None
    found, answered, silent = one
    all_found, all_answered, all_silent = other
    retrieval = (found[0] - all_found[0]) * ((answered[0] + all_answered[0]) / 2 - (answered[1] + all_answered[1]) / 2)
    weights = (found + all_found) / 2
    right = float(found @ answered - all_found @ all_answered)
    abstention = -float(weights @ (silent - all_silent))
    return Passage(right, float(retrieval), right - float(retrieval) - abstention, abstention)


def _rates(scores: Sequence[Scored]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Over found and not found: their shares, the share of right answers in each, the share without an answer."""
    asked = [each for each in scores if each.answerable]
    if not asked:
        return None
    groups = [[each for each in asked if (each.gold_rank is not None) is found] for found in (True, False)]
    shares = np.array([len(group) / len(asked) for group in groups])
    right = np.array([np.mean([each.correct for each in group]) if group else 0.0 for group in groups])
    silent = np.array(
        [np.mean([each.abstained and not each.correct for each in group]) if group else 0.0 for group in groups]
    )
    return shares, right, silent

"""May the second run's system take the first one's place? A sentence with its evidence, which says so where the questions are too few."""

from dataclasses import dataclass
from typing import Literal

from evaluation.paired import ALPHA, POWER, questions_needed, score_limits
from evaluation.summary import FEWEST_CLUSTERS
from pipeline.errors import InputError

MAX_DROP = 0.02
"""Drop of the share of right answers that is put up with."""

Outcome = Literal["safe", "not safe", "unknown"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure in two runs, over the questions that count in both."""

    name: str
    """The measure; the question type where it is `correct` by type."""
    questions: int
    """Questions that count in both."""
    clusters: int
    """Articles they are about."""
    first: float | None = None
    """The first run's mean; None where no question counts."""
    second: float | None = None
    """The second run's."""
    difference: float | None = None
    """Second less first."""
    low: float | None = None
    """Of the 95 % interval of the difference; None for too few articles."""
    high: float | None = None
    p: float | None = None
    """Of the paired sign flips, two-sided; None for too few articles."""
    p_adjusted: float | None = None
    """By Holm over the family; None outside of it."""
    mcnemar_p: float | None = None
    """Of McNemar's exact test, which takes questions as independent; None where the measure is not 0 or 1."""
    gained: int = 0
    """Questions with a higher value in the second run."""
    lost: int = 0
    """Questions with a lower one."""
    design_effect: float = 1.0
    """How many times as many questions are needed because those about one article go together."""
    why_no_test: str = ""
    """Why there is nothing to test; empty where there is."""

    @property
    def significant(self) -> bool:
        """Whether chance is no good account of the difference; the p value is the adjusted one where there is one."""
        p = self.p if self.p_adjusted is None else self.p_adjusted
        return not self.why_no_test and p is not None and p < ALPHA

    @property
    def significantly_lower(self) -> bool:
        """Whether the second run's mean is significantly lower."""
        return self.significant and self.difference is not None and self.difference < 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "safe to ship?"."""

    outcome: Outcome
    """`safe`, `not safe`, or `unknown` where the questions do not tell."""
    sentence: str
    """The outcome with its evidence."""
    max_drop: float
    """The drop that was put up with, as a share."""
    questions_needed: int | None
    """Where unknown: questions that would show such a drop with a power of 80 %; None if more of them would hardly tell."""
    too_few: bool = False
    """Whether it is unknown because the questions, or the articles they are about, are too few."""


def judge(
    correct: Difference, *, max_drop: float = MAX_DROP, same_answers: bool = False, failed_first: int = 0
) -> Verdict:
    """Judge by the share of right answers.

    Not safe where it is significantly lower, or its whole interval below −max_drop. Safe where the interval's lower end is not below
    −max_drop, nor the score limit of Tango (1998): a bootstrap cannot see the drop that a few unchanged questions hide.
    same_answers: whether both runs answered every question alike, which needs no statistics. failed_first: questions that failed in the
    first run, each of which might have been right: what is safe has to be so even then. Raises InputError for a max_drop not in [0, 1).
    """
    if not 0 <= max_drop < 1:
        raise InputError(
            f"A tolerated drop of {max_drop:g} is no share. Give one from 0 to below 1, such as {MAX_DROP}."
        )
    outcome, why, needed = _decide(correct, max_drop, same_answers, failed_first)
    words = {"safe": "Safe to ship", "not safe": "Not safe", "unknown": "Cannot be told"}[outcome]
    few = outcome == "unknown" and (needed is not None or correct.low is None)
    return Verdict(outcome, f"{words}: {_evidence(correct)}. {why}.", max_drop, needed, few)


def _decide(
    correct: Difference, max_drop: float, same_answers: bool, failed_first: int
) -> tuple[Outcome, str, int | None]:
    """Outcome, why, and how many questions would tell."""
    if correct.low is None or correct.high is None:
        return "unknown", f"They are about fewer than {FEWEST_CLUSTERS} articles, too few to judge by", None
    if same_answers:
        return "safe", _of_same_answers(correct, max_drop), None
    if correct.significantly_lower:
        after = "" if correct.p_adjusted is None else " after Holm's correction"
        p = correct.p if correct.p_adjusted is None else correct.p_adjusted
        return "not safe", f"That is significantly fewer (p = {p:.2g}{after})", None
    if correct.high < -max_drop:
        return "not safe", f"All of the interval is below the {_drop(max_drop)} put up with", None
    drop = f"A drop of more than {_drop(max_drop)}" if max_drop else "A drop"
    unseen = score_limits(correct.gained, correct.lost, correct.questions)[0]
    low = min(correct.low, unseen)
    if low - failed_first / correct.questions >= -max_drop:
        return "safe", f"{drop} is ruled out", None
    if low >= -max_drop:
        failed = f"{_questions(failed_first)} failed before and are not right there: go on with that run first"
        return "unknown", f"{drop} is not ruled out, for {failed}", None
    needed = _needed(correct, max_drop)
    few = f": only {_questions(correct.gained + correct.lost)} changed sides" if correct.low >= -max_drop else ""
    return "unknown", f"{drop} is not ruled out{few}. {_would_tell(needed, correct.questions)}", needed


def _of_same_answers(correct: Difference, max_drop: float) -> str:
    """What it says that both runs answered every question alike: of a few questions, little about others."""
    same = "Both runs gave the same answer to every question"
    unseen = -score_limits(correct.gained, correct.lost, correct.questions)[0]
    if unseen <= max(max_drop, MAX_DROP):  # no number of questions rules out a drop of nothing
        return same
    return f"{same}; they are so few that on others a drop of up to {unseen * 100:.1f} points is not ruled out"


def _would_tell(needed: int | None, compared: int) -> str:
    if needed is None:
        return "More questions would hardly tell: the difference is too near to what is put up with"
    return (
        f"About {needed:,} questions would tell (power {POWER * 100:.0f} %), {compared:,} are compared here: run more of the dataset, or a "
        "larger one"
    )


def _needed(correct: Difference, max_drop: float) -> int | None:
    """Questions that would show a drop of max_drop at the discordance seen; None where there are as many already."""
    if not max_drop:
        return None
    discordance = max(max_drop, (correct.gained + correct.lost) / correct.questions)
    needed = round(questions_needed(max_drop, discordance) * correct.design_effect)
    return needed if needed > correct.questions else None


def _evidence(correct: Difference) -> str:
    """Both shares, the difference, and its interval where there is one."""
    first, second, difference = (value or 0.0 for value in (correct.first, correct.second, correct.difference))
    known = correct.low is not None and correct.high is not None
    interval = f", 95 % interval {points(correct.low or 0.0)} to {points(correct.high or 0.0)}" if known else ""
    return (
        f"{second * 100:.1f} % of {_questions(correct.questions)} right, {first * 100:.1f} % before "
        f"({points(difference)} points{interval})"
    )


def points(share: float) -> str:
    """A difference of shares in percentage points, to a tenth, with a real minus sign: "+1.2", "−0.4", "0.0"."""
    rounded = round(share * 100, 1)
    if rounded == 0:
        return "0.0"
    return f"{'−' if rounded < 0 else '+'}{abs(rounded):.1f}"


def _drop(max_drop: float) -> str:
    return f"{max_drop * 100:g} {'point' if max_drop == 0.01 else 'points'}"


def _questions(number: int) -> str:
    return f"{number:,} {'question' if number == 1 else 'questions'}"

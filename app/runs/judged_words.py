"""What a judge said of a run, in words and rows."""

from collections import Counter
from collections.abc import Sequence

from app.kit.numbers import count
from app.kit.wording import listed
from evaluation.judging import count_agreement
from evaluation.scoring import Scored

HEADS = ("", "Judge: right", "Judge: wrong")


def judged_words(scores: Sequence[Scored]) -> str:
    """How far judge and labels agree, and what could not be judged; empty where no judge was asked."""
    asked = [each for each in scores if each.judge]
    if not asked:
        return ""
    found = count_agreement(asked)
    models = listed(sorted({each.judge for each in asked}))
    missing = Counter(each.judge_problem for each in asked if each.judge_problem)
    words = f"{models} judged {found.answers:,} of the {count(len(asked), 'answer')} that it was asked about."
    if missing:
        reasons = listed([f"{number:,} × {reason}" for reason, number in missing.most_common(3)])
        words += f" No judgement, which counts neither way: {reasons}."
    if found.kappa is not None:
        return (
            f"{words} It agrees with the labels beyond chance by κ = {found.kappa:.2f} (1: always, 0: as chance would)."
        )
    if found.answers:
        words += " How far it agrees with the labels cannot be told: one of the two calls all answers the same."
    return words


def agreement_rows(scores: Sequence[Scored]) -> list[list[str]]:
    """The two by two counts."""
    found = count_agreement(scores)
    return [
        ["Labels: right", f"{found.both_right:,}", f"{found.only_labels:,}"],
        ["Labels: wrong", f"{found.only_judge:,}", f"{found.both_wrong:,}"],
    ]


def judged_text(scores: Sequence[Scored]) -> str:
    """The same for a terminal."""
    lines = [judged_words(scores), ""]
    lines += [f"{name:<16}{right:>14}{wrong:>14}" for name, right, wrong in (HEADS, *agreement_rows(scores))]
    return "\n".join(lines)

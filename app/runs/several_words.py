"""Two to five runs at once in words: for a page, for a shell, for a program."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.kit.numbers import count, percent, points
from app.kit.plain import WIDTH, one_line, shortened
from app.kit.wording import listed
from app.runs.compared_words import answer_words, p_words, ship_answer
from app.runs.naming import run_name
from app.runs.outcomes import outcome
from app.runs.several import LETTERS, ComparedSeveral
from evaluation.several import PairOfRuns

MOST_PARTED = 20
"""Questions that a shell lists; how many more there are is said."""

FOOTNOTE = (
    "Differences of the share of right answers, with 95 % BCa intervals over resampled articles, each pair’s own; p by paired sign flips, "
    "corrected by Holm over all pairs."
)


def headline(found: ComparedSeveral) -> str:
    """Which runs may take the baseline's place, in a sentence."""
    baseline, others = run_name(found.runs[0]), range(1, len(found.runs))
    may = [place for place in others if found.found.pair(0, place).verdict.outcome == "safe"]
    may_not = [place for place in others if found.found.pair(0, place).verdict.outcome == "not safe"]
    untold = [place for place in others if place not in (*may, *may_not)]
    if not (may or may_not):
        told = f"It cannot be told yet whether {_lettered(untold)} may take A’s place"
    else:
        parts = ((may, "may take A’s place"), (may_not, "may not take A’s place"), (untold, "cannot be told yet"))
        told = "; ".join(f"{_lettered(places)} {words}" for places, words in parts if places)
    return f"{told}. A is the oldest, {baseline}."


def _lettered(places: Sequence[int]) -> str:
    return listed([LETTERS[place] for place in places])


def pair_words(pair: PairOfRuns) -> str:
    """A pair's verdict with its figures: "yes: +1.2 points [−0.4, +2.8], p 0.120"."""
    right = pair.right
    interval = "" if right.low is None or right.high is None else f" [{points(right.low)}, {points(right.high)}]"
    p = "" if right.why_no_test else f", p {p_words(right.p_adjusted)}"
    return f"{ship_answer(pair.verdict).lower()}: {points(right.difference)} points{interval}{p}"


def several_text(found: ComparedSeveral) -> str:
    """The runs, the verdicts and the questions that they part on, for a shell."""
    lines = [*textwrap.wrap(headline(found), WIDTH), ""]
    for letter, run, right in zip(LETTERS, found.runs, found.found.rights, strict=False):
        lines.append(shortened(f"{letter}  {percent(right, 1):>7} right  {run.run_id}  {run_name(run)}", WIDTH))
    lines += ["", *found.notes, "May … take the place of …?"]
    lines += [f"  {LETTERS[pair.after]} of {LETTERS[pair.before]}  {pair_words(pair)}" for pair in found.found.pairs]
    lines += ["", f"{parted_words(found)}."]
    for answers in found.found.parted[:MOST_PARTED]:
        lines.append(shortened(one_line(answers[0].question), WIDTH))
        lines += [
            f"  {letter} {outcome(each):<17} {answer_words(each.answer, each.abstained)}"
            for letter, each in zip(LETTERS, answers, strict=False)
        ]
    left = len(found.found.parted) - MOST_PARTED
    return "\n".join(
        [
            *lines,
            *([f"  and {left:,} more; --json has them all"] if left > 0 else []),
            "",
            *textwrap.wrap(FOOTNOTE, WIDTH),
        ]
    )


def parted_words(found: ComparedSeveral) -> str:
    """On how many questions the runs part."""
    return f"The runs part on {len(found.found.parted):,} of {count(found.found.questions, 'question')}"


def several_to_dict(found: ComparedSeveral) -> dict[str, Any]:
    """JSON-ready: the runs, each pair's verdict, and the questions that they part on."""
    return {
        "runs": [
            {
                "run_id": run.run_id,
                "name": run_name(run),
                "status": run.status,
                "right": right,
                "about": dict(run.about),
            }
            for run, right in zip(found.runs, found.found.rights, strict=True)
        ],
        "notes": found.notes,
        "questions": found.found.questions,
        "pairs": [
            asdict(each) | {"before": found.runs[each.before].run_id, "after": found.runs[each.after].run_id}
            for each in found.found.pairs
        ],
        "parted": [[each.to_dict() for each in answers] for answers in found.found.parted],
    }

"""What the Runs page shows, as rows and words. Without streamlit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from app.kit.numbers import MISSING, count, fixed, milliseconds, percent, three_figures
from app.kit.wording import listed
from app.runs.compared_words import markdown_cell, p_equals
from app.runs.measure_names import NAMES
from app.runs.naming import run_name
from app.runs.outcomes import OUTCOMES
from app.runs.record import named_dataset
from evaluation.groups import GroupTest
from evaluation.paired import ALPHA
from evaluation.scoring import Scored
from evaluation.summary import FEWEST_CLUSTERS, GROUPS, Measure, Summary
from metrics.runs import StoredRun
from metrics.spreadsheet import csv_text

HEADLINE = ("correct", "wrong", "abstained wrongly", "recall", "duration, ms")
"""Measures that stand at the top of a run; the first three are 100 % together."""

UNITLESS = (
    "top cosine",
    "mean cosine",
    "cosine variance",
    "margin",
    "entropy",
    "ndcg",
    "map",
    "redundancy",
    "distinct chunks",
    "confidence",
    "overconfidence",
    "brier",
    "reliance, nats",
)
"""Measures that are no shares."""

MEANINGS = {
    "Right": "Share of questions whose answer holds an expected answer or shares most of its words; without an answer: that abstained.",
    "Found": "Recall: share of answerable questions for which a retrieved chunk holds the expected answer.",
    "Wrong": "Share of questions that got an answer which is not right.",
    "Abstained wrongly": "Share of questions that got no answer although the documents have one; one that failed got none. Where they have "
    "none, abstaining is right. With right and wrong this makes 100 %.",
    "Time": "Mean time from question to answer.",
}
"""What the headline measures say."""

JUDGED = {True: "right", False: "wrong", None: ""}
"""A judge's word in a table."""

NO_INTERVAL = (
    f"A type without a line has questions about fewer than {FEWEST_CLUSTERS} articles: too few for an interval."
)
"""What is said below a chart of types of which one has no interval."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A mean with its interval, in a plot."""

    name: str
    """What it is the mean of."""
    found: Measure
    """The mean."""


def run_label(run: StoredRun) -> str:
    """A run in a line that fits a list."""
    return f"{run_name(run)} ({run.answers:,} answered, {run.run_id})"


def measure_words(name: str, found: Measure) -> str:
    """A value: shares in per cent."""
    if found.value is None:
        return MISSING
    if is_share(name):
        return percent(found.value, 1)
    if name in UNITLESS:
        return three_figures(found.value)
    return fixed(found.value, 1)


def is_share(name: str) -> bool:
    """Whether a measure is a share, which is shown in per cent."""
    return name not in UNITLESS and name != "answer words" and not name.endswith(", ms")


def time_words(scores: Sequence[Scored]) -> str:
    """What the times of a run leave out; empty where they are what a person would wait."""
    batch, known = max(each.batch for each in scores), sum(each.timed_like[1] for each in scores)
    told = [
        *([f"up to {batch:,} questions were asked together and given equal parts of it"] if batch > 1 else []),
        *([f"vectors of {known:,} questions were known from an earlier run"] if known else []),
    ]
    return f"Time is what the run took for a question, not what a person would wait: {listed(told)}." if told else ""


def interval_words(name: str, found: Measure) -> str:
    """Its interval, or why there is none."""
    if found.value is None:
        return "no question counts"
    if found.low is None or found.high is None:
        return "too few articles for an interval"
    low, high = (measure_words(name, Measure(value, None, None, 0)) for value in (found.low, found.high))
    return f"{low} to {high}"


def abstained_words(scores: Sequence[Scored]) -> str:
    """How many abstentions are among the right answers; empty where none is."""
    rightly = sum(each.abstained and each.correct for each in scores)
    abstained = sum(each.abstained for each in scores)
    if not rightly:
        return ""
    return f"{count(abstained, 'question')} got no answer; to {rightly:,} of them the documents have none, so that is right."


def headline(whole: Summary) -> list[tuple[str, str, str]]:
    """Name, value and interval of the headline measures."""
    return [_tile(name, whole.measures[name]) for name in HEADLINE]


def _tile(name: str, found: Measure) -> tuple[str, str, str]:
    """A figure that stands by itself: a time has its unit beside it."""
    if not name.endswith(", ms"):
        return NAMES[name], measure_words(name, found), interval_words(name, found)
    interval = interval_words(name, found)
    if found.low is not None and found.high is not None:
        interval = f"{milliseconds(found.low)} to {milliseconds(found.high)}"
    return NAMES[name].removesuffix(", ms"), milliseconds(found.value), interval


def measure_rows(summaries: Sequence[Summary]) -> list[list[str]]:
    """A row for each measure that any question of the run has: name, value, interval, questions."""
    whole = summaries[0]
    return [
        [NAMES[name], measure_words(name, found), interval_words(name, found), f"{found.questions:,}"]
        for name, found in whole.measures.items()
        if found.questions
    ]


def dots(whole: Summary, types: Sequence[Summary], name: str) -> list[Dot]:
    """One measure of all questions and of each type or group, the highest first."""
    ordered = sorted(types, key=lambda each: -(each.measures[name].value or 0.0))
    return [Dot(f"{each.name} ({each.questions})", each.measures[name]) for each in (whole, *ordered)]


def groups_words() -> str:
    """Which types make up each group."""
    groups = [f"{name} ({', '.join(types)})" for name, types in GROUPS.items()]
    return f"The groups are {listed(groups)}."


def types_words(found: GroupTest, what: str = "type") -> str:
    """Whether the types differ, with the size of it and the pairs that do. what: what they are called."""
    if found.p is None or found.epsilon_squared is None:
        return f"The {what}s were not tested against each other: {found.why_no_test}."
    head = f"The {what}s differ" if found.p < ALPHA else f"No difference between the {what}s is shown"
    words = (
        f"{head}: Kruskal–Wallis p {p_equals(found.p)}; the {what} accounts for {found.epsilon_squared:.1%} of the variance of ranks (ε²)."
    ).replace("%", " %")
    pairs = [pair for pair in found.pairs if pair.significant]
    if pairs:
        told = [
            f"{pair.first} and {pair.second} (Cliff’s δ {pair.cliffs_delta:+.2f}, {pair.size})".replace("-", "−")
            for pair in pairs
        ]
        words += f" Pairs that differ, by Dunn’s test with Holm’s correction: {listed(told)}."
    left = [group.name for group in found.groups if group.why_no_test]
    return f"{words} Too few questions to test: {listed(left)}." if left else words


def chosen(scores: Sequence[Scored], outcome: str, kind: str | None) -> list[Scored]:
    """The questions with an outcome, of a type if one is given."""
    holds = OUTCOMES[outcome]
    return [each for each in scores if holds(each) and (kind is None or (each.type or "") == kind)]


def scores_csv(scores: Sequence[Scored]) -> str:
    """Every answer, a row each (RFC 4180). A text that a spreadsheet would run gets an apostrophe in front."""
    if not scores:
        return ""
    return csv_text(scores[0].to_dict(), [map(_flat, each.to_dict().values()) for each in scores])


def _flat(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, tuple, dict)) else value


def run_markdown(run: StoredRun, summaries: Sequence[Summary]) -> str:
    """A run as Markdown: the measures, and `correct` by type."""
    lines = [
        f"## Run {run.run_id}: {markdown_cell(named_dataset(run.about))} on {run.about['backend']}",
        "",
        "| Measure | Value | 95 % interval | Questions |",
        "|---|---|---|---|",
        *(f"| {' | '.join(map(markdown_cell, row))} |" for row in measure_rows(summaries)),
    ]
    if len(summaries) > 1:
        lines += ["", "| Type | Questions | Right | 95 % interval |", "|---|---|---|---|"]
        for each in summaries:
            found = each.measures["correct"]
            cells = (
                each.name,
                f"{each.questions:,}",
                measure_words("correct", found),
                interval_words("correct", found),
            )
            lines.append(f"| {' | '.join(map(markdown_cell, cells))} |")
    return "\n".join([*lines, ""])

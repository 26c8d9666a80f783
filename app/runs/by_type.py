"""A run by question type, in words, rows and a file. Without streamlit."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.kit import numbers
from app.kit.numbers import change_of, percent, three_figures
from app.kit.plain import one_line
from app.runs.compared_words import p_equals
from app.runs.measure_names import NAMES
from evaluation.groups import GroupTest, compare_types
from evaluation.lab.by_type import (
    STUDIED,
    Association,
    Box,
    Point,
    TypeCount,
    associate,
    boxes,
    count_answers,
    find_points,
)
from evaluation.paired import ALPHA, holm
from evaluation.scoring import Scored
from evaluation.summary import in_groups
from metrics.spreadsheet import csv_text

MISSING = {
    "top cosine": "No chunk was retrieved.",
    "cosine variance": "No chunk was retrieved.",
    "answer words": "Nothing was answered.",
    "reliance, nats": "Reliance is known of answers that were explained: “Explain them” on its page, or raglass eval label in a shell.",
    "confidence": "The backend says nothing of its confidence.",
}
"""Why a measure of STUDIED has no value."""


@dataclass(frozen=True, slots=True)
class ByType:
    """A run by question type, or by the three groups."""

    grouped: bool
    """Whether groups stand for types."""
    boxes: dict[str, list[Box]]
    """By measure of STUDIED; empty where nothing counts."""
    tests: dict[str, GroupTest]
    """By measure, likewise."""
    p: dict[str, float]
    """Of the tests that could be made, by measure, adjusted by Holm's correction over them."""
    counts: list[TypeCount]
    points: list[Point]
    associations: list[Association]
    """All answers first."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def study_types(scores: Sequence[Scored], *, grouped: bool) -> ByType:
    """All of it. grouped: answers of no group are left out."""
    held = in_groups(scores) if grouped else list(scores)
    found = {measure: boxes(held, measure) for measure in STUDIED}
    tests = {measure: compare_types(held, measure) for measure in STUDIED if found[measure]}
    p = holm({measure: test.p for measure, test in tests.items() if test.p is not None})
    return ByType(grouped, found, tests, p, count_answers(held), find_points(held), associate(held))


def spread_title(measure: str, found: ByType) -> str:
    """What is seen in the boxes of a measure, of which there is at least one."""
    what, held, p = NAMES[measure], found.boxes[measure], found.p.get(measure)
    top, bottom = max(held, key=lambda each: each.median), min(held, key=lambda each: each.median)
    if top.median == bottom.median:
        head = f"{what}: the median is {three_figures(top.median)} throughout"
    else:
        head = f"{what}: median {three_figures(bottom.median)} for {bottom.name}, {three_figures(top.median)} for {top.name}"
    if p is None:
        return f"{head}; not tested"
    return f"{head}; {'they differ' if p < ALPHA else 'no difference is shown'} (p {p_equals(p)})"


def spread_words(measure: str, found: ByType) -> str:
    """How the types of a measure were tested, under its boxes."""
    test = found.tests[measure]
    if test.p is None or test.epsilon_squared is None:
        return f"Not tested against each other: {test.why_no_test}."
    share, what = percent(test.epsilon_squared, 1), "group" if found.grouped else "type"
    return (
        f"Kruskal–Wallis, p by Holm’s correction over {len(found.p)} measures; the {what} accounts for {share} of the "
        "variance of ranks (ε²). Questions are taken as independent, which makes p too small where an article has many."
    )


def counts_title(found: Sequence[TypeCount]) -> str:
    """What is seen in the counts."""
    most, fewest = max(found, key=lambda each: each.questions), min(found, key=lambda each: each.questions)
    if most.questions == fewest.questions:
        return f"Every one has {most.questions:,} questions" if len(found) > 1 else f"All are {most.name}"
    return f"Most questions are of {most.name} ({most.questions:,}), fewest of {fewest.name} ({fewest.questions:,})"


def scatter_title(found: Sequence[Association]) -> str:
    """What is seen in the scatter of similarity and length."""
    if not found or found[0].rho is None:
        return "Too few answers to say whether similar chunks go with long answers"
    whole = found[0]
    rho = f"Spearman’s ρ {_interval_words(whole)}"
    if whole.low is None or whole.high is None or whole.low <= 0 <= whole.high:
        return f"Length does not show to go with similarity ({rho})"
    return f"Answers are {'longer' if whole.low > 0 else 'shorter'} where the best chunk is more similar ({rho})"


def box_rows(found: Sequence[Box]) -> list[list[str]]:
    """A row for each box: name, questions, quartiles, whiskers, values beyond them."""
    return [
        [
            each.name,
            f"{each.questions:,}",
            *(three_figures(value) for value in (each.low, each.q1, each.median, each.q3, each.high, each.mean)),
            f"{len(each.outside):,}",
        ]
        for each in found
    ]


BOX_HEADS = ("Type", "Questions", "Low", "Quartile", "Median", "Quartile", "High", "Mean", "Far out")


def association_rows(found: Sequence[Association]) -> list[list[str]]:
    """A row for each: name, answers, ρ with its interval."""
    return [[each.name, f"{each.answers:,}", _interval_words(each)] for each in found]


def _interval_words(found: Association) -> str:
    if found.rho is None:
        return numbers.MISSING
    if found.low is None or found.high is None:
        return f"{change_of(found.rho)}, too few articles for an interval"
    return f"{change_of(found.rho)} [{change_of(found.low)}, {change_of(found.high)}]"


def by_type_csv(found: ByType) -> str:
    """Every box, a row each, with the test of its measure."""
    rows = []
    names = ("low", "q1", "median", "q3", "high", "mean")
    kind = "group" if found.grouped else "type"
    heads = ["measure", kind, "questions", *names, "far out", "p by Holm", "epsilon squared"]
    for measure, held in found.boxes.items():
        for each in held:
            share = found.tests[measure].epsilon_squared
            values = [getattr(each, name) for name in names]
            rows.append([measure, each.name, each.questions, *values, len(each.outside), found.p.get(measure), share])
    return csv_text(heads, rows)


def points_csv(found: ByType) -> str:
    """Every point of the scatter, a row each."""
    heads = ["question_id", "group" if found.grouped else "type", "top cosine", "answer words", "right"]
    return csv_text(
        heads, [(each.question_id, each.type, each.cosine, each.words, each.correct) for each in found.points]
    )


def by_type_text(found: ByType) -> str:
    """For a terminal."""
    lines = [counts_title(found.counts)]
    for each in found.counts:
        shares = f"{each.answerable:,} answerable, {each.right:,} right, {each.abstained:,} abstained"
        lines.append(f"  {one_line(each.name):<22} {each.questions:>6,}  {shares}")
    for measure in STUDIED:
        if not found.boxes[measure]:
            lines += ["", f"{NAMES[measure]}: {MISSING[measure]}"]
            continue
        lines += ["", spread_title(measure, found)]
        lines += [_line(row) for row in ([*BOX_HEADS], *box_rows(found.boxes[measure]))]
        lines.append(f"  {spread_words(measure, found)}")
    lines += ["", scatter_title(found.associations)]
    lines += [f"  {one_line(name):<22} {many:>6}  {rho}" for name, many, rho in association_rows(found.associations)]
    return "\n".join(lines)


def _line(row: Sequence[str]) -> str:
    return f"  {one_line(row[0]):<22} " + " ".join(f"{cell:>9}" for cell in row[1:])

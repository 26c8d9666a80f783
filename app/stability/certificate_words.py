"""An upgrade certificate in words: for a shell, for a pull request, for a program."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.kit.numbers import MISSING, count
from app.kit.plain import WIDTH, one_line, shortened
from app.runs.compared import ComparedRuns
from app.runs.compared_words import comparison_to_dict, difference_words, markdown_cell, p_words, setting_words
from app.runs.measure_names import measure_name
from app.runs.words import about_words, measure_words
from app.stability.certificate import ALARM_P, RIGHT, TOP_SCORE, Certificate, TypeChange
from evaluation.drift import FEWEST_QUESTIONS
from metrics.runs import StoredRun

TYPE_HEADS = ("type", "n", "overlap@{k}", "RBO", "answers changed", "right, difference")

TEST_HEADS = ("tested", "p", "p (Holm)")

FOOTNOTE = (
    "Overlap: the share of retrieved chunks that are the same in both runs. RBO: the same, with the first ranks counting "
    "most. An answer has changed if it says something else, right or wrong. In brackets: 95 % intervals over resampled "
    "articles. KS and PSI: how far the scores moved, 0 for not at all; as both runs ask the same questions, KS’s p is "
    "larger than it need be."
)


def headline(found: Certificate) -> str:
    """What comes of it: an alarm and of what, that there is none, or that it cannot be told."""
    reasons = ["the verdict"] if found.unsafe else []
    reasons += [f"{tested_words(each.name)} (p {p_words(each.p_adjusted)})" for each in found.signals]
    if reasons:
        return f"Alarm: {', '.join(reasons)}."
    verdict = found.compared.comparison.verdict
    if verdict.outcome == "safe":
        return "No alarm: safe to ship."
    if verdict.outcome == "not safe":
        return "Cannot be told: the verdict is “not safe”, but no test confirms it."
    return f"Cannot be told{': not enough questions' if verdict.too_few else ' whether it is safe to ship'}."


def false_alarm_words(found: Certificate) -> str:
    """What an alarm is worth."""
    return (
        "How far to trust this: where nothing was changed, at most 5 in 100 certificates raise an alarm. Half of that is left "
        f"to the verdict, half to {count(len(found.tests), 'test')}, corrected together (Holm, p < {ALARM_P:g}). Where none is "
        "raised, something may have changed all the same."
    )


def sentences(found: Certificate) -> list[str]:
    """Everything but the tables and the runs."""
    compared = found.compared
    told = [f"{name} {one_line(first)} / {one_line(second)}" for name, first, second in found.parts]
    return [
        compared.comparison.verdict.sentence,
        *(
            ["That verdict rests on few articles, and the test does not confirm it."]
            if compared.comparison.verdict.outcome == "not safe" and not found.unsafe
            else []
        ),
        *([f"Made with (older / newer): {'; '.join(told)}."] if told else []),
        *setting_words(compared),
        *compared.notes,
        *(
            [
                f"{count(found.untraced, 'question')} without a stored trace in both runs: their chunks and scores are not compared."
            ]
            if found.untraced
            else []
        ),
        score_words(found),
        false_alarm_words(found),
    ]


def score_words(found: Certificate) -> str:
    """How the scores of first chunks moved."""
    scores = found.scores
    if scores is None:
        return f"Fewer than {FEWEST_QUESTIONS} questions have a chunk in both runs: their scores are not compared."
    return (
        f"The {TOP_SCORE}: mean {scores.first_mean:.3f} / {scores.second_mean:.3f}, KS {scores.ks:.3f} (p {p_words(scores.ks_p)}), "
        f"PSI {scores.psi:.3f}, over {count(scores.questions, 'question')}."
    )


def tested_words(name: str) -> str:
    """What was tested, as people read it: a measure as everywhere, right answers of a type as "Right, PERSON"."""
    measure, _, kind = name.partition(", ")
    return f"{measure_name(measure)}, {one_line(kind)}" if measure == RIGHT and kind else one_line(measure_name(name))


def certificate_text(found: Certificate) -> str:
    """The alarm, the verdict, both runs, what changed by type, and every test."""
    lines = [headline(found), ""]
    for name, run in _runs(found.compared):
        lines += [f"{name + ':':<7} {line}" for line in about_words(run)[:2]]
    for sentence in sentences(found):
        lines += textwrap.wrap(one_line(sentence), WIDTH)
    lines += ["", *_type_lines(found), "", f"{'tested':<34} {'p':>7} {'Holm':>7}"]
    lines += [
        f"{shortened(tested_words(each.name), 34):<34} {p_words(each.p):>7} {p_words(each.p_adjusted):>7}"
        for each in found.tests
    ]
    return "\n".join([*lines, "", *textwrap.wrap(FOOTNOTE, WIDTH)])


def _runs(compared: ComparedRuns) -> tuple[tuple[str, StoredRun], ...]:
    return (("Older", compared.first), ("Newer", compared.second))


def _type_lines(found: Certificate) -> list[str]:
    name, number, *rest = type_heads(found)
    lines = [f"{name:<12} {number:>6} " + "".join(f" {head:<21}" for head in rest).rstrip()]
    for each in found.types:
        first, questions, *cells = type_cells(each)
        words = "".join(f" {cell:<21}" for cell in cells).rstrip()
        lines.append(f"{shortened(first, 12):<12} {questions:>6} {words}")
    return lines


def type_heads(found: Certificate) -> list[str]:
    """TYPE_HEADS with the number of chunks."""
    return [head.format(k=found.top_k) for head in TYPE_HEADS]


def type_cells(each: TypeChange) -> list[str]:
    """The cells of TYPE_HEADS."""
    figures = [measure_words(value) for value in (each.overlap, each.rbo, each.answer_changed)]
    return [
        one_line(each.name),
        f"{each.questions:,}",
        *figures,
        MISSING if each.correct is None else difference_words(each.correct),
    ]


def certificate_markdown(found: Certificate) -> str:
    """The same in GitHub's Markdown, for a pull request or a file."""
    lines = ["### Upgrade certificate", "", f"**{markdown_cell(headline(found))}**", ""]
    runs = [f"{name}: {'; '.join(about_words(run)[:2])}" for name, run in _runs(found.compared)]
    lines += [line for sentence in (*runs, *sentences(found)) for line in (markdown_cell(sentence), "")]
    lines += [*_markdown_table(type_heads(found), [type_cells(each) for each in found.types]), ""]
    if found.tests:
        lines += [*_markdown_table(TEST_HEADS, test_rows(found)), ""]
    return "\n".join([*lines, f"<sub>{FOOTNOTE}</sub>", ""])


def test_rows(found: Certificate) -> list[list[str]]:
    """The cells of TEST_HEADS."""
    return [[tested_words(each.name), p_words(each.p), p_words(each.p_adjusted)] for each in found.tests]


def _markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        f"|---|{'--:|' * (len(heads) - 1)}",
        *(f"| {' | '.join(map(markdown_cell, row))} |" for row in rows),
    ]


def certificate_to_dict(found: Certificate) -> dict[str, Any]:
    """JSON-ready: whether there is an alarm and of what, the certificate's own figures, and the comparison of the runs."""
    return {
        "alarm": found.alarm,
        "signals": [each.name for each in found.signals],
        "top_k": found.top_k,
        "parts": [{"name": name, "first": first, "second": second} for name, first, second in found.parts],
        "types": [asdict(each) for each in found.types],
        "untraced": found.untraced,
        "scores": None if found.scores is None else asdict(found.scores),
        "tests": [asdict(each) for each in found.tests],
        "comparison": comparison_to_dict(found.compared),
    }

"""Run against run in words: for a shell, for a pull request, for a program."""

import html
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from app.kit.numbers import MISSING, change_of, count, fixed
from app.kit.plain import WIDTH, one_line, shortened
from app.runs.compared import ComparedRuns
from app.runs.measure_names import measure_name
from app.runs.outcomes import outcome
from app.runs.record import named_dataset
from app.runs.words import about_words
from evaluation.comparison import Comparison, Flip
from evaluation.verdict import Difference, Verdict, points

MOST_FLIPS = 20
"""Questions that are listed; how many more there are is said."""

MOST_NAME = 25
"""Characters of a measure's or a type's name in a shell's table."""

FOOTNOTE = (
    "Intervals: 95 % BCa bootstrap over resampled articles; none of fewer than 5; where nothing changed, Tango’s score "
    "interval, which takes questions as independent. p: paired sign flips by article; Holm: adjusted over the measures of quality, "
    "and over the types. Measures run from 0 to 1, but for words and time."
)

FOOTNOTE_WITH_MCNEMAR = f"{FOOTNOTE} McNemar takes questions as independent."
"""Where his test has a column."""


TONES: Mapping[str, Literal["good", "bad", "warn"]] = {"safe": "good", "not safe": "bad", "unknown": "warn"}
"""How good each outcome of a verdict is."""


def ship_answer(verdict: Verdict) -> str:
    """May it ship? In a word or a few: "Yes", "No", "Not enough questions", "Cannot be told"."""
    if verdict.outcome == "unknown":
        return "Not enough questions" if verdict.too_few else "Cannot be told"
    return "Yes" if verdict.outcome == "safe" else "No"


def ship_words(found: ComparedRuns) -> str:
    """May the newer run take the older one's place? In a line."""
    first, second = found.called
    regressed = found.comparison.verdict.outcome == "safe" and found.comparison.regressions
    but = ", by the share of right answers; but another measure is significantly worse" if regressed else ""
    return f"May the {second} run take the {first} one’s place? {ship_answer(found.comparison.verdict)}{but}."


def comparison_text(found: ComparedRuns) -> str:
    """The verdict, both runs, every measure, the types and the questions that changed sides."""
    comparison = found.comparison
    lines = [
        *_wrapped(ship_words(found)),
        *_wrapped(comparison.verdict.sentence),
        *_wrapped(regression_words(comparison)),
        "",
    ]
    for called, run in zip(found.called, (found.first, found.second), strict=True):
        lines += [f"{called.capitalize()}: {line}" for line in about_words(run)[:2]]
    for sentence in [*setting_words(found), *found.notes]:
        lines += _wrapped(sentence)
    lines += ["", *_table("measure", found.called, comparison.differences)]
    if comparison.types:
        lines += ["", *_table("right, by type", found.called, comparison.types, str)]
    lines += ["", flips_headline(comparison)]
    for flip in comparison.flips[:MOST_FLIPS]:
        lines += _flip_lines(flip)
    return "\n".join([*lines, *_more_flips(comparison), "", *_wrapped(FOOTNOTE_WITH_MCNEMAR)])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _table(
    heading: str, called: tuple[str, str], rows: Sequence[Difference], read: Callable[[str], str] = measure_name
) -> list[str]:
    """read: a row's name, as it is read."""
    names = [shortened(one_line(read(each.name)), MOST_NAME) for each in rows]
    wide = max(15, *map(len, names))
    head = f"{heading:<{wide}} {'n':>6} {called[0]:>8} {called[1]:>8}  {'difference':<27} {'p':>7} {'Holm':>7} {'McNemar':>8}"
    return [head, *(_row(f"{name:<{wide}}", each) for name, each in zip(names, rows, strict=True))]


def _row(name: str, each: Difference) -> str:
    first, second = (_value(value) for value in (each.first, each.second))
    p_values = f"{p_words(each.p):>7} {p_words(each.p_adjusted):>7} {p_words(each.mcnemar_p):>8}"
    tail = f"  {each.why_no_test}" if each.why_no_test else p_values
    return f"{name} {each.questions:>6,} {first:>8} {second:>8}  {difference_words(each):<27} {tail}".rstrip()


def difference_words(each: Difference) -> str:
    """The difference with its interval: "−0.042 [−0.077, −0.013]"; "—" in place of what is not known."""
    if each.difference is None:
        return MISSING
    if each.low is None or each.high is None:
        return f"{_signed(each.difference)} [{MISSING}]"
    return f"{_signed(each.difference)} [{_signed(each.low)}, {_signed(each.high)}]"


def _value(value: float | None) -> str:
    return MISSING if value is None else fixed(value, _digits(value))


def _signed(value: float) -> str:
    return change_of(value, _digits(value))


def _digits(value: float) -> int:
    return 3 if abs(value) < 10 else 1


def p_words(value: float | None) -> str:
    return MISSING if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def regression_words(comparison: Comparison) -> str:
    """The measures that are significantly worse, in a sentence; empty if none is."""
    worse = [
        f"{measure_name(each.name)} ({points(each.difference)} points, p {p_equals(each.p_adjusted)})"
        for each in comparison.regressions
        if each.difference is not None
    ]
    return f"Significantly worse: {', '.join(worse)}." if worse else ""


def p_equals(p: float | None) -> str:
    """A p value in a sentence: "= 0.034", "< 0.001"."""
    words = p_words(p)
    return f"< {words[1:]}" if words.startswith("<") else f"= {words}"


def setting_words(found: ComparedRuns) -> list[str]:
    """What was set differently, in a sentence; nothing if the runs were made alike."""
    told = [
        f"{name} {'–' if first is None else one_line(str(first))} / {'–' if second is None else one_line(str(second))}"
        for name, first, second in found.settings
    ]
    return [f"Set differently ({' / '.join(found.called)}): {'; '.join(told)}."] if told else []


def flips_headline(comparison: Comparison) -> str:
    """How many questions changed sides."""
    if not comparison.flips:
        return "No question changed sides."
    gained = sum(flip.now_right for flip in comparison.flips)
    lost = len(comparison.flips) - gained
    return f"{count(len(comparison.flips), 'question')} changed sides: {lost:,} no longer right, {gained:,} now right"


def _flip_lines(flip: Flip) -> list[str]:
    mark = "+" if flip.now_right else "−"
    answers = (
        f"{answer_words(each.answer, each.abstained)} (trace {each.trace_id})" for each in (flip.first, flip.second)
    )
    return [
        shortened(f"  {mark} {one_line(flip.question_id)}  {one_line(flip.question)}", WIDTH),
        f"      {one_line(flip.why)}",
        *(f"      {words}" for words in answers),
    ]


def answer_words(answer: str, abstained: bool) -> str:
    """An answer in quotation marks, cut where it is long; or that there is none."""
    return "no answer" if abstained else f"“{shortened(one_line(answer), 50)}”"


def _more_flips(comparison: Comparison) -> list[str]:
    left = len(comparison.flips) - MOST_FLIPS
    return [f"  and {left:,} more; --json has them all"] if left > 0 else []


def gate_markdown(found: ComparedRuns) -> str:
    """A summary for a pull request, in GitHub's Markdown: what came of the gate, why, and what changed."""
    comparison = found.comparison
    lines = [f"### Evaluation gate: {_gate_words(comparison)}", ""]
    sentences = [
        comparison.verdict.sentence,
        regression_words(comparison),
        f"Run {found.second.run_id} held against run {found.first.run_id}, over {count(comparison.questions, 'question')} of "
        f"{one_line(named_dataset(found.second.about))}.",
        *setting_words(found),
        *found.notes,
    ]
    lines += [line for sentence in sentences if sentence for line in (markdown_cell(sentence), "")]
    lines += [*_markdown_table("Measure", comparison.differences), ""]
    if comparison.types:
        lines += [*_markdown_table("Right, by type", comparison.types, str), ""]
    lines += _markdown_flips(comparison)
    return "\n".join([*lines, f"<sub>{FOOTNOTE}</sub>", ""])


def _gate_words(comparison: Comparison) -> str:
    if comparison.blocks:
        return "failed"
    return "passed" if comparison.verdict.outcome == "safe" else "no regression shown, but none ruled out"


def _markdown_table(heading: str, rows: Sequence[Difference], read: Callable[[str], str] = measure_name) -> list[str]:
    lines = [
        f"| {heading} | Questions | Baseline | Now | Difference, 95 % interval | p (Holm) |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for each in rows:
        p = each.p if each.p_adjusted is None else each.p_adjusted
        cells = (
            markdown_cell(read(each.name)),
            f"{each.questions:,}",
            _value(each.first),
            _value(each.second),
            difference_words(each),
            each.why_no_test or (f"**{p_words(p)}**" if each.significant else p_words(p)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _markdown_flips(comparison: Comparison) -> list[str]:
    if not comparison.flips:
        return [flips_headline(comparison), ""]
    lines = [
        f"<details><summary>{flips_headline(comparison)}</summary>",
        "",
        "| | Question | Baseline | Now | Why |",
        "|---|---|---|---|---|",
    ]
    for flip in comparison.flips[:MOST_FLIPS]:
        answers = [answer_words(each.answer, each.abstained) for each in (flip.first, flip.second)]
        cells = (
            f"now {outcome(flip.second)}",
            shortened(one_line(flip.question), 120),
            *answers,
            flip.why,
        )
        lines.append(f"| {' | '.join(map(markdown_cell, cells))} |")
    left = len(comparison.flips) - MOST_FLIPS
    return [*lines, "", *([f"And {left:,} more.", ""] if left > 0 else []), "</details>", ""]


def markdown_cell(text: str) -> str:
    """Text as text in GitHub's Markdown: no markup, no HTML, no end of a cell, and nobody is notified by an @ in it."""
    escaped = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", html.escape(one_line(text), quote=False))
    return re.sub(r"@(?=\w)", "@<!-- -->", escaped)


def comparison_to_dict(found: ComparedRuns) -> dict[str, Any]:
    """JSON-ready: both runs, what sets them apart, and the comparison."""
    runs = {"first": found.first, "second": found.second}
    comparison = found.comparison
    return {
        **{name: {"run_id": run.run_id, "status": run.status, "about": dict(run.about)} for name, run in runs.items()},
        "settings": [{"name": name, "first": first, "second": second} for name, first, second in found.settings],
        "notes": found.notes,
        "blocks": comparison.blocks,
        "regressions": [each.name for each in comparison.regressions],
        **comparison.to_dict(),
    }

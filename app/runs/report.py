"""A run as one page of HTML that needs nothing else: to print, to send, to be read by someone who never saw the product.

The page has no script and loads nothing.
"""

from collections.abc import Sequence

from markupsafe import Markup

from app.explaining.report import page_html
from app.kit.costs import Spent, spent_words
from app.kit.markup import html, joined
from app.kit.numbers import MISSING
from app.kit.plain import shortened
from app.runs.labels import label_rows, losses_words
from app.runs.outcomes import outcome
from app.runs.rows import headline, interval_words, measure_rows, measure_words, time_words, types_words
from app.runs.words import about_words
from evaluation.groups import compare_types
from evaluation.scoring import Scored
from evaluation.summary import Summary
from explain.diagnosis import label_name
from metrics.runs import StoredRun

MOST_WRONG = 30
"""Questions that were not answered rightly, of which so many are printed."""

EXCERPT_CHARS = 160


def run_html(run: StoredRun, summaries: Sequence[Summary], scores: Sequence[Scored], spent: Spent) -> str:
    """The whole page."""
    noted = filter(None, (time_words(scores), spent_words(spent)))
    parts = [
        html("<h1>Evaluation of {}</h1>", str(run.about["backend"])),
        *(_small(line) for line in about_words(run)),
        _headline(summaries[0]),
        *map(_small, noted),
        *([_types(summaries, scores)] if len(summaries) > 1 else []),
        _labels(scores),
        html("<h2>Every measure</h2>"),
        _table(("Measure", "Value", "95 % interval", "Questions"), measure_rows(summaries)),
        _wrong(scores),
        _small(
            "Intervals come from drawing whole articles again, since questions about one article tend to fail together. Made with "
            "Raglass."
        ),
    ]
    return page_html(f"Run {run.run_id}", parts)


def _small(line: str) -> Markup:
    return html('<p class="small">{}</p>', line)


def _headline(whole: Summary) -> Markup:
    cells = joined(
        html(
            '<td><span class="small">{}</span><br><b class="answer">{}</b><br><span class="small">{}</span></td>',
            *figure,
        )
        for figure in headline(whole)
    )
    return html("<table><tr>{}</tr></table>", cells)


def _types(summaries: Sequence[Summary], scores: Sequence[Scored]) -> Markup:
    rows = [
        [
            each.name,
            f"{each.questions:,}",
            *(
                f"{measure_words(name, each.measures[name])} ({interval_words(name, each.measures[name])})"
                for name in ("correct", "recall")
            ),
        ]
        for each in summaries
    ]
    table = _table(("Type", "Questions", "Right", "Recall"), rows)
    return html("<h2>By question type</h2><p>{}</p>{}", types_words(compare_types(scores)), table)


def _labels(scores: Sequence[Scored]) -> Markup:
    rows = label_rows(scores)
    if not rows:
        return Markup("")
    table = _table(("Label", "Answers", "Stage", "What it means"), rows)
    return html("<h2>Why</h2><p>{}</p>{}", losses_words(scores), table)


def _wrong(scores: Sequence[Scored]) -> Markup:
    wrong = [each for each in scores if not each.correct]
    if not wrong:
        return Markup("")
    rows = [
        [
            each.question,
            each.type,
            outcome(each),
            "no answer" if each.abstained else shortened(each.answer, EXCERPT_CHARS),
            shortened(" or ".join(each.golds), EXCERPT_CHARS) or "none",
            label_name(each.label) or MISSING,
        ]
        for each in wrong[:MOST_WRONG]
    ]
    left = len(wrong) - len(rows)
    return html(
        "<h2>Not right</h2>{}{}",
        _table(("Question", "Type", "Outcome", "Answer", "Right", "Why"), rows),
        _small(f"{left:,} more are not right.") if left else "",
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    head = joined(html("<th>{}</th>", each) for each in heads)
    body = joined(html("<tr>{}</tr>", joined(html("<td dir=auto>{}</td>", cell) for cell in row)) for row in rows)
    return html('<div class="wide"><table><tr>{}</tr>{}</table></div>', head, body)

"""A run as one page of HTML that needs nothing else: to print, to send, to be read by someone who never saw the product.

Every value is escaped here; the page has no script and loads nothing.
"""

from collections.abc import Sequence
from html import escape

from app.explaining.report import STYLE
from app.runs.labels import label_rows, losses_words
from app.runs.rows import headline, interval_words, measure_rows, measure_words, time_words, types_words
from app.runs.words import about_words
from app.traces.words import shortened
from evaluation.groups import compare_types
from evaluation.scoring import Scored
from evaluation.summary import Summary
from metrics.runs import StoredRun

MOST_WRONG = 30
"""Wrong answers that are printed."""

EXCERPT_CHARS = 160


def run_html(run: StoredRun, summaries: Sequence[Summary], scores: Sequence[Scored]) -> str:
    """The whole page."""
    parts = [
        f"<h1>Evaluation of {escape(str(run.about['backend']))}</h1>",
        *(f'<p class="small">{escape(line)}</p>' for line in about_words(run)),
        _headline(summaries[0]),
        *([f'<p class="small">{escape(timed)}</p>'] if (timed := time_words(scores)) else []),
        *([_types(summaries, scores)] if len(summaries) > 1 else []),
        _labels(scores),
        "<h2>Every measure</h2>",
        _table(("Measure", "Value", "95 % interval", "Questions"), measure_rows(summaries)),
        _wrong(scores),
        '<p class="small">Intervals resample whole articles, since questions about one article go wrong together. Made with Raglass.</p>',
    ]
    title = f"Run {run.run_id}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _headline(whole: Summary) -> str:
    cells = "".join(
        f'<td><span class="small">{escape(name)}</span><br><b class="answer">{escape(value)}</b><br>'
        f'<span class="small">{escape(interval)}</span></td>'
        for name, value, interval in headline(whole)
    )
    return f"<table><tr>{cells}</tr></table>"


def _types(summaries: Sequence[Summary], scores: Sequence[Scored]) -> str:
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
    return f"<h2>By question type</h2><p>{escape(types_words(compare_types(scores)))}</p>{table}"


def _labels(scores: Sequence[Scored]) -> str:
    rows = label_rows(scores)
    if not rows:
        return ""
    table = _table(("Label", "Answers", "Stage", "What it means"), rows)
    return f"<h2>Why</h2><p>{escape(losses_words(scores))}</p>{table}"


def _wrong(scores: Sequence[Scored]) -> str:
    wrong = [each for each in scores if not each.correct]
    if not wrong:
        return ""
    rows = [
        [
            each.question,
            each.type,
            "no answer" if each.abstained else shortened(each.answer, EXCERPT_CHARS),
            shortened(" or ".join(each.golds), EXCERPT_CHARS) or "none",
            each.label or "–",
        ]
        for each in wrong[:MOST_WRONG]
    ]
    left = len(wrong) - len(rows)
    more = f'<p class="small">{left:,} more are wrong.</p>' if left else ""
    return f"<h2>Wrong answers</h2>{_table(('Question', 'Type', 'Answer', 'Right', 'Why'), rows)}{more}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td dir=auto>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'

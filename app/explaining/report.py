"""An explanation as one page of HTML that needs nothing else: to print, to send, to be read by someone who never saw the product.

The page has no script and loads nothing.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from app.explaining.belief import Belief, belief
from app.explaining.diagnosing import diagnosis_rows, gold_words
from app.explaining.grounded import Grounded, grounded
from app.explaining.sureness import calibrated_row, sureness_rows
from app.explaining.words import (
    ChunkMark,
    chunk_marks,
    chunk_name,
    explained_with,
    reliance_words,
    telling_sentences,
    token_marks,
)
from app.kit.markup import MARK_AGAINST, MARK_FOR, html, joined, marked
from app.kit.wording import asked_how, when
from evaluation.calibrating import Calibration
from explain.counterfactuals import Diagnosed
from explain.explained import Explained
from pipeline.types import Evidence

STYLE = Markup("""
:root { color-scheme: light; } body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; max-width: 46rem;
  margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 1.3rem 0 .3rem; }
.answer { font-size: 1.3rem; line-height: 1.4; margin: .3rem 0; white-space: pre-wrap; } .verdict { font-weight: 600; }
.small { color: #4d5a66; font-size: .85rem; } .bar { height: .5rem; border-radius: .2rem; margin: .15rem 0; }
table { border-collapse: collapse; width: 100%; } .named :is(th, td):not(:last-child) { overflow-wrap: break-word; }
 th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid #dde3e8; font-weight: 400; }
.wide { overflow-x: auto; } .wide :is(th, td) { overflow-wrap: break-word; }
th { font-weight: 600; } mark { background: rgba(230, 159, 0, .35); color: inherit; }
mark.against { background: rgba(0, 114, 178, .25); } .missing { text-decoration: underline wavy #d55e00; }
@media print { body { margin: 0; max-width: none; font-size: 12px; } h2, tr, .chunk { break-inside: avoid; } }
""")

FOR, AGAINST = "230, 159, 0", "0, 114, 178"
"""Amber for what made the answer more probable, blue for less."""

MISSING = Markup('<span class="missing">')
"""Around what no chunk holds."""

EXCERPT_CHARS = 420
"""How much of a chunk is printed."""

PRINTED_CHUNKS = 5
"""Chunks that are printed, those that did most."""


def page_html(title: str, parts: Iterable[Markup]) -> str:
    """A page of parts, whole."""
    page = html(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>{}</title><style>{}</style></head><body>{}</body></html>\n",
        title,
        STYLE,
        joined(parts),
    )
    return str(page)


def report_html(found: Explained, diagnosed: Diagnosed | None = None, calibration: Calibration | None = None) -> str:
    """The whole page. calibration: of what answered, if there is one."""
    trace, judged = found.trace, belief(found)
    parts = [
        html('<h1>Why this answer?</h1><p dir="auto">{}</p>', trace.question),
        html('<p class="answer" dir="auto">{}</p>', _tokens(found)),
        *([html('<p class="verdict">{}</p>', diagnosed.sentence)] if diagnosed is not None else []),
        html('<p class="verdict">{}</p>', found.sentence),
        *([html("<p><b>{}</b> {}</p>", judged.headline, judged.why)] if judged is not None else []),
        *(html("<p>{}</p>", line) for line in (*explained_with(found), reliance_words(found))),
        _chunks(found) if found.complete else html("<p>Not every subset was scored, so no chunk is credited.</p>"),
        *([_diagnosis(diagnosed)] if diagnosed is not None else []),
        _grounding(grounded(found)),
        _sureness(found, calibration),
        *([_details(judged)] if judged is not None else []),
        html(
            '<p class="small">{}. Asked {}; trace {}. Made with Raglass.</p>',
            asked_how(trace),
            when(trace.asked_at),
            trace.trace_id,
        ),
    ]
    return page_html(trace.question, parts)


def _tokens(found: Explained) -> Markup:
    return joined(
        html(
            '<span style="background: rgba({}, {:.2f})">{}</span>',
            FOR if mark.level >= 0 else AGAINST,
            abs(mark.level) * 0.45,
            mark.text,
        )
        for mark in token_marks(found)
    )


def _chunks(found: Explained) -> Markup:
    marks, quoted = chunk_marks(found), telling_sentences(found)
    opening = MARK_AGAINST if quoted and found.reliance_nats < 0 else MARK_FOR
    if not quoted and found.trace.generation is not None:
        quoted = list(found.trace.generation.evidence)
    left = len(marks) - PRINTED_CHUNKS
    return html(
        '<h2>What it stood on</h2><p class="small">Amber: made the answer more probable; blue: less.</p>{}{}',
        joined(_chunk(mark, quoted, opening) for mark in marks[:PRINTED_CHUNKS]),
        html('<p class="small">{} more did less.</p>', left) if left > 0 else "",
    )


def _chunk(mark: ChunkMark, quoted: Sequence[Evidence], opening: Markup) -> Markup:
    spans = [(each.start, each.end) for each in quoted if each.chunk_id == mark.chunk.chunk_id]
    return html(
        '<div class="chunk"><b>{}. {}</b> <span class="small">{}</span>'
        '<div class="bar" style="width: {:.0f}%; background: rgb({})"></div><p dir="auto">{}</p></div>',
        mark.chunk.rank,
        chunk_name(mark.chunk),
        mark.figures,
        abs(mark.share) * 100,
        FOR if mark.share >= 0 else AGAINST,
        _excerpt(mark.chunk.text, spans, opening),
    )


def _excerpt(text: str, spans: Sequence[tuple[int, int]], opening: Markup) -> Markup:
    """The beginning of a chunk, or what is quoted of it where that comes later."""
    first, end = min(spans, default=(0, 0))
    start = first if end > EXCERPT_CHARS else 0
    stop = start + EXCERPT_CHARS
    if len(text) > stop:
        word_ends = text.rfind(" ", start + 1, stop + 1)
        stop = max(stop if word_ends < 0 else word_ends, end)
    cut = marked(text[start:stop], [(begin - start, end - start) for begin, end in spans], opening)
    return html("{}{}{}", "…" if start else "", cut, "…" if len(text) > stop else "")


def _diagnosis(diagnosed: Diagnosed) -> Markup:
    rows = joined(html("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", *row) for row in diagnosis_rows(diagnosed))
    heads = html("<tr><th>Trial</th><th>Asked</th><th>It said</th></tr>")
    return html(
        "<h2>Was it right?</h2><p>{} {}</p>{}{}",
        gold_words(diagnosed),
        diagnosed.caveat,
        html("<table class='named'>{}{}</table>", heads, rows) if rows else "",
        html("<p>What to do: {}</p>", diagnosed.remedy) if diagnosed.remedy else "",
    )


def _grounding(found: Grounded) -> Markup:
    rows = joined(
        html('<tr><td dir="auto">{}</td><td>{}</td></tr>', marked(mark.text, mark.unsupported, MISSING), mark.words)
        for mark in found.sentences
    )
    return html(
        "<h2>Do the chunks say it?</h2><p>{} {}</p><table>{}</table>", found.headline, found.citations or "", rows
    )


def _sureness(found: Explained, calibration: Calibration | None) -> Markup:
    calibrated = calibrated_row(found.trace, calibration)
    rows = joined(
        html("<tr><th>{}</th><td>{}</td><td>{}</td></tr>", row.name, row.value, row.meaning)
        for row in (*([calibrated] if calibrated else []), *sureness_rows(found.trace))
    )
    return html("<h2>How sure was it?</h2><table class='named'>{}</table>", rows)


def _details(judged: Belief) -> Markup:
    return html("<h2>Details</h2>{}", joined(html("<p class='small'>{}</p>", line) for line in judged.details))

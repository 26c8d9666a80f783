"""An explanation as one page of HTML that needs nothing else: to print, to send, to be read by someone who never saw the product.

Every value is escaped here; the page has no script and loads nothing.
"""

from collections.abc import Sequence
from html import escape

from app.explaining.diagnosing import diagnosis_rows, gold_words
from app.explaining.grounded import Grounded, grounded
from app.explaining.sureness import calibrated_row, sureness_rows
from app.explaining.words import (
    ChunkMark,
    belief,
    chunk_marks,
    how_explained,
    reliance_words,
    telling_sentences,
    token_marks,
)
from app.kit.markup import MARK_AGAINST, MARK_FOR, marked
from app.kit.wording import asked_how, when
from evaluation.calibrating import Calibration
from explain.counterfactuals import Diagnosed
from explain.explained import Explained
from pipeline.types import Evidence

STYLE = """
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
"""

FOR, AGAINST = "230, 159, 0", "0, 114, 178"
"""Amber for what made the answer more probable, blue for less."""

MISSING = '<span class="missing">'
"""Around what no chunk holds."""

EXCERPT_CHARS = 420
"""How much of a chunk is printed."""

PRINTED_CHUNKS = 5
"""Chunks that are printed, those that did most."""


def report_html(found: Explained, diagnosed: Diagnosed | None = None, calibration: Calibration | None = None) -> str:
    """The whole page. calibration: of what answered, if there is one."""
    trace = found.trace
    parts = [
        f'<h1>Why this answer?</h1><p dir="auto">{escape(trace.question)}</p>',
        f'<p class="answer" dir="auto">{_tokens(found)}</p>',
        *([f'<p class="verdict">{escape(diagnosed.sentence)}</p>'] if diagnosed is not None else []),
        f'<p class="verdict">{escape(found.sentence)}</p><p>{escape(reliance_words(found))}</p>',
        *([_chunks(found)] if found.complete else ["<p>Not every subset was scored, so no chunk is credited.</p>"]),
        *([_diagnosis(diagnosed)] if diagnosed is not None else []),
        _grounding(grounded(found)),
        _sureness(found, calibration),
        _belief(found),
        f'<p class="small">{escape(asked_how(trace))}. Asked {escape(when(trace.asked_at))}; trace {escape(trace.trace_id)}. '
        "Made with Raglass.</p>",
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(trace.question)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _tokens(found: Explained) -> str:
    return "".join(
        f'<span style="background: rgba({FOR if mark.level >= 0 else AGAINST}, {abs(mark.level) * 0.45:.2f})">'
        f"{escape(mark.text)}</span>"
        for mark in token_marks(found)
    )


def _chunks(found: Explained) -> str:
    marks, quoted = chunk_marks(found), telling_sentences(found)
    opening = MARK_AGAINST if quoted and found.reliance_nats < 0 else MARK_FOR
    if not quoted and found.trace.generation is not None:
        quoted = list(found.trace.generation.evidence)
    left = len(marks) - PRINTED_CHUNKS
    more = f'<p class="small">{left} more did less.</p>' if left > 0 else ""
    return (
        '<h2>What it stood on</h2><p class="small">Amber: made the answer more probable; blue: less. '
        f"{escape(how_explained(found))}</p>{''.join(_chunk(mark, quoted, opening) for mark in marks[:PRINTED_CHUNKS])}{more}"
    )


def _chunk(mark: ChunkMark, quoted: Sequence[Evidence], opening: str) -> str:
    colour = FOR if mark.share >= 0 else AGAINST
    spans = [(each.start, each.end) for each in quoted if each.chunk_id == mark.chunk.chunk_id]
    return (
        f'<div class="chunk"><b>{mark.chunk.rank}. {escape(mark.chunk.title)}</b> <span class="small">{escape(mark.figures)}</span>'
        f'<div class="bar" style="width: {abs(mark.share) * 100:.0f}%; background: rgb({colour})"></div>'
        f'<p dir="auto">{_excerpt(mark.chunk.text, spans, opening)}</p></div>'
    )


def _excerpt(text: str, spans: Sequence[tuple[int, int]], opening: str) -> str:
    """The beginning of a chunk, or what is quoted of it where that comes later."""
    first, end = min(spans, default=(0, 0))
    start = first if end > EXCERPT_CHARS else 0
    stop = start + EXCERPT_CHARS
    if len(text) > stop:
        word_ends = text.rfind(" ", start + 1, stop + 1)
        stop = max(stop if word_ends < 0 else word_ends, end)
    cut = marked(text[start:stop], [(begin - start, end - start) for begin, end in spans], opening)
    return f"{'…' if start else ''}{cut}{'…' if len(text) > stop else ''}"


def _diagnosis(diagnosed: Diagnosed) -> str:
    rows = "".join(
        f"<tr><td>{escape(purpose)}</td><td>{escape(name)}</td><td>{escape(words)}</td></tr>"
        for purpose, name, words in diagnosis_rows(diagnosed)
    )
    table = f"<table class='named'><tr><th>Trial</th><th>Asked</th><th>It said</th></tr>{rows}</table>" if rows else ""
    todo = f"<p>What to do: {escape(diagnosed.remedy)}</p>" if diagnosed.remedy else ""
    return f"<h2>Was it right?</h2><p>{escape(gold_words(diagnosed))} {escape(diagnosed.caveat)}</p>{table}{todo}"


def _grounding(found: Grounded) -> str:
    rows = "".join(
        f'<tr><td dir="auto">{marked(mark.text, mark.unsupported, MISSING)}</td><td>{escape(mark.words)}</td></tr>'
        for mark in found.sentences
    )
    return f"<h2>Do the chunks say it?</h2><p>{escape(found.headline)} {escape(found.citations or '')}</p><table>{rows}</table>"


def _sureness(found: Explained, calibration: Calibration | None) -> str:
    calibrated = calibrated_row(found.trace, calibration)
    rows = "".join(
        f"<tr><th>{escape(row.name)}</th><td>{escape(row.value)}</td><td>{escape(row.meaning)}</td></tr>"
        for row in (*([calibrated] if calibrated else []), *sureness_rows(found.trace))
    )
    return f"<h2>How sure was it?</h2><table class='named'>{rows}</table>"


def _belief(found: Explained) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in belief(found))
    return f"<h2>Can this explanation be believed?</h2>{lines}" if lines else ""

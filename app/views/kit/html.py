"""Text from a model, a corpus or a person, put on the page as text. The only place where a page's HTML is written.

Every value is escaped here and nowhere else; `tests/views/test_text.py` and the browser journeys prove that no markup survives.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from app.comparing.comparison import ChunkMatch, StageDifference
from app.explaining.grounded import SentenceMark
from app.explaining.sureness import Row
from app.explaining.words import ChunkMark, TokenMark
from app.kit.markup import MARK_AGAINST, MARK_FOR, marked
from app.kit.wording import Trust, milliseconds, three_figures, when
from app.live.rows import Part
from app.views.kit.style import LEVEL_COLOURS
from metrics.alarms import Alarm
from pipeline.types import Chunk, Evidence, PartReadiness

if TYPE_CHECKING:
    from backends.local.index import DocumentRow

MARKDOWN = set("\\`*_{}[]()<>#+-.!|~$:^=&\"'/@")
"""Characters to which Streamlit's Markdown gives a meaning somewhere."""


EXCERPT_CHARS = 300
"""How much of a chunk stands in a table of chunks; the style sheet cuts it to two lines."""

ALARM_LEVELS = {"ALARM": ("low", "in alarm"), "OK": ("high", "fine"), "INSUFFICIENT_DATA": ("unknown", "no data")}
"""Colour and words for each state of an alarm."""


def literal(text: str) -> str:
    """Text for a widget that reads Markdown (labels, captions, messages): shown as it is, in one line."""
    return "".join(f"\\{char}" if char in MARKDOWN else " " if char in "\r\n" else char for char in text)


def answer_html(answer: str, *, quiet: bool = False) -> str:
    """The answer, the largest thing on the page. quiet: for an abstention or a partial answer."""
    return f'<p class="rg-answer{" rg-quiet" if quiet else ""}" data-testid="answer" dir="auto">{escape(answer)}</p>'


def trust_html(trust: Trust) -> str:
    """Confidence in words and as a number, with what it means."""
    colour = LEVEL_COLOURS[trust.level]
    return (
        f'<div class="rg-trust" data-testid="trust"><b><span class="rg-dot" style="background:{colour}"></span> '
        f'{escape(trust.headline)}</b> <span class="rg-meaning">{escape(trust.meaning)}</span></div>'
    )


def question_html(question: str) -> str:
    """The question as it was asked."""
    return f'<p class="rg-question" data-testid="question" dir="auto">{escape(question)}</p>'


def note_html(note: str) -> str:
    """A line of small print."""
    return f'<p class="rg-note">{escape(note)}</p>'


def scores(chunk: Chunk) -> str:
    """What ranked a chunk: its cosine and signals."""
    signals = "".join(f" · {name} {value:.2f}" for name, value in chunk.signals.items() if name != "fused")
    return f"cosine {chunk.score:.3f}{signals}"


def chunk_html(
    chunk: Chunk, evidence: Sequence[Evidence], *, is_open: bool, figures: str | None = None, against: bool = False
) -> str:
    """A chunk that can be folded: rank, title, figures (its scores, if none are given), and its text with the evidence marked.

    against: whether what is marked made the answer less probable.
    """
    spans = [(piece.start, piece.end) for piece in evidence if piece.chunk_id == chunk.chunk_id]
    return (
        f'<details class="rg-chunk" data-testid="chunk"{" open" if is_open else ""}><summary>'
        f'<span class="rg-score">{chunk.rank}</span><span class="rg-title" dir="auto">{escape(chunk.title)}</span>'
        f'<span class="rg-score">{escape(scores(chunk) if figures is None else figures)}</span></summary>'
        f'<div class="rg-text" dir="auto">{marked(chunk.text, spans, MARK_AGAINST if against else MARK_FOR)}</div></details>'
    )


def chunks_html(chunks: Sequence[Chunk], evidence: Sequence[Evidence]) -> str:
    """Chunks in order; those quoted are open, and the first where none is."""
    quoted = {piece.chunk_id for piece in evidence}
    return "".join(
        chunk_html(chunk, evidence, is_open=chunk.chunk_id in quoted or (not quoted and number == 0))
        for number, chunk in enumerate(chunks)
    )


def tokens_html(tokens: Sequence[TokenMark]) -> str:
    """An answer whose tokens are shaded by their level: amber for what the chunks made more probable, blue for less.

    A token is linked to the chunk that did most for it: see `link_rules`.
    """

    def piece(mark: TokenMark) -> str:
        shade = "230, 159, 0" if mark.level >= 0 else "0, 114, 178"
        body, lead = mark.text.lstrip(), mark.text[: len(mark.text) - len(mark.text.lstrip())]
        link = "" if mark.chunk is None else f" rg-from-{mark.chunk}"
        return (
            f'{escape(lead)}<span class="rg-token{link}" title="{escape(mark.words)}" '
            f'style="background: rgba({shade}, {abs(mark.level) * 0.45:.2f})">{escape(body)}</span>'
        )

    return f'<p class="rg-answer" data-testid="tokens" dir="auto">{"".join(map(piece, tokens))}</p>'


def attributed_html(marks: Sequence[ChunkMark], evidence: Sequence[Evidence], *, against: bool = False) -> str:
    """Chunks in the given order, each with its figures; the first is open. against: as for `chunk_html`."""

    def one(number: int, mark: ChunkMark) -> str:
        return chunk_html(mark.chunk, evidence, is_open=number == 0, figures=mark.figures, against=against)

    return "".join(f'<div class="rg-did-{mark.place}">{one(n, mark)}</div>' for n, mark in enumerate(marks))


def link_rules(chunks: int) -> str:
    """Rules by which pointing at a token outlines its chunk, and pointing at a chunk underlines its tokens."""
    rules = "".join(
        f'[data-testid="stMain"]:has(.rg-from-{n}:hover) .rg-did-{n} .rg-chunk {{ outline: 2px solid #e69f00; }} '
        f'[data-testid="stMain"]:has(.rg-did-{n}:hover) .rg-from-{n} {{ outline: 2px solid #e69f00; }} '
        for n in range(chunks)
    )
    return f"<style>{rules}</style>"


def grounded_html(marks: Sequence[SentenceMark]) -> str:
    """Sentences of an answer with what no chunk holds underlined, each with whether one supports it."""

    def row(mark: SentenceMark) -> str:
        level, words = ("high", "supported") if mark.supported else ("low", "not supported")
        said = marked(mark.text, mark.unsupported, '<span class="rg-missing">')
        return (
            f'<tr><td class="rg-state"><span class="rg-dot" style="background:{LEVEL_COLOURS[level]}"></span> {words}</td>'
            f'<td dir="auto">{said}<div class="rg-note">{escape(mark.words)}</div></td></tr>'
        )

    return f'<table class="rg-pairs" data-testid="grounded">{"".join(map(row, marks))}</table>'


def figures_html(rows: Sequence[Row]) -> str:
    """Figures with what each says."""
    cells = "".join(
        f'<tr><th scope="row">{escape(row.name)}</th><td><b>{escape(row.value)}</b>'
        f'<div class="rg-note" dir="auto">{escape(row.meaning)}</div></td></tr>'
        for row in rows
    )
    return f'<table class="rg-pairs" data-testid="figures">{cells}</table>'


def table_html(heads: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> str:
    """A plain table; the first column names the row."""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(
        f'<tr><th scope="row" dir="auto">{escape(first)}</th>{"".join(f"<td dir=auto>{escape(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return (
        f'<div class="rg-wide"><table class="rg-pairs rg-whole-words" data-testid="{escape(name)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def plain_chunk_html(number: int, body: str, about: str) -> str:
    """A chunk as it is indexed, unfolded."""
    return (
        f'<div class="rg-chunk"><p class="rg-score">Chunk {number} · {escape(about)}</p>'
        f'<div class="rg-text" dir="auto">{escape(body)}</div></div>'
    )


def documents_html(rows: "Sequence[DocumentRow]") -> str:
    """Documents, each with a link that opens it."""
    cells = "".join(
        f'<tr><td><a href="?{escape(urlencode({"document": row.document_id}))}" target="_self" dir="auto">'
        f'{escape(row.title or row.document_id)}</a></td><td class="rg-aside">{escape(row.source)}</td>'
        f'<td class="rg-number">{row.chunks:,}</td><td class="rg-number">{row.chars:,}</td></tr>'
        for row in rows
    )
    head = '<tr><th>Title</th><th class="rg-aside">Source</th><th class="rg-number">Chunks</th><th class="rg-number">Characters</th></tr>'
    return f'<table class="rg-pairs"><thead>{head}</thead><tbody>{cells}</tbody></table>'


def overlap_html(matches: Sequence[ChunkMatch]) -> str:
    """Chunks with their rank in each of two traces; a chunk that both retrieved stands out."""

    def rank(value: int | None) -> str:
        return '<span title="not retrieved">—</span>' if value is None else str(value)

    cells = "".join(
        f'<tr class="{"rg-shared" if match.shared else "rg-alone"}"><td class="rg-number">{rank(match.first_rank)}</td>'
        f'<td class="rg-number">{rank(match.second_rank)}</td><td><b dir="auto">{escape(match.chunk.title)}</b>'
        f'<div class="rg-excerpt" dir="auto">{escape(match.chunk.text[:EXCERPT_CHARS])}</div></td></tr>'
        for match in matches
    )
    heads = '<th class="rg-number">First</th><th class="rg-number">Second</th><th>Chunk</th>'
    return f'<table class="rg-pairs rg-overlap" data-testid="overlap"><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>'


def comparison_html(rows: Sequence[StageDifference]) -> str:
    """Times of two traces, stage by stage; the difference is the second's against the first's."""

    def time(value_ms: float | None) -> str:
        return '<span title="did not run">—</span>' if value_ms is None else milliseconds(value_ms)

    cells = "".join(
        f'<tr><th scope="row">{escape(row.stage)}{", own time" if row.encloses else ""}</th>'
        f'<td class="rg-number">{time(row.first_ms)}</td>'
        f'<td class="rg-number">{time(row.second_ms)}</td><td class="rg-number">{escape(row.difference)}</td></tr>'
        for row in rows
    )
    heads = "".join(f'<th class="rg-number">{head}</th>' for head in ("First", "Second", "Difference"))
    return (
        f'<table class="rg-pairs rg-stages" data-testid="stages"><thead><tr><th>Stage</th>{heads}</tr></thead>'
        f"<tbody>{cells}</tbody></table>"
    )


def differences_html(rows: Sequence[tuple[str, str, str]]) -> str:
    """Settings in which two traces differ: name, first, second."""
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(first)}</td><td>{escape(second)}</td></tr>'
        for name, first, second in rows
    )
    head = "<thead><tr><th>Setting</th><th>First</th><th>Second</th></tr></thead>"
    return f'<table class="rg-pairs rg-differences" data-testid="differences">{head}<tbody>{cells}</tbody></table>'


def side_html(name: str, how: str) -> str:
    """Which of two sides this is, and how it was asked."""
    return f'<p class="rg-side"><b>{escape(name)}</b> {escape(how)}</p>'


def pairs_html(pairs: Mapping[str, str]) -> str:
    """Names and values, a row each."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in pairs.items()
    )
    return f'<table class="rg-pairs rg-names">{rows}</table>'


def parts_html(parts: Sequence[PartReadiness]) -> str:
    """Parts of a backend with their readiness, in words and by colour."""
    rows = "".join(
        f'<tr><th scope="row">{escape(part.name)}</th><td class="rg-state"><span class="rg-dot" style="background:'
        f'{LEVEL_COLOURS["high" if part.ready else "low"]}"></span> {"ready" if part.ready else "not ready"}</td>'
        f"<td>{escape(part.detail)}</td></tr>"
        for part in parts
    )
    return f'<table class="rg-pairs">{rows}</table>'


def stack_html(parts: Sequence[Part]) -> str:
    """The stack's parts: calls, mean time, errors, throttles; "—" where AWS counts none."""

    def cell(value: float | None) -> str:
        return f'<td class="rg-number">{"—" if value is None else f"{value:,.0f}"}</td>'

    rows = "".join(
        f'<tr><th scope="row">{escape(part.name)}</th><td class="rg-aside">{escape(part.kind)}</td>{cell(part.calls)}'
        f'<td class="rg-number">{"—" if part.mean_ms is None else milliseconds(part.mean_ms)}</td>'
        f"{cell(part.errors)}{cell(part.throttles)}{cell(part.concurrent)}</tr>"
        for part in parts
    )
    heads = "".join(
        f'<th class="rg-number">{head}</th>' for head in ("Calls", "Mean", "Errors", "Throttled", "Most at once")
    )
    return (
        f'<div class="rg-wide"><table class="rg-pairs rg-parts"><thead><tr><th>Part</th><th class="rg-aside">Kind</th>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def alarms_html(alarms: Sequence[Alarm]) -> str:
    """Alarms with their state, in words and by colour, and why."""

    def row(alarm: Alarm) -> str:
        level, words = ALARM_LEVELS[alarm.state]
        since = f" Since {when(alarm.since_s)}." if alarm.since_s is not None else ""
        # CloudWatch keeps the reason of the last change, which reads like a fault where there is none.
        told = (
            (f"Watches for this: {alarm.description}",)
            if level == "high"
            else (alarm.description, _without_long_fractions(alarm.reason))
        )
        reason = " ".join(part for part in told if part)
        return (
            f'<tr><th scope="row">{escape(alarm.name)}</th><td class="rg-state"><span class="rg-dot" style="background:'
            f'{LEVEL_COLOURS[level]}"></span> {words}</td><td>{escape(reason)}{escape(since)}</td></tr>'
        )

    return f'<table class="rg-pairs">{"".join(map(row, alarms))}</table>'


def _without_long_fractions(reason: str) -> str:
    """CloudWatch's words with their figures to three significant digits: it writes 330.15356885189243."""
    return re.sub(r"\d+\.\d{3,}", lambda found: three_figures(float(found[0])), reason)


def show(html: str) -> None:
    """Put HTML made in this module on the page."""
    st.html(html)

"""HTML of an explanation: shaded tokens linked to their chunks, sentences with what supports them, figures."""

from collections.abc import Sequence

from markupsafe import Markup

from app.explaining.belief import Belief, Level
from app.explaining.grounded import SentenceMark
from app.explaining.sureness import Row
from app.explaining.words import ChunkMark, TokenMark
from app.kit.markup import html, joined, marked
from app.views.kit.html import dot_html
from app.views.kit.style import LEVEL_COLOURS
from app.views.traces.html import answer_size, chunk_html
from pipeline.types import Evidence

BELIEF_LEVELS: dict[Level, str] = {"yes": "high", "partly": "moderate", "no": "low"}
"""Whose colour an answer has."""

MISSING = Markup('<span class="rg-missing">')
"""Around what no chunk holds."""


def tokens_html(tokens: Sequence[TokenMark]) -> Markup:
    """An answer whose tokens are shaded by their level: amber for what the chunks made more probable, blue for less.

    A token is linked to the chunk that did most for it: see `link_rules_html`.
    """

    def piece(mark: TokenMark) -> Markup:
        body, lead = mark.text.lstrip(), mark.text[: len(mark.text) - len(mark.text.lstrip())]
        return html(
            '{}<span class="rg-token{}" title="{}" style="background: rgba({}, {:.2f})">{}</span>',
            lead,
            "" if mark.chunk is None else f" rg-from-{mark.chunk}",
            mark.words,
            "230, 159, 0" if mark.level >= 0 else "0, 114, 178",
            abs(mark.level) * 0.45,
            body,
        )

    size = answer_size("".join(token.text for token in tokens))
    return html('<p class="rg-answer{}" data-testid="tokens" dir="auto">{}</p>', size, joined(map(piece, tokens)))


def attributed_html(marks: Sequence[ChunkMark], evidence: Sequence[Evidence], *, against: bool = False) -> Markup:
    """Chunks in the given order, each with its figures; the first is open. against: as for `chunk_html`."""
    return joined(
        html(
            '<div class="rg-did-{}">{}</div>',
            mark.place,
            chunk_html(mark.chunk, evidence, is_open=number == 0, figures=mark.words, against=against),
        )
        for number, mark in enumerate(marks)
    )


def link_rules_html(chunks: int) -> Markup:
    """Rules by which pointing at a token outlines its chunk, and pointing at a chunk underlines its tokens."""
    rules = joined(
        html(
            '[data-testid="stMain"]:has(.rg-from-{0}:hover) .rg-did-{0} .rg-chunk {{ outline: 2px solid #e69f00; }} '
            '[data-testid="stMain"]:has(.rg-did-{0}:hover) .rg-from-{0} {{ outline: 2px solid #e69f00; }} ',
            number,
        )
        for number in range(chunks)
    )
    return html("<style>{}</style>", rules)


def grounded_html(marks: Sequence[SentenceMark]) -> Markup:
    """Sentences of an answer with what no chunk holds underlined, each with whether one supports it."""

    def row(mark: SentenceMark) -> Markup:
        level, words = ("high", "supported") if mark.supported else ("low", "not supported")
        return html(
            '<tr><td class="rg-state">{} {}</td><td dir="auto">{}<div class="rg-note">{}</div></td></tr>',
            dot_html(LEVEL_COLOURS[level]),
            words,
            marked(mark.text, mark.unsupported, MISSING),
            mark.words,
        )

    return html('<table class="rg-pairs" data-testid="grounded">{}</table>', joined(map(row, marks)))


def figures_html(rows: Sequence[Row]) -> Markup:
    """Figures with what each says."""
    cells = joined(
        html(
            '<tr><th scope="row">{}</th><td><b>{}</b><div class="rg-note" dir="auto">{}</div></td></tr>',
            row.name,
            row.value,
            row.meaning,
        )
        for row in rows
    )
    return html('<table class="rg-pairs" data-testid="figures">{}</table>', cells)


def belief_html(judged: Belief) -> Markup:
    """Whether the explanation can be believed, and why."""
    return html(
        '<p class="rg-belief" data-testid="belief">{} <b>{}</b> {}</p>',
        dot_html(LEVEL_COLOURS[BELIEF_LEVELS[judged.level]]),
        judged.headline,
        judged.why,
    )

"""HTML of two traces side by side: their chunks, times and settings."""

from collections.abc import Sequence

from markupsafe import Markup

from app.comparing.comparison import ChunkMatch, StageDifference
from app.comparing.verdict import Verdict
from app.kit.markup import html, joined
from app.kit.numbers import milliseconds

EXCERPT_CHARS = 300
"""How much of a chunk stands in a table of chunks; the style sheet cuts it to two lines."""


def overlap_html(matches: Sequence[ChunkMatch]) -> Markup:
    """Chunks with their rank in each of two traces; a chunk that both retrieved stands out."""

    def rank(value: int | None) -> Markup:
        return html('<span title="not retrieved">—</span>') if value is None else html("{}", value)

    cells = joined(
        html(
            '<tr class="{}"><td class="rg-number">{}</td><td class="rg-number">{}</td><td class="rg-shift{}">{}</td>'
            '<td><b dir="auto">{}</b>'
            '<div class="rg-excerpt" dir="auto">{}</div></td></tr>',
            "" if match.shared else "rg-alone",
            rank(match.first_rank),
            rank(match.second_rank),
            " rg-moved" if match.moved else "",
            match.move,
            match.chunk.title,
            match.chunk.text[:EXCERPT_CHARS],
        )
        for match in matches
    )
    return html(
        '<table class="rg-pairs rg-overlap" data-testid="overlap"><thead><tr><th class="rg-number">First</th>'
        '<th class="rg-number">Second</th><th>Moved</th><th>Chunk</th></tr></thead><tbody>{}</tbody></table>',
        cells,
    )


def comparison_html(rows: Sequence[StageDifference]) -> Markup:
    """Times of two traces, stage by stage; the difference is the second's against the first's."""

    def time(value_ms: float | None) -> Markup:
        return html('<span title="did not run">—</span>') if value_ms is None else html("{}", milliseconds(value_ms))

    cells = joined(
        html(
            '<tr><th scope="row">{}{}</th><td class="rg-number">{}</td><td class="rg-number">{}</td>'
            '<td class="rg-number">{}</td></tr>',
            row.stage,
            ", own time" if row.encloses else "",
            time(row.first_ms),
            time(row.second_ms),
            row.difference,
        )
        for row in rows
    )
    return html(
        '<table class="rg-pairs rg-stages" data-testid="stages"><thead><tr><th>Stage</th><th class="rg-number">First</th>'
        '<th class="rg-number">Second</th><th class="rg-number">Difference</th></tr></thead><tbody>{}</tbody></table>',
        cells,
    )


def differences_html(rows: Sequence[tuple[str, str, str]]) -> Markup:
    """Settings in which two traces differ: name, first, second."""
    cells = joined(html('<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', *row) for row in rows)
    return html(
        '<table class="rg-pairs rg-differences" data-testid="differences"><thead><tr><th>Setting</th><th>First</th>'
        "<th>Second</th></tr></thead><tbody>{}</tbody></table>",
        cells,
    )


def side_html(name: str, how: str) -> Markup:
    """Which of two sides this is, and how it was asked."""
    return html('<p class="rg-side"><b>{}</b> {}</p>', name, how)


def verdict_html(verdict: Verdict) -> Markup:
    """What comes of the comparison, and what that rests on."""
    reasons = joined(html("<li>{}</li>", reason) for reason in verdict.reasons)
    return html('<ul class="rg-reasons" data-testid="reasons" dir="auto">{}</ul>', reasons)

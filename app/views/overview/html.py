"""HTML of the Overview: tiles, what needs a look, and where the time goes."""

from collections.abc import Mapping

from markupsafe import Markup

from app.kit.markup import html, joined
from app.kit.numbers import share, unbroken
from app.overview.words import Tile
from app.views.kit.style import STAGE_COLOURS
from app.views.kit.table import ICONS


def tile_html(tile: Tile) -> Markup:
    """A tile, below the link that says what it is about: how it is, with an icon, and a line more."""
    return html(
        '<div class="rg-tile rg-{}"><b dir="auto">'
        '<span class="rg-icon" aria-hidden="true">{}</span> {}</b><span class="rg-tile-note" dir="auto">{}</span></div>',
        tile.tone,
        ICONS[tile.tone],
        unbroken(tile.value),
        unbroken(tile.note),
    )


def shares_html(shares: Mapping[str, float]) -> Markup:
    """One bar, divided into stages by their part of the time, and its key."""
    bars = joined(
        html('<span style="flex:{:.4f} 0 0;background:{}"></span>', part, _colour(stage))
        for stage, part in shares.items()
    )
    key = joined(
        html(
            '<li><span class="rg-dot" style="background:{}"></span> {} {}</li>',
            _colour(stage),
            stage,
            unbroken(share(part, 1)),
        )
        for stage, part in shares.items()
    )
    return html('<div class="rg-lane" aria-hidden="true">{}</div><ul class="rg-key">{}</ul>', bars, key)


def _colour(stage: str) -> str:
    return STAGE_COLOURS.get(stage, STAGE_COLOURS["unaccounted"])


def step_html(number: int, title: str, words: str) -> Markup:
    """One of the first steps."""
    return html('<div class="rg-step"><b>{}. {}</b><p>{}</p></div>', number, title, words)

"""HTML of what is ready and what is not."""

from collections.abc import Sequence

from markupsafe import Markup

from app.kit.markup import html, joined
from app.views.kit.html import dot_html
from app.views.kit.style import LEVEL_COLOURS
from pipeline.types import PartReadiness


def parts_html(parts: Sequence[PartReadiness]) -> Markup:
    """Parts of a backend with their readiness, in words and by colour; those that are not ready come first."""
    rows = joined(
        html(
            '<tr><th scope="row">{}</th><td class="rg-state">{} {}</td><td>{}</td></tr>',
            part.name,
            dot_html(LEVEL_COLOURS["high" if part.ready else "low"]),
            "ready" if part.ready else "not ready",
            part.detail,
        )
        for part in sorted(parts, key=lambda each: each.ready)
    )
    return html(
        '<table class="rg-pairs rg-states"><thead><tr><th scope="col">Part</th><th scope="col">State</th>'
        '<th scope="col">What it says</th></tr></thead><tbody>{}</tbody></table>',
        rows,
    )

"""HTML of documents and of their chunks as they are indexed."""

from collections.abc import Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from app.kit.markup import html, joined


def plain_chunk_html(number: int, body: str, about: str) -> Markup:
    """A chunk as it is indexed, unfolded."""
    return html(
        '<div class="rg-chunk"><p class="rg-score">Chunk {} · {}</p><div class="rg-text" dir="auto">{}</div></div>',
        number,
        about,
        body,
    )


def standing_html(standing: str, title: str, detail: str, reasons: Sequence[str], document_id: str = "") -> Markup:
    """A file, document or folder: how it stands, what it is, and why. document_id: what a link opens; empty for none."""
    link = html('<a href="?{}" target="_self" dir="auto">{}</a>', urlencode({"document": document_id}), title)
    return html(
        '<div class="rg-standing"><span class="rg-score">{}</span> <b dir="auto">{}</b> '
        '<span class="rg-score" dir="auto">{}</span>{}</div>',
        standing,
        link if document_id else title,
        detail,
        joined(html('<p class="rg-note" dir="auto">{}</p>', reason) for reason in reasons),
    )

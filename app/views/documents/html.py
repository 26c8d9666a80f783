"""HTML of documents and of their chunks as they are indexed."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from markupsafe import Markup

from app.kit.markup import html, joined

if TYPE_CHECKING:
    from app.documents.listing import Listed


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


def documents_html(rows: "Sequence[Listed]") -> Markup:
    """Documents, each with a link that opens it, and files that gave none; under the title how it stands, unless it is indexed."""
    titles = Counter(row.title for row in rows)
    cells = joined(
        html(
            '<tr><td>{}{}</td><td class="rg-aside">{}</td><td class="rg-number">{}</td><td class="rg-number">{}</td></tr>',
            link_html(row),
            below_html(row, with_file=titles[row.title] > 1),
            row.source,
            "" if row.chunks is None else f"{row.chunks:,}",
            "" if row.chars is None else f"{row.chars:,}",
        )
        for row in rows
    )
    return html(
        '<table class="rg-pairs"><thead><tr><th>Title</th><th class="rg-aside">Source</th><th class="rg-number">Chunks</th>'
        '<th class="rg-number">Characters</th></tr></thead><tbody>{}</tbody></table>',
        cells,
    )


def link_html(row: "Listed") -> Markup:
    """A document's title, as what opens it; that of a file that gave none opens nothing."""
    if row.document_id is None:
        return html('<span dir="auto">{}</span>', row.title)
    address = urlencode({"document": row.document_id})
    return html('<a href="?{}" target="_self" dir="auto">{}</a>', address, row.title or row.document_id)


def below_html(row: "Listed", *, with_file: bool) -> Markup:
    """What tells a document from others of its title, a file's name with its folder, how it stands, and what answers for it."""
    told = ["/".join(row.source.split("/")[-2:])] if with_file else []
    told += [row.state] if row.state != "indexed" else []
    told += row.reasons[-1:] if row.chunks == 0 else ()
    return html('<div class="rg-where" dir="auto">{}</div>', " · ".join(told)) if told else Markup("")

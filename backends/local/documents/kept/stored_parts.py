"""A document's parts as they are stored: compact JSON, each section's path written once."""

import json
from collections.abc import Sequence

from backends.local.documents.types import Part, Place


def pack_parts(parts: Sequence[Part]) -> str:
    """Parts as text; empty for none."""
    if not parts:
        return ""
    sections: dict[tuple[str, ...], int] = {}
    rows = [
        [part.start, part.end, part.kind, sections.setdefault(part.section, len(sections))]
        + ([part.place.unit, part.place.number] if part.place else [])
        for part in parts
    ]
    return json.dumps([list(sections), rows], ensure_ascii=False, separators=(",", ":"))


def unpack_parts(text: str) -> tuple[Part, ...]:
    """Parts of what `pack_parts` gave."""
    if not text:
        return ()
    sections, rows = json.loads(text)
    paths = [tuple(section) for section in sections]
    return tuple(
        Part(start, end, kind, paths[section], Place(*place) if place else None)
        for start, end, kind, section, *place in rows
    )

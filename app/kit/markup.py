"""Marked text: the one piece of HTML that page and report share."""

from collections.abc import Sequence
from html import escape

MARK_FOR, MARK_AGAINST = "<mark>", '<mark class="against">'
"""Around what made an answer more probable, or was quoted, and around what made it less."""


def marked(text: str, spans: Sequence[tuple[int, int]], opening: str = MARK_FOR) -> str:
    """Escaped text with the character ranges in `spans` inside a tag; ranges outside the text are cut to it.

    opening: the tag with its attributes, written by a programmer and never by anybody's text.
    """
    closing = f"</{opening[1:-1].split()[0]}>"
    parts, at = [], 0
    for start, end in sorted(spans):
        start, end = max(start, at), min(end, len(text))
        if start >= end:
            continue
        parts += [escape(text[at:start]), opening, escape(text[start:end]), closing]
        at = end
    return "".join([*parts, escape(text[at:])])

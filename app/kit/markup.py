"""HTML that nothing slips through: a template is written by a programmer, and every value put into it is escaped unless it is `Markup`.

What pages and the reports to send share. `Markup` is made here and of constants, nowhere else; a test reads the code for that.
"""

from collections.abc import Iterable, Sequence
from typing import LiteralString

from markupsafe import Markup

MARK_FOR, MARK_AGAINST = Markup("<mark>"), Markup('<mark class="against">')
"""Around what made an answer more probable, or was quoted, and around what made it less."""


def html(template: LiteralString, *values: object) -> Markup:
    """A template with a value at each `{}`, formatted as `str.format` does and escaped, also for an attribute in quotes."""
    return Markup(template).format(*values)


def joined(parts: Iterable[Markup]) -> Markup:
    """Parts one after the other."""
    return Markup("").join(parts)


def marked(text: str, spans: Sequence[tuple[int, int]], opening: Markup = MARK_FOR) -> Markup:
    """Text with the character ranges in `spans` inside a tag; ranges outside the text are cut to it. opening: the tag."""
    closing = html("</{}>", opening[1:-1].split()[0])
    parts, at = [], 0
    for start, end in sorted(spans):
        start, end = max(start, at), min(end, len(text))
        if start >= end:
            continue
        parts += [html("{}", text[at:start]), opening, html("{}", text[start:end]), closing]
        at = end
    return joined([*parts, html("{}", text[at:])])

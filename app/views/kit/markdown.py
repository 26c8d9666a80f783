"""Text from outside in widgets that read Markdown: labels, captions, messages."""

import re

from app.kit.numbers import unbroken

MARKDOWN = set("\\`*_{}[]()<>#+-.!|~$:^=&\"'/@")
"""Characters to which Streamlit's Markdown gives a meaning somewhere."""

ADDRESS = re.compile(r"(?:https?://|www\.)[^\s`]*[^\s`.,;:!?()\[\]'\"]|[-.\w+]+@[-\w]+(?:\.[-\w]+)+", re.IGNORECASE)
"""What Streamlit makes a link of even where every character is escaped; it looks for these once Markdown has been read."""


def literal(text: str) -> str:
    """Text that is shown as it is, in one line, with figures beside their units. An address in it is set as code, which is no link:
    nobody is led to where a text from outside would have them."""
    pieces, end, text = [], 0, unbroken(text)
    for found in ADDRESS.finditer(text):
        pieces += [_escaped(text[end : found.start()]), f"`{found[0]}`"]
        end = found.end()
    return "".join((*pieces, _escaped(text[end:])))


def message(text: str) -> str:
    """A message of ours, which may quote what came from outside: commands between backticks are set as code, all else is as it is."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0 or not all(pieces[1::2]):
        return literal(text)
    return "".join(
        f"`{' '.join(piece.split())}`" if place % 2 else literal(piece) for place, piece in enumerate(pieces)
    )


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in MARKDOWN else " " if char in "\r\n" else char for char in text)

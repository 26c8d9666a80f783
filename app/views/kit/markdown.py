"""Text from outside in widgets that read Markdown: labels, captions, messages."""

MARKDOWN = set("\\`*_{}[]()<>#+-.!|~$:^=&\"'/@")
"""Characters to which Streamlit's Markdown gives a meaning somewhere."""


def literal(text: str) -> str:
    """Text that is shown as it is, in one line."""
    return "".join(f"\\{char}" if char in MARKDOWN else " " if char in "\r\n" else char for char in text)

"""What a page shows, as it reads."""


def as_read(text: str) -> str:
    """A text without the marks that keep it from being Markdown, and with plain spaces for those at which no line breaks."""
    return text.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")

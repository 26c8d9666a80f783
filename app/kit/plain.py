"""Layout of plain text for a terminal, and text from outside made fit for one."""

from collections.abc import Sequence

WIDTH = 100
"""Columns that a paragraph takes at most."""


def pair_lines(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Names and values, a line each, the values below each other."""
    width = max(len(name) for name, _ in pairs)
    return [f"  {name:<{width}}  {value}" for name, value in pairs]


def one_line(text: str) -> str:
    """Text with every run of white space as one space."""
    return " ".join(text.split())


def shortened(text: str, width: int) -> str:
    """Text of at most `width` characters; not every language has spaces to cut at."""
    return text if len(text) <= width else f"{text[: width - 2].rstrip()} …"


def printable(text: str) -> str:
    """Text without characters that would move a terminal's cursor or colour it: a document must not write to the screen."""
    return "".join(char if char in "\n\t" or char.isprintable() else " " for char in text)


def first_sentence(text: str) -> tuple[str, str]:
    """A text's first sentence, and the rest, for what stands behind a "?"."""
    first, dot, rest = text.partition(". ")
    return (f"{first}.", rest) if dot else (text, "")

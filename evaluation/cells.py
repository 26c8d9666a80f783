"""What the cells of a table of labelled questions say: answers in their several forms, yes and no, and what stands for nothing."""

import ast
import json
import re
from typing import Any

MISSING = frozenset({"nan", "n/a", "#n/a", "<na>", "null", "none"})
"""What programs write where there is no value, in lower case."""

MOST_WRITTEN_CHARS = 20_000
"""A longer cell is no list of answers."""

YES, NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
"""How a table says whether something is so, in lower case."""

_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_NUMPY_LIST = re.compile(r"\[\s*(?:'[^']*'|\"[^\"]*\")(?:\s+(?:'[^']*'|\"[^\"]*\"))+\s*\]")


def cell_text(value: object) -> str:
    """What a cell says, without white space at its ends; empty for nothing."""
    return "" if value is None else str(value).strip()


def is_yes(value: object) -> bool | None:
    """Whether a cell says yes; None of a blank one, and of what says neither yes nor no."""
    said = cell_text(value).lower()
    return True if said in YES else False if said in NO else None


def answer_texts(given: object) -> list[str]:
    """The answers in a cell: a list, several separated by `|`, or a list written out; what programs write for none is none."""
    return [text for each in list_answers(given) if not is_missing(each) and (text := cell_text(each))]


def list_answers(given: object) -> list[Any]:
    """The answers as they are given: a list, several separated by `|`, or a list written out."""
    if isinstance(given, str):
        written = _written(given.strip())
        given = given.split("|") if written is None else written
    if isinstance(given, dict) and "text" in given:  # as SQuAD is kept by the `datasets` library
        given = given["text"]
    return given if isinstance(given, list) else [given]


def _written(text: str) -> list[Any] | dict[str, Any] | None:
    """The list, or object with a list of texts, that a cell writes out as Python, JSON or NumPy does; None for any other text."""
    if text[:1] + text[-1:] not in ("[]", "{}") or len(text) > MOST_WRITTEN_CHARS:
        return None
    if text[0] == "[" and _NUMPY_LIST.fullmatch(text):
        return [plain or quoted for plain, quoted in _QUOTED.findall(text)]
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list) or (isinstance(value, dict) and isinstance(value.get("text"), list)):
            return value
    return None


def is_missing(value: object) -> bool:
    """Whether it is what a program writes for no value."""
    return (
        value.strip().lower() in MISSING if isinstance(value, str) else value != value
    )  # Only NaN differs from itself.

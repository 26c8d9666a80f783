"""JMESPath expressions: compiled once, looked for in replies, and what stands nearest where one finds nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from pipeline.errors import ConfigError

MAX_PATHS = 2_000
"""Keys of a reply that are looked at for the nearest one."""

MAX_DEPTH = 12
"""How deep they may lie."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A JMESPath expression (jmespath.org)."""

    source: str
    """As written."""
    compiled: Any = field(repr=False, compare=False)
    """As the library reads it."""

    def find(self, data: Any) -> Any:
        """What it finds in JSON-ready data; None for nothing, and where a function of it does not suit what is there."""
        try:
            return self.compiled.search(data)
        except JMESPathError:
            return None


def compile_expression(source: str, place: str) -> Expression:
    """place: where it was written, for the message. Raises ConfigError for what is no JMESPath."""
    try:
        return Expression(source, jmespath.compile(source))
    except (JMESPathError, ValueError) as error:
        at = getattr(error, "lex_position", None)
        where = "" if at is None else f" at character {at + 1}"
        raise ConfigError(
            f"{place} is {source!r}, which is no JMESPath expression: it cannot be read{where}. "
            "Write a path such as `result.answer` or `documents[].text`; jmespath.org explains the rest."
        ) from error


def nearest_path(source: str, data: Any) -> str | None:
    """The path in the data that is most like an expression which found nothing there, its last key above all; None for no keys."""
    last = source.rpartition(".")[2]

    def likeness(path: str) -> float:
        return (
            SequenceMatcher(None, last, path.rpartition(".")[2]).ratio()
            + SequenceMatcher(None, source, path).ratio() / 2
        )

    return max(_paths(data), key=likeness, default=None)


def _paths(data: Any) -> list[str]:
    found = dict.fromkeys(path for _, path in zip(range(MAX_PATHS), _walk(data, "", 0), strict=False))
    return list(found)


def _walk(data: Any, path: str, depth: int) -> Iterator[str]:
    """Every key's path; the items of a list stand for one another, of which the first is looked at."""
    if depth >= MAX_DEPTH:
        return
    if isinstance(data, list) and data:
        yield from _walk(data[0], f"{path}[]", depth + 1)
    elif isinstance(data, dict):
        for key, value in data.items():
            below = f"{path}.{_quoted(str(key))}" if path else _quoted(str(key))
            yield below
            yield from _walk(value, below, depth + 1)


def _quoted(key: str) -> str:
    """A key as an expression names it."""
    return key if key.isidentifier() and key.isascii() else '"' + key.replace('"', '\\"') + '"'

"""JSON and JSON lines: their values, with what was broken mended or told. `trees` says what the values are."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from backends.local.documents.blocks import Reading
from backends.local.documents.tables.trees import list_readings, readings_of
from backends.local.documents.text import decode_file

MOST_NAMED = 3
"""Broken lines that are named, the others being counted."""

COMMAS = "It has commas in front of closing brackets, which JSON does not allow: they were passed over. Take them away."

_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"?|,(?=\s*[}\]])', re.DOTALL)


def read(name: str, data: bytes) -> Iterator[Reading]:
    """A JSON file, or one that in truth holds a value a line. Raises ValueError for anything else."""
    text, doubts = decode_file(name, data)
    try:
        value, mended = parse(text)
    except json.JSONDecodeError:
        first = list(islice(_lines(text), 2))
        if len(first) < 2 or not all(_is_object(line) for _, line in first):
            raise
        return _line_readings(text, doubts)
    return _with_doubts(readings_of(value), (*doubts, *([COMMAS] if mended else [])))


def read_lines(name: str, data: bytes) -> Iterator[Reading]:
    """A file with a JSON value a line; lines that hold none are counted in a doubt. Raises ValueError if no line does."""
    text, doubts = decode_file(name, data)
    return _line_readings(text, doubts)


def parse(text: str) -> tuple[Any, bool]:
    """A value, and whether commas in front of closing brackets had to be passed over.

    Numbers are texts as they were written, NaN and infinities null. Raises JSONDecodeError.
    """
    try:
        return _loads(text), False
    except json.JSONDecodeError:
        mended = _STRING_OR_COMMA.sub(lambda found: "" if found.group() == "," else found.group(), text)
        if mended == text:
            raise
        return _loads(mended), True


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=lambda _: None, strict=False)


def _is_object(line: str) -> bool:
    try:
        return isinstance(parse(line)[0], dict | list)
    except json.JSONDecodeError:
        return False


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank. Not `splitlines`, which also cuts at characters that JSON allows within a text."""
    return ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _line_readings(text: str, doubts: tuple[str, ...]) -> Iterator[Reading]:
    broken: list[int] = []
    values: list[tuple[int, Any]] = []
    for number, line in _lines(text):
        try:
            values.append((number, parse(line)[0]))
        except (json.JSONDecodeError, RecursionError):
            broken.append(number)
    if not values:
        raise ValueError("no line is JSON")
    if broken:
        more = len(broken) - MOST_NAMED
        named = ", ".join(map(str, broken[:MOST_NAMED])) + (f" and {more:,} more" if more > 0 else "")
        total = len(broken) + len(values)
        doubts = (*doubts, f"{len(broken):,} of {total:,} lines are no JSON and were left out: mend line {named}.")
    return _with_doubts(list_readings(values, "line"), doubts)


def _with_doubts(readings: Iterable[Reading], doubts: tuple[str, ...]) -> Iterator[Reading]:
    """The readings, of which the first has the doubts as well."""
    for number, reading in enumerate(readings):
        yield reading if number else replace(reading, doubts=(*doubts, *reading.doubts))

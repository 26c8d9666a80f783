"""`AttributeReader`: a span's attributes by name, by index and by prefix, and which of them nobody asked for; JSON within them."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from pipeline.checks import UNSTORABLE
from pipeline.spans import Attribute

MAX_INDEXED = 10_000
"""Items that one list is read to, of attributes such as `retrieval.documents.{i}.document.id`."""

MAX_JSON_CHARS = 4_000_000
"""A text that is longer is not looked into."""

MAX_NAMES = 8_192
"""Names of attributes that are remembered with what their indexes are: applications use the same ones over and over."""

_indexed = re.compile(r"(.+?)\.(\d{1,9})(?:\.(.+))?", re.ASCII | re.DOTALL)
_opening = re.compile(r"\s*[{\[]")
_decoder = json.JSONDecoder(parse_constant=lambda _: None)
_escaped = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class AttributeReader:
    """Attributes of one span, read once. What has been read is known, so that the rest can be shown as it came."""

    def __init__(self, attributes: Mapping[str, Attribute]) -> None:
        self._attributes = attributes
        self._used: set[str] = set()

    @cached_property
    def _lists(self) -> dict[str, dict[int, dict[str, str]]]:
        """Names of indexed attributes by what comes before the index, the index, and what comes after it."""
        lists: dict[str, dict[int, dict[str, str]]] = {}
        for key in self._attributes:
            if found := _split_indexed(key):
                prefix, index, rest = found
                lists.setdefault(prefix, {}).setdefault(index, {})[rest] = key
        return lists

    def value(self, keys: Sequence[str]) -> Attribute | None:
        """The first of some names that says something; those that say the same by another name count as read."""
        if self._attributes.keys().isdisjoint(keys):
            return None
        found = None
        for key in keys:
            value = self._attributes.get(key)
            if value is not None and value != "" and value != ():
                self._used.add(key)
                found = value if found is None else found
        return found

    def has(self, keys: Iterable[str]) -> bool:
        """Whether one of some names is there. That does not count as reading it."""
        return not self._attributes.keys().isdisjoint(keys)

    def text(self, keys: Sequence[str]) -> str:
        """The same as a text; empty where nothing is said. Of several values the first."""
        value = self.value(keys)
        if isinstance(value, tuple):
            value = value[0] if value else None
        return "" if value is None else as_text(value)

    def whole(self, keys: Sequence[str]) -> int | None:
        """The same as a whole number of 0 or more; None where it is none."""
        number = as_number(self.value(keys))
        return None if number is None or not 0 <= number < 2**53 else int(number)

    def items(self, prefix: str) -> list[dict[str, Attribute]]:
        """What stands under `prefix.{i}.`, by what follows, in the order of i, gaps closed; at most MAX_INDEXED."""
        under = self._lists.get(prefix)
        if under is None:
            return []
        found = []
        for index in sorted(under)[:MAX_INDEXED]:
            self._used.update(under[index].values())
            found.append({rest: self._attributes[key] for rest, key in under[index].items()})
        return found

    def under(self, prefixes: tuple[str, ...]) -> dict[str, Attribute]:
        """What begins with one of some prefixes and has not been read, by what follows; it counts as read."""
        found: dict[str, Attribute] = {}
        for key in [key for key in self._attributes if key.startswith(prefixes)]:
            if key in self._used:
                continue
            prefix = next(prefix for prefix in prefixes if key.startswith(prefix))
            found.setdefault(key[len(prefix) :], self._attributes[key])
            self._used.add(key)
        return found

    def unread(self) -> tuple[str, ...]:
        """Names that nobody asked for, sorted."""
        return tuple(sorted(self._attributes.keys() - self._used))


@lru_cache(MAX_NAMES)
def _split_indexed(key: str) -> tuple[str, int, str] | None:
    """What comes before an index in a name, the index, and what comes after it; None for a name without one."""
    found = _indexed.fullmatch(key)
    return None if found is None else (found[1], int(found[2]), found[3] or "")


def nested(item: Mapping[str, Attribute], prefix: str) -> list[dict[str, Attribute]]:
    """A list within an item of `AttributeReader.items`, read in the same way."""
    return AttributeReader(item).items(prefix) if any(key.startswith(prefix) for key in item) else []


def parse(value: object) -> Any:
    """What a JSON text says, if it is an object or a list; anything else as it is."""
    if not isinstance(value, str) or len(value) > MAX_JSON_CHARS or not _opening.match(value):
        return value
    try:
        found = _decoder.decode(value)
        return _without_unstorable(found) if _escaped.search(value) else found
    except (ValueError, RecursionError):
        return value


def _without_unstorable(value: Any) -> Any:
    """The same without the characters that no store can hold, which JSON can name."""
    if isinstance(value, str):
        return value.translate(UNSTORABLE)
    if isinstance(value, list):
        return [_without_unstorable(item) for item in value]
    if isinstance(value, dict):
        return {key.translate(UNSTORABLE): _without_unstorable(item) for key, item in value.items()}
    return value


def parse_mapping(value: object) -> dict[str, Any]:
    """A JSON object; empty where it is none."""
    found = parse(value)
    return found if isinstance(found, dict) else {}


def parse_list(value: object) -> list[Any]:
    """A JSON list, or an attribute's; what is neither is the only item, nothing is none."""
    found = parse(value)
    if isinstance(found, (list, tuple)):
        return list(found)
    return [] if found is None or found == "" else [found]


def as_text(value: object) -> str:
    """A value as a text: a text as it is, what is nested as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def as_number(value: object) -> float | None:
    """A number, or a text that is one; None for what is none, or not finite."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None

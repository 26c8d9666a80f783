"""Values as JSON has them, objects in lists in objects, to documents, records or paragraphs, whichever they are.

A list of objects that hold a long text each is a document each, as is an article of SQuAD (its questions are no text); other lists of
objects are records.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.plaintext.plain import plain_blocks
from backends.local.documents.tables.records import Faults, faq_of, record_blocks, table_blocks
from backends.local.documents.text import one_line
from backends.local.documents.types import Place, Unit

TEXT_NAMES = ("text", "content", "body", "page_content", "document", "passage", "context", "markdown", "abstract")
"""What a document's text is called."""

TITLE_NAMES = ("title", "headline", "heading", "subject", "name")
"""What its title is called."""

MIN_TEXT_CHARS = 200
"""Median length from which texts are documents."""

MIN_TITLED_CHARS = 60
"""The same where they have titles."""

JUDGED = 50
"""Objects from which a list is judged."""

SHORT_CHARS = 200
"""A value up to this length stands on one line with others."""

MOST_LEVELS = 12
"""Of values in one another; what lies deeper is shown as JSON."""

Numbered = Sequence[tuple[int, Any]]
"""Values with the numbers of their places."""


def readings_of(value: Any) -> Iterator[Reading]:
    """The documents of a value: a text, a list, an object or a number."""
    if isinstance(value, list):
        yield from list_readings(list(enumerate(value, start=1)), "row")
    elif not isinstance(value, dict):
        yield Reading("", tuple(plain_blocks(_scalar(value))))
    elif _is_squad(value):
        yield from _with_members(_article(article) for article in value["data"] if isinstance(article, dict))
    elif name := _text_name([value]):
        yield _document(value, name)
    else:
        lists = [name for name, each in value.items() if isinstance(each, list) and _text_name(each[:JUDGED])]
        rest = {name: each for name, each in value.items() if name not in lists}
        if blocks := tuple(_object_blocks(rest, 1)):
            yield Reading(_first_text(value, ("title",)), blocks)
        for name in lists:
            yield from list_readings(list(enumerate(value[name], start=1)), "row")


def list_readings(values: Numbered, unit: Unit) -> Iterator[Reading]:
    """The documents of a list, or one with a record or paragraph for each of its values. unit: what their numbers count."""
    if name := _text_name([value for _, value in values[:JUDGED]]):
        yield from _with_members(_document(value, name) for _, value in values if isinstance(value, dict))
        values = [(number, value) for number, value in values if not isinstance(value, dict)]
    if blocks := tuple(_list_blocks(values, unit)):
        yield Reading("", blocks)


def _is_squad(value: Mapping[str, Any]) -> bool:
    articles = value.get("data")
    return (
        isinstance(articles, list) and bool(articles) and isinstance(articles[0], dict) and "paragraphs" in articles[0]
    )


def _article(article: Mapping[str, Any]) -> Reading:
    """An article of SQuAD (https://rajpurkar.github.io/SQuAD-explorer/): its paragraphs, without the questions about them."""
    contexts = [each.get("context") for each in article.get("paragraphs", ()) if isinstance(each, dict)]
    blocks = (block for context in contexts for block in plain_blocks(_scalar(context)))
    return Reading(one_line(_scalar(article.get("title")).replace("_", " ")), tuple(blocks))


def _text_name(values: Sequence[Any]) -> str:
    """What the text of values that are documents is called; empty if they are none."""
    objects = [value for value in values if isinstance(value, dict)]
    if not objects or 2 * len(objects) < len(values):
        return ""
    for name in TEXT_NAMES:
        texts = [value[name] for value in objects if isinstance(value.get(name), str)]
        if 2 * len(texts) <= len(objects) or faq_of(objects[0]):
            continue
        titled = sum(bool(_first_text(value, TITLE_NAMES)) for value in objects)
        if median(map(len, texts)) >= (MIN_TITLED_CHARS if 2 * titled > len(objects) else MIN_TEXT_CHARS):
            return name
    return ""


def _document(value: Mapping[str, Any], name: str) -> Reading:
    """An object whose text is called `name`; what else it says is its last paragraph."""
    title = _first_text(value, TITLE_NAMES)
    rest = {key: each for key, each in value.items() if key != name and each != title}
    said = record_blocks(dict(_flat(rest)), None, None, "text")
    return Reading(one_line(title), (*plain_blocks(_scalar(value.get(name))), *said))


def _first_text(value: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((text for name in names if isinstance(text := value.get(name), str) and text.strip()), "")


def _with_members(readings: Iterable[Reading]) -> Iterator[Reading]:
    """Each with its title, or its number, as its place in the file; a second one of the same title has a number behind it."""
    seen: Counter[str] = Counter()
    for number, reading in enumerate(readings, start=1):
        member = reading.title or f"record {number}"
        seen[member] += 1
        yield Reading(
            reading.title or member,
            reading.blocks,
            member=member if seen[member] == 1 else f"{member} ({seen[member]})",
        )


def _list_blocks(values: Numbered, unit: Unit) -> Iterator[Block]:
    if values and all(isinstance(value, list) for _, value in values):
        rows = ((number, [_scalar(cell) for cell in value]) for number, value in values)
        yield from table_blocks(rows, Faults(), place=lambda number: Place(unit, number))
        return
    for number, value in values:
        if isinstance(value, dict):
            yield from _record(value, Place(unit, number))
        else:
            yield Block(_scalar(value), "item", place=Place(unit, number))


def _record(value: Mapping[str, Any], place: Place) -> Iterator[Block]:
    flat = dict(_flat(value))
    return record_blocks(flat, faq_of(flat), place)


def _object_blocks(value: Mapping[str, Any], level: int) -> Iterator[Block]:
    """What is short on one line, then each longer value below its name."""
    short: dict[str, str] = {}
    long: dict[str, Any] = {}
    for name, each in value.items():
        flat = dict(_flat({name: each}))
        is_short = len(flat) <= 1 or not isinstance(each, list)
        if is_short and sum(len(key) + len(text) for key, text in flat.items()) <= SHORT_CHARS:
            short |= flat
        elif flat:
            long[name] = each
    yield from record_blocks(short, faq_of(short), None, "text")
    for name, each in long.items():
        yield Block(name, "heading", level)
        if isinstance(each, dict) and level < MOST_LEVELS:
            yield from _object_blocks(each, level + 1)
        elif isinstance(each, list):
            yield from _list_blocks(list(enumerate(each, start=1)), "row")
        else:
            yield from plain_blocks(_scalar(each))


def _flat(value: Mapping[str, Any], path: str = "", level: int = 1) -> Iterator[tuple[str, str]]:
    """(name, text) of what an object holds, `address.city` for what an object in it does; what is null or blank is left out."""
    for name, each in value.items():
        inner = f"{path}{name}"
        if isinstance(each, list) and any(isinstance(item, dict | list) for item in each):
            each = {str(number): item for number, item in enumerate(each, start=1)}
        if isinstance(each, dict) and level < MOST_LEVELS:
            yield from _flat(each, f"{inner}.", level + 1)
        elif text := _scalar(each).strip():
            yield inner, text


def _scalar(value: object) -> str:
    """A value on one line, a text as it is."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return ", ".join(filter(None, map(_scalar, value)))
    return json.dumps(value, ensure_ascii=False)

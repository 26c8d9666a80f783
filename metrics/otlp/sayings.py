"""The question and the answer within what a span was given and returned, which may be JSON of any application's shape."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from metrics.otlp.attributes import parse
from metrics.otlp.messages import json_messages, last_of

QUESTION_FIELDS = (
    "question",
    "query",
    "user_query",
    "query_str",
    "user_input",
    "input",
    "inputs",
    "input_str",
    "messages",
    "message",
    "prompt",
    "text",
)
"""What applications call a question, in the order in which they are believed."""

ANSWER_FIELDS = (
    "answer",
    "final_answer",
    "output",
    "outputs",
    "response",
    "result",
    "output_text",
    "generation",
    "completion",
)
"""What they call an answer, likewise; what a framework's own messages call it comes after."""

MESSAGE_FIELDS = ("replies", "answers", "choices", "messages", "message", "content", "text", "data")
"""Where frameworks put an answer that they wrap."""

MAX_LEVELS = 8
"""How deep is looked."""

MAX_OBJECTS = 1_000
"""How many objects and lists of one level are looked into."""


_object = re.compile(r"<?[A-Za-z_][\w.]*(?:\(\w+=.*\)>?| object at 0x[0-9a-f]+>)", re.DOTALL)
"""A Python object as it prints itself, which is no text that anybody said."""


_field = re.compile(r"^\[\[ ## (\w+) ## \]\]$", re.MULTILINE)
"""A line that begins a field of what a model says to DSPy."""


def question_in(value: str) -> str:
    """The question that a span was given: plain text as it is, of JSON the field that holds it; empty where none does."""
    return _found_in(value, QUESTION_FIELDS, lambda items: last_of(json_messages(items), "user"))


def answer_in(value: str) -> str:
    """The answer that a span returned, likewise."""
    return _found_in(value, ANSWER_FIELDS + MESSAGE_FIELDS, _answer_of)


def answer_of_fields(said: str) -> str:
    """The answer in what a model said: of fields between marks, as DSPy asks for them, the one that is called an answer; else all of it."""
    parts = _field.split(said)
    fields = {name.lower(): text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return next((fields[name] for name in ANSWER_FIELDS if fields.get(name)), said)


def _answer_of(items: Sequence[Any]) -> str:
    """The answer among a list: its first text, or the last message that a model said."""
    if items and isinstance(items[0], str):
        return _said(items[0])
    return last_of(json_messages(items), "assistant")


def _found_in(value: str, fields: Sequence[str], pick: Callable[[Sequence[Any]], str]) -> str:
    given = parse(value)
    if isinstance(given, str):
        return _said(given)
    for level in _levels(given):
        for field in fields:
            for item in level:
                if isinstance(item, dict) and (found := _text_of(item.get(field), pick)):
                    return found
        for item in level:
            if isinstance(item, list) and (found := pick(item)):
                return found.strip()
    return _only_text(given)


def _text_of(value: object, pick: Callable[[Sequence[Any]], str]) -> str:
    """A text, or that of a list of messages; empty for what has to be looked into."""
    value = parse(value)
    if isinstance(value, str):
        return _said(value)
    return pick(value).strip() if isinstance(value, list) else ""


def _levels(value: object) -> Iterator[list[Any]]:
    """Objects and lists, those that hold others before what they hold."""
    level: list[Any] = [value]
    for _ in range(MAX_LEVELS):
        if not level:
            return
        yield level
        inner = [held for item in level for held in (item.values() if isinstance(item, dict) else item)]
        parsed = (parse(held) for held in inner[: MAX_OBJECTS * 10])
        level = [held for held in parsed if isinstance(held, (dict, list))][:MAX_OBJECTS]


def _only_text(value: object) -> str:
    """The text of an object or a list that holds a single value; else empty."""
    while isinstance(value, (dict, list)) and len(value) == 1:
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return _said(value) if isinstance(value, str) else ""


def _said(text: str) -> str:
    return "" if _object.match(text) else text.strip()

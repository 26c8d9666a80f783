"""What is said of a span as attributes that can be kept: plain values, of a bounded size.

What comes in is `Plain`; what goes out are `pipeline.spans.Attribute`s. Whatever is cut says so in its text, and is counted.
"""

import base64
import math
from collections.abc import Iterable
from typing import Any

import orjson

from metrics.search import storable
from pipeline.spans import Attribute, Scalar

Plain = Any
"""An AnyValue of OTLP as Python has it: what `to_scalar` makes, a list or a dict of these, or None where nothing was said."""

MAX_VALUE_CHARS = 262_144
"""Characters of one value. A retrieved document, or a prompt of 60,000 tokens, is whole."""

MAX_SPAN_CHARS = 1_048_576
"""Characters of all attributes of a span, keys included; of its events as many again."""

MAX_KEY_CHARS = 1_024
"""An attribute with a longer key is left out."""

MAX_ATTRIBUTES = 10_000
"""Attributes of a span; flattened lists of messages and documents have several for each."""

MAX_DEPTH = 32
"""Lists and maps within one another; what is deeper is left out."""

TOO_DEEP = "…"
"""In place of what is nested deeper."""

NUMBER_CHARS = 8
"""What a number counts as."""

INTEGERS = range(-(2**63), 2**64)
"""What the JSON of `metrics.otlp.records` can hold; a larger integer is kept as text."""


def to_scalar(value: str | bool | int | float | bytes) -> Scalar:
    """A scalar that JSON and both databases can hold: bytes as base64; NaN, infinities and huge integers as text."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and value not in INTEGERS:
        return str(value)
    return value


def clean(text: str) -> str:
    """Text without NUL and lone surrogates, which a store cannot hold."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    try:
        text.encode()
    except UnicodeEncodeError:
        return storable(text)
    return text.replace("\0", "\ufffd")


def shorten(text: str, chars: int) -> str:
    """Text of at most so many characters; what was cut says so at its end, where there is room for that."""
    if len(text) <= chars:
        return text
    mark = f"… (cut: {len(text):,} characters in all)"
    return text[: chars - len(mark)] + mark if chars > len(mark) else text[:chars]


def bound(pairs: Iterable[tuple[str, Plain]], chars: int = MAX_SPAN_CHARS) -> tuple[dict[str, Attribute], int]:
    """Attributes in the order in which they were given, of `chars` characters in all, and how many were cut or left out.

    Where they are too many, the long ones are cut: each may take an equal share, and what the short ones leave of theirs.
    """
    found: dict[str, Attribute] = {}
    dropped = total = 0
    for key, plain in pairs:
        if len(key) > MAX_KEY_CHARS or len(found) >= MAX_ATTRIBUTES:
            dropped += 1
        elif isinstance(plain, str):
            found[clean(key)] = plain
            total += len(key) + len(plain)
        else:
            found[clean(key)] = value = _flatten(plain)
            total += _size(key, value)
    if total <= min(chars, MAX_VALUE_CHARS):
        return found, dropped
    return _fit(found, chars, dropped)


def _fit(found: dict[str, Attribute], chars: int, dropped: int) -> tuple[dict[str, Attribute], int]:
    """Attributes cut to `chars` characters in all, and `dropped` with what was cut now."""
    kept: dict[str, Attribute] = {}
    sizes = {key: _size(key, value) for key, value in found.items()}
    shares = _share(sizes, chars)
    for key, value in found.items():
        room = min(shares[key] - len(key), MAX_VALUE_CHARS)
        if sizes[key] - len(key) <= room:
            kept[key] = value
            continue
        dropped += 1
        if room > 0 and isinstance(value, str | tuple):
            kept[key] = _cut(value, room)
    return kept, dropped


def _flatten(plain: Plain) -> Attribute:
    """A value as an attribute: a list of scalars stays one, what is nested deeper becomes JSON text."""
    if isinstance(plain, float | int):
        return plain
    if plain is None:
        return ""
    if isinstance(plain, list) and not any(each is None or isinstance(each, list | dict) for each in plain):
        return tuple(plain)
    if isinstance(plain, list | dict):
        return orjson.dumps(plain).decode()
    value: Scalar = plain
    return value


def size(found: dict[str, Attribute]) -> int:
    """Characters of attributes, keys included."""
    return sum(_size(key, value) for key, value in found.items())


def _size(key: str, value: Attribute) -> int:
    if isinstance(value, str):
        return len(key) + len(value)
    if isinstance(value, tuple):
        return len(key) + sum(len(each) if isinstance(each, str) else NUMBER_CHARS for each in value)
    return len(key) + NUMBER_CHARS


def _share(sizes: dict[str, int], chars: int) -> dict[str, int]:
    """How much of each may stay, so that all together take `chars`."""
    shares: dict[str, int] = {}
    for key in sorted(sizes, key=sizes.__getitem__):
        shares[key] = min(sizes[key], chars // (len(sizes) - len(shares)))
        chars -= shares[key]
    return shares


def _cut(value: Attribute, chars: int) -> Attribute:
    """The beginning of a text or a list, of so many characters."""
    if isinstance(value, str):
        return shorten(value, chars)
    kept: list[Scalar] = []
    for each in value if isinstance(value, tuple) else ():
        chars -= len(each) if isinstance(each, str) else NUMBER_CHARS
        if chars < 0:
            break
        kept.append(each)
    return tuple(kept)

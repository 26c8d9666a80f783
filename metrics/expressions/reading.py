"""Making the tree of what the parser has found, and what must hold beyond the grammar: known fields, fitting values, bounds."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from metrics.expressions.fields import Field, Found, find_field, nearest_field
from metrics.expressions.syntax import DAYS, Claim, Comparison, Either, Every, Moment, Negated, Node, Value, printable
from pipeline.errors import InputError

if TYPE_CHECKING:
    from lark import Token

MAX_TERMS = 100
"""Fields that are asked about, and values that they are compared with, beyond which a database takes long to plan."""

MAX_DEPTH = 30
"""Parentheses and `not` within each other."""

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
"""Units of a span of time, in seconds."""

SIGNS: Mapping[str, tuple[Comparison, bool]] = MappingProxyType(
    {
        "<": ("<", False),
        "<=": ("<=", False),
        ">=": (">=", False),
        ">": (">", False),
        "=": ("=", False),
        "==": ("=", False),
        "!=": ("=", True),
        "<>": ("=", True),
    }
)
"""The comparison that each sign stands for, and whether it is negated."""


class Given(NamedTuple):
    """A value as it was written."""

    token: "Token"
    """Its text and place."""
    moment: Moment | None = None
    """What `now` and what follows it say; None for any other token, which says it itself."""


class Built(NamedTuple):
    """A part of the tree."""

    node: Node
    """The part."""
    depth: int = 0
    """How many parentheses and `not` are within each other in it."""
    terms: int = 1
    """Fields and values in it."""


class Fault(Exception):
    """What is wrong with an expression that follows the grammar, and where."""

    def __init__(self, problem: str, token: "Token") -> None:
        super().__init__(problem)
        self.at: int = token.start_pos or 0


class Reader:
    """What the parser calls for each piece that it has read, from the innermost outwards. Raises Fault."""

    def either(self, parts: list[Built]) -> Built:
        return _joined(Either, parts)

    def every(self, parts: list[Built]) -> Built:
        return _joined(Every, parts)

    def negated(self, parts: list[Built]) -> Built:
        [part] = parts
        return _deeper(part)._replace(node=Negated(part.node))

    def enclosed(self, parts: list[Built]) -> Built:
        return _deeper(parts[0])

    def alone(self, parts: list["Token"]) -> Built:
        [name] = parts
        field = _found(name).field
        if field.kind != "flag":
            raise Fault(f"`{field.name}` alone is no question. Write for example `{field.example}`.", name)
        return Built(Claim(field, "=", ("true",)))

    def compared(self, parts: list[Any]) -> Built:
        name, operator, given = parts
        found = _found(name)
        field = found.field
        sign, negated = SIGNS[operator]
        if not any(sign in verb.split() for verb in field.verbs):
            raise _unfitting(field, sign, operator)
        claim = Claim(field, sign, (_read_value(field, given),), found.stage, found.rule)
        return Built(Negated(claim) if negated else claim, terms=2)

    def listed(self, parts: list[Any]) -> Built:
        name, given = parts
        field = _found(name).field
        if "in (…)" not in field.verbs:
            raise _unfitting(field, "in (…)", name)
        values = tuple(_read_value(field, each) for each in given)
        return _bounded(Built(Claim(field, "in", values), terms=1 + len(values)))

    def not_listed(self, parts: list[Any]) -> Built:
        return _opposite(self.listed(parts))

    def known(self, parts: list["Token"]) -> Built:
        name, word = parts
        found = _found(name)
        field = found.field
        if "is none" not in field.verbs:
            raise _unfitting(field, "is", name)
        missing = Built(Claim(field, "none", (), found.stage, found.rule))
        return missing if word.type == "NONE" else _opposite(missing)

    def contained(self, parts: list["Token"]) -> Built:
        text, name = parts
        field = _found(name).field
        if '"…" in' not in field.verbs:
            raise _unfitting(field, '"…" in', name)
        return Built(Claim(field, "contains", (_unquoted(text),)), terms=2)

    def not_contained(self, parts: list["Token"]) -> Built:
        return _opposite(self.contained(parts))

    def values(self, parts: list[Given]) -> list[Given]:
        return parts

    def value(self, parts: list["Token"]) -> Given:
        return Given(parts[0])

    def moment(self, parts: list["Token"]) -> Given:
        past_s = _seconds(parts[1]) if len(parts) > 1 else 0.0
        return Given(parts[0], Moment(-past_s, relative=True))


def _joined(kind: type[Either] | type[Every], parts: Sequence[Built]) -> Built:
    if len(parts) == 1:
        return parts[0]
    depth, terms = max(part.depth for part in parts), sum(part.terms for part in parts)
    return _bounded(Built(kind(tuple(part.node for part in parts)), depth, terms))


def _bounded(built: Built) -> Built:
    if built.terms > MAX_TERMS:
        raise InputError(f"The expression has more than {MAX_TERMS} fields and values. Ask for less at once.")
    return built


def _deeper(part: Built) -> Built:
    if part.depth >= MAX_DEPTH:
        raise InputError(
            f"The expression has more than {MAX_DEPTH} parentheses and `not` within each other. Write it flatter."
        )
    return part._replace(depth=part.depth + 1)


def _opposite(part: Built) -> Built:
    return part._replace(node=Negated(part.node))


def _found(name: "Token") -> Found:
    found = find_field(str(name))
    if found is None:
        near = nearest_field(name)
        meant = f"did you mean `{near}`?" if near else "docs/filters.md lists what there is."
        raise Fault(f"there is no field `{brief(name)}`; {meant}", name)
    return found


def _unfitting(field: Field, verb: str, token: "Token") -> Fault:
    if field.kind == "flag":
        return Fault(f"`{field.name}` stands alone, or after `not`: `{field.example}`.", token)
    fitting = ", ".join(f"`{each}`" for each in field.verbs)
    return Fault(f"`{field.name}` does not go with `{verb}`, but with {fitting}: `{field.example}`.", token)


def _read_value(field: Field, given: Given) -> Value:
    """What a field is compared with, in its unit. Raises Fault for what the field cannot be."""
    token, moment = given
    if field.kind == "number" and token.type in ("NUMBER", "SPAN"):
        return _number(field, token)
    if field.kind == "time" and token.type in ("DATE", "NOW"):
        return moment or Moment(_timestamp(token))
    if field.kind == "time" and token.type == "NAME" and token.lower() in DAYS:
        return Moment(0.0, relative=True, day=token.lower())
    if field.kind not in ("number", "time"):
        if token.type == "STRING" or (token.type == "NAME" and field.choices):
            return _word(field, token)
        if token.type == "NAME":
            raise Fault(f'a text stands in quotes: `"{brief(token)}"`.', token)
    raise Fault(f"`{brief(token)}` is nothing that `{field.name}` can be. Write for example `{field.example}`.", token)


def _number(field: Field, token: "Token") -> float:
    if token.type == "NUMBER":
        value = float(token)
    elif field.name.endswith("ms"):
        value = _seconds(token) * 1000
    else:
        raise Fault(f"`{field.name}` is no time. Write for example `{field.example}`.", token)
    if not math.isfinite(value):
        raise Fault("this number is too large.", token)
    return value


def _seconds(token: "Token") -> float:
    digits = token.rstrip("mshdwMSHDW")
    seconds = float(digits) * SECONDS[token[len(digits) :].lower()]
    if not math.isfinite(seconds):
        raise Fault("this time is too long.", token)
    return seconds


def _timestamp(token: "Token") -> float:
    try:
        moment = datetime.fromisoformat(token.upper())
    except ValueError:
        raise Fault(f"there is no such date as `{token}`. Write year, month and day: `2026-10-01`.", token) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _word(field: Field, token: "Token") -> str:
    word = _unquoted(token) if token.type == "STRING" else str(token)
    if field.choices and word not in field.choices:
        raise Fault(f"`{field.name}` is never `{brief(word)}`; it is {alternatives(field.choices)}.", token)
    return word


def _unquoted(token: "Token") -> str:
    """The text between the quotes, in which a backslash makes a quote or another backslash part of it."""
    text = re.sub(r"\\([\"'\\])", r"\1", token[1:-1])
    if not text:
        raise Fault("there is nothing between these quotes.", token)
    return text


def alternatives(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def brief(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"

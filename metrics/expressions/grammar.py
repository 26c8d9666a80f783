"""Reading an expression: the grammar, and what must hold beyond it (known fields, fitting values, bounds).

The parser is LALR and makes the tree while it reads, so that no text, however deep, takes more than its length in time or a call stack.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from metrics.expressions.fields import Field, find_field, nearest_field
from metrics.expressions.syntax import Either, Every, ExpressionError, Moment, Negated, Node, Test, Value
from pipeline.errors import InputError

if TYPE_CHECKING:
    from lark import Lark, Token, UnexpectedInput

MAX_CHARS = 2_000
"""A longer expression is a program, and an address would not hold it."""

MAX_TERMS = 100
"""Fields that are asked about, and values that they are compared with, beyond which a database takes long to plan."""

MAX_DEPTH = 30
"""Parentheses and `not` within each other."""

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
"""Units of a span of time, in seconds."""

GRAMMAR = r"""
?start: either
?either: every (_OR every)*
?every: holds (_AND holds)*
?holds: _NOT holds -> negated
    | _OPEN either _CLOSE -> enclosed
    | NAME -> alone
    | NAME OPERATOR value -> compared
    | NAME _IN values -> listed
    | NAME _NOT _IN values -> not_listed
    | NAME _IS (NONE | ANY) -> known
    | STRING _IN NAME -> contained
    | STRING _NOT _IN NAME -> not_contained
values: _OPEN value (_COMMA value)* _CLOSE
value: NUMBER | SPAN | DATE | STRING | NAME
    | NOW [_MINUS SPAN] -> moment

_OR: "or"i
_AND: "and"i
_NOT: "not"i
_IN: "in"i
_IS: "is"i
_OPEN: "("
_CLOSE: ")"
_COMMA: ","
_MINUS: "-"
NONE: "none"i
ANY: "any"i
NOW: "now"i
OPERATOR: /<=|>=|==|!=|<>|=|<|>/
DATE.3: /\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?/i
SPAN.2: /\d+(\.\d+)?(ms|s|m|h|d|w)(?!\w)/i
NUMBER.1: /[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?(?![\w.])/i
NAME: /[a-z_]\w*(\.[\w-]+)*/i
STRING: /"([^"\\]|\\.)*"|'([^'\\]|\\.)*'/s
WHITE_SPACE: /\s+/
%ignore WHITE_SPACE
"""

EXPECTED = {
    "NAME": "the name of a field",
    "STRING": "a text in quotes",
    "_OPEN": "`(`",
    "NUMBER": "a number",
    "SPAN": "a span of time such as `2h`",
    "DATE": "a date",
    "NOW": "`now`",
    "OPERATOR": "a comparison such as `=` or `<`",
    "_MINUS": "`-`",
    "_NOT": "`not`",
    "_IN": "`in`",
    "_IS": "`is`",
    "NONE": "`none`",
    "ANY": "`any`",
    "_COMMA": "`,`",
    "_CLOSE": "`)`",
    "_AND": "`and`",
    "_OR": "`or`",
    "$END": "the end",
}
"""What each terminal is called in a message, in the order in which they are told."""


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


@lru_cache(maxsize=256)
def parse(text: str) -> Node:
    """Read an expression. Raises ExpressionError, which says what is wrong and where, or InputError for one that is too long."""
    if len(text) > MAX_CHARS:
        raise InputError(f"The expression has {len(text):,} characters; at most {MAX_CHARS:,} are read. Shorten it.")
    if not text.strip():
        raise ExpressionError("it is empty. Write for example `latency_ms > 2000`.", text, 0)
    from lark import UnexpectedInput

    try:
        built: Any = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explain(error, text) from None
    except Fault as fault:
        raise ExpressionError(str(fault), text, fault.at) from None
    node: Node = built.node
    return node


@cache
def _parser() -> "Lark":
    """The parser; the library is loaded once somebody writes an expression."""
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False, transformer=Reader())


def _explain(error: "UnexpectedInput", text: str) -> ExpressionError:
    """What a reader says where the grammar allows no such thing."""
    at = error.pos_in_stream or 0
    token = getattr(error, "token", None)
    found = "" if token is None or token.type == "$END" else str(token)
    if not found and at < len(text) and token is None:
        if text[at] in "\"'":
            return ExpressionError("the text that begins here has no closing quote.", text, at)
        found = text[at]
    expected = _expected(error)
    told = [words for name, words in EXPECTED.items() if name in expected]
    problem = f"expected {_alternatives(told)}, found {f'`{_brief(found)}`' if found else 'the end'}."
    if found in ("<", "<=", ">", ">=", "=", "!=", "==") and "_AND" in expected:
        problem += " Write one comparison at a time, and join them by `and`."
    elif token is not None and token.type in ("NUMBER", "SPAN", "DATE") and "STRING" in expected:
        problem += " The field stands on the left: `latency_ms > 2000`."
    return ExpressionError(problem, text, at if found else len(text))


def _expected(error: "UnexpectedInput") -> set[str]:
    """The terminals that could have stood there."""
    found = next((names for name in ("accepts", "expected", "allowed") if (names := getattr(error, name, None))), ())
    # A bare word is a value of few fields, whose own messages name them.
    return set(found) - ({"NAME"} if "NUMBER" in found else set())


def _alternatives(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _brief(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


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
        field, _ = _field(name)
        if field.kind != "flag":
            raise Fault(f"`{field.name}` alone is no question. Write for example `{field.example}`.", name)
        return Built(Test(field, "=", ("true",)))

    def compared(self, parts: list[Any]) -> Built:
        name, operator, given = parts
        field, stage = _field(name)
        sign = {"==": "=", "<>": "!="}.get(operator, str(operator))
        if not any(sign in verb.split() for verb in field.verbs):
            raise _unfitting(field, sign, operator)
        test = Test(field, "=" if sign == "!=" else sign, (_read_value(field, given),), stage)
        return Built(Negated(test) if sign == "!=" else test, terms=2)

    def listed(self, parts: list[Any]) -> Built:
        name, given = parts
        field, stage = _field(name)
        if "in (…)" not in field.verbs:
            raise _unfitting(field, "in (…)", name)
        return Built(Test(field, "in", tuple(_read_value(field, each) for each in given), stage), terms=1 + len(given))

    def not_listed(self, parts: list[Any]) -> Built:
        return _opposite(self.listed(parts))

    def known(self, parts: list["Token"]) -> Built:
        name, word = parts
        field, stage = _field(name)
        if "is none" not in field.verbs:
            raise _unfitting(field, "is", name)
        missing = Built(Test(field, "none", (), stage))
        return missing if word.type == "NONE" else _opposite(missing)

    def contained(self, parts: list["Token"]) -> Built:
        text, name = parts
        field, _ = _field(name)
        if '"…" in' not in field.verbs:
            raise _unfitting(field, '"…" in', name)
        return Built(Test(field, "contains", (_unquoted(text),)), terms=2)

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
    if terms > MAX_TERMS:
        raise InputError(f"The expression has more than {MAX_TERMS} fields and values. Ask for less at once.")
    return Built(kind(tuple(part.node for part in parts)), depth, terms)


def _deeper(part: Built) -> Built:
    if part.depth >= MAX_DEPTH:
        raise InputError(
            f"The expression has more than {MAX_DEPTH} parentheses and `not` within each other. Write it flatter."
        )
    return part._replace(depth=part.depth + 1)


def _opposite(part: Built) -> Built:
    return part._replace(node=Negated(part.node))


def _field(name: "Token") -> tuple[Field, str]:
    found = find_field(str(name))
    if found is None:
        near = nearest_field(name)
        meant = f"did you mean `{near}`?" if near else "docs/filters.md lists what there is."
        raise Fault(f"there is no field `{_brief(name)}`; {meant}", name)
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
    if field.kind not in ("number", "time"):
        if token.type == "STRING" or (token.type == "NAME" and field.choices):
            return _word(field, token)
        if token.type == "NAME":
            raise Fault(f'a text stands in quotes: `"{_brief(token)}"`.', token)
    raise Fault(f"`{_brief(token)}` is nothing that `{field.name}` can be. Write for example `{field.example}`.", token)


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
        raise Fault(f"`{field.name}` is never `{_brief(word)}`; it is {_alternatives(field.choices)}.", token)
    return word


def _unquoted(token: "Token") -> str:
    """The text between the quotes, in which a backslash makes a quote or another backslash part of it."""
    text = re.sub(r"\\([\"'\\])", r"\1", token[1:-1])
    if not text:
        raise Fault("there is nothing between these quotes.", token)
    return text

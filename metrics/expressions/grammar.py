"""The grammar of expressions, the parser, and what it says of a text that does not follow the grammar.

The parser is LALR and makes the tree while it reads, so that no text, however deep, takes more than its length in time or a call stack.
"""

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from metrics.expressions.reading import Fault, Reader, alternatives, brief
from metrics.expressions.syntax import ExpressionError, Node
from pipeline.errors import InputError

if TYPE_CHECKING:
    from lark import Lark, UnexpectedInput

MAX_CHARS = 2_000
"""A longer expression is a program, and an address would not hold it."""

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
    problem = f"expected {alternatives(told)}, found {f'`{brief(found)}`' if found else 'the end'}."
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

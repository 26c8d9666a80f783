"""Making conditions of an expression: SQLAlchemy's, so that both databases run them and every value is bound.

A number that a trace lacks is neither above nor below another: the question about it is neither true nor false, and stays so under `not`.
Words, labels and feedback that a trace lacks are simply not those that are asked for.
"""

import operator
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, not_, or_, select
from sqlalchemy.sql.selectable import ScalarSelect

from metrics import search
from metrics.expressions.grammar import parse
from metrics.expressions.syntax import Either, Every, Moment, Negated, Node, Test
from metrics.tables import labels, search_texts, stage_times, trace_labels, traces

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}
)
"""How each comparison is made."""

RATINGS = {"up": 1, "down": -1}
"""What `traces.rating` holds."""

EMPTY = literal_column("''")
"""No text, where a column has that for nothing. Written out, not bound: a partial index serves only what the planner can read."""


def compile_expression(text: str, now_s: float | None = None) -> ColumnElement[bool]:
    """The condition on `traces` that an expression stands for.

    now_s: what `now` is, in seconds since the epoch; the time of the call if None. Raises ExpressionError, which says what is wrong and
    where, or InputError.
    """
    return compile_node(parse(text), time.time() if now_s is None else now_s)


def compile_node(node: Node, now_s: float) -> ColumnElement[bool]:
    """The condition for a part of an expression."""
    match node:
        case Every(parts):
            return and_(*(compile_node(part, now_s) for part in parts))
        case Either(parts):
            return or_(*(compile_node(part, now_s) for part in parts))
        case Negated(part):
            return not_(compile_node(part, now_s))
        case Test():
            return _compile_test(node, now_s)


def _compile_test(test: Test, now_s: float) -> ColumnElement[bool]:
    if test.verb == "contains":
        return _contains(test)
    match test.field.kind:
        case "number" | "time":
            return _compare(test, now_s)
        case "label":
            own = select(trace_labels.c.seq).where(trace_labels.c.seq == traces.c.seq).correlate(traces)
            has = own.where(trace_labels.c.label_id.in_(select_labels(test))).exists()
            return not_(has) if test.verb == "none" else has
        case "flag":
            return traces.c[test.field.column] == literal_column("1")
        case "choice" if test.field.column == "rating":
            return _rated(test)
        case _:
            return _is_word(test)


def _compare(test: Test, now_s: float) -> ColumnElement[bool]:
    column: ColumnElement[Any] | ScalarSelect[Any] = _stage_ms(test.stage) if test.stage else traces.c[test.field.column]
    if test.verb == "none":
        return column.is_(None)
    [value] = test.values
    found: ColumnElement[bool] = COMPARISONS[test.verb](column, plain(value, now_s))
    return found


def plain(value: object, now_s: float) -> object:
    """A value as the database takes it."""
    return value.resolve(now_s) if isinstance(value, Moment) else value


def _stage_ms(stage: str) -> ScalarSelect[Any]:
    """How long a trace's stage took; NULL for a trace without it."""
    own = (stage_times.c.seq == traces.c.seq, stage_times.c.stage == search.storable(stage))
    return select(func.max(stage_times.c.duration_ms)).where(*own).correlate(traces).scalar_subquery()


def select_labels(test: Test) -> Any:
    """The labels that a test asks for: some of a kind, or all of it."""
    chosen = select(labels.c.label_id).where(labels.c.kind == test.field.column)
    return chosen if test.verb == "none" else chosen.where(labels.c.value.in_(words(test)))


def words(test: Test) -> list[str]:
    """The texts that a test compares with, as both databases can hold them."""
    return [search.storable(str(value)) for value in test.values]


def _rated(test: Test) -> ColumnElement[bool]:
    rating = traces.c.rating
    chosen = [RATINGS[word] for word in words(test) if word in RATINGS]
    given = and_(rating.is_not(None), rating.in_(chosen))
    return or_(rating.is_(None), given) if "none" in test.values else given


def _is_word(test: Test) -> ColumnElement[bool]:
    """Whether a column is one of some words. Never unknown: a column without one has none of them."""
    column = traces.c[test.field.column]
    present = column.is_not(None) if column.nullable else column != EMPTY
    if test.verb == "none":
        return not_(present)
    one_of = column.in_(words(test)) if len(test.values) > 1 else column == words(test)[0]
    return and_(present, one_of) if test.field.optional else one_of


def _contains(test: Test) -> ColumnElement[bool]:
    [needle] = words(test)
    found = search.contains(search.fold_needle(needle), search.PARTS.get(test.field.name))
    return select(search_texts.c.seq).where(search_texts.c.seq == traces.c.seq, found).correlate(traces).exists()

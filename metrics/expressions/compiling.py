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
from metrics.expressions.syntax import Claim, Either, Every, Moment, Negated, Node
from metrics.labels import bounded
from metrics.tables import labels, quality, search_texts, stage_times, trace_labels, traces

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}
)
"""How each comparison is made."""

RATINGS = {"up": 1, "down": -1}
"""What `traces.rating` holds."""

EMPTY: ColumnElement[str] = literal_column("''")
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
        case Claim():
            return _compile_claim(node, now_s)


def _compile_claim(claim: Claim, now_s: float) -> ColumnElement[bool]:
    if claim.verb == "contains":
        return _contains(claim)
    match claim.field.kind:
        case "number" | "time":
            return _compare(claim, now_s)
        case "label":
            own = select(trace_labels.c.seq).where(trace_labels.c.seq == traces.c.seq).correlate(traces)
            has = own.where(trace_labels.c.label_id.in_(select_labels(claim))).exists()
            return not_(has) if claim.verb == "none" else has
        case "flag":
            return traces.c[claim.field.column] == literal_column("1")
        case "choice" if claim.field.column == "rating":
            return _rated(claim)
        case _:
            return _is_word(claim)


def _compare(claim: Claim, now_s: float) -> ColumnElement[bool]:
    column = _number_of(claim)
    if claim.verb == "none":
        return column.is_(None)
    [value] = claim.values
    found: ColumnElement[bool] = COMPARISONS[claim.verb](column, plain(value, now_s))
    return found


def _number_of(claim: Claim) -> ColumnElement[Any] | ScalarSelect[Any]:
    if claim.stage:
        return _stage_ms(claim.stage)
    return _said_by(claim.rule) if claim.rule else traces.c[claim.field.column]


def plain(value: object, now_s: float) -> object:
    """A value as the database takes it."""
    return value.resolve(now_s) if isinstance(value, Moment) else value


def _stage_ms(stage: str) -> ScalarSelect[Any]:
    """How long a trace's stage took; NULL for a trace without it."""
    own = (stage_times.c.seq == traces.c.seq, stage_times.c.stage == bounded(stage))
    return select(func.max(stage_times.c.duration_ms)).where(*own).correlate(traces).scalar_subquery()


def _said_by(rule: str) -> ScalarSelect[Any]:
    """What a rule says of a trace; NULL where it says nothing."""
    own = (quality.c.seq == traces.c.seq, quality.c.rule == rule)
    return select(quality.c.value).where(*own).correlate(traces).scalar_subquery()


def select_labels(claim: Claim) -> Any:
    """The labels that a claim asks for: some of a kind, or all of it."""
    chosen = select(labels.c.label_id).where(labels.c.kind == claim.field.column)
    return chosen if claim.verb == "none" else chosen.where(labels.c.value.in_(words(claim)))


def words(claim: Claim) -> list[str]:
    """The texts that a claim compares with, as the store keeps what they are compared with."""
    kept = bounded if claim.field.bounded else search.storable
    return [kept(str(value)) for value in claim.values]


def _rated(claim: Claim) -> ColumnElement[bool]:
    rating = traces.c.rating
    chosen = [RATINGS[word] for word in words(claim) if word in RATINGS]
    given = and_(rating.is_not(None), rating.in_(chosen))
    return or_(rating.is_(None), given) if "none" in claim.values else given


def _is_word(claim: Claim) -> ColumnElement[bool]:
    """Whether a column is one of some words. Never unknown: a column without one has none of them."""
    column = traces.c[claim.field.column]
    present = column.is_not(None) if column.nullable else column != EMPTY
    if claim.field.column == "error_stage":
        present = and_(traces.c.error_kind.is_not(None), present)  # of which there is an index
    if claim.verb == "none":
        return not_(present)
    one_of = column.in_(words(claim)) if len(claim.values) > 1 else column == words(claim)[0]
    return and_(present, one_of) if claim.field.optional else one_of


def _contains(claim: Claim) -> ColumnElement[bool]:
    [needle] = words(claim)
    found = search.contains(search.fold_needle(needle), search.PARTS.get(claim.field.name))
    holds = select(search_texts.c.seq).where(search_texts.c.seq == traces.c.seq, found).correlate(traces).exists()
    return and_(traces.c[claim.field.column] != EMPTY, holds) if claim.field.optional else holds

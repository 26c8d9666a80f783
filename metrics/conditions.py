"""What a query asks for, as conditions in SQL: on a trace's row, and on what else it is found by."""

import time
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from metrics import search
from metrics.expressions.compiling import compile_node
from metrics.expressions.grammar import parse
from metrics.expressions.narrowing import Seqs, find_few
from metrics.labels import LabelKind, bounded, find_labelled
from metrics.queries import TraceQuery
from metrics.tables import stage_times, traces

FOUND_LIMIT = 50_000
"""Traces of a label, or within a stage's time, that are looked up first. Of more, a page is found along the sort order."""


def list_conditions(connection: Connection, query: TraceQuery) -> Iterator[ColumnElement[bool]]:
    """The conditions of a query, less its search, for statements over `traces`. All must hold.

    Raises InputError for an expression that is none.
    """
    if query.backends:
        yield traces.c.backend.in_(sorted(query.backends))
    if query.asked_from is not None:
        yield traces.c.asked_at >= query.asked_from
    if query.asked_to is not None:
        yield traces.c.asked_at < query.asked_to
    if query.duration_min_ms is not None:
        yield traces.c.duration_ms >= query.duration_min_ms
    if query.duration_max_ms is not None:
        yield traces.c.duration_ms <= query.duration_max_ms
    if query.confidence_below is not None:
        yield traces.c.confidence < query.confidence_below
    if query.abstained is not None:
        # Written out, not bound: a partial index serves only a condition that the planner can read.
        yield traces.c.abstained == literal_column("1" if query.abstained else "0")
    yield from _error_filter(query.error)
    yield from _rating_filter(query.rating)
    yield from _asker_filters(query)
    yield from _finding_filters(connection, query)
    yield from _expression_filter(connection, query)


def _error_filter(error: str | None) -> Iterator[ColumnElement[bool]]:
    if error == "any":
        yield traces.c.error_kind.is_not(None)
    elif error == "none":
        yield traces.c.error_kind.is_(None)
    elif error is not None:
        yield traces.c.error_kind == search.storable(error)


def _rating_filter(rating: str | None) -> Iterator[ColumnElement[bool]]:
    if rating == "any":
        yield traces.c.rating.is_not(None)
    elif rating == "none":
        yield traces.c.rating.is_(None)
    elif rating is not None:
        yield traces.c.rating == (1 if rating == "up" else -1)


def _asker_filters(query: TraceQuery) -> Iterator[ColumnElement[bool]]:
    if query.origins:
        yield traces.c.origin.in_(sorted(query.origins))
    nothing: ColumnElement[str] = literal_column("''")  # written out, as above
    for column, value in ((traces.c.session, query.session), (traces.c.asked_by, query.user)):
        if value == "":
            yield column == nothing
        elif value is not None:
            yield column == bounded(value)
            yield column != nothing


def _finding_filters(connection: Connection, query: TraceQuery) -> Iterator[ColumnElement[bool]]:
    wanted: tuple[tuple[LabelKind, frozenset[str]], ...] = (
        ("service", query.services),
        ("model", query.models),
        ("kind", query.kinds),
        ("tag", query.tags),
    )
    for kind, values in wanted:
        if values:
            yield _found(connection, find_labelled(connection, kind, values))
    for stage, than, duration_ms in query.stage_ms:
        time_ms = stage_times.c.duration_ms
        taken = time_ms > duration_ms if than == ">" else time_ms < duration_ms
        yield _found(connection, select(stage_times.c.seq).where(stage_times.c.stage == bounded(stage), taken))


def _expression_filter(connection: Connection, query: TraceQuery) -> Iterator[ColumnElement[bool]]:
    """The query's expression, and where an index names few traces among which it can hold, that they are these."""
    if not query.expression.strip():
        return
    node, now_s = parse(query.expression), time.time() if query.now_s is None else query.now_s
    yield compile_node(node, now_s)
    few = find_few(connection, node, now_s, lambda seqs: _are_few(connection, seqs))
    if few is not None:
        yield traces.c.seq.in_(few)


def _are_few(connection: Connection, seqs: Seqs) -> bool:
    found = connection.scalar(select(func.count()).select_from(seqs.limit(FOUND_LIMIT + 1).subquery())) or 0
    return found <= FOUND_LIMIT


def _found(connection: Connection, seqs: Select[tuple[int]]) -> ColumnElement[bool]:
    """Whether a trace is among some. Few are looked up first; of many, each trace on the way is asked whether it is one.

    Either way alone is slow where the other is fast, as for a search.
    """
    if _are_few(connection, seqs):
        return traces.c.seq.in_(seqs)
    return seqs.where(seqs.selected_columns.seq == traces.c.seq).correlate(traces).exists()

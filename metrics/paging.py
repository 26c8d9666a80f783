"""Lists of traces in SQL: filters, search, sorting, keyset paging and counting, none of which reads a payload.

Keyset paging seeks to a place in an index instead of counting rows up to it, so that the last page costs what the
first does (https://use-the-index-luke.com/no-offset).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, select, tuple_

from metrics import pieces, search
from metrics.catalogue import STAGES
from metrics.conditions import list_conditions
from metrics.queries import (
    APART,
    NULLABLE_SORTS,
    SORT_COLUMNS,
    Count,
    Position,
    TracePage,
    TraceQuery,
    TraceRow,
    encode_cursor,
)
from metrics.tables import outbox, search_texts, stage_times, state, traces

COUNT_LIMIT = 10_000
"""Matches are counted exactly up to here: beyond, a person only wants to know that there are many."""

HIT_LIMIT = 5_000
"""The same for a search. A text with more hits is frequent: its page is found along the sort order."""

EXAMINED = 5_000
"""Traces whose text is looked through to count a frequent text among filtered ones; beyond, the count is a lower bound."""

SAMPLE = 2_000
"""Traces that tell a frequent short text from a rare one."""

EXCERPT_CHARS = 280
"""What a row shows of an answer."""

_LIGHT = [
    traces.c.seq,
    traces.c.trace_id,
    traces.c.asked_at,
    traces.c.backend,
    traces.c.question,
    func.substr(traces.c.answer, 1, EXCERPT_CHARS).label("answer"),
    traces.c.duration_ms,
    traces.c.error_kind,
    traces.c.error_stage,
    traces.c.top_score,
    traces.c.confidence,
    traces.c.abstained,
    traces.c.rating,
    traces.c.note,
    traces.c.origin,
    traces.c.service,
    traces.c.session,
    traces.c.asked_by.label("user"),
]


@dataclass(frozen=True, slots=True)
class Listing:
    """A query made ready for one database: its conditions as SQL, and how many traces meet them where that is known."""

    query: TraceQuery
    """What was asked."""
    where: tuple[ColumnElement[bool], ...]
    """Filters and search; every one must hold."""
    matched: Count | None
    """How many traces match, where planning has found out."""
    few: bool = False
    """Whether so few match that they are best found first and sorted then."""


def plan(connection: Connection, query: TraceQuery) -> Listing:
    """Choose how to search: from the index where few traces hold the text, along the sort order where many do.

    Either way alone is slow where the other is fast: an index would name, and a sort then order, half of all traces;
    the sort order would be walked from end to end for a text that nobody wrote.
    """
    filters = tuple(list_conditions(connection, query))
    needle = search.fold_needle(query.search)
    if not needle:
        return _plan_filters(connection, query, filters)
    contains = search.contains(needle)
    many: Count | None = None
    if len(needle) >= search.TRIGRAM or not _common(connection, contains):
        candidates = search.find_candidates(connection, needle)
        if candidates is not None:
            found = _count_some(connection, candidates, HIT_LIMIT)
            if found.exact:
                return Listing(query, (*filters, traces.c.seq.in_(candidates)), None if filters else found, few=True)
            many = found
    if many is None or filters:
        many = _count_examined(connection, filters, contains)
    text = select(search_texts.c.seq).where(search_texts.c.seq == traces.c.seq, contains)
    return Listing(query, (*filters, text.exists()), many)


def _plan_filters(connection: Connection, query: TraceQuery, filters: tuple[ColumnElement[bool], ...]) -> Listing:
    if not filters:
        return Listing(query, filters, count_total(connection))
    matching, limit = select(traces.c.seq).where(*filters), min(HIT_LIMIT, COUNT_LIMIT)
    found = connection.scalars(matching.limit(limit + 1)).all()
    if len(found) <= limit:  # Their numbers, so that they are not looked for again.
        return Listing(query, (traces.c.seq.in_(found),), Count(len(found)), few=True)
    return Listing(query, filters, _count_some(connection, matching, COUNT_LIMIT))


def _common(connection: Connection, contains: ColumnElement[bool]) -> bool:
    """Whether the newest traces suggest that a text is in one of a hundred traces or more."""
    found, sampled = _count_first(connection, _newest(SAMPLE), contains)
    return found * 100 >= sampled


def _count_examined(
    connection: Connection, filters: tuple[ColumnElement[bool], ...], contains: ColumnElement[bool]
) -> Count:
    """Count a text in the first EXAMINED traces that pass the filters: exact if there are no more than that."""
    first = select(traces.c.seq).where(*filters).limit(EXAMINED) if filters else _newest(EXAMINED)
    found, examined = _count_first(connection, first, contains)
    return Count(found, exact=examined < EXAMINED)


def _newest(limit: int) -> Select[tuple[int]]:
    return select(search_texts.c.seq).order_by(search_texts.c.seq.desc()).limit(limit)


def _count_first(connection: Connection, seqs: Select[tuple[int]], contains: ColumnElement[bool]) -> tuple[int, int]:
    """How many of some traces contain a text, and how many traces that are."""
    first = seqs.subquery()
    joined = first.join(search_texts, search_texts.c.seq == first.c.seq)
    found, examined = connection.execute(
        select(func.count(case((contains, 1))), func.count()).select_from(joined)
    ).one()
    return found, examined


def count_total(connection: Connection) -> Count:
    """How many traces are stored, without looking at them. Of those that wait in pieces, a flood is counted up to a bound."""
    listed = select(traces.c.seq).where(traces.c.trace_id == outbox.c.trace_id).exists()
    waiting = select(func.count()).select_from(outbox).where(~listed).scalar_subquery()
    stored = int(connection.scalar(select(state.c.folded - state.c.forgotten + waiting)) or 0)
    new, exact = pieces.count_new(connection)
    return Count(stored + new, exact)


def list_backends(connection: Connection) -> list[str]:
    """The names of all backends that have listed traces, sorted."""
    return list_values(connection, traces.c.backend)


def list_values(connection: Connection, column: ColumnElement[str]) -> list[str]:
    """The values of a column that an index begins with, sorted."""
    # Leaps from value to value in the index; SELECT DISTINCT would walk through every row.
    values = select(func.min(column).label("value")).cte("found", recursive=True)
    following = select(func.min(column)).where(column > values.c.value).scalar_subquery()
    values = values.union_all(select(following).where(values.c.value.is_not(None)))
    found = connection.scalars(select(values.c.value).where(values.c.value.is_not(None)))
    return sorted(value for value in found if value is not None)


def count_matched(connection: Connection, listing: Listing) -> Count:
    """How many traces the listing holds, exactly up to COUNT_LIMIT."""
    if listing.matched is not None:
        return listing.matched
    return _count_some(connection, select(traces.c.seq).where(*listing.where), COUNT_LIMIT)


def count_query(connection: Connection, query: TraceQuery) -> Count:
    """How many traces a query matches, exactly up to COUNT_LIMIT, where none of them is to be listed."""
    filters = list_conditions(connection, query)
    if filters and not search.fold_needle(query.search):
        return _count_some(connection, select(traces.c.seq).where(*filters), COUNT_LIMIT)
    return count_matched(connection, plan(connection, query))


def _count_some(connection: Connection, seqs: Select[tuple[int]], limit: int) -> Count:
    """How many rows a select has, exactly up to `limit`."""
    some = seqs.limit(limit + 1).subquery()
    found = connection.scalar(select(func.count()).select_from(some)) or 0
    return Count(min(found, limit), exact=found <= limit)


def select_rows(connection: Connection, listing: Listing, position: Position | None, limit: int) -> list[Row[Any]]:
    """Up to `limit` light rows beyond `position`, nearest first: in the list's order, or against it if backward."""
    rows: list[Row[Any]] = []
    for statement in _segments(listing, position):
        rows += connection.execute(statement.limit(limit - len(rows))).all()
        if len(rows) == limit:
            break
    return rows


Segment = Literal["known", "abstained", "missing"]
"""Traces with a value; where they are apart, abstentions with one; traces without."""


def _segments_of(query: TraceQuery) -> list[Segment]:
    """A list's segments in their order, which is the same in either direction of sorting."""
    named: tuple[tuple[Segment, bool], ...] = (
        ("known", True),
        ("abstained", query.sort in APART),
        ("missing", query.sort in NULLABLE_SORTS),
    )
    return [name for name, has in named if has]


def _segment_at(position: Position) -> Segment:
    return "missing" if position.value is None else "abstained" if position.abstained else "known"


def _held(query: TraceQuery, segment: Segment, value: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """What holds of a segment's traces, and of no others. value: what the list is sorted by."""
    if query.sort not in NULLABLE_SORTS:
        return []
    if segment == "missing":
        return [value.is_(None)]
    if query.sort not in APART:
        return [value.is_not(None)]
    # Bound, not written out: the partial index of abstentions would have all of them sorted for one page.
    return [value.is_not(None), traces.c.abstained == int(segment == "abstained")]


def _segments(listing: Listing, position: Position | None) -> Iterator[Select[Any]]:
    """The list as ranges of an index, one after the other, from a position on; going back, from the last to the first."""
    query = listing.query
    column: ColumnElement[Any] = traces.c[SORT_COLUMNS[query.sort]]
    # A sum is in no index: it keeps the planner, which cannot know how few match, from walking along the sort order.
    number, value = (traces.c.seq + 0, column + 0) if listing.few else (traces.c.seq, column)
    backward = position is not None and position.backward
    descending = query.descending != backward
    base = select(*_LIGHT).where(*listing.where)
    order = _segments_of(query)[:: -1 if backward else 1]
    begins = None if position is None else _segment_at(position)
    never = None
    if query.sort in APART and query.abstained is not None:
        never = "known" if query.abstained else "abstained"
    for segment in order[0 if begins is None else order.index(begins) :]:
        if segment == never:  # else all of the index would be walked to find that out
            continue
        keys = [number] if segment == "missing" else [value, number]
        rows = base.where(*_held(query, segment, value))
        if position is not None and segment == begins:
            place = [position.seq] if segment == "missing" else [position.value, position.seq]
            beyond = tuple_(*keys) < tuple_(*place) if descending else tuple_(*keys) > tuple_(*place)
            rows = rows.where(beyond)
        yield rows.order_by(*(key.desc() if descending else key.asc() for key in keys))


def read_stages(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, dict[str, float]]:
    """How long each stage of some light rows' traces took, ms, by the row's number; stages in the pipeline's order, others last."""
    times = select(stage_times.c.seq, stage_times.c.stage, stage_times.c.duration_ms)
    order = {stage: place for place, stage in enumerate(STAGES)}
    found: dict[int, dict[str, float]] = {row.seq: {} for row in rows}
    read = connection.execute(times.where(stage_times.c.seq.in_(list(found)))).all()
    for seq, stage, duration_ms in sorted(read, key=lambda each: (order.get(each.stage, len(order)), each.stage)):
        found[seq][stage] = duration_ms
    return found


def to_row(row: Row[Any], stage_ms: Mapping[str, float]) -> TraceRow:
    """A light row as the caller gets it."""
    fields = dict(row._mapping)
    del fields["seq"]
    told = {"abstained": bool(row.abstained), "rating": row.rating or 0, "stage_ms": stage_ms}
    return TraceRow(**{**fields, **told})


def to_position(query: TraceQuery, row: Row[Any], *, backward: bool) -> Position:
    """The place beside a light row."""
    value = row._mapping[SORT_COLUMNS[query.sort]]
    apart = query.sort in APART and value is not None and bool(row.abstained)
    return Position(value, row.seq, backward, abstained=apart)


def read_page(connection: Connection, query: TraceQuery, position: Position | None, limit: int) -> TracePage:
    """Up to `limit` rows beyond `position`, how many traces match, and where the pages beside this one begin."""
    listing = plan(connection, query)
    rows = select_rows(connection, listing, position, limit + 1)
    matched, total = count_matched(connection, listing), count_total(connection)
    more, rows = len(rows) > limit, rows[:limit]
    stages = read_stages(connection, rows)
    backward = position is not None and position.backward
    if backward:
        rows.reverse()
    before, behind = (more, True) if backward else (position is not None, more)
    return TracePage(
        rows=tuple(to_row(row, stages[row.seq]) for row in rows),
        matched=matched,
        total=total,
        next=encode_cursor(query, to_position(query, rows[-1], backward=False)) if rows and behind else None,
        previous=encode_cursor(query, to_position(query, rows[0], backward=True)) if rows and before else None,
    )

"""`Outcomes`: how questions ended, counted by minute and by the documents that were consulted, so that reading costs no look at a trace.

Counted as traces are folded, in the caller's transaction; what changes is taken back first. Counts by document are of traces that are
stored; those by minute are history, and stay when traces are deleted.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, delete, func, select, text

from metrics.costs import DAY_S, Periods
from metrics.database import Database
from metrics.labels import bounded
from metrics.latency import MINUTE_S
from metrics.tables import answer_counts, document_use, labels, trace_labels, traces

COUNTS = ("asked", "failed", "abstained", "known", "confidence")
"""The columns that are summed; the others say of what."""

MOST_DOCUMENTS = 10_000
"""Documents that are read at once, those consulted most."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How some questions ended."""

    asked: int = 0
    """How many there were."""
    failed: int = 0
    """How many failed."""
    abstained: int = 0
    """In how many the generator held that the chunks do not answer."""
    known: int = 0
    """Of how many a confidence is known."""
    confidence: float = 0.0
    """The sum of these, each in [0, 1]."""

    @property
    def answered(self) -> int:
        """How many were answered."""
        return self.asked - self.failed - self.abstained

    @property
    def mean_confidence(self) -> float | None:
        """The mean confidence, in [0, 1]; None where none is known."""
        return self.confidence / self.known if self.known else None

    def __add__(self, other: "Ends") -> "Ends":
        return Ends(*(getattr(self, name) + getattr(other, name) for name in COUNTS))


def add_up(connection: Connection, seqs: Sequence[int]) -> None:
    """Count traces that are written, with their labels."""
    _count(connection, seqs, 1)


def take_back(connection: Connection, seqs: Sequence[int]) -> None:
    """Take back what was counted of traces, before they are written anew."""
    _count(connection, seqs, -1)


def take_back_documents(connection: Connection, seqs: Sequence[int]) -> None:
    """Take back what was counted of traces by document, before they are deleted."""
    _write(connection, document_use, _by_document(connection, seqs, -1))


def _count(connection: Connection, seqs: Sequence[int], sign: int) -> None:
    for table, rows in (
        (answer_counts, _by_minute(connection, seqs, sign)),
        (document_use, _by_document(connection, seqs, sign)),
    ):
        _write(connection, table, rows)


def _sums(sign: int) -> list[ColumnElement[Any]]:
    failed = func.sum(case((traces.c.error_kind.is_not(None), 1), else_=0))
    sums = {
        "asked": func.count(),
        "failed": failed,
        "abstained": func.sum(traces.c.abstained),
        "known": func.count(traces.c.confidence),
        "confidence": func.coalesce(func.sum(traces.c.confidence), 0.0),
    }
    return [(sign * each).label(name) for name, each in sums.items()]


def _by_minute(connection: Connection, seqs: Sequence[int], sign: int) -> list[dict[str, Any]]:
    keys = (Periods(traces.c.asked_at, MINUTE_S).label("minute"), traces.c.backend, traces.c.origin)
    chosen = select(*keys, *_sums(sign)).where(traces.c.seq.in_(seqs))
    grouped = chosen.group_by("minute", traces.c.backend, traces.c.origin)
    return [dict(row) for row in connection.execute(grouped).mappings()]


def _by_document(connection: Connection, seqs: Sequence[int], sign: int) -> list[dict[str, Any]]:
    joined = traces.join(trace_labels, trace_labels.c.seq == traces.c.seq).join(
        labels, labels.c.label_id == trace_labels.c.label_id
    )
    keys = (Periods(traces.c.asked_at, DAY_S).label("day"), traces.c.backend, traces.c.origin)
    chosen = select(*keys, labels.c.value.label("document"), *_sums(sign)).select_from(joined)
    chosen = chosen.where(traces.c.seq.in_(seqs), labels.c.kind == "document")
    grouped = chosen.group_by("day", traces.c.backend, traces.c.origin, labels.c.value)
    return [dict(row) for row in connection.execute(grouped).mappings()]


def _write(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add counts to a table, or take them away where they are negative; of what none are left, no row is."""
    if not rows:
        return
    keys, names = [column.name for column in table.primary_key], table.c.keys()
    sums = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in COUNTS)
    # Both databases spell it like this; SQLAlchemy has it only dialect by dialect.
    connection.execute(
        text(
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "
            f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sums}"
        ),
        list(rows),
    )
    if any(row["asked"] < 0 for row in rows):
        here = and_(*(table.c[key] == bindparam(f"of_{key}") for key in keys))
        connection.execute(
            delete(table).where(here, table.c.asked <= 0), [{f"of_{key}": row[key] for key in keys} for row in rows]
        )


class Outcomes:
    """Reads what was counted. Every error of the database is a StoreError."""

    def __init__(
        self, database: Database, explained: Callable[[], AbstractContextManager[None]], freshen: Callable[[], object]
    ) -> None:
        """freshen: folds what waits, so that it counts."""
        self._database, self._explained, self._freshen = database, explained, freshen

    def by_period(self, backend: str, origin: str | None, since_s: int, until_s: int, period_s: int) -> dict[int, Ends]:
        """How the questions of each period ended, by its beginning; periods without any are left out.

        since_s, until_s: in seconds since the epoch, multiples of 60 as `period_s` is. origin: whence the questions came; None for all.
        """
        self._freshen()
        counts, first, step = answer_counts, since_s // MINUTE_S, period_s // MINUTE_S
        period = ((counts.c.minute - first) // step).label("period")
        chosen = select(period, *(func.sum(counts.c[name]) for name in COUNTS)).where(
            counts.c.minute >= first, counts.c.minute < until_s // MINUTE_S, counts.c.backend == bounded(backend)
        )
        if origin is not None:
            chosen = chosen.where(counts.c.origin == origin)
        with self._explained(), self._database.engine.connect() as connection:
            rows = connection.execute(chosen.group_by("period")).all()
        return {since_s + int(place) * period_s: _ends(sums) for place, *sums in rows}

    def of_stored(self, backend: str, origin: str | None, since_s: int, until_s: int, period_s: int) -> dict[int, Ends]:
        """What `by_period` says, of the traces that are stored now, whether or not they were counted: at a look at the row of each."""
        self._freshen()
        period = Periods((traces.c.asked_at - since_s).self_group(), period_s).label("period")
        chosen = select(period, *_sums(1)).where(
            traces.c.backend == bounded(backend), traces.c.asked_at >= since_s, traces.c.asked_at < until_s
        )
        if origin is not None:
            chosen = chosen.where(traces.c.origin == origin)
        with self._explained(), self._database.engine.connect() as connection:
            rows = connection.execute(chosen.group_by("period")).all()
        return {since_s + int(place) * period_s: _ends(sums) for place, *sums in rows}

    def thumbs(self, backend: str, origin: str | None, since_s: int, until_s: int) -> list[tuple[float, int]]:
        """When the rated questions of a stretch were asked, and how each was rated: 1 up, -1 down."""
        self._freshen()
        chosen = select(traces.c.asked_at, traces.c.rating).where(
            traces.c.rating.is_not(None),
            traces.c.asked_at >= since_s,
            traces.c.asked_at < until_s,
            traces.c.backend == bounded(backend),
        )
        if origin is not None:
            chosen = chosen.where(traces.c.origin == origin)
        with self._explained(), self._database.engine.connect() as connection:
            return [(row.asked_at, row.rating) for row in connection.execute(chosen.order_by(traces.c.asked_at))]

    def thumbs_by_document(
        self, since_s: float, backend: str | None = None, origin: str | None = None
    ) -> dict[str, tuple[int, int]]:
        """How often the questions that consulted each document were rated up, and how often down; documents without a rating are left out.

        Read from the rated traces, which are few and have an index. since_s, backend, origin: as of `by_document`.
        """
        self._freshen()
        # Begun with the rated traces, which are few, and gone on from their labels to what these are: neither an index by backend or origin
        # nor that of labels by kind is to be taken, which find very many, nor is every document to be tried with every trace.
        rated = select(traces.c.seq, traces.c.rating).where(
            traces.c.rating.is_not(None), traces.c.asked_at >= int(since_s // DAY_S) * DAY_S
        )
        if backend is not None:
            rated = rated.where(traces.c.backend.concat("") == bounded(backend))
        if origin is not None:
            rated = rated.where(traces.c.origin.concat("") == origin)
        found = rated.cte("rated").prefix_with("MATERIALIZED")
        up, down = (func.sum(case((found.c.rating == rating, 1), else_=0)) for rating in (1, -1))
        of_labels = (
            select(trace_labels.c.label_id, up.label("ups"), down.label("downs"))
            .select_from(found.join(trace_labels, trace_labels.c.seq == found.c.seq))
            .group_by(trace_labels.c.label_id)
            .cte("of_labels")
            .prefix_with("MATERIALIZED")
        )
        named = of_labels.join(labels, labels.c.label_id == of_labels.c.label_id)
        chosen = select(labels.c.value, of_labels.c.ups, of_labels.c.downs).select_from(named)
        chosen = chosen.where(labels.c.kind.concat("") == "document")
        with self._explained(), self._database.engine.connect() as connection:
            rows = connection.execute(chosen).all()
        return {document: (int(ups), int(downs)) for document, ups, downs in rows}

    def by_document(self, since_s: float, backend: str | None = None, origin: str | None = None) -> dict[str, Ends]:
        """How the questions ended that consulted each document, those consulted most first.

        since_s: in seconds since the epoch, widened to whole days, UTC. backend, origin: None for all.
        """
        self._freshen()
        use = document_use
        asked = func.sum(use.c.asked).label("times")
        chosen = select(use.c.document, asked, *(func.sum(use.c[name]) for name in COUNTS[1:]))
        chosen = chosen.where(use.c.day >= int(since_s // DAY_S))
        if backend is not None:
            chosen = chosen.where(use.c.backend == bounded(backend))
        if origin is not None:
            chosen = chosen.where(use.c.origin == origin)
        ordered = chosen.group_by(use.c.document).order_by(asked.desc(), use.c.document).limit(MOST_DOCUMENTS)
        with self._explained(), self._database.engine.connect() as connection:
            return {document: _ends(sums) for document, *sums in connection.execute(ordered)}


def _ends(sums: Sequence[Any]) -> Ends:
    asked, failed, abstained, known, confidence = sums
    return Ends(int(asked), int(failed), int(abstained), int(known), float(confidence))

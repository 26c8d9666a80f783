"""Tokens that traces used, by time and by run, as the store keeps them: written as traces are folded, read for charts, runs and alerts.

What they cost is worked out as they are read, by the price table of that moment: `metrics.token_costs`.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, delete, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from metrics import search
from metrics.database import Database, insert_rows
from metrics.tables import run_answers, state, token_use, traces
from metrics.token_costs import TokenUse
from pipeline.errors import InputError

DAY_S = 86_400
"""Seconds in a day, UTC."""


@dataclass(frozen=True, slots=True)
class CostPoint:
    """What was used of one model in one period."""

    start_s: int
    """Beginning of the period, in seconds since the epoch: a multiple of its length."""
    use: TokenUse
    """What was used in it."""


class Periods(FunctionElement[int]):
    """How many whole periods lie before a time: time and length of a period, in seconds. Times are after 1970."""

    type = BigInteger()
    inherit_cache = True


@compiles(Periods)
def _name_periods(element: Periods, compiler: Any, **options: Any) -> str:
    time_s, step_s = (compiler.process(part, **options) for part in element.clauses)
    return f"CAST(floor({time_s} / {step_s}) AS BIGINT)"


@compiles(Periods, "sqlite")
def _name_sqlite_periods(element: Periods, compiler: Any, **options: Any) -> str:
    time_s, step_s = (compiler.process(part, **options) for part in element.clauses)
    return f"CAST({time_s} / {step_s} AS INTEGER)"  # whose `floor` is an option of its build


SUMS = tuple(func.sum(token_use.c[name]) for name in ("calls", "input_tokens", "output_tokens", "uncounted"))


FEW = 40
"""Periods up to which each is asked for by itself: SQLite sorts what it groups, and sorts by a model alone in half the time."""


class CostReader:
    """Reads what a trace store knows of tokens. Every error of the database is a StoreError."""

    def __init__(
        self,
        database: Database,
        explained: Callable[[], AbstractContextManager[None]],
        freshen: Callable[[], object],
    ) -> None:
        """freshen: folds what waits, so that it counts."""
        self._database, self._explained, self._freshen = database, explained, freshen

    def cost_series(self, since: float, until: float, step_s: int) -> list[CostPoint]:
        """What was used from one time to another, by period and model, ascending; periods without any are left out.

        since, until: seconds since the epoch; until is no longer part of it. step_s: seconds in a period. Raises InputError for none.
        """
        if step_s <= 0:
            raise InputError(f"A period of {step_s} s holds nothing. Give at least 1.")
        self._freshen()
        periods = range(math.floor(since / step_s), math.ceil(until / step_s))
        with self._explained(), self._database.engine.connect() as connection:
            if len(periods) <= FEW:
                found = _read_each(connection, periods, since, until, step_s)
            else:
                found = _read_at_once(connection, since, until, step_s)
        return sorted(found, key=lambda point: (point.start_s, point.use.model))

    def of_run(self, run_id: str) -> list[TokenUse]:
        """What the questions of a run used, by model. What its traces used that were deleted is not known any more."""
        return self.of_runs([run_id]).get(run_id, [])

    def of_runs(self, run_ids: Collection[str]) -> dict[str, list[TokenUse]]:
        """The same of several runs; a run whose questions used nothing is left out."""
        self._freshen()
        stored = {search.storable(run_id): run_id for run_id in run_ids}
        joined = token_use.join(traces, traces.c.seq == token_use.c.seq).join(
            run_answers, run_answers.c.trace_id == traces.c.trace_id
        )
        keys = (run_answers.c.run_id, token_use.c.model)
        chosen = select(*keys, *SUMS).select_from(joined).where(run_answers.c.run_id.in_(list(stored)))
        found: dict[str, list[TokenUse]] = {}
        with self._explained(), self._database.engine.connect() as connection:
            for run_id, *use in connection.execute(chosen.group_by(*keys).order_by(*keys)):
                found.setdefault(stored[run_id], []).append(_to_use(use))
        return found

    def counted_from(self) -> float | None:
        """The time before which stored traces were not counted, in seconds since the epoch; None where all are."""
        with self._explained(), self._database.engine.connect() as connection:
            found: float | None = connection.scalar(select(state.c.counted_from))
        return found


def _read_each(
    connection: Connection, periods: Sequence[int], since: float, until: float, step_s: int
) -> list[CostPoint]:
    asked_at = token_use.c.asked_at
    chosen = select(token_use.c.model, *SUMS).where(asked_at >= bindparam("start"), asked_at < bindparam("end"))
    chosen = chosen.group_by(token_use.c.model)
    found = []
    for period in periods:
        bounds = {"start": max(since, period * step_s), "end": min(until, (period + 1) * step_s)}
        found += [CostPoint(period * step_s, _to_use(row)) for row in connection.execute(chosen, bounds)]
    return found


def _read_at_once(connection: Connection, since: float, until: float, step_s: int) -> list[CostPoint]:
    period = Periods(token_use.c.asked_at, step_s).label("period")
    asked = (token_use.c.asked_at >= since, token_use.c.asked_at < until)
    # By its name: PostgreSQL does not see that two expressions with bound values are the same.
    chosen = select(period, token_use.c.model, *SUMS).where(*asked).group_by("period", token_use.c.model)
    return [CostPoint(int(row[0]) * step_s, _to_use(row[1:])) for row in connection.execute(chosen)]


def _to_use(row: Row[Any] | Sequence[Any]) -> TokenUse:
    """A model and its sums, which PostgreSQL gives as decimals."""
    model, *sums = row
    return TokenUse(str(model), *map(int, sums))


def add_uses(connection: Connection, used: Mapping[int, tuple[float, Sequence[TokenUse]]]) -> None:
    """Write what traces used, by `seq`, with the time at which each was asked. None has rows yet."""
    rows = [
        (seq, use.model, asked_at, use.calls, use.input_tokens, use.output_tokens, use.uncounted)
        for seq, (asked_at, uses) in used.items()
        for use in uses
    ]
    insert_rows(connection, token_use, rows)


def remove_uses(connection: Connection, seqs: Sequence[int]) -> None:
    """Take away what is known of some traces."""
    connection.execute(delete(token_use).where(token_use.c.seq.in_(seqs)))

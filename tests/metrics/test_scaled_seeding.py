"""A large store takes long to fill: what breaks that off costs one step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from benchmarks import scaled_store, seeding
from benchmarks.scaled_store import TREE_SPANS, is_whole, seed_scaled
from benchmarks.seeding import UNTIL
from metrics.store import TraceStore
from metrics.tables import answer_counts, metadata, traces

SIZE = (40, TREE_SPANS, 2, 3)
"""Traces, their spans, runs and their answers."""

MORE = 9
"""Transactions that each attempt gets further than the one before, at most."""


class BrokenOff(Exception):
    """Somebody stopped it."""


@pytest.mark.slow
def test_seeding_that_is_broken_off_goes_on_where_it_was(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "BLOCK", 10)
    monkeypatch.setattr(scaled_store, "COUNTED", 10)
    with TraceStore.open(store_url) as store, TraceStore.open(f"sqlite:///{tmp_path / 'at-once.sqlite'}") as at_once:
        _let_it_be(monkeypatch, UNTIL)
        seed_scaled(at_once, *SIZE)
        breaks = 0
        while not is_whole(store, SIZE[0], SIZE[2]):
            with monkeypatch.context() as patch:
                _let_it_be(patch, UNTIL + breaks * 3_600)
                _break_off_after(patch, store, MORE * (breaks + 1))
                try:
                    seed_scaled(store, *SIZE)
                except BrokenOff:
                    breaks += 1
        assert breaks > 5
        assert _amounts(store) == _amounts(at_once)


def _let_it_be(patch: pytest.MonkeyPatch, now_s: float) -> None:
    patch.setattr(scaled_store, "time", SimpleNamespace(time=lambda: now_s, perf_counter=time.perf_counter))


def _break_off_after(patch: pytest.MonkeyPatch, store: TraceStore, transactions: int) -> None:
    """Undo the transaction that comes after so many, as what is killed in it is undone."""
    begin, left = store._database.writing, [transactions]

    @contextmanager
    def writing() -> Iterator[Any]:
        with begin() as connection:
            yield connection
            left[0] -= 1
            if left[0] < 0:
                raise BrokenOff

    patch.setattr(store._database, "writing", writing)


def _amounts(store: TraceStore) -> dict[str, Any]:
    """Rows of each table, what must not be counted twice, and over which time traces are spread."""
    with store._database.engine.connect() as connection:
        rows = {
            table.name: connection.scalar(select(func.count()).select_from(table)) for table in metadata.sorted_tables
        }
        asked = connection.scalar(select(func.sum(answer_counts.c.asked)))
        spread_s = connection.scalar(select(func.max(traces.c.asked_at) - func.min(traces.c.asked_at)))
    return {**rows, "asked": asked, "spread_s": pytest.approx(spread_s)}

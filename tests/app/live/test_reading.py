"""Where the time goes is told alike by the whole view and by the shares alone."""

from pathlib import Path

import pytest

from app.config import Settings
from app.live.reading import Live, LiveChoice
from metrics.store import TraceStore
from tests.factories import make_spans, make_trace
from tests.metrics.conftest import sqlite_url

NOW_S = 1_757_000_030.0


def test_shares_are_those_of_the_view(tmp_path: Path) -> None:
    with TraceStore.open(sqlite_url(tmp_path)) as store:
        spans = make_spans(embed_ms=10.0, retrieve_ms=0.0, generate_ms=60.0)
        store.put(make_trace(asked_at=NOW_S - 100, spans=spans, duration_ms=100.0))
        store.put(make_trace(asked_at=NOW_S - 100, spans=make_spans(embed_ms=500.0), backend="other"))
        live = Live(Settings(), lambda: store, clock=lambda: NOW_S)
        choice = LiveChoice("local", "local/embedded")
        shares = live.shares(choice)
        assert shares == live.read(choice).shares
        assert shares == pytest.approx({"generate": 0.6, "unaccounted": 0.3, "embed": 0.1}, abs=0.02)

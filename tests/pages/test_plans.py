"""What pages ask of SQLite: no query reads all of a table that grows with what is stored."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.services import Services
from benchmarks.bench_pages import seed_runs
from benchmarks.query_plans import Scan, find_scans, recording
from benchmarks.scaled_store import TREE_SPANS, seed_scaled
from tests.plans import FEW, MANY, connected_to_unknown, limit_to_few, whole_reads

PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "overview": ("overview", {"past": "week"}),
    "live": ("live", {"window": "7 days"}),
    "live, an application's": ("live", {"window": "7 days", "answered_by": "application/shop"}),
    "traces": ("traces", {}),
    "traces, by duration": ("traces", {"sort": "slowest"}),
    "traces, of a week": ("traces", {"since": "week"}),
    "traces, by tag and service": ("traces", {"services": "help", "tags": "beta"}),
    "traces, by a score": ("traces", {"expression": "quality.grounded < 0.2"}),
    "traces, searched": ("traces", {"search": "what is"}),
    "sessions": ("traces", {"list": "sessions"}),
    "a session": ("traces", {"session": "s1"}),
    "runs": ("runs", {}),
    "status": ("status", {}),
}

GROUPED = Scan("traces", "scan", "traces_by_session")
"""Conversations are all grouped at once, but only where `sessions.FEW` traces or fewer have one."""


@pytest.mark.slow
@pytest.mark.parametrize("stored", [FEW, MANY])
def test_no_query_of_a_page_reads_all_that_is_stored(
    stored: str,
    services: Services,
    open_page: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if stored == MANY:
        limit_to_few(monkeypatch)
    seed_scaled(services.store, 40, TREE_SPANS, 2, 3)
    found: dict[str, list[Scan]] = {}
    with connected_to_unknown(tmp_path) as connection:
        for name, (page, address) in PAGES.items():
            with recording(services.store._database.engine) as record:
                assert not open_page(page, **address).exception
            assert record.statements
            found[name] = whole_reads(connection, record)
    allowed = [GROUPED] if stored == FEW else []
    assert {name: scans for name, scans in found.items() if scans} == ({"sessions": allowed} if allowed else {})


def test_a_query_that_reads_a_whole_table_is_seen(services: Services) -> None:
    engine = services.store._database.engine
    with recording(engine) as record, engine.connect() as connection:
        connection.exec_driver_sql("SELECT DISTINCT question FROM traces")
        connection.exec_driver_sql("SELECT count(*) FROM traces WHERE asked_at > 5")
    with engine.connect() as connection:
        scans = [find_scans(connection, each) for each in record.statements.values()]
    assert scans == [[Scan("traces", "scan")], []]


@pytest.mark.slow
def test_a_leaderboard_does_not_ask_for_each_of_its_runs(services: Services, open_page: Callable[..., AppTest]) -> None:
    few, many = 2, 60
    sent = []
    for runs in (few, many):
        seed_runs(services.store, runs, 2, first=runs)
        with recording(services.store._database.engine) as record:
            page = open_page("runs", view="board").run()
        assert not page.exception
        sent.append(record.sent)
    assert sent[1] - sent[0] < many

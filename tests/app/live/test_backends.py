"""All backends of the window are counted as Live counts each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.live.backends import MOST, BackendPaces, backends_words, read_backends
from app.live.reading import LiveChoice
from metrics.store import TraceStore
from tests.factories import make_failed_trace, make_trace
from tests.metrics.conftest import sqlite_url

NOW_S = 1_757_000_030.0

CHOICE = LiveChoice("local", "fake")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    """Ours asked by people and a run, an application's, and one that was asked before the window."""
    with TraceStore.open(sqlite_url(tmp_path)) as opened:
        asked = {"asked_at": NOW_S - 100}
        opened.put(make_trace(backend="fake", **asked))
        opened.put(make_failed_trace(backend="fake", **asked))
        opened.put(make_trace(backend="fake", origin="run", **asked))
        for duration_ms in (100.0, 200.0, 300.0):
            opened.put(make_trace(backend="otlp/shop", origin="application", duration_ms=duration_ms, **asked))
        opened.put(make_trace(backend="idle", asked_at=NOW_S - 7_200))
        yield opened


def told(found: BackendPaces) -> list[tuple[str, int, int]]:
    return [(each.backend, each.asked, each.failed) for each in found.rows]


@pytest.mark.slow
def test_backends_of_the_window_stand_by_what_they_were_asked(store: TraceStore) -> None:
    found = read_backends(store, CHOICE, NOW_S)
    assert told(found) == [("otlp/shop", 3, 0), ("fake", 2, 1)]
    assert found.rows[0].p95_ms == pytest.approx(300, rel=0.02)
    assert (found.rows[0].failed_share, found.rows[1].failed_share) == (0.0, 0.5)


def test_whose_questions_are_counted_is_chosen_but_of_applications_all_are(store: TraceStore) -> None:
    everyone = LiveChoice("local", "fake", asked_by="everyone")
    assert told(read_backends(store, everyone, NOW_S)) == [("fake", 3, 1), ("otlp/shop", 3, 0)]
    runs = LiveChoice("local", "fake", asked_by="runs")
    assert told(read_backends(store, runs, NOW_S)) == [("otlp/shop", 3, 0), ("fake", 1, 0)]
    assert "whoever asked" in backends_words(everyone, read_backends(store, everyone, NOW_S))
    assert "asked by runs" in backends_words(runs, read_backends(store, runs, NOW_S))


def test_one_that_is_alone_is_not_listed_and_another_beside_an_idle_one_is(store: TraceStore) -> None:
    alone = LiveChoice("local", "otlp/shop", window="15 min")
    assert read_backends(store, alone, NOW_S + 86_400) == BackendPaces(())
    store.put(make_trace(backend="otlp/shop", origin="application", asked_at=NOW_S + 86_390))
    found = read_backends(store, alone, NOW_S + 86_400)
    assert found == BackendPaces((), alone=True)
    assert backends_words(alone, found).startswith("No other backend was asked")
    assert backends_words(alone, BackendPaces(())) == ""
    assert len(read_backends(store, LiveChoice("local", "idle"), NOW_S).rows) == 2
    assert read_backends(store, LiveChoice("cloudwatch", "aws"), NOW_S).rows == ()


def test_what_is_listed_has_a_bound_and_the_rest_is_counted(store: TraceStore) -> None:
    store.put_all(
        [make_trace(trace_id=f"b{number}", backend=f"b{number}", asked_at=NOW_S - 100) for number in range(MOST)]
    )
    found = read_backends(store, CHOICE, NOW_S)
    assert (len(found.rows), found.more) == (MOST, 2)
    assert backends_words(CHOICE, found).endswith("2 backends asked less are left out.")

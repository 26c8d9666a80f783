"""Whose questions the Overview counts, and that its links ask for the same."""

import pytest

from app.overview.reading import live_choice, live_query, origins_of, read_concerns, read_pace, read_recent
from metrics.store import TraceStore
from tests.factories import make_failed_trace, make_trace

NOW_S = 1_800_000_030.0


@pytest.fixture
def store(tmp_path):
    with TraceStore.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        at = {"asked_at": NOW_S - 20}
        opened.put_all(
            [
                make_trace(**at, duration_ms=100.0),
                make_failed_trace(**at, origin="run", duration_ms=900.0),
                make_trace(**at, origin="run", duration_ms=900.0),
                make_trace(**at, origin="application", backend="otlp/shop"),
            ]
        )
        yield opened


@pytest.mark.parametrize(
    ("whose", "asked", "failed", "others"),
    [("people", 2, 0, 2), ("runs", 2, 1, 2), ("load tests", 0, 0, 4), ("everyone", 4, 1, 0)],
)
def test_questions_are_counted_of_those_who_were_chosen(store, whose, asked, failed, others):
    pace = read_pace(store, "hour", whose, NOW_S)
    assert (pace.now.questions, pace.now.failed, pace.others) == (asked, failed, others)
    assert len(read_recent(store, whose)) == asked


def test_p95_is_of_those_who_were_chosen_as_it_is_on_live(store):
    people, runs = (read_pace(store, "hour", whose, NOW_S) for whose in ("people", "runs"))
    assert (people.backend, runs.backend) == ("local/embedded", "local/embedded")
    assert people.now.p95_ms == pytest.approx(100.0, rel=0.02)
    assert runs.now.p95_ms == pytest.approx(900.0, rel=0.02)
    assert live_query(runs, "hour") == {"answered_by": "local/embedded", "asked_by": "runs", "window": "1 hour"}
    assert live_choice(runs, "hour").origin == "run"


def test_what_needs_a_look_is_of_those_who_were_chosen(store):
    assert "failed" not in {each.name for each in read_concerns(store, "hour", "people", NOW_S)}
    failed = next(each for each in read_concerns(store, "hour", "runs", NOW_S) if each.name == "failed")
    assert (failed.found.value, failed.query["origins"]) == (1, "run")
    assert origins_of("everyone") == ()

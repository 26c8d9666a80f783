"""New traces are scored in the background, once each, at a bounded rate, and a restart goes on where it was."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.quality import watching
from app.quality.watching import BATCH, Loop, Remembered, Watcher, in_sample
from app.services import Services
from pipeline.errors import StoreError
from tests.factories import make_trace


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


def put(services: Services, count: int, **fields: object) -> list[str]:
    made = [make_trace(asked_at=time.time() - 60, **fields) for _ in range(count)]
    services.store.put_all(made)
    services.store.fold()
    return [trace.trace_id for trace in made]


def watcher(services: Services, **how: object) -> Watcher:
    return Watcher(lambda: services.store, lambda _: None, **{"per_s": 1e6, **how})  # type: ignore[arg-type]


def watch_all(by: Watcher) -> int:
    total = 0
    while done := by.look():
        total += done
    return total


def scored(services: Services, ids: list[str]) -> list[str]:
    return [each for each in ids if services.store.quality.of(each)]


def test_every_new_trace_is_scored_and_none_waits(services: Services) -> None:
    ids = put(services, BATCH + 3)
    assert watch_all(watcher(services)) == BATCH + 3
    assert scored(services, ids) == ids
    lag = services.store.quality.lag()
    assert lag is not None
    assert lag.traces == 0


def test_a_restart_goes_on_after_the_last_that_was_scored(services: Services) -> None:
    put(services, 2)
    watch_all(watcher(services))
    later = put(services, 3)
    assert watch_all(watcher(services)) == 3
    assert scored(services, later) == later


def test_two_dashboards_on_one_store_leave_one_score_each(services: Services) -> None:
    put(services, 5)
    first, second = watcher(services), watcher(services)
    unscored = services.store.quality.waiting("scored", BATCH)
    first.look()
    # The second one had read the same traces before the first had written.
    services.store.quality.put("scored", {each.seq: {"grounded": 0.0} for each in unscored}, unscored[-1].seq)
    assert second.look() == 0
    [point] = services.store.quality.series("grounded", time.time() - 3600, time.time(), 7200)
    assert (point.count, point.mean) == (5, 1.0)


@pytest.mark.slow
def test_a_sample_is_the_same_in_every_process_and_about_its_share(services: Services) -> None:
    drawn = [make_trace().trace_id for _ in range(2_000)]
    # Of 2,000 at one in four, 500; six standard deviations are 116.
    assert abs(sum(in_sample(each, 0.25) for each in drawn) - 500) < 116
    assert all(in_sample(each, 1.0) for each in drawn)
    assert not any(in_sample(each, 0.0) for each in drawn)
    ids = put(services, 40)
    assert watch_all(watcher(services, share=0.5)) == 40
    assert scored(services, ids) == [each for each in ids if in_sample(each, 0.5)]


def test_no_more_traces_a_second_are_scored_than_that(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    put(services, 10)
    by = watcher(services, per_s=5.0)
    waits: list[float] = []
    monkeypatch.setattr(by.loop, "wait", lambda seconds: waits.append(seconds) or False)
    by.look()
    # Ten traces are two seconds' worth, less what scoring them took.
    assert 0 < waits[0] <= 2.0


def test_scoring_gives_way_to_a_question_but_not_for_long(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = put(services, 1)
    asked: list[float] = []
    monkeypatch.setattr(watching.time, "sleep", asked.append)
    monkeypatch.setattr(watching, "GIVE_WAY_S", 0.005)
    watch_all(watcher(services, busy=lambda: True))
    assert asked
    assert scored(services, ids) == ids


def test_a_trace_that_cannot_be_scored_holds_nothing_up(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = put(services, 2)
    real = watching.score_trace

    def broken(trace: object, of: object) -> object:
        if trace.trace_id == ids[0]:  # type: ignore[attr-defined]
            raise RuntimeError("no")
        return real(trace, of)  # type: ignore[arg-type]

    monkeypatch.setattr(watching, "score_trace", broken)
    assert watch_all(watcher(services)) == 2
    assert scored(services, ids) == ids[1:]


def test_a_store_that_cannot_be_reached_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PERIOD_S", 0.0)
    looks = iter([StoreError("The disk is full."), RuntimeError("odd"), None])
    told: list[str] = []
    went_well = threading.Event()

    def look() -> int:
        told.append(loop.problem)
        found = next(looks, None)
        if found is not None:
            raise found
        went_well.set()
        return 0

    loop = Loop(look, "a-test")
    loop.start()
    assert went_well.wait(5)
    loop.stop()
    assert told[:2] == ["", "The disk is full."]
    assert "in the log" in told[2]
    assert loop.problem == ""


def test_a_calibration_is_looked_up_once_for_what_answered() -> None:
    looked: list[str] = []
    of = Remembered(lambda trace: looked.append(trace.backend), lambda trace: trace.backend)  # type: ignore[arg-type, func-returns-value]
    for backend in ("a", "b", "a"):
        assert of(make_trace(backend=backend)) is None
    assert looked == ["a", "b"]


def test_a_dashboard_watches_until_it_closes(make_services: Callable[..., Services]) -> None:
    services = make_services()
    ids = put(services, 1)
    services.quality.start()
    deadline = time.monotonic() + 10
    while not scored(services, ids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert scored(services, ids) == ids
    assert services.quality.state().problems == ()
    loop = services.quality.watcher.loop
    assert not loop.stopping
    services.close()
    assert loop.stopping


def test_nothing_is_watched_where_the_share_is_nought(make_services: Callable[..., Services]) -> None:
    services = make_services(quality_share=0.0)
    services.quality.start()
    assert services.store.quality.lag() is None
    assert replace(services.quality.state(), lag=None).share == 0.0

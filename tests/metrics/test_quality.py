"""Scores by rules are written once, read by time, follow their trace, and say how far the rules have come."""

import time
from collections.abc import Iterator
from statistics import fmean, pstdev

import pytest

from benchmarks.query_plans import recording
from metrics import folding, quality
from metrics.expressions.fields import describe_fields
from metrics.quality import LOOK_BACK_S
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import InputError
from tests.factories import make_trace
from tests.metrics.assembling import TRACE_ID, assemble, make_records

BEGAN = 1_757_000_000.0


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folding in the background of this process."""
    monkeypatch.setattr(folding, "PERIOD_S", 3_600.0)


@pytest.fixture
def store(store_url: str) -> Iterator[TraceStore]:
    """An empty store on either database, which puts other applications' spans together."""
    with TraceStore.open(store_url, assembling=assemble) as opened:
        yield opened


def put(store: TraceStore, count: int, every_s: float = 1.0, backend: str = "local/embedded") -> list[str]:
    made = [make_trace(asked_at=BEGAN + number * every_s, backend=backend) for number in range(count)]
    store.put_all(made)
    store.fold()
    return [trace.trace_id for trace in made]


def score(store: TraceStore, values: dict[int, float | None], rule: str = "grounded") -> None:
    store.quality.put("scored", {seq: {rule: value} for seq, value in values.items()}, max(values))


def test_a_reader_gets_each_trace_once_in_order(store: TraceStore) -> None:
    ids = put(store, 5)
    assert store.quality.lag() is None
    assert store.quality.begin("scored", BEGAN) == 0
    first = store.quality.waiting("scored", 3)
    assert [each.trace.trace_id for each in first if each.trace] == ids[:3]
    score(store, {each.seq: 1.0 for each in first})
    lag = store.quality.lag()
    assert lag is not None
    assert (lag.traces, lag.oldest_at) == (2, BEGAN + 3)
    assert [each.trace.trace_id for each in store.quality.waiting("scored", 9) if each.trace] == ids[3:]
    assert len(store.quality.waiting("judged", 9)) == 5


def test_a_reader_begins_with_the_last_day_and_goes_on_where_it_was(store: TraceStore) -> None:
    put(store, 4, every_s=LOOK_BACK_S / 2)
    assert store.quality.begin("scored", BEGAN + 1.5 * LOOK_BACK_S) == 1
    store.quality.advance("scored", 3)
    assert store.quality.begin("scored", BEGAN + 9 * LOOK_BACK_S) == 3
    store.quality.advance("scored", 2)
    assert store.quality.begin("scored", BEGAN) == 3


def test_two_writers_leave_one_score_of_each(store: TraceStore) -> None:
    [trace_id] = put(store, 1)
    score(store, {1: 0.25})
    score(store, {1: 0.75})
    assert store.quality.of(trace_id) == {"grounded": 0.25}
    assert [point.count for point in store.quality.series("grounded", BEGAN, BEGAN + 60, 60)] == [1]


def test_a_claim_is_given_to_one_and_filled_by_it(store: TraceStore) -> None:
    [trace_id] = put(store, 1)
    assert store.quality.claim(1, ["judged_answer"])
    assert not store.quality.claim(1, ["judged_answer"])
    assert store.quality.of(trace_id) == {"judged_answer": None}
    store.quality.fill(1, {"judged_answer": 1.0})
    assert store.quality.of(trace_id) == {"judged_answer": 1.0}
    assert store.quality.claimed("judged_answer", BEGAN, time.time() - 60) == 1
    assert store.quality.claimed("judged_answer", BEGAN, time.time() + 60) == 0


def test_buckets_hold_what_statistics_says_of_their_values(store: TraceStore) -> None:
    put(store, 23)
    values = {seq: (seq * 7 % 23) / 23 for seq in range(1, 24)}
    score(store, values)
    points = store.quality.series("grounded", BEGAN, BEGAN + 23, 10)
    assert [point.at for point in points] == [BEGAN, BEGAN + 10, BEGAN + 20]
    for point, seqs in zip(points, (range(1, 11), range(11, 21), range(21, 24)), strict=True):
        held = sorted(values[seq] for seq in seqs)
        assert point.count == len(held)
        assert point.mean == pytest.approx(fmean(held))
        assert point.spread == pytest.approx(pstdev(held))
        # The smallest value that a share of all do not exceed (Hyndman and Fan 1996, definition 1).
        assert [point.low, point.median, point.high] == [
            next(value for place, value in enumerate(held, 1) if place >= share * len(held) - 1e-9)
            for share in (0.1, 0.5, 0.9)
        ]
    sampled = store.quality.sampled("grounded", BEGAN, BEGAN + 23, 10)
    assert [(point.at, point.count, point.mean, point.spread, point.low) for point in sampled] == [
        (point.at, point.count, pytest.approx(point.mean), pytest.approx(point.spread), None) for point in points
    ]


def test_of_a_full_bucket_as_many_values_are_read_of_each_part(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "MOST_VALUES", 10)
    put(store, 50)
    score(store, {seq: float((seq - 1) // 10) for seq in range(1, 51)})  # 0 in the first fifth, 4 in the last
    [point] = store.quality.sampled("grounded", BEGAN, BEGAN + 50, 1e6)
    assert (point.count, point.mean, point.spread) == (10, 2.0, pytest.approx(2**0.5))


def test_full_buckets_behind_one_another_are_each_asked_for_once(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "MOST_VALUES", 10)
    put(store, 75)
    score(store, {seq: float((seq - 1) // 10) for seq in range(1, 76)})
    sent, alone = [], []
    for buckets in (1, 3):
        with recording(store._database.engine) as record:
            points = store.quality.sampled("grounded", BEGAN, BEGAN + buckets * 25, 25)
        sent.append(record.sent)
    for point in points:
        alone += store.quality.sampled("grounded", point.at, point.at + 25, 25)
    assert points == alone
    assert [point.count for point in points] == [10, 10, 10]
    assert sent[1] - sent[0] == 2


def test_a_bucket_that_is_not_full_behind_one_that_is_is_read_whole(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "MOST_VALUES", 10)
    put(store, 33)
    score(store, {seq: float(seq) for seq in range(1, 34)})
    full, rest = store.quality.sampled("grounded", BEGAN, BEGAN + 50, 25)
    assert (full.count, rest.count, rest.mean) == (10, 8, fmean(range(26, 34)))


def test_a_series_is_of_one_backend_where_that_is_asked_and_of_known_values(store: TraceStore) -> None:
    put(store, 2)
    put(store, 2, backend="otlp/shop")
    score(store, {1: 1.0, 2: None, 3: 0.0, 4: float("nan")})
    assert [point.mean for point in store.quality.series("grounded", BEGAN, BEGAN + 60, 60)] == [0.5]
    [point] = store.quality.series("grounded", BEGAN, BEGAN + 60, 60, backend="otlp/shop")
    assert (point.count, point.mean) == (1, 0.0)
    assert store.quality.rules() == ["grounded"]


@pytest.mark.parametrize(("until", "step_s"), [(BEGAN + 1e9, 1.0), (BEGAN + 60, 0.0), (BEGAN - 1, 60.0)])
def test_a_series_that_nobody_could_draw_is_refused(store: TraceStore, until: float, step_s: float) -> None:
    with pytest.raises(InputError, match="cannot be shown"):
        store.quality.series("grounded", BEGAN, until, step_s)


def test_a_trace_that_changes_is_scored_again_but_keeps_what_a_judge_said(store: TraceStore) -> None:
    records = make_records()
    store.put_spans(records[:1])
    store.fold()
    store.quality.claim(1, ["judged_answer"])
    score(store, {1: 0.25})
    assert store.quality.waiting("scored", 9) == []
    store.put_spans(records[1:])
    store.fold()
    assert store.quality.of(TRACE_ID) == {"judged_answer": None}
    [waiting] = store.quality.waiting("scored", 9)
    assert waiting.again
    assert waiting.trace == assemble(records)
    score(store, {1: 0.75})
    assert store.quality.of(TRACE_ID) == {"judged_answer": None, "grounded": 0.75}
    assert store.quality.waiting("scored", 9) == []


def test_a_trace_that_changes_before_it_was_scored_waits_once(store: TraceStore) -> None:
    records = make_records()
    for part in (records[:1], records[1:]):
        store.put_spans(part)
        store.fold()
    assert [each.again for each in store.quality.waiting("scored", 9)] == [False]


def test_scores_go_with_their_trace_and_none_is_written_for_one_that_is_gone(store: TraceStore) -> None:
    ids = put(store, 2)
    score(store, {1: 0.25})
    store.forget(ids)
    score(store, {2: 0.5})
    assert store.quality.rules() == []


@pytest.mark.slow
def test_the_list_is_narrowed_by_what_a_rule_says_and_its_cache_is_renewed(store: TraceStore) -> None:
    ids = put(store, 3)
    before = store.version()
    score(store, {1: 0.25, 2: 0.75, 3: None})
    assert store.version() != before
    page = store.page(TraceQuery(expression="quality.grounded < .5"))
    assert [row.trace_id for row in page.rows] == ids[:1]
    assert "quality.grounded < .5" in [field.example for field in describe_fields()]

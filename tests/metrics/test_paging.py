"""Lists: every trace once, in order, forward and back; filters; counts that never claim more than was counted."""

import base64
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics import paging
from metrics.queries import SORT_COLUMNS, Count, TraceQuery, TraceRow
from metrics.store import TraceStore
from pipeline.errors import InputError
from pipeline.types import Confidence
from tests.factories import make_chunk, make_failed_trace, make_generation, make_trace


def walk(store: TraceStore, query: TraceQuery, limit: int) -> tuple[list[TraceRow], list[TraceRow]]:
    """All rows, read forward from the first page and then backward from the last."""
    page = store.page(query, limit=limit)
    forward = list(page.rows)
    assert page.previous is None
    while page.next is not None:
        page = store.page(query, after=page.next, limit=limit)
        forward += page.rows
    backward = list(page.rows)
    while page.previous is not None:
        page = store.page(query, after=page.previous, limit=limit)
        backward = [*page.rows, *backward]
    return forward, backward


def put_confidences(store: TraceStore, values: list[float | None]) -> None:
    for value in values:
        confidence = None if value is None else Confidence(value, "calibrated")
        store.put(make_trace(generation=make_generation(confidence=confidence)))


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", list(SORT_COLUMNS))
def test_paging_meets_each_trace_once_in_both_directions(store: TraceStore, sort: str, descending: bool) -> None:
    for place in range(11):
        confidence = None if place % 3 == 0 else Confidence(place % 2 / 2, "calibrated")
        store.put(
            make_trace(
                asked_at=1_757_000_000.0 + place // 4,
                duration_ms=float(place % 3),
                generation=make_generation(confidence=confidence),
                chunks=() if place % 4 == 0 else (make_chunk(score=place % 2 / 2),),
            )
        )
    query = TraceQuery(sort=sort, descending=descending)
    forward, backward = walk(store, query, limit=2)
    assert len({row.trace_id for row in forward}) == len(forward) == 11
    assert backward == forward
    values = [getattr(row, SORT_COLUMNS[sort]) for row in forward]
    known = [value for value in values if value is not None]
    assert values == sorted(known, reverse=descending) + [None] * (11 - len(known))


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.lists(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]), max_size=12),
    limit=st.integers(1, 5),
    descending=st.booleans(),
)
def test_paging_by_a_value_with_ties_and_gaps(values: list[float | None], limit: int, descending: bool) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        TraceStore.open(f"sqlite:///{Path(folder) / 'traces.sqlite'}") as store,
    ):
        put_confidences(store, values)
        forward, backward = walk(store, TraceQuery(sort="confidence", descending=descending), limit)
        known = sorted((value for value in values if value is not None), reverse=descending)
        assert [row.confidence for row in forward] == known + [None] * (len(values) - len(known))
        assert len({row.trace_id for row in forward}) == len(values)
        assert backward == forward


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("abstained", [None, True, False])
def test_by_confidence_abstentions_come_after_the_answers_and_what_has_none_last(
    store: TraceStore, descending: bool, abstained: bool | None
) -> None:
    for place in range(12):
        confidence = None if place % 4 == 3 else Confidence(place / 12, "calibrated")
        answered, abstention = "Paris", {"finish_reason": "abstained", "abstained": True}
        generation = (
            make_generation("", confidence=confidence, **abstention)
            if place % 3 == 0
            else make_generation(answered, confidence=confidence)
        )
        store.put(make_trace(generation=generation))
    query = TraceQuery(sort="confidence", descending=descending, abstained=abstained)
    forward, backward = walk(store, query, limit=2)
    assert backward == forward
    assert len({row.trace_id for row in forward}) == {None: 12, True: 4, False: 8}[abstained]
    places = [(row.confidence is None, row.confidence is not None and row.abstained) for row in forward]
    assert places == sorted(places)
    for apart in (False, True):
        known = [row.confidence for row in forward if row.confidence is not None and row.abstained == apart]
        assert known == sorted(known, reverse=descending)


def test_a_page_stays_in_place_when_traces_are_added(store: TraceStore) -> None:
    for place in range(4):
        store.put(make_trace(asked_at=1_757_000_000.0 + place))
    first = store.page(TraceQuery(), limit=2)
    store.put(make_trace(asked_at=1_757_000_099.0))
    second = store.page(TraceQuery(), after=first.next, limit=2)
    assert [row.asked_at for row in second.rows] == [1_757_000_001.0, 1_757_000_000.0]


def cursor_of(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


BAD_CURSORS = {
    "empty": "",
    "not base64": "é",
    "not JSON": "abcd",
    "not a list": cursor_of({"a": 1}),
    "too short": cursor_of(["asked_at", True]),
    "deeply nested": base64.urlsafe_b64encode(b"[" * 9_000).decode(),
    "a text for a value": cursor_of(["asked_at", True, "x", 1, False]),
    "no value for a sort that always has one": cursor_of(["asked_at", True, None, 1, False]),
    "not a number": cursor_of(["asked_at", True, float("nan"), 1, False]),
    "infinite": cursor_of(["asked_at", True, float("inf"), 1, False]),
    "a huge row number": cursor_of(["asked_at", True, 1.0, 2**63, False]),
    "a huge value": cursor_of(["asked_at", True, 10**400, 1, False]),
    "abstentions of a sort that has none apart": cursor_of(["asked_at", True, 1.0, 1, False, True]),
    "no direction": cursor_of(["asked_at", True, 1.0, 1, 0]),
}


@pytest.mark.parametrize("cursor", BAD_CURSORS.values(), ids=BAD_CURSORS)
def test_a_bad_cursor_is_refused(sqlite_store: TraceStore, cursor: str) -> None:
    with pytest.raises(InputError, match="first page"):
        sqlite_store.page(TraceQuery(), after=cursor)


def test_a_cursor_of_another_sort_is_refused(sqlite_store: TraceStore) -> None:
    put_confidences(sqlite_store, [0.1, 0.2])
    cursor = sqlite_store.page(TraceQuery(sort="confidence"), limit=1).next
    with pytest.raises(InputError, match="sort order changed"):
        sqlite_store.page(TraceQuery(sort="duration"), after=cursor)


def test_a_cursor_can_stand_in_a_url(sqlite_store: TraceStore) -> None:
    put_confidences(sqlite_store, [1 / 3, 2 / 3, None])
    cursor = sqlite_store.page(TraceQuery(sort="confidence"), limit=1).next
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursor.isascii()


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_an_impossible_page_size_is_refused(sqlite_store: TraceStore, limit: int) -> None:
    with pytest.raises(InputError, match="between 1 and 1,000"):
        sqlite_store.page(TraceQuery(), limit=limit)


@pytest.mark.parametrize(
    "wrong", [{"sort": "colour"}, {"rating": "meh"}, {"asked_from": float("nan")}, {"search": "x" * 1_001}]
)
def test_an_impossible_query_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        TraceQuery(**wrong)


FILTERS = {
    "backend": ({"backends": frozenset({"aws"})}, {"slow"}),
    "two backends": ({"backends": frozenset({"aws", "fake"})}, {"slow", "unsure"}),
    "asked from": ({"asked_from": 1_757_000_100.0}, {"late"}),
    "asked before": ({"asked_to": 1_757_000_000.0}, {"early"}),
    "at least as slow": ({"duration_min_ms": 5_000.0}, {"slow"}),
    "at most as slow": ({"duration_max_ms": 1.0}, {"fast"}),
    "any error": ({"error": "any"}, {"timeout", "throttled"}),
    "one kind of error": ({"error": "Timeout"}, {"timeout"}),
    "thumbs up": ({"rating": "up"}, {"liked"}),
    "thumbs down": ({"rating": "down"}, {"disliked"}),
    "rated": ({"rating": "any"}, {"liked", "disliked"}),
    "low confidence": ({"confidence_below": 0.5}, {"unsure"}),
    "abstained": ({"abstained": True}, {"abstained"}),
    "all at once": ({"error": "any", "backends": frozenset({"aws"})}, set()),
}


@pytest.fixture
def assorted(store: TraceStore) -> TraceStore:
    """A store with one trace for each thing that can be filtered; its question is its name."""
    made = {
        "early": make_trace(asked_at=1_756_999_999.0),
        "late": make_trace(asked_at=1_757_000_100.0),
        "slow": make_trace(duration_ms=5_000.0, backend="aws"),
        "fast": make_trace(duration_ms=1.0),
        "timeout": make_failed_trace("Timeout"),
        "throttled": make_failed_trace("Throttled", "retrieve"),
        "liked": make_trace(),
        "disliked": make_trace(),
        "unsure": make_trace(backend="fake", generation=make_generation(confidence=Confidence(0.2, "calibrated"))),
        "abstained": make_trace(generation=make_generation(abstained=True, finish_reason="abstained")),
    }
    for name, trace in made.items():
        store.put(make_trace(**{**{field: getattr(trace, field) for field in trace.__slots__}, "question": name}))
    store.annotate(made["liked"].trace_id, 1)
    store.annotate(made["disliked"].trace_id, -1)
    return store


def test_filters_keep_what_they_say(assorted: TraceStore) -> None:
    for name, (fields, expected) in FILTERS.items():
        page = assorted.page(TraceQuery(**fields))
        assert {row.question for row in page.rows} == expected, name
        assert page.matched == assorted.matched(TraceQuery(**fields)) == Count(len(expected)), name
        assert page.total == Count(10), name


def test_filters_that_rule_out_keep_the_rest(assorted: TraceStore) -> None:
    assert assorted.page(TraceQuery(error="none")).matched == Count(8)
    assert assorted.page(TraceQuery(rating="none")).matched == Count(8)
    assert assorted.page(TraceQuery(abstained=False)).matched == Count(9)


def test_filters_search_and_paging_work_together(store: TraceStore) -> None:
    for place in range(9):
        make = make_failed_trace if place % 3 == 0 else make_trace
        store.put(make(question=f"question {place % 2}", duration_ms=float(place)))
    query = TraceQuery(search="question 0", error="none", sort="duration", descending=False)
    forward, backward = walk(store, query, limit=1)
    assert [row.duration_ms for row in forward] == [2.0, 4.0, 8.0]
    assert backward == forward
    assert store.page(query, limit=1).matched == store.matched(query) == Count(3)


def test_a_count_is_a_lower_bound_beyond_its_limit(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "COUNT_LIMIT", 3)
    for _ in range(5):
        store.put(make_trace())
    page = store.page(TraceQuery(error="none"))
    assert page.matched == store.matched(TraceQuery(error="none")) == Count(3, exact=False)
    assert str(page.matched) == "3+"
    assert page.total == Count(5)
    assert len(page.rows) == 5


def test_a_frequent_search_lists_what_an_exact_one_would(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "HIT_LIMIT", 3)
    monkeypatch.setattr(paging, "EXAMINED", 5)
    for place in range(12):
        store.put(make_trace(question=f"{'odd' if place % 2 else 'even'} one", asked_at=1_757_000_000.0 + place))
    for text in ("odd one", "d"):
        forward, backward = walk(store, TraceQuery(search=text, error="none"), limit=4)
        assert backward == forward
        assert len(forward) == (6 if text == "odd one" else 12)
    assert store.page(TraceQuery(search="odd one")).matched == Count(3, exact=False)
    filtered = store.page(TraceQuery(search="one", error="none")).matched
    assert filtered == Count(5, exact=False)

"""Ids, times and nested attributes, however an export writes them."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.ingesting.imports.values import flatten, parent_id, span_id, time_ns, trace_id
from metrics.otlp.admission import Refused

MOMENT_NS = 1_757_000_000_123_456_000
"""2025-09-04 15:33:20.123456 UTC."""


@pytest.mark.parametrize(
    "sent",
    [
        MOMENT_NS,
        MOMENT_NS / 1e9,
        "2025-09-04T15:33:20.123456Z",
        "2025-09-04 15:33:20.123456",
        "2025-09-04T17:33:20.123456+02:00",
        datetime(2025, 9, 4, 15, 33, 20, 123_456, UTC),
        datetime(2025, 9, 4, 13, 33, 20, 123_456, timezone(timedelta(hours=-2))),
        str(MOMENT_NS),
    ],
)
def test_one_moment_is_the_same_however_it_is_written(sent: object) -> None:
    assert time_ns(sent, "start") == pytest.approx(MOMENT_NS, abs=200)


@pytest.mark.parametrize(
    ("sent", "unit_ns"), [(1_757_000_000, 10**9), (1_757_000_000_123, 10**6), (1_757_000_000_123_456, 1_000)]
)
def test_number_tells_its_unit_by_its_size(sent: int, unit_ns: int) -> None:
    assert time_ns(sent, "start") == sent * unit_ns


@pytest.mark.parametrize("sent", [None, "", "yesterday", float("nan"), float("inf"), True, [], {}])
def test_what_is_no_time_is_refused(sent: object) -> None:
    with pytest.raises(Refused, match="start"):
        time_ns(sent, "start")


def test_ids_that_are_numbers_stay_and_all_others_become_one() -> None:
    assert trace_id("0AF7651916CD43DD8448EB211C80319C").hex() == "0af7651916cd43dd8448eb211c80319c"
    made = uuid.UUID(int=7)
    assert trace_id(str(made)) == made.bytes
    words = {trace_id("clx9trace0001"), trace_id("clx9trace0002"), trace_id("ü" * 300), trace_id("\ud800")}
    assert {len(each) for each in words} == {16}
    assert len(words) == 4
    assert trace_id("clx9trace0001") == trace_id(" clx9trace0001 ")
    assert len(span_id(str(made))) == 8
    assert (parent_id(None), parent_id(""), parent_id(float("nan"))) == (b"", b"", b"")


@pytest.mark.parametrize("sent", [None, "", [], {}, True, 1.5])
def test_what_is_no_id_is_refused(sent: object) -> None:
    with pytest.raises(Refused, match="it has no span id"):
        span_id(sent)


def test_nested_attributes_get_the_names_that_openinference_gives_them() -> None:
    nested = {
        "retrieval": {"documents": [{"document": {"id": "a", "metadata": {"p": 1, "q": None}}}, {"document.id": "b"}]},
        "embedding.vector": [0.5, 1.5],
        "metadata": {"team": None},
        "llm": {"model_name": None, "token_count": {"prompt": float("nan")}},
    }
    assert dict(flatten(nested, ("document.metadata", "metadata"))) == {
        "retrieval.documents.0.document.id": "a",
        "retrieval.documents.0.document.metadata": '{"p":1}',
        "retrieval.documents.1.document.id": "b",
        "embedding.vector": [0.5, 1.5],
    }


def test_nesting_without_end_becomes_text() -> None:
    deep: dict[str, object] = {}
    for _ in range(60):
        deep = {"a": deep}
    deep = {"a": deep, "b": {"c": 1}}
    assert dict(flatten(deep))["b.c"] == 1

"""Exports hold the whole filtered set, as it was when the export began, in forms that other programs read."""

import csv
import io
import json

import pytest

from metrics import whole_traces
from metrics.export import CSV_FIELDS, to_csv, to_jsonl
from metrics.queries import StoredTrace, TraceQuery
from metrics.store import TraceStore
from pipeline.schema import trace_from_dict
from tests.factories import make_failed_trace, make_generation, make_trace


def test_an_export_is_everything_that_matches_in_order(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_traces, "EXPORT_BATCH", 4)
    for place in range(11):
        store.put(make_trace(duration_ms=float(place // 2), backend="aws" if place < 10 else "fake"))
    exported = list(store.export(TraceQuery(backends=frozenset({"aws"}), sort="duration", descending=False)))
    assert [stored.trace.duration_ms for stored in exported] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert len({stored.trace.trace_id for stored in exported}) == 10


def test_an_export_is_of_the_moment_it_began(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_traces, "EXPORT_BATCH", 1)
    traces = [make_trace(asked_at=1_757_000_000.0 + place) for place in range(3)]
    for trace in traces:
        store.put(trace)
    exporting = store.export(TraceQuery(descending=False))
    first = next(exporting)
    store.put(make_trace(asked_at=1_757_000_010.0))
    store.annotate(traces[2].trace_id, -1, "too late for the export")
    store.fold()
    assert [stored.trace for stored in [first, *exporting]] == traces
    assert [stored.rating for stored in store.export(TraceQuery(rating="down"))] == [-1]


def test_an_export_can_be_left_early(store: TraceStore) -> None:
    for _ in range(3):
        store.put(make_trace())
    exporting = store.export(TraceQuery())
    next(exporting)
    exporting.close()
    store.put(make_trace())
    assert store.count() == 4


def test_json_lines_hold_the_whole_trace_and_its_feedback() -> None:
    stored = StoredTrace(make_trace(question="quoi ?\u2028\ud800"), -1, "no\nway", 1_757_000_001.5)
    [line] = to_jsonl([stored])
    assert line.endswith("\n")
    assert line.isascii()
    data = json.loads(line)
    assert trace_from_dict(data.pop("trace")) == stored.trace
    assert data == {"rating": -1, "note": "no\nway", "annotated_at": 1_757_000_001.5}


def read_csv(stored: list[StoredTrace]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(to_csv(stored)), newline="")))


def test_csv_has_one_row_a_trace_and_every_documented_column() -> None:
    answered = StoredTrace(make_trace(), 1, 'a "quoted", note\nin two lines', 1_757_000_001.0)
    rows = read_csv([answered, StoredTrace(make_failed_trace())])
    assert list(rows[0]) == list(CSV_FIELDS)
    assert rows[0]["asked_at"] == "2025-09-04T15:33:20.000+00:00"
    assert (rows[0]["generate_ms"], rows[0]["rerank_ms"], rows[0]["unaccounted_ms"]) == ("25.0", "", "1.0")
    assert rows[0]["note"] == 'a "quoted", note\nin two lines'
    assert (rows[1]["answer"], rows[1]["error_kind"], rows[1]["confidence"]) == ("", "Timeout", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_csv_text_is_never_a_formula(text: str) -> None:
    [row] = read_csv([StoredTrace(make_trace(question=text, generation=make_generation(text)), 0, text)])
    assert row["question"] == row["answer"] == row["note"] == "'" + text


def test_csv_keeps_what_no_csv_can_hold_out() -> None:
    [row] = read_csv([StoredTrace(make_trace(question="a\0b\ud800c"))])
    assert row["question"] == "a\ufffdb?c"

"""Spans of other applications come back whole from the bytes in which they wait."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.otlp.records import HEAD_BYTES, EventRecord, SpanRecord, decode_records, encode_records, size_decoded

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalar = text | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
attributes = st.dictionaries(text, scalar | st.lists(scalar, max_size=3).map(tuple), max_size=3)
times = st.integers(0, 2**63 - 1)
records = st.builds(
    SpanRecord,
    trace_id=st.text("0123456789abcdef", min_size=32, max_size=32),
    span_id=st.text("0123456789abcdef", min_size=16, max_size=16),
    parent_id=st.just("") | st.text("0123456789abcdef", min_size=16, max_size=16),
    name=text,
    start_ns=times,
    end_ns=times,
    attributes=attributes,
    resource=attributes,
    scope=text,
    status=st.sampled_from(["unset", "ok", "error"]),
    status_message=text,
    events=st.lists(st.builds(EventRecord, text, times, attributes), max_size=2).map(tuple),
    dropped=st.integers(0, 9),
)


@pytest.mark.slow
@given(st.lists(records, max_size=3))
def test_spans_come_back_whole(found: list[SpanRecord]) -> None:
    assert decode_records(encode_records(found)) == found


@pytest.mark.slow
@given(st.lists(records, max_size=3))
def test_how_much_waits_is_known_without_reading_it(found: list[SpanRecord]) -> None:
    payload = encode_records(found)
    raw = zlib.decompress(payload[HEAD_BYTES:])
    assert size_decoded(payload[:HEAD_BYTES], len(payload)) == len(raw)


def test_what_is_no_piece_is_not_taken_for_a_huge_one() -> None:
    assert size_decoded(b"\xff" * HEAD_BYTES, 100) < 200_000

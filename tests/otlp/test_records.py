"""Spans of other applications come back whole from the bytes in which they wait."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.otlp.records import EventRecord, SpanRecord, decode_records, encode_records

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


@given(st.lists(records, max_size=3))
def test_spans_come_back_whole(found: list[SpanRecord]) -> None:
    assert decode_records(encode_records(found)) == found

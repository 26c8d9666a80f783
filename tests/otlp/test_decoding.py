"""Bodies of requests, right and wrong, as spans. The messages of `opentelemetry-proto` are the oracle of what a body says."""

import gzip
import json
import math
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from metrics.otlp import decoding
from metrics.otlp.admission import END_AS_SENT
from metrics.otlp.bounds import MAX_DEPTH, MAX_SPAN_CHARS, MAX_VALUE_CHARS
from metrics.otlp.decoding import MAX_MEMBERS, Decoded, TooLarge, Undecodable, Unsupported, decode_traces, decompress
from metrics.otlp.records import SpanRecord, decode_records, encode_records
from tests.otlp.sent import JSON, PROTOBUF, SPAN_ID, START_NS, TRACE_ID, bodies, many, pair, request, span, to_json


def decode(made: ExportTraceServiceRequest) -> Decoded:
    """A request, which comes to the same in both encodings."""
    found = [decode_traces(*body) for body in bodies(made)]
    assert found[0] == found[1]
    return found[0]


def only(*spans: Span) -> SpanRecord:
    decoded = decode(request(*spans))
    assert (len(decoded.records), decoded.rejected) == (1, 0)
    return decoded.records[0]


def with_value(value: AnyValue) -> Any:
    return only(span(attributes=[pair("it", value)])).attributes["it"]


def array(*values: AnyValue) -> AnyValue:
    return AnyValue(array_value=ArrayValue(values=values))


def mapping(**values: AnyValue) -> AnyValue:
    return AnyValue(kvlist_value=KeyValueList(values=[pair(key, value) for key, value in values.items()]))


def test_everything_that_is_said_of_a_span_is_read() -> None:
    event = Span.Event(name="exception", time_unix_nano=START_NS + 5, attributes=[pair("exception.type", "KeyError")])
    found = only(
        span(
            parent_span_id=b"parent!!",
            attributes=[pair("input.value", "Why?")],
            events=[event],
            status=Status(code=Status.STATUS_CODE_ERROR, message="it broke"),
            dropped_attributes_count=2,
            dropped_events_count=1,
        )
    )
    assert (found.trace_id, found.span_id, found.parent_id) == (TRACE_ID.hex(), SPAN_ID.hex(), b"parent!!".hex())
    assert (found.name, found.start_ns, found.end_ns) == ("retrieve", START_NS, START_NS + 1_000_000)
    assert (found.attributes, found.resource, found.service) == (
        {"input.value": "Why?"},
        {"service.name": "shop"},
        "shop",
    )
    assert (found.scope, found.status, found.status_message, found.dropped) == ("by.hand", "error", "it broke", 3)
    [read] = found.events
    assert (read.name, read.at_ns, read.attributes) == ("exception", START_NS + 5, {"exception.type": "KeyError"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (AnyValue(string_value=""), ""),
        (AnyValue(bool_value=False), False),
        (AnyValue(int_value=-(2**63)), -(2**63)),
        (AnyValue(double_value=0.0), 0.0),
        (AnyValue(double_value=math.nan), "NaN"),
        (AnyValue(double_value=-math.inf), "-Infinity"),
        (AnyValue(bytes_value=b"\xff\xfe"), "//4="),
        (AnyValue(), ""),
        (AnyValue(string_value="a\0b"), "a\ufffdb"),
        (AnyValue(string_value="<script>alert(1)</script>"), "<script>alert(1)</script>"),
        (array(AnyValue(int_value=1), AnyValue(double_value=2.5)), (1, 2.5)),
        (array(), ()),
        (array(AnyValue(string_value="a"), AnyValue()), '["a",null]'),
        (array(array(AnyValue(double_value=math.inf))), '[["Infinity"]]'),
        (mapping(a=array(AnyValue(bool_value=True)), b=AnyValue(bytes_value=b"x")), '{"a":[true],"b":"eA=="}'),
    ],
)
def test_values_become_what_an_attribute_can_be(value: AnyValue, expected: object) -> None:
    found = with_value(value)
    assert found == expected
    assert type(found) is type(expected)


def test_nesting_ends_at_a_bound() -> None:
    value = AnyValue(string_value="deep down")
    for _ in range(MAX_DEPTH):
        value = array(value)
    assert "deep down" in with_value(value)
    assert with_value(array(value)) == "[" * MAX_DEPTH + '"…"' + "]" * MAX_DEPTH


def test_nesting_that_protobuf_does_not_follow_costs_its_own_span_alone() -> None:
    # 49 lists: two messages each, and the span and its attribute, are 100 within one another, which is protobuf's bound.
    made = request(span(), span(attributes=[pair("it", "")]))
    value = made.resource_spans[0].scope_spans[0].spans[1].attributes[0].value
    for _ in range(60):
        value = value.array_value.values.add()
    decoded = decode_traces(made.SerializeToString(), PROTOBUF)
    assert ([each.span_id for each in decoded.records], decoded.rejected) == ([SPAN_ID.hex()], 1)


def test_json_nested_ten_thousandfold_is_undecodable() -> None:
    value = '{"arrayValue":{"values":[' * 10_000 + "]}}" * 10_000
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"it","value":%s}]}]}]}]}' % value.encode()
    with pytest.raises(Undecodable):
        decode_traces(body, JSON)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"trace_id": b"short"}, "trace id has 5 bytes instead of 16"),
        ({"trace_id": bytes(16)}, "trace id is all zeros"),
        ({"trace_id": b""}, "trace id has 0 bytes"),
        ({"span_id": b"much too long"}, "span id has 13 bytes instead of 8"),
        ({"span_id": bytes(8)}, "span id is all zeros"),
    ],
)
def test_span_with_a_wrong_id_is_told_and_the_others_are_kept(wrong: dict[str, bytes], reason: str) -> None:
    decoded = decode(request(span(**wrong), span(), span(**wrong)))
    assert ([each.span_id for each in decoded.records], decoded.rejected) == ([SPAN_ID.hex()], 2)
    [told] = decoded.reasons
    assert reason in told


def test_parent_of_zeros_is_none_and_one_of_a_wrong_length_is_counted_as_left_out() -> None:
    assert (only(span(parent_span_id=bytes(8))).parent_id, only(span(parent_span_id=bytes(8))).dropped) == ("", 0)
    found = only(span(parent_span_id=b"odd"))
    assert (found.parent_id, found.dropped) == ("", 1)


def test_cycles_and_missing_parents_are_taken_as_they_are() -> None:
    one, other = b"one.....", b"other..."
    decoded = decode(request(span(span_id=one, parent_span_id=other), span(span_id=other, parent_span_id=one)))
    assert [each.parent_id for each in decoded.records] == [other.hex(), one.hex()]
    assert only(span(parent_span_id=SPAN_ID)).parent_id == SPAN_ID.hex()


def test_span_without_a_name_is_unknown() -> None:
    assert only(span(name="")).name == "unknown"


def test_span_that_ends_before_it_begins_has_no_duration_and_says_when_it_ended() -> None:
    found = only(span(end_time_unix_nano=START_NS - 7))
    assert (found.start_ns, found.end_ns, found.attributes[END_AS_SENT]) == (START_NS, START_NS, START_NS - 7)


@pytest.mark.parametrize("at_ns", [0, 1, 4_102_444_800_000_000_000, 2**64 - 1])
def test_times_of_1970_and_2100_and_the_last_that_can_be_told_are_kept(at_ns: int) -> None:
    found = only(span(start_time_unix_nano=at_ns, end_time_unix_nano=at_ns))
    assert (found.start_ns, found.end_ns) == (at_ns, at_ns)


def test_value_of_a_megabyte_is_cut_says_so_and_is_counted() -> None:
    found = only(span(attributes=[pair("document", "é" * 1_000_000), pair("openinference.span.kind", "RETRIEVER")]))
    text = found.attributes["document"]
    assert isinstance(text, str)
    assert len(text) == MAX_VALUE_CHARS
    assert text.startswith("ééé")
    assert text.endswith("… (cut: 1,000,000 characters in all)")
    assert (found.attributes["openinference.span.kind"], found.dropped) == ("RETRIEVER", 1)


def test_text_up_to_the_bound_is_whole() -> None:
    found = only(span(attributes=[pair("document", "x" * MAX_VALUE_CHARS)]))
    assert (found.attributes["document"], found.dropped) == ("x" * MAX_VALUE_CHARS, 0)


def test_long_values_share_the_room_of_a_span_and_short_ones_stay_whole() -> None:
    long = [pair(f"document.{number}", "x" * 200_000) for number in range(10)]
    found = only(span(attributes=[*long, pair("session.id", "s")]))
    assert list(found.attributes) == [*(each.key for each in long), "session.id"]
    assert found.attributes["session.id"] == "s"
    assert found.dropped == 10
    sizes = [len(str(value)) for value in found.attributes.values()]
    assert MAX_SPAN_CHARS * 0.99 < sum(sizes) + sum(map(len, found.attributes)) <= MAX_SPAN_CHARS
    assert max(sizes) - min(sizes[:-1]) <= 1


@pytest.mark.slow
def test_long_list_keeps_its_beginning() -> None:
    found = with_value(array(*(AnyValue(int_value=number) for number in range(50_000))))
    assert found == tuple(range(MAX_VALUE_CHARS // 8))


def test_events_share_room_of_their_own() -> None:
    events = [Span.Event(name="db.query.result", attributes=[pair("document", "x" * 300_000)]) for _ in range(8)]
    found = only(span(events=events))
    assert len(found.events) == 8
    assert found.dropped == 8
    assert (
        MAX_SPAN_CHARS * 0.99 < sum(len(str(event.attributes["document"])) for event in found.events) <= MAX_SPAN_CHARS
    )


@pytest.mark.slow
def test_what_every_span_repeats_is_bounded_by_their_number() -> None:
    made = request(*(span(span_id=number.to_bytes(8, "big")) for number in range(1, 20_001)), service="x" * 100_000)
    decoded = decode_traces(made.SerializeToString(), PROTOBUF)
    assert sum(len(each.service) for each in decoded.records) <= 134_217_728
    assert decoded.records[0].dropped == 1


@pytest.mark.slow
def test_trace_of_a_hundred_thousand_spans_is_read() -> None:
    decoded = decode_traces(many(100_000), PROTOBUF)
    assert (len(decoded.records), decoded.rejected) == (100_000, 0)


def test_spans_beyond_the_bound_of_a_request_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_SPANS", 3)
    decoded = decode_traces(many(5), PROTOBUF)
    assert (len(decoded.records), decoded.rejected) == (3, 2)
    assert decoded.reasons == ["a request has more than 3 spans"]


def test_span_of_damaged_protobuf_spoils_no_other() -> None:
    made = request(span(), span(name="spoiled"), span())
    damaged = made.SerializeToString().replace(b"spoiled", b"sp\xffiled")  # no UTF-8, which a string must be
    decoded = decode_traces(damaged, PROTOBUF)
    assert (len(decoded.records), decoded.rejected) == (2, 1)
    assert decoded.reasons == ["a span is no protobuf that can be read"]


def test_json_is_read_with_names_of_the_proto_files_and_of_enums() -> None:
    body = {
        "resource_spans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"string_value": "shop"}}]},
                "scope_spans": [
                    {
                        "spans": [
                            {
                                "trace_id": TRACE_ID.hex().upper(),
                                "span_id": SPAN_ID.hex(),
                                "start_time_unix_nano": START_NS,
                                "end_time_unix_nano": str(START_NS),
                                "status": {"code": "STATUS_CODE_OK"},
                                "attributes": [
                                    {"key": "n", "value": {"int_value": 5}},
                                    {"key": "m", "value": {"intValue": "6"}},
                                ],
                                "unknown": {"field": 1},
                            }
                        ]
                    }
                ],
            }
        ]
    }
    [found] = decode_traces(orjson.dumps(body), "application/json; charset=utf-8").records
    assert (found.trace_id, found.service, found.status) == (TRACE_ID.hex(), "shop", "ok")
    assert (found.start_ns, found.end_ns, found.attributes) == (START_NS, START_NS, {"n": 5, "m": 6})


def test_json_that_only_pythons_parser_reads_is_taken() -> None:
    data = to_json(request(span(name="A", attributes=[pair("it", "B")])))
    body = json.dumps(data).replace('"A"', '"\\ud800"').replace('{"stringValue": "B"}', '{"doubleValue": NaN}').encode()
    [found] = decode_traces(body, JSON).records
    assert (found.name, found.attributes) == ("\ufffd", {"it": "NaN"})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("traceId", "no hexadecimal digits here", "the trace id is not written in hexadecimal digits"),
        ("spanId", 7, "the span id is not written in hexadecimal digits"),
        ("startTimeUnixNano", "-5", "the start is no time in nanoseconds since 1970 that 64 bits can hold"),
        ("endTimeUnixNano", str(2**64), "the end is no time in nanoseconds since 1970 that 64 bits can hold"),
        ("startTimeUnixNano", [], "a span has a field of another type than it should have"),
        ("attributes", 5, "a span has a field of another type than it should have"),
    ],
)
def test_json_span_with_a_wrong_field_is_told_and_the_others_are_kept(field: str, value: object, reason: str) -> None:
    data = to_json(request(span(), span()))
    data["resourceSpans"][0]["scopeSpans"][0]["spans"][0][field] = value
    decoded = decode_traces(orjson.dumps(data), JSON)
    assert (len(decoded.records), decoded.rejected, decoded.reasons) == (1, 1, [reason])


def test_values_that_are_not_what_their_field_says_stay_as_text() -> None:
    data = to_json(request(span(attributes=[pair("it", "")])))
    data["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [
        {"key": "huge", "value": {"intValue": "9" * 30}},
        {"key": "word", "value": {"intValue": "many"}},
        {"key": "double", "value": {"doubleValue": "some"}},
        {"key": "nothing", "value": None},
        {"key": None, "value": {"stringValue": "nameless"}},
    ]
    [found] = decode_traces(orjson.dumps(data), JSON).records
    assert found.attributes == {"huge": "9" * 30, "word": "many", "double": "some", "nothing": "", "": "nameless"}


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
@pytest.mark.parametrize(
    "body", [b"hello, world", b"\xff" * 100, b"[]", b'{"resourceSpans": 5}', b"[" * 100_000, b'{"a":'], ids=len
)
def test_garbage_is_undecodable(body: bytes, content_type: str) -> None:
    with pytest.raises(Undecodable, match=rf"{len(body):,} bytes\) is no ExportTraceServiceRequest"):
        decode_traces(body, content_type)


@pytest.mark.parametrize(("body", "content_type"), [(b"", PROTOBUF), (b"{}", JSON)])
def test_empty_request_is_one(body: bytes, content_type: str) -> None:
    assert decode_traces(body, content_type) == Decoded([], 0, [])


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/grpc"])
def test_other_media_types_are_unsupported(content_type: str) -> None:
    with pytest.raises(Unsupported, match=r"send application/x-protobuf or application/json"):
        decode_traces(b"", content_type)


def values(depth: int = 2) -> st.SearchStrategy[AnyValue]:
    scalars = st.one_of(
        st.text(max_size=20).map(lambda each: AnyValue(string_value=each)),
        st.booleans().map(lambda each: AnyValue(bool_value=each)),
        st.integers(-(2**63), 2**63 - 1).map(lambda each: AnyValue(int_value=each)),
        st.floats().map(lambda each: AnyValue(double_value=each)),
        st.binary(max_size=10).map(lambda each: AnyValue(bytes_value=each)),
        st.just(AnyValue()),
    )
    if not depth:
        return scalars
    inner = values(depth - 1)
    return st.one_of(
        scalars,
        st.lists(inner, max_size=4).map(lambda each: array(*each)),
        st.dictionaries(st.text(max_size=5), inner, max_size=4).map(
            lambda each: AnyValue(kvlist_value=KeyValueList(values=[pair(*item) for item in each.items()]))
        ),
    )


pairs = st.dictionaries(st.text(max_size=20), values(), max_size=6).map(
    lambda each: [pair(*item) for item in each.items()]
)
moments = st.integers(0, 2**64 - 1)
ids = st.one_of(st.binary(min_size=8, max_size=8), st.binary(min_size=16, max_size=16), st.binary(max_size=20))
spans = st.builds(
    Span,
    trace_id=ids,
    span_id=ids,
    parent_span_id=ids,
    name=st.text(max_size=20),
    start_time_unix_nano=moments,
    end_time_unix_nano=moments,
    attributes=pairs,
    events=st.lists(
        st.builds(Span.Event, name=st.text(max_size=9), time_unix_nano=moments, attributes=pairs), max_size=2
    ),
    status=st.builds(Status, code=st.sampled_from([0, 1, 2]), message=st.text(max_size=9)),
    dropped_attributes_count=st.integers(0, 2**32 - 1),
)
requests = st.lists(spans, max_size=4).map(lambda each: request(*each))


@pytest.mark.slow
@given(requests)
def test_protobuf_and_json_of_a_request_come_to_the_same(made: ExportTraceServiceRequest) -> None:
    decoded = decode(made)
    assert len(decoded.records) + decoded.rejected == len(made.resource_spans[0].scope_spans[0].spans)
    assert decode_records(encode_records(decoded.records)) == decoded.records


@pytest.mark.slow
@given(st.data())
@settings(max_examples=300)
def test_changed_bytes_are_read_or_undecodable_and_nothing_else(data: st.DataObject) -> None:
    body, content_type = data.draw(
        st.sampled_from(bodies(request(span(attributes=[pair("it", array(AnyValue(int_value=5)))]))))
    )
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + data.draw(st.binary(max_size=4)) + body[at + data.draw(st.integers(0, 6)) :]
    try:
        decoded = decode_traces(changed, content_type)
    except Undecodable:
        return
    assert decode_records(encode_records(decoded.records)) == decoded.records


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "values", "stringValue"]), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = (
    "traceId",
    "parentSpanId",
    "name",
    "startTimeUnixNano",
    "attributes",
    "events",
    "status",
    "droppedEventsCount",
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=3), anything, anything)
def test_json_with_anything_anywhere_is_read_or_undecodable(changes: dict[str, Any], value: Any, resource: Any) -> None:
    data = to_json(request(span(attributes=[pair("it", "")], events=[Span.Event(name="it")])))
    [found] = data["resourceSpans"][0]["scopeSpans"][0]["spans"]
    found["attributes"][0]["value"] = value
    found.update(changes)
    data["resourceSpans"][0]["resource"] = resource
    try:
        decoded = decode_traces(json.dumps(data).encode(), JSON)
    except Undecodable:
        return
    assert len(decoded.records) + decoded.rejected == 1
    encode_records(decoded.records)


def everything() -> dict[str, Any]:
    """A request with every field that is read."""
    nested = mapping(a=array(AnyValue(int_value=1)), b=AnyValue(string_value="x"))
    event = Span.Event(name="it", time_unix_nano=START_NS, attributes=[pair("it", nested)], dropped_attributes_count=1)
    whole = span(
        parent_span_id=b"parent!!",
        attributes=[pair("it", nested), pair("as", array(nested))],
        events=[event],
        status=Status(code=Status.STATUS_CODE_ERROR, message="it broke"),
        dropped_attributes_count=2,
        dropped_events_count=1,
    )
    made = request(whole)
    made.resource_spans[0].resource.attributes.append(pair("nested", nested))
    return to_json(made)


UNREAD = {"kind", "traceState", "flags", "schemaUrl", "version", "links", "droppedLinksCount"}


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where something stands in JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        if key not in UNREAD:
            yield (*at, key)
            yield from places(each, (*at, key))


@pytest.mark.slow
def test_json_of_another_shape_anywhere_is_never_taken_in_silence() -> None:
    tried = 0
    for *way, last in places(everything()):
        for wrong in ([], {}, [7], [[]], {"values": 7}, 7, "text", True):
            data: Any = everything()
            holder = data
            for step in way:
                holder = holder[step]
            found = holder[last]
            if type(wrong) is type(found) if isinstance(wrong, list | dict) else not isinstance(found, list | dict):
                continue  # of the right shape, or one scalar for another
            holder[last] = wrong
            try:
                decoded = decode_traces(orjson.dumps(data), JSON)
            except Undecodable:
                pass
            else:
                assert (decoded.records, decoded.rejected) == ([], 1), (*way, last, wrong)
            tried += 1
    assert tried > 500


@pytest.mark.parametrize(
    "body",
    [
        {"resourceSpans": [7]},
        {"resourceSpans": {}},
        {"resourceSpans": [{"resource": []}]},
        {"resourceSpans": [{"resource": {"attributes": [7]}, "scopeSpans": [{}]}]},
        {"resourceSpans": [{"scopeSpans": {}}]},
        {"resourceSpans": [{"scopeSpans": [[]]}]},
        {"resourceSpans": [{"scopeSpans": [{"scope": "by.hand"}]}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": {}}]}]},
    ],
    ids=json.dumps,
)
def test_json_of_another_shape_above_the_spans_is_undecodable(body: Any) -> None:
    with pytest.raises(Undecodable, match="is no ExportTraceServiceRequest in JSON"):
        decode_traces(orjson.dumps(body), JSON)


RAW = zlib.compressobj(wbits=-15)
BARE = RAW.compress(b"spans " * 100) + RAW.flush()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"spans " * 100), "gzip"),
        (gzip.compress(b"spans " * 40) + gzip.compress(b"spans " * 60), "x-gzip"),
        (zlib.compress(b"spans " * 100), "deflate"),
        (BARE, "deflate"),
        (b"spans " * 100, "identity"),
        (b"spans " * 100, ""),
    ],
    ids=["gzip", "two pieces", "zlib", "bare deflate", "identity", "none"],
)
def test_compressed_bodies_are_read(body: bytes, encoding: str) -> None:
    assert decompress(body, encoding, 600) == b"spans " * 100
    with pytest.raises(TooLarge, match=r"more than 0\.000599 MB"):
        decompress(body, encoding, 599)


@pytest.mark.parametrize("kept", [1, 10, 20, -1, -8])
def test_gzip_that_ends_too_early_is_undecodable(kept: int) -> None:
    with pytest.raises(Undecodable):
        decompress(gzip.compress(b"spans " * 100)[:kept], "gzip", 1_000)


@pytest.mark.parametrize("body", [b"", b"no gzip at all", gzip.compress(b"spans") + b"and more"], ids=len)
def test_what_is_no_gzip_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        decompress(body, "gzip", 1_000)


def test_bomb_is_left_at_the_limit() -> None:
    packer = zlib.compressobj(wbits=-15)
    zeros = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = zeros * 100  # a gigabyte, in a megabyte
    assert len(bomb) < 1_100_000
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decompress(bomb, "deflate", 5_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_file_of_very_many_pieces_is_refused() -> None:
    assert decompress(gzip.compress(b"x") * MAX_MEMBERS, "gzip", 1_000) == b"x" * MAX_MEMBERS
    with pytest.raises(Undecodable):
        decompress(gzip.compress(b"x") * (MAX_MEMBERS + 1), "gzip", 1_000)


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip, gzip"])
def test_other_compressions_are_unsupported(encoding: str) -> None:
    with pytest.raises(Unsupported, match="compress with gzip or deflate, or not at all"):
        decompress(b"", encoding, 1_000)

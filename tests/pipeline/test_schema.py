"""A trace's JSON form: round trips, its JSON Schema, other versions, and garbage."""

import copy
import dataclasses
import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import spans as spans_module
from pipeline import types
from pipeline.errors import BadResponse
from pipeline.schema import (
    SCHEMA_VERSION,
    json_schema,
    trace_from_dict,
    trace_from_json,
    trace_to_dict,
    trace_to_json,
    trace_to_version_1,
)
from pipeline.spans import SPAN_KINDS, SpanEvent
from pipeline.types import Chunk, Confidence, Evidence, Failure, Generation, Span, Token, Trace
from tests.factories import make_failed_trace, make_generation, make_trace

text = st.text(max_size=40)
stored_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
number = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(0, 1e12)
scalar = st.one_of(stored_text, st.integers(-(2**53), 2**53), number, st.booleans())
failures = st.builds(Failure, kind=st.text("ABCabc", min_size=1), message=stored_text, stage=st.none() | stored_text)
chunks = st.builds(
    Chunk,
    chunk_id=stored_text,
    document_id=stored_text,
    title=stored_text,
    text=stored_text,
    score=st.none() | st.floats(-1, 1),
    rank=st.integers(1, 100),
    signals=st.dictionaries(stored_text, number, max_size=3),
)
generations = st.builds(
    Generation,
    answer=stored_text,
    tokens=st.lists(st.builds(Token, stored_text, number), max_size=4).map(tuple),
    prompt_tokens=st.integers(0, 10_000),
    finish_reason=st.sampled_from(["stop", "length", "quoted", "abstained", "failed", "deadline"]),
    confidence=st.none() | st.builds(Confidence, st.floats(0, 1), st.sampled_from(["calibrated", "token_probability"])),
    abstained=st.booleans(),
    evidence=st.lists(st.builds(Evidence, stored_text, st.integers(0, 999), st.integers(0, 999)), max_size=3).map(
        tuple
    ),
    used_chunk_ids=st.lists(stored_text, max_size=3).map(tuple),
    prompt=st.none() | stored_text,
    completion_tokens=st.none() | st.integers(0, 10_000),
)
attributes = st.dictionaries(stored_text, scalar | st.lists(scalar, max_size=2).map(tuple), max_size=3)
spans = st.builds(
    Span,
    stage=stored_text,
    start_ms=number,
    duration_ms=positive,
    attributes=attributes,
    error=st.none() | failures,
    parent_id=st.none() | stored_text,
    span_id=st.text("0123456789abcdef", min_size=16, max_size=16),
    name=stored_text,
    kind=st.sampled_from(SPAN_KINDS),
    service=stored_text,
    status=st.sampled_from(["unset", "ok", "error"]),
    events=st.lists(st.builds(SpanEvent, stored_text, number, attributes), max_size=2).map(tuple),
)
traces = st.builds(
    Trace,
    trace_id=st.uuids().map(lambda identity: identity.hex),
    question=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    backend=st.just("local/embedded"),
    asked_at=positive,
    duration_ms=positive,
    chunks=st.lists(chunks, max_size=3).map(tuple),
    generation=st.none() | generations,
    spans=st.lists(spans, max_size=3).map(tuple),
    settings=st.dictionaries(stored_text, st.none() | scalar, max_size=3),
    error=st.none() | failures,
    retrieved=st.lists(chunks, max_size=2).map(tuple),
    origin=st.sampled_from(["person", "run", "load", "application"]),
    service=stored_text,
    session=stored_text,
    user=stored_text,
    tags=st.lists(stored_text, max_size=2).map(tuple),
    metadata=st.dictionaries(stored_text, st.none() | scalar | st.lists(scalar, max_size=2), max_size=2),
)

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@pytest.mark.slow
@given(traces)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
def test_any_trace_comes_back_whole_and_fits_its_json_schema(trace: Trace) -> None:
    assert trace_from_json(trace_to_json(trace)) == trace
    VALIDATOR.validate(json.loads(trace_to_json(trace)))


def test_json_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def definitions() -> dict[str, dict[str, Any]]:
    schema = json_schema()
    return {"Trace": schema, **schema["$defs"]}


@pytest.mark.parametrize("kind", [Trace, Chunk, Span, Token, Evidence, Confidence, Generation, Failure, SpanEvent])
def test_json_schema_describes_every_field(kind: Any) -> None:
    described = definitions()[kind.__name__]
    names = {field.name for field in dataclasses.fields(kind)}
    extra = {"schema_version"} if kind is Trace else set()
    assert set(described["properties"]) == names | extra
    assert set(described["required"]) == names | extra
    for name, about in described["properties"].items():
        assert len(about.get("description", "")) >= 8, name
        assert "\n" not in about["description"], name


def test_every_dataclass_of_a_trace_has_a_definition() -> None:
    events_and_inputs = {"StageStarted", "StageEnded", "ChunksFound", "TokenMade", "GenerateOptions"}
    other = {"PartReadiness", "Readiness", "AttentionMap", "Introspection", "AnswerScores", "Sample"}
    found = {**vars(types), **vars(spans_module)}
    all_types = {name for name, value in found.items() if dataclasses.is_dataclass(value)}
    assert set(definitions()) == all_types - events_and_inputs - other


MUTATIONS: list[tuple[tuple[str | int, ...], Any]] = [
    (("schema_version",), "3.0"),
    (("trace_id",), "not-hexadecimal"),
    (("question",), None),
    (("asked_at",), "yesterday"),
    (("duration_ms",), -1),
    (("chunks",), None),
    (("chunks", 0, "score"), "near"),
    (("origin",), "somewhere"),
    (("tags",), "vip"),
    (("spans", 0, "kind"), "thought"),
    (("spans", 0, "status"), "fine"),
    (("chunks", 0, "rank"), 0),
    (("chunks", 0, "signals"), {"bm25": "high"}),
    (("generation", "confidence", "kind"), "felt"),
    (("generation", "confidence", "value"), 2),
    (("generation", "tokens", 0), "word"),
    (("generation", "prompt_tokens"), 1.5),
    (("generation", "abstained"), "no"),
    (("spans", 0, "stage"), 5),
    (("spans", 0, "attributes"), {"nested": {}}),
    (("settings",), []),
    (("error",), "it failed"),
]


@pytest.mark.parametrize(("path", "value"), MUTATIONS, ids=lambda value: str(value)[:40])
def test_json_schema_refuses_a_mutated_trace(path: tuple[str | int, ...], value: Any) -> None:
    data: Any = copy.deepcopy(trace_to_dict(make_trace()))
    VALIDATOR.validate(data)
    target = data
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize("path", [path for path, value in MUTATIONS if path[0] in ("question", "asked_at", "settings")])
def test_reader_refuses_a_field_of_another_type(path: tuple[str, ...]) -> None:
    data = trace_to_dict(make_trace()) | {path[0]: object()}
    with pytest.raises(BadResponse, match=path[0]):
        trace_from_dict(data)


def test_reader_refuses_a_boolean_where_a_number_belongs() -> None:
    with pytest.raises(BadResponse, match="duration_ms"):
        trace_from_dict(trace_to_dict(make_trace()) | {"duration_ms": True})


UNSTORABLE: list[tuple[tuple[str | int, ...], Any]] = [
    (("duration_ms",), 10**400),
    (("spans", 0, "start_ms"), -(10**400)),
    (("chunks", 0, "score"), 10**400),
    (("chunks", 0, "rank"), 2**63),
    (("chunks", 0, "signals", "bm25"), 10**400),
    (("chunks", 0, "signals", "bm25"), "high"),
    (("generation", "prompt_tokens"), 2**63),
    (("generation", "used_chunk_ids", 0), ["nested"]),
]
"""What JSON can say and neither a float, nor a column of 64 bits, nor a set can hold."""


@pytest.mark.parametrize(("path", "value"), UNSTORABLE, ids=lambda value: str(value)[:40])
def test_reader_refuses_what_no_store_can_keep(path: tuple[str | int, ...], value: Any) -> None:
    data: Any = copy.deepcopy(trace_to_dict(make_trace()))
    target = data
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(BadResponse, match="not a trace"):
        trace_from_dict(data)


def test_whole_number_where_any_number_may_stand_is_read_as_a_float() -> None:
    read = trace_from_dict(trace_to_dict(make_trace()) | {"duration_ms": 2**63})
    assert (read.duration_ms, type(read.duration_ms)) == (2.0**63, float)


def test_failed_trace_fits_the_json_schema() -> None:
    VALIDATOR.validate(json.loads(trace_to_json(make_failed_trace())))


@pytest.mark.parametrize("name", sorted(trace_to_dict(make_trace())))
def test_missing_field_is_a_bad_response(name: str) -> None:
    data = trace_to_dict(make_trace())
    del data[name]
    with pytest.raises(BadResponse, match="not a trace"):
        trace_from_dict(data)
    assert not VALIDATOR.is_valid(data)


def test_unknown_field_of_a_newer_minor_version_is_ignored() -> None:
    trace = make_trace()
    data = trace_to_dict(trace) | {"schema_version": "2.7", "mood": "sunny"}
    data["chunks"][0]["colour"] = "red"
    assert trace_from_dict(data) == trace
    VALIDATOR.validate(data)


def test_trace_of_schema_1_is_read_its_stages_being_its_ids() -> None:
    network = Span("network", 0.0, 60.0, {"attempts": 1}, span_id="00f067aa0ba902b7")
    gateway = Span("gateway", 10.0, 40.0, parent_id="00f067aa0ba902b7", span_id="53995c3f42cd8ad8")
    data = trace_to_version_1(make_trace(spans=(network, gateway)))
    for part in ("retrieved", "origin", "service", "session", "user", "tags", "metadata"):
        del data[part]
    for span in data["spans"]:
        for part in ("span_id", "parent_id", "name", "kind", "service", "status", "events"):
            del span[part]
    del data["generation"]["prompt"], data["generation"]["completion_tokens"]
    read = trace_from_dict(data)
    assert [(span.span_id, span.parent_id, span.kind) for span in read.spans] == [
        ("network", None, "chain"),
        ("gateway", "network", "chain"),
    ]
    assert read.origin == "person"
    assert trace_from_dict(trace_to_dict(read)) == read


def test_reader_of_schema_1_finds_all_that_it_knows() -> None:
    """What a reader of schema 1.1 takes, field by field: a version, stages as parents, scores that are numbers."""
    network = Span("network", 0.0, 60.0, span_id="00f067aa0ba902b7")
    gateway = Span("gateway", 10.0, 40.0, parent_id="00f067aa0ba902b7", span_id="53995c3f42cd8ad8")
    data = trace_to_version_1(make_trace(spans=(network, gateway)))
    assert data["schema_version"].split(".")[0] == "1"
    assert [(span["stage"], span["parent"]) for span in data["spans"]] == [("network", None), ("gateway", "network")]
    assert all(isinstance(chunk["score"], float) for chunk in data["chunks"])
    for name in ("trace_id", "question", "backend", "asked_at", "duration_ms", "generation", "settings", "error"):
        assert name in data


def test_newer_major_version_is_refused_and_says_which() -> None:
    with pytest.raises(BadResponse, match=rf"3\.3.*{SCHEMA_VERSION}.*Update"):
        trace_from_dict(trace_to_dict(make_trace()) | {"schema_version": "3.3"})


@pytest.mark.parametrize(
    "garbage",
    ["", "{", "null", "[]", "{}", '"trace"', "1", "NaN", "[" * 100_000, '{"schema_version": "1.x"}', "\0", "1" * 5_000],
    ids=lambda value: value[:12],
)
def test_garbage_is_a_bad_response(garbage: str) -> None:
    with pytest.raises(BadResponse, match="not a trace"):
        trace_from_json(garbage)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | number | text, lambda inner: st.lists(inner) | st.dictionaries(text, inner)
    )
)
def test_any_other_json_is_a_bad_response(data: Any) -> None:
    with pytest.raises(BadResponse):
        trace_from_json(json.dumps(data))


def test_text_beyond_ascii_is_written_as_it_is() -> None:
    assert "القارات 🌍" in trace_to_json(make_trace(question="القارات 🌍"))


def test_infinite_log_probability_survives() -> None:
    tokens = (Token("never", -math.inf),)
    trace = make_trace(generation=make_generation(tokens=tokens))
    back = trace_from_json(trace_to_json(trace))
    assert back.generation is not None
    assert back.generation.tokens == tokens

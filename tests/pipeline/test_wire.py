"""The wire, read and written by both sides, and held to its JSON Schema both ways."""

import json
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from pipeline import wire
from pipeline.errors import BadResponse, InputError, Throttled, Timeout
from pipeline.schema import chunk_to_dict, json_schema
from pipeline.types import Failure, PartReadiness, Readiness
from pipeline.wire import QueryResponse
from pipeline.wire_requests import (
    HealthRequest,
    QueryRequest,
    RetrieveRequest,
    ScoreRequest,
    WireError,
    parse_request,
    request_to_dict,
)
from tests.factories import make_chunk, make_failed_trace, make_trace

JSON = "application/json; charset=utf-8"
SCORE = ScoreRequest("why?", (make_chunk(),), ((), (0,)), "because")
REQUESTS: list[tuple[str, Any]] = [
    ("/query", QueryRequest("why?", 3, 9.5, True)),
    ("/query", QueryRequest("why?")),
    ("/query", QueryRequest("why?", max_new_tokens=64)),
    ("/retrieve", RetrieveRequest("why?", 7, 2.0)),
    ("/score", SCORE),
]
TIMEOUT = Failure("Timeout", "The deadline passed.", "generate")


def check(name: str, data: Any) -> None:
    """Raise if data does not fit the schema of that name."""
    registry = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in (json_schema(), wire.wire_schema())
    )
    schema = {"$ref": f"urn:raglass:wire:1#/$defs/{name}"}
    jsonschema.Draft202012Validator(schema, registry=registry).validate(json.loads(json.dumps(data)))


def parse(path: str, data: Any, method: str = "POST") -> Any:
    return parse_request(method, path, JSON, json.dumps(data).encode())


@pytest.mark.parametrize(("path", "request_"), REQUESTS)
def test_request_survives_the_way_there_and_fits_its_schema(path: str, request_: Any) -> None:
    data = request_to_dict(request_)
    check(type(request_).__name__, data)
    assert parse(path, data) == request_


def test_question_alone_is_enough() -> None:
    assert parse("/query", {"question": "why?"}) == QueryRequest("why?", 5, 25.0, False)
    assert parse_request("GET", "/health", "", b"") == HealthRequest()


CHUNK = chunk_to_dict(make_chunk())
BAD: list[tuple[str, str, Any, int]] = [
    ("POST", "/nothing", {}, 404),
    ("GET", "/query", {"question": "a"}, 405),
    ("POST", "/health", {}, 405),
    ("POST", "/query", {}, 400),
    ("POST", "/query", [], 400),
    ("POST", "/query", {"question": 3}, 400),
    ("POST", "/query", {"question": "a", "top_k": True}, 400),
    ("POST", "/query", {"question": "a", "top_k": 2.5}, 400),
    ("POST", "/query", {"question": "a", "rerank": 1}, 400),
    ("POST", "/query", {"question": "a", "tpo_k": 3}, 400),
    ("POST", "/query", {"question": "a", "max_new_tokens": 0}, 400),
    ("POST", "/query", {"question": "a", "max_new_tokens": 1_025}, 400),
    ("POST", "/query", {"question": "a", "deadline_s": "soon"}, 400),
    ("POST", "/retrieve", {"question": "a", "rerank": True}, 400),
    ("POST", "/score", {"question": "a", "answer": "b", "chunks": [], "sets": []}, 400),
    ("POST", "/score", {"question": "a", "answer": "b", "chunks": [], "sets": [[0]]}, 400),
    ("POST", "/score", {"question": "a", "answer": "b", "chunks": [{}], "sets": [[0]]}, 400),
    ("POST", "/score", {"question": "a", "answer": "b", "chunks": [], "sets": [[]] * 1025}, 400),
    ("POST", "/score", {"question": "a", "answer": " ", "chunks": [], "sets": [[]]}, 400),
    ("POST", "/score", {"question": "a", "answer": "b" * 10_001, "chunks": [], "sets": [[]]}, 400),
    ("POST", "/score", {"question": "a", "answer": "b", "chunks": [CHUNK] * 101, "sets": [[]]}, 400),
    ("POST", "/score", {"question": "a", "answer": "b", "chunks": [CHUNK], "sets": [[0, 0]]}, 400),
    ("POST", "/score", {"question": "a", "answer": "b", "chunks": [CHUNK], "sets": [[-1]]}, 400),
    ("POST", "/score", {"question": "a", "answer": "b", "chunks": [CHUNK], "sets": [[False]]}, 400),
]


@pytest.mark.parametrize(("method", "path", "data", "status"), BAD)
def test_bad_request_is_refused_with_its_status(method: str, path: str, data: Any, status: int) -> None:
    with pytest.raises(WireError) as caught:
        parse(path, data, method)
    assert caught.value.status == status
    assert isinstance(caught.value, InputError)


NAMES = {"/query": "QueryRequest", "/retrieve": "RetrieveRequest", "/score": "ScoreRequest"}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (path, data)
        for _, path, data, status in BAD
        if status == 400 and not (path == "/score" and data["sets"] == [[0]])  # no schema counts another field's items
    ],
)
def test_schema_refuses_what_the_reader_refuses(path: str, data: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(NAMES[path], data)


@pytest.mark.parametrize(
    "field", ['"deadline_s": NaN', '"deadline_s": -Infinity', '"deadline_s": 1e999', f'"deadline_s": 1{"0" * 400}']
)
def test_deadline_that_is_no_finite_number_is_refused(field: str) -> None:
    with pytest.raises(WireError):
        parse_request("POST", "/query", JSON, f'{{"question": "a", {field}}}'.encode())


def test_schema_is_itself_valid_and_every_field_is_described() -> None:
    schema = wire.wire_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, about in schema["$defs"].items():
        assert len(about["description"]) >= 8, name


def test_failure_before_any_trace_fits_its_schema() -> None:
    check("ErrorResponse", wire.error_response("r1", 0.5, TIMEOUT))


def test_unknown_field_is_named() -> None:
    with pytest.raises(WireError, match="tpo_k"):
        parse("/query", {"question": "a", "tpo_k": 3})


def test_body_that_is_too_large_of_another_type_or_no_json_says_so() -> None:
    for content_type, body, status in [
        (JSON, b" " * 6_000_001, 413),
        ("text/plain", b"{}", 415),
        (JSON, b"{", 400),
        (JSON, b"[" * 100_000, 400),
    ]:
        with pytest.raises(WireError) as caught:
            parse_request("POST", "/query", content_type, body)
        assert caught.value.status == status


@pytest.mark.parametrize("trace", [make_trace(), make_failed_trace(), None], ids=["answered", "failed", "none"])
def test_reply_survives_the_way_back_and_fits_its_schema(trace: Any) -> None:
    error = None if trace is None else trace.error
    data = wire.query_response("r1", 41.5, trace, error)
    check("QueryResponse", data)
    assert wire.parse_query_response(json.loads(json.dumps(data))) == QueryResponse("r1", 41.5, trace, error)


def test_scores_and_readiness_survive_the_way_back() -> None:
    scores = wire.score_response("r1", 3.0, ["a", "b"], [[-1.0, -2.0], [-3.0, -4.0]])
    check("ScoreResponse", scores)
    assert wire.parse_score_response(scores).logprobs_nats == ((-1.0, -2.0), (-3.0, -4.0))
    readiness = Readiness((PartReadiness("index", False, "missing"),))
    health = wire.health_response("r1", readiness)
    check("HealthResponse", health)
    assert wire.parse_health_response(health) == readiness


@pytest.mark.parametrize(
    ("reads", "version"), [(None, "1.1"), ("1.1", "1.1"), ("2.0", "2.0"), ("3.4", "2.0"), ("?", "1.1")]
)
def test_caller_is_answered_in_the_schema_that_it_reads(reads: str | None, version: str) -> None:
    trace = make_trace()
    data = wire.query_response("r1", 3.0, trace, None, reads=reads)
    assert (data["schema_version"], data["trace"]["schema_version"]) == (version, version)
    assert wire.parse_query_response(data).trace == trace


def test_error_in_a_reply_is_raised_as_what_it_was() -> None:
    data = wire.query_response("r1", 3.0, None, TIMEOUT)
    with pytest.raises(Timeout) as caught:
        wire.parse_score_response(data)
    assert caught.value.stage == "generate"
    with pytest.raises(InputError):
        wire.raise_failure(Failure("InputError", "blank"))


BEYOND = 10**400
"""A whole number that no float holds; JSON may have it."""


@pytest.mark.parametrize("data", [
    {}, {"schema_version": "1.0"}, {"schema_version": "x"}, {"schema_version": "3.0"},
    {"schema_version": "1.0", "request_id": "r", "gateway_ms": BEYOND, "trace": None, "error": None, "tokens": [],
     "logprobs_nats": [[BEYOND]], "parts": None},
])  # fmt: skip
def test_reply_of_another_kind_is_a_bad_response(data: Any) -> None:
    for parse_reply in (wire.parse_query_response, wire.parse_score_response, wire.parse_health_response):
        with pytest.raises(BadResponse):
            parse_reply(data)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("InputError", 400), (Throttled.__name__, 429), ("Timeout", 504), ("Unavailable", 502), ("BadResponse", 502)],
)
def test_status_follows_the_kind_of_error(kind: str, status: int) -> None:
    assert wire.status_of(Failure(kind, "…")) == status
    assert wire.status_of(None) == 200


@pytest.mark.parametrize("header", [None, "", "a b", "a\nb", "é", "x" * 129, "<script>"])
def test_request_id_that_may_not_be_passed_on_is_ignored(header: str | None) -> None:
    assert wire.request_id_of(header) is None


def test_request_id_of_a_caller_is_kept() -> None:
    assert wire.request_id_of("Root.1-67891233-abc_def") == "Root.1-67891233-abc_def"


def test_traceparent_carries_the_trace_id() -> None:
    assert wire.trace_id_of(wire.make_traceparent("ab" * 16)) == "ab" * 16


@pytest.mark.parametrize(
    "header",
    [None, "", "x", f"01-{'ab' * 16}-{'cd' * 8}-01", f"00-{'0' * 32}-{'cd' * 8}-01", f"00-{'ab' * 16}-{'0' * 16}-01"],
)
def test_header_that_is_no_traceparent_is_ignored(header: str | None) -> None:
    assert wire.trace_id_of(header) is None

"""The orchestrator's service, over real HTTP to a stack that is one scripted server: what it runs, replies, logs and measures."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.credentials import Credentials

from backends.aws.logs import JsonHandler
from backends.aws.pinecone import PineconeIndex
from backends.aws.service import Call, Service, StackConfig, clean_key
from pipeline.errors import ConfigError
from pipeline.prompts import DEFAULT
from pipeline.schema import chunk_to_dict, generation_to_dict
from pipeline.wire import make_traceparent, parse_health_response, parse_query_response, parse_score_response
from serving.rehearsal.bedrock import conversation
from tests.aws.loopback import Answer, Server, serving
from tests.factories import make_chunk, make_generation

KEY = "pinecone-secret-key"
TRACE_ID = "ab" * 16
VECTORS = Answer({"model": "e5", "dimension": 2, "vectors": [[1.0, 0.0]]})
MATCHES = Answer(
    {
        "matches": [
            {"id": "c1", "score": 0.9, "metadata": {"text": "Continents drift.", "title": "Drift", "document_id": "d"}}
        ]
    }
)
GENERATED = Answer({"model": "t5", "generation": generation_to_dict(make_generation())})


BEDROCK = "amazon.nova-lite-v1:0"
CONVERSED = Answer(conversation("Continents drift.", inputTokens=50, outputTokens=3))


class Stack:
    """A service, the server that stands for every part, and what was written to the log."""

    def __init__(self, server: Server, bedrock_model: str = "") -> None:
        self.server = server
        self.lines: list[dict[str, Any]] = []
        config = StackConfig("rag-e5", "rag-t5", "rag-responder", "us-east-1", KEY, server.url, "corpus-index")
        config = replace(config, bedrock_model=bedrock_model)
        environ = {"AWS_ENDPOINT_URL": server.url}
        self.service = Service(config, environ, Credentials("AKID", "aws-secret"), write=self._keep)

    @property
    def said(self) -> list[dict[str, Any]]:
        """Log lines, without the metrics."""
        return [line for line in self.lines if "_aws" not in line]

    def _keep(self, line: str) -> None:
        self.lines.append(json.loads(line))

    def call(
        self, path: str, data: Any = None, *, method: str = "POST", remaining_s: float = 29.0, **headers: str
    ) -> Any:
        given = {"content-type": "application/json", "traceparent": make_traceparent(TRACE_ID), **headers}
        body = b"" if data is None else json.dumps(data).encode()
        return self.service.handle(Call(method, path, given, body, "lambda-id", remaining_s))


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with serving(*getattr(request, "param", (VECTORS, MATCHES, GENERATED))) as server:
        yield Stack(server)


def test_question_is_answered_by_the_one_pipeline_under_the_clients_trace_id(stack: Stack) -> None:
    outcome = stack.call("/query", {"question": "why?", "top_k": 1})
    assert outcome.status == 200
    reply = parse_query_response(outcome.data)
    assert reply.trace is not None
    assert reply.trace.trace_id == TRACE_ID
    assert reply.trace.backend == "aws"
    assert [span.stage for span in reply.trace.spans] == ["embed", "retrieve", "generate"]
    assert reply.trace.generation == make_generation()
    assert reply.gateway_ms >= reply.trace.duration_ms
    assert [asked.path for asked in stack.server.asked] == [
        "/endpoints/rag-e5/invocations",
        "/query",
        "/endpoints/rag-t5/invocations",
    ]


def test_trace_id_and_request_id_go_through_every_call_and_log_line(stack: Stack) -> None:
    stack.call("/query", {"question": "why?"}, **{"x-request-id": "mine"})
    for asked in stack.server.asked:
        assert TRACE_ID in asked.headers["traceparent"]
        assert asked.headers["x-request-id"] == "mine"
    logged = [line for line in stack.lines if "_aws" not in line]
    assert logged
    assert {(line["request_id"], line["trace_id"]) for line in logged} == {("mine", TRACE_ID)}


def test_neither_keys_nor_texts_are_logged(stack: Stack) -> None:
    stack.call("/query", {"question": "what is my salary?"})
    written = json.dumps(stack.lines)
    for secret in (KEY, "aws-secret", "salary", "Continents drift"):
        assert secret not in written


def test_metrics_are_emf_lines_by_stage_with_the_gateway_as_the_whole(stack: Stack) -> None:
    stack.call("/query", {"question": "why?"})
    metrics = [line for line in stack.lines if "_aws" in line]
    assert {line["Stage"] for line in metrics} == {"gateway", "embed", "retrieve", "generate"}
    assert {line["Backend"] for line in metrics} == {"aws"}
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "RAG_MLOps" for line in metrics)
    by_stage = {line["Stage"]: line for line in metrics}
    assert by_stage["retrieve"]["TopScore"] == 0.9
    assert by_stage["generate"]["Abstained"] == 0
    assert by_stage["gateway"]["ErrorCount"] == 0


def test_retrieve_answers_chunks_and_generates_nothing(stack: Stack) -> None:
    trace = parse_query_response(stack.call("/retrieve", {"question": "why?"}).data).trace
    assert trace is not None
    assert trace.generation is None
    assert [chunk.chunk_id for chunk in trace.chunks] == ["c1"]
    assert len(stack.server.asked) == 2


@pytest.mark.parametrize("stack", [(Answer({"tokens": ["a"], "logprobs_nats": [[-1.0], [-2.0]]}),)], indirect=True)
def test_score_is_one_call_to_the_generator(stack: Stack) -> None:
    from pipeline.wire_requests import ScoreRequest, request_to_dict

    request = ScoreRequest("why?", (make_chunk(),), ((), (0,)), "a")
    found = parse_score_response(stack.call("/score", request_to_dict(request)).data)
    assert found.logprobs_nats == ((-1.0,), (-2.0,))
    assert len(stack.server.asked) == 1


FAULTS: list[tuple[str, tuple[Answer, ...], int, str, str]] = [
    ("embedder throttled", (Answer({}, 429),), 429, "Throttled", "embed"),
    ("embedder broken", (Answer({}, 500),), 502, "StageFailed", "embed"),
    ("garbage vectors", (Answer({"vectors": "no"}),), 502, "BadResponse", "embed"),
    ("wrong key", (VECTORS, Answer({}, 401)), 502, "Unavailable", "retrieve"),
    ("other dimension", (VECTORS, Answer({"message": "dimension"}, 400)), 502, "DimensionMismatch", "retrieve"),
    (
        "generator missing",
        (VECTORS, MATCHES, Answer({"__type": "ValidationError"}, 400)),
        502,
        "Unavailable",
        "generate",
    ),
    ("generator hangs up", (VECTORS, MATCHES, Answer(hang_up=True)), 502, "Unavailable", "generate"),
]


@pytest.mark.parametrize(
    ("stack", "status", "kind", "stage"),
    [row[1:] for row in FAULTS],
    indirect=["stack"],
    ids=[row[0] for row in FAULTS],
)
@pytest.mark.slow
def test_failed_stage_keeps_the_trace_so_far(stack: Stack, status: int, kind: str, stage: str) -> None:
    outcome = stack.call("/query", {"question": "why?"})
    reply = parse_query_response(outcome.data)
    assert outcome.status == status
    assert reply.error is not None
    assert reply.trace is not None
    assert (reply.error.kind, reply.error.stage) == (kind, stage)
    assert reply.trace.spans[-1].stage == stage
    assert reply.trace.spans[-1].error == reply.error
    assert len(reply.trace.chunks) == (1 if stage == "generate" else 0)
    assert len(stack.server.asked) <= 5  # no retry storm: three attempts at most, after the stages before
    assert any(line.get("event") == "failed" and line["stage"] == stage for line in stack.lines)


@pytest.mark.parametrize("stack", [(Answer({"vectors": [[1.0]]}, delay_s=2.0),)], indirect=True)
@pytest.mark.slow
def test_stage_that_is_too_slow_times_out_within_the_deadline(stack: Stack) -> None:
    outcome = stack.call("/query", {"question": "why?", "deadline_s": 0.3})
    assert outcome.status == 504
    assert parse_query_response(outcome.data).error.kind == "Timeout"  # type: ignore[union-attr]


def test_deadline_is_never_beyond_what_the_lambda_has_left(stack: Stack) -> None:
    trace = parse_query_response(
        stack.call("/query", {"question": "why?", "deadline_s": 600}, remaining_s=9.0).data
    ).trace
    assert trace is not None
    assert trace.settings["deadline_s"] == 8.5


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("/query", {"question": " "}, 400),
        ("/query", {"question": "a", "top_k": 10_000}, 400),
        ("/query", {"question": "a", "rerank": True}, 400),
        ("/query", {"question": "a", "extra": 1}, 400),
        ("/nowhere", {}, 404),
    ],
)
def test_bad_request_reaches_no_part(stack: Stack, path: str, data: Any, status: int) -> None:
    outcome = stack.call(path, data)
    assert outcome.status == status
    assert outcome.data["error"]["kind"] == "InputError"
    assert stack.server.asked == []


@pytest.mark.parametrize(
    "stack",
    [(VECTORS, Answer({"namespaces": {"__default__": {"vectorCount": 7}}}), Answer({"model": "t5"}))],
    indirect=True,
)
def test_health_looks_at_every_part(stack: Stack) -> None:
    readiness = parse_health_response(stack.call("/health", method="GET").data)
    assert readiness.ready
    assert [part.name for part in readiness.parts] == ["embedder", "index", "generator"]
    assert "7 vectors" in readiness.parts[1].detail


@pytest.mark.parametrize("stack", [(Answer({}, 401),)], indirect=True)
def test_health_says_which_part_is_not_ready_and_never_fails_itself(stack: Stack) -> None:
    outcome = stack.call("/health", method="GET")
    assert outcome.status == 200
    assert not parse_health_response(outcome.data).ready


@pytest.mark.parametrize("stack", [(VECTORS, MATCHES, GENERATED, Answer({"statusCode": 200}))], indirect=True)
def test_reply_is_framed_by_the_responder_which_is_told_the_trace_id(stack: Stack) -> None:
    outcome = stack.call("/query", {"question": "why?"})
    assert stack.service.respond(outcome, left_s=5.0) == {"statusCode": 200}
    asked = stack.server.asked[-1]
    assert asked.path == "/2015-03-31/functions/rag-responder/invocations"
    assert asked.data["trace_id"] == TRACE_ID
    assert asked.data["status"] == 200
    assert asked.data["data"] == json.loads(json.dumps(outcome.data))


RAISED = Answer({"errorMessage": "boom"}, headers={"X-Amz-Function-Error": "Unhandled"})


@pytest.mark.parametrize("stack", [(VECTORS, MATCHES, GENERATED, RAISED)], indirect=True)
def test_answer_outlives_a_responder_that_fails_and_the_log_says_so(stack: Stack) -> None:
    outcome = stack.call("/query", {"question": "why?"})
    reply = stack.service.respond(outcome, left_s=5.0)
    assert reply["statusCode"] == 200
    assert parse_query_response(json.loads(reply["body"])).trace is not None
    [line] = [line for line in stack.said if line["event"] == "responder failed"]
    assert (line["kind"], line["trace_id"]) == ("StageFailed", TRACE_ID)


def test_without_time_for_the_responder_the_reply_is_framed_at_once(stack: Stack) -> None:
    outcome = stack.call("/query", {"question": "why?"})
    before = len(stack.server.asked)
    assert stack.service.respond(outcome, left_s=0.2)["statusCode"] == 200
    assert len(stack.server.asked) == before


def test_length_that_the_request_asks_for_goes_to_the_generator(stack: Stack) -> None:
    stack.call("/query", {"question": "why?", "max_new_tokens": 17})
    assert stack.server.asked[-1].data["max_new_tokens"] == 17


CUT_SHORT = Answer({"generation": generation_to_dict(make_generation("Alfred", finish_reason="deadline"))})


@pytest.mark.parametrize("stack", [(VECTORS, MATCHES, CUT_SHORT)], indirect=True)
def test_answer_cut_short_by_the_deadline_is_kept_as_far_as_it_came(stack: Stack) -> None:
    outcome = stack.call("/query", {"question": "why?"})
    trace = parse_query_response(outcome.data).trace
    assert outcome.status == 504
    assert trace is not None
    assert trace.generation is not None
    assert (trace.generation.answer, trace.generation.finish_reason) == ("Alfred", "deadline")
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == ("Timeout", "generate")


@pytest.mark.parametrize("given", ["a b", "é", "x" * 129])
def test_request_id_that_cannot_be_a_header_is_not_passed_on(stack: Stack, given: str) -> None:
    outcome = stack.call("/query", {"question": "why?"}, **{"x-request-id": given})
    assert outcome.status == 200
    assert outcome.data["request_id"] == "lambda-id"
    assert {asked.headers["x-request-id"] for asked in stack.server.asked} == {"lambda-id"}


def test_unexpected_fault_is_logged_with_its_ids_and_place_but_without_its_text(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("what is my salary?")

    monkeypatch.setattr(PineconeIndex, "search", broken)
    handler, logger = JsonHandler(), logging.getLogger("pipeline.recording")
    logger.addHandler(handler)
    monkeypatch.setattr(logger, "propagate", False)
    try:
        outcome = stack.call("/query", {"question": "what is my salary?"})
    finally:
        logger.removeHandler(handler)
    assert outcome.data["error"]["kind"] == "StageFailed"
    [line] = [line for line in stack.said if line["event"] == "logged"]
    assert (line["exception"], line["level"], line["trace_id"]) == ("KeyError", "error", TRACE_ID)
    assert line["raised_at"][-1].startswith("broken:")
    assert "salary" not in json.dumps(stack.lines)


def test_host_is_looked_up_again_after_the_index_was_not_there() -> None:
    host = Answer({"host": ""})
    with serving(VECTORS, host, Answer({}, 404), VECTORS, host, MATCHES, GENERATED) as server:
        host.data["host"] = server.url
        config = StackConfig("e", "g", "r", "us-east-1", KEY, "", "corpus", server.url)
        service = Service(config, {"AWS_ENDPOINT_URL": server.url}, Credentials("AKID", "s"), write=lambda line: None)
        body = json.dumps({"question": "why?"}).encode()
        call = Call("POST", "/query", {"content-type": "application/json"}, body, "id", 29.0)
        assert [service.handle(call).status for _ in range(2)] == [502, 200]
        assert [asked.path for asked in server.asked].count("/indexes/corpus") == 2


def test_white_space_around_a_key_is_dropped() -> None:
    assert clean_key(" pc-key\n") == "pc-key"


@pytest.mark.parametrize("text", ["", "  \n", "kéy", "two\nlines"])
def test_key_that_no_header_can_hold_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        clean_key(text)
    assert "kéy" not in str(caught.value)
    assert "lines" not in str(caught.value)


def test_configuration_shows_no_key() -> None:
    assert KEY not in repr(StackConfig("e", "g", "r", "us-east-1", KEY))


def test_missing_configuration_is_named() -> None:
    with pytest.raises(ConfigError, match="GENERATOR_ENDPOINT, RESPONDER_FUNCTION, PINECONE_INDEX"):
        StackConfig.from_environ({"EMBEDDER_ENDPOINT": "e"}, lambda arn: "")


def test_secret_is_read_from_secrets_manager_where_its_arn_is_given() -> None:
    environ = {
        "EMBEDDER_ENDPOINT": "e",
        "GENERATOR_ENDPOINT": "g",
        "RESPONDER_FUNCTION": "r",
        "PINECONE_INDEX": "i",
        "PINECONE_SECRET_ARN": "arn",
    }
    assert StackConfig.from_environ(environ, lambda arn: f"text of {arn}\n").pinecone_key == "text of arn"


def test_model_on_bedrock_answers_in_place_of_an_endpoint() -> None:
    with serving(VECTORS, MATCHES, CONVERSED) as server:
        stack = Stack(server, BEDROCK)
        trace = parse_query_response(stack.call("/query", {"question": "why?", "top_k": 1}).data).trace
        asked = server.asked[-1]
    assert trace is not None
    assert trace.generation is not None
    assert trace.generation.answer == "Continents drift."
    assert (trace.generation.prompt_tokens, trace.generation.completion_tokens) == (50, 3)
    assert (trace.settings["generator"], trace.settings["prompt"]) == (f"bedrock:{BEDROCK}", DEFAULT.version)
    assert asked.path == "/model/amazon.nova-lite-v1%3A0/converse"
    assert asked.data["messages"] == [{"role": "user", "content": [{"text": trace.generation.prompt}]}]
    assert "/us-east-1/bedrock/aws4_request" in asked.headers["Authorization"]


REFUSALS: dict[str, tuple[Answer, int, str, str]] = {
    "not enabled": (
        Answer({"message": "no"}, 403, {"x-amzn-ErrorType": "AccessDeniedException"}), 502, "Unavailable", "Enable the model",
    ),
    "throttled": (Answer({"message": "no"}, 429, {"x-amzn-ErrorType": "ThrottlingException"}), 429, "Throttled", "quota"),
    "another shape": (Answer({"output": {}}), 502, "BadResponse", "as Converse does"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.slow
def test_refusal_of_bedrock_is_typed_and_keeps_the_chunks(name: str) -> None:
    reply, status, kind, words = REFUSALS[name]
    with serving(VECTORS, MATCHES, reply) as server:
        outcome = Stack(server, BEDROCK).call("/query", {"question": "why?", "top_k": 1})
    found = parse_query_response(outcome.data)
    assert outcome.status == status
    assert found.error is not None
    assert (found.error.kind, found.error.stage) == (kind, "generate")
    assert words in found.error.message
    assert found.trace is not None
    assert len(found.trace.chunks) == 1


def test_model_that_takes_no_temperature_is_asked_again_without_one() -> None:
    refusal = Answer({"message": "temperature is not supported"}, 400, {"x-amzn-ErrorType": "ValidationException"})
    with serving(VECTORS, MATCHES, refusal, CONVERSED) as server:
        assert Stack(server, BEDROCK).call("/query", {"question": "why?", "top_k": 1}).status == 200
        assert ["temperature" in asked.data["inferenceConfig"] for asked in server.asked[-2:]] == [True, False]


def test_scores_are_refused_where_a_model_on_bedrock_answers() -> None:
    with serving(CONVERSED) as server:
        data = {"question": "why?", "chunks": [chunk_to_dict(make_chunk())], "sets": [[0]], "answer": "x"}
        outcome = Stack(server, BEDROCK).call("/score", data)
        assert server.asked == []
    assert (outcome.status, outcome.data["error"]["kind"]) == (400, "InputError")
    assert "no log-probabilities" in outcome.data["error"]["message"]


def test_health_asks_a_model_on_bedrock_for_one_token() -> None:
    with serving(VECTORS, Answer({"totalVectorCount": 3}), CONVERSED) as server:
        outcome = Stack(server, BEDROCK).call("/health", method="GET")
        assert server.asked[-1].data["inferenceConfig"]["maxTokens"] == 1
    assert {part.name: part.ready for part in parse_health_response(outcome.data).parts}["generator"]


def test_orchestrator_needs_an_endpoint_or_a_model_to_answer() -> None:
    given = {"EMBEDDER_ENDPOINT": "e", "RESPONDER_FUNCTION": "r", "PINECONE_INDEX": "i", "PINECONE_API_KEY": KEY}
    assert StackConfig.from_environ({**given, "BEDROCK_MODEL": BEDROCK}, str).bedrock_model == BEDROCK
    with pytest.raises(ConfigError, match="GENERATOR_ENDPOINT"):
        StackConfig.from_environ(given, str)

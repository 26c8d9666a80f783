"""The aws backend against a real HTTP server that speaks the wire, and one that does not."""

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from backends.aws.api import Api
from backends.aws.backend import AwsBackend, open_aws
from backends.aws.breaker import CircuitBreaker
from backends.aws.calls import Policy
from backends.registry import BackendConfig
from pipeline import wire
from pipeline.errors import ConfigError, InputError, Throttled, Unavailable
from pipeline.schema import trace_to_json
from pipeline.types import ChunksFound, Event, Failure, PartReadiness, Readiness, StageEnded, StageStarted, TokenMade
from tests.aws.loopback import Answer, Server, serving
from tests.factories import make_chunk, make_failed_trace, make_spans, make_trace

KEY = "api-secret-key"
SERVED = make_trace(backend="aws", spans=make_spans(embed_ms=0.1, retrieve_ms=0.1, generate_ms=0.2), duration_ms=0.45)
QUERY = Answer(wire.query_response("r1", 5.0, SERVED, None))


def open_at(server: Server, **given: Any) -> AwsBackend:
    options: dict[str, Any] = {"policy": Policy(attempts=3, base_s=0.001), "sleep": lambda seconds: None, **given}
    return AwsBackend(Api(f"{server.url}/stage/", **options))


def ask(backend: AwsBackend, **given: Any) -> Any:
    return backend.answer("why?", **{"top_k": 3, "deadline_s": 10.0, **given})


def test_stages_of_the_stack_stand_inside_the_networks_time_and_add_up() -> None:
    with serving(QUERY) as server:
        trace = ask(open_at(server))
    by_stage = {span.stage: span for span in trace.spans}
    assert [span.stage for span in trace.spans] == ["network", "gateway", "embed", "retrieve", "generate"]
    network, gateway = by_stage["network"], by_stage["gateway"]
    assert [span.parent_id for span in trace.spans] == [None, network.span_id, *[gateway.span_id] * 3]
    for inner, outer in [(gateway, network)]:
        assert outer.start_ms <= inner.start_ms
        assert inner.start_ms + inner.duration_ms <= outer.start_ms + outer.duration_ms + 1e-9
    assert gateway.duration_ms == min(5.0, network.duration_ms)
    assert by_stage["embed"].start_ms == gateway.start_ms + SERVED.spans[0].start_ms
    assert sum(trace.tree.own_ms(span) for span in trace.spans) + trace.unaccounted_ms == pytest.approx(
        trace.duration_ms
    )


def test_answer_chunks_and_settings_are_the_stacks_and_the_trace_id_ours() -> None:
    with serving(QUERY) as server:
        trace = ask(open_at(server))
        [asked] = server.asked
    assert (trace.generation, trace.chunks) == (SERVED.generation, SERVED.chunks)
    assert wire.trace_id_of(asked.headers["traceparent"]) == trace.trace_id
    assert asked.path == "/stage/query"
    assert asked.data["top_k"] == 3
    assert 8.5 < asked.data["deadline_s"] <= 9.0
    assert trace.settings["deadline_s"] == 10.0


def test_longest_answer_is_the_settings(tmp_path: Any) -> None:
    with serving(QUERY) as server:
        backend = open_aws(BackendConfig(tmp_path, api_url=server.url, max_new_tokens=17))
        ask(backend)
        backend.close()
        assert server.asked[0].data["max_new_tokens"] == 17


def test_events_come_in_the_order_of_the_stages() -> None:
    seen: list[Event] = []
    with serving(QUERY) as server:
        trace = ask(open_at(server), on_event=seen.append)
    assert [event.span for event in seen if isinstance(event, StageEnded)] == list(trace.spans)
    assert [event.stage for event in seen if isinstance(event, StageStarted)] == [span.stage for span in trace.spans]
    assert [event.chunks for event in seen if isinstance(event, ChunksFound)] == [trace.chunks]
    assert [event.token for event in seen if isinstance(event, TokenMade)] == list(trace.generation.tokens)


def test_failure_in_the_stack_keeps_its_partial_trace_and_names_the_stage() -> None:
    failed = make_failed_trace("Throttled", "generate", backend="aws")
    with serving(Answer(wire.query_response("r1", 3.0, failed, failed.error), 429)) as server:
        trace = ask(open_at(server))
        assert len(server.asked) == 1  # the stack has done its own retries
    assert trace.error == failed.error
    assert trace.chunks == failed.chunks
    assert trace.spans[0].error is None
    assert trace.spans[-1].error == failed.error


def test_failure_of_a_kind_that_is_not_known_here_is_kept_as_a_backend_error() -> None:
    odd = Failure("Volcano", "It erupted.", "embed")
    with serving(Answer(wire.query_response("r1", 3.0, None, odd), 502)) as server:
        trace = ask(open_at(server))
    assert trace.error == replace(odd, kind="BackendError")


def test_refused_question_raises_as_misuse() -> None:
    refused = Answer(wire.query_response("r1", 1.0, None, Failure("InputError", "No such thing.")), 400)
    with serving(refused) as server, pytest.raises(InputError, match="No such thing"):
        ask(open_at(server))


FAULTS: list[tuple[str, Answer, str, int]] = [
    ("hangs up", Answer(hang_up=True), "Unavailable", 3),
    ("gateway throttles", Answer({"message": "Too Many"}, 429, {"Retry-After": "0.01"}), "Throttled", 3),
    ("gateway busy", Answer({"message": "secret"}, 503), "Throttled", 3),
    ("lambda broken", Answer({"message": "secret"}, 500), "StageFailed", 1),
    ("forbidden", Answer({"message": "secret"}, 403), "BadResponse", 1),
    ("html page", Answer(raw=b"<html>secret</html>", headers={"Content-Type": "text/html"}), "BadResponse", 1),
    ("redirect", Answer({}, 302, {"Location": "https://elsewhere.example/"}), "BadResponse", 1),
    ("garbage", Answer(raw=b"\x00\xff"), "BadResponse", 1),
    ("newer schema", Answer({"schema_version": "9.0"}), "BadResponse", 1),
    ("no trace", Answer({"schema_version": "1.0", "request_id": "r"}), "BadResponse", 1),
]


@pytest.mark.parametrize(("answer", "kind", "calls"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_fault_on_the_way_is_a_typed_trace_without_a_retry_storm(answer: Answer, kind: str, calls: int) -> None:
    with serving(answer) as server:
        trace = ask(open_at(server, auth="key", key=KEY))
        assert len(server.asked) == calls
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == (kind, "network")
    assert trace.spans[0].error == trace.error
    written = trace_to_json(trace)
    assert KEY not in written
    assert "secret" not in written.replace(KEY, "")


@pytest.mark.slow
def test_answer_after_the_deadline_is_a_timeout_asked_for_once() -> None:
    with serving(Answer(QUERY.data, delay_s=1.0)) as server:
        trace = ask(open_at(server), deadline_s=0.2)
        assert len(server.asked) == 1
    assert trace.error is not None
    assert trace.error.kind == "Timeout"


@pytest.mark.parametrize("drip_s", [0.05, 5.0], ids=["drips", "stalls after the first byte"])
@pytest.mark.slow
def test_body_that_comes_too_slowly_is_a_timeout_at_the_deadline(drip_s: float) -> None:
    started = time.monotonic()
    with serving(replace(QUERY, drip_s=drip_s)) as server:  # whole, it would take over a minute
        trace = ask(open_at(server), deadline_s=0.4)
        spent_s = time.monotonic() - started
        assert (trace.error.kind, trace.error.stage, len(server.asked)) == ("Timeout", "network", 1)
    assert 0.4 <= spent_s < 5.0
    assert [span.stage for span in trace.spans] == ["network"]


def test_endless_body_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.aws.api.MAX_REPLY_BYTES", 100_000)
    with serving(Answer(raw=b"x" * 1_000_000)) as server:
        error = ask(open_at(server)).error
    assert error.kind == "BadResponse"
    assert "RAGLASS_API_URL" in error.message


def test_compressed_reply_is_read() -> None:
    packed = Answer(raw=gzip.compress(json.dumps(QUERY.data).encode()), headers={"Content-Encoding": "gzip"})
    with serving(packed) as server:
        assert ask(open_at(server)).generation == SERVED.generation


def test_broken_connection_is_survived() -> None:
    with serving(Answer(hang_up=True), QUERY) as server:
        assert ask(open_at(server)).error is None


def test_connection_is_kept_alive() -> None:
    with serving(QUERY) as server:
        backend = open_at(server)
        for _ in range(4):
            ask(backend)
        backend.close()
        assert len(server.peers) == 1


def test_circuit_opens_after_repeated_failures_says_so_and_closes_again() -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=2, pause_s=30, clock=lambda: now[0])
    with serving(Answer({}, 500)) as server:
        backend = open_at(server, breaker=breaker)
        kinds = [ask(backend).error.kind for _ in range(3)]
        assert kinds == ["StageFailed", "StageFailed", "Unavailable"]
        assert len(server.asked) == 2
        assert "2 times in a row" in ask(backend).error.message
        now[0] = 31.0
        server.answers = [QUERY]
        assert ask(backend).error is None
        assert ask(backend).error is None


def test_failed_trial_opens_the_circuit_again_and_only_one_call_is_on_trial() -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=1, pause_s=10, clock=lambda: now[0])
    breaker.failed()
    now[0] = 11.0
    breaker.check("It")
    with pytest.raises(Unavailable):
        breaker.check("It")
    breaker.failed()
    now[0] = 20.0
    with pytest.raises(Unavailable):
        breaker.check("It")
    now[0] = 21.5
    breaker.check("It")


@pytest.mark.parametrize(
    "ending",
    [Answer({}, 429), Answer({}, 403), Answer(raw=b"<html>")],
    ids=["throttled", "refused", "html page"],
)
def test_trial_that_decides_nothing_leaves_the_next_call_to_try(ending: Answer) -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=1, pause_s=30, clock=lambda: now[0])
    with serving(Answer({}, 500)) as server:
        backend = open_at(server, breaker=breaker, policy=Policy(attempts=1))
        assert ask(backend).error.kind == "StageFailed"
        now[0] = 31.0
        server.answers = [ending]
        assert ask(backend).error.kind in ("Throttled", "BadResponse")
        server.answers = [QUERY]
        assert ask(backend).error is None


def test_key_goes_into_its_header() -> None:
    with serving(QUERY) as server:
        ask(open_at(server, auth="key", key=KEY))
        assert server.asked[0].headers["x-api-key"] == KEY


def test_iam_signature_is_botocores_own() -> None:
    credentials = Credentials("AKIDEXAMPLE", "secret", "token")
    with serving(QUERY) as server:
        ask(open_at(server, auth="iam", region="eu-west-1", credentials=credentials))
        [asked] = server.asked
    sent = {name.lower(): value for name, value in asked.headers.items()}
    signed = sent["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    names = [name for name in signed if name not in ("host", "x-amz-date", "x-amz-security-token")]
    request = AWSRequest("POST", server.url + asked.path, data=asked.body, headers={name: sent[name] for name in names})
    request.context["timestamp"] = sent["x-amz-date"]
    signer = SigV4Auth(credentials, "execute-api", "eu-west-1")
    request.headers["X-Amz-Date"] = sent["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = "token"
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert sent["authorization"].endswith(f"Signature={expected}")


def test_scores_are_one_call_whose_sets_are_positions() -> None:
    first, second = make_chunk(chunk_id="a"), make_chunk(chunk_id="b")
    with serving(Answer(wire.score_response("r", 1.0, ["x", "y"], [[-1.0, -2.0]] * 3))) as server:
        found = open_at(server).score("why?", [[], [second], [first, second]], "x y")
        [asked] = server.asked
    assert found.shape == (3, 2)
    assert found.dtype == np.float32
    assert [chunk["chunk_id"] for chunk in asked.data["chunks"]] == ["b", "a"]
    assert asked.data["sets"] == [[], [0], [1, 0]]


def test_sets_of_too_many_chunks_for_a_call_are_scored_in_several() -> None:
    chunks = [make_chunk(chunk_id=f"c{n}") for n in range(150)]
    sets = [chunks[:60], chunks[60:120], chunks[100:150]]
    answers = [
        Answer(wire.score_response("r", 1.0, ["x"], [[-1.0]])),
        Answer(wire.score_response("r", 1.0, ["x"], [[-2.0]] * 2)),
    ]
    with serving(*answers) as server:
        found = open_at(server).score_answer("why?", sets, "x")
        assert [len(asked.data["chunks"]) for asked in server.asked] == [60, 90]
    assert found.logprobs_nats == ((-1.0,), (-2.0,), (-2.0,))


def test_scores_that_failed_raise_what_failed() -> None:
    failed = wire.query_response("r", 1.0, None, Failure("Throttled", "slow down", "score"))
    with serving(Answer(failed, 429)) as server, pytest.raises(Throttled):
        open_at(server).score("why?", [[]], "x")


def test_readiness_is_the_stacks_parts_and_the_api() -> None:
    parts = Readiness((PartReadiness("index", False, "empty"),))
    with serving(Answer(wire.health_response("r", parts))) as server:
        readiness = open_at(server).check_ready()
    assert [(part.name, part.ready) for part in readiness.parts] == [("api", True), ("index", False)]


def test_readiness_of_an_api_that_is_not_there_never_raises() -> None:
    with serving(QUERY) as server:
        backend = open_at(server)
    readiness = backend.check_ready()
    assert not readiness.ready
    assert "RAGLASS_API_URL" in readiness.parts[0].detail


@pytest.mark.parametrize(
    "given",
    [
        {"api_url": "nonsense"},
        {"api_url": "ftp://a.example"},
        {"api_url": "https://a.example/?key=hunter2"},
        {"api_url": "https://a.example", "api_auth": "key"},
        {"api_url": "https://a.example", "api_auth": "oauth"},
    ],
    ids=str,
)
def test_wrong_setting_is_named(given: dict[str, str], tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="RAGLASS_API_"):
        open_aws(BackendConfig(tmp_path, **given))  # type: ignore[arg-type]


def test_user_and_password_in_the_url_are_in_no_trace() -> None:
    with serving(QUERY) as server:
        url = server.url.replace("http://", "http://me:hunter2@")
        trace = AwsBackend(Api(url)).answer("why?", top_k=3, deadline_s=5)
    assert "hunter2" not in trace_to_json(trace)


def test_misuse_reaches_no_api() -> None:
    misuses: list[Callable[[AwsBackend], object]] = [
        lambda backend: ask(backend, top_k=0),
        lambda backend: ask(backend, rerank=True),
        lambda backend: backend.answer(" ", top_k=1, deadline_s=1),
    ]
    with serving(QUERY) as server:
        for misuse in misuses:
            with pytest.raises(InputError):
                misuse(open_at(server))
        assert server.asked == []

"""The Lambdas' handlers: API Gateway's events in, framed replies out, and what a stack that is not whole answers."""

import base64
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from backends.aws.credentials import RoleCredentials, find_credentials
from pipeline.schema import generation_to_dict
from pipeline.wire import make_traceparent, parse_query_response
from serving.lambdas.responder import app as responder
from serving.packing import build_lambda
from tests.aws.loopback import Answer, Server, serving
from tests.factories import make_generation

TRACE_ID = "ab" * 16
BODY = json.dumps({"question": "why?"})
VECTORS = Answer({"vectors": [[1.0, 0.0]]})
MATCHES = Answer({"matches": [{"id": "c", "score": 0.9, "metadata": {"text": "t", "title": "t", "document_id": "d"}}]})
GENERATED = Answer({"generation": generation_to_dict(make_generation())})


@dataclass
class Context:
    """What a Lambda is told of its invocation."""

    aws_request_id: str = "lambda-id"
    left_ms: int = 29_000

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


def event(path: str = "/query", *, stage: str = "$default", body: str = BODY, **fields: Any) -> dict[str, Any]:
    """An HTTP API's event, payload format 2.0."""
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json", "traceparent": make_traceparent(TRACE_ID)},
        "requestContext": {"http": {"method": "POST"}, "stage": stage},
        "body": body,
        "isBase64Encoded": False,
        **fields,
    }


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The orchestrator's module, without its hold on this process's logging."""
    monkeypatch.setattr("backends.aws.logs.log_as_json", lambda level: None)
    from serving.lambdas.orchestrator import app

    app.service.cache_clear()
    yield app
    app.service.cache_clear()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(VECTORS, MATCHES, GENERATED, Answer({"statusCode": 299})) as found:
        yield found


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, server: Server) -> pytest.MonkeyPatch:
    for name, value in {
        "EMBEDDER_ENDPOINT": "e",
        "GENERATOR_ENDPOINT": "g",
        "RESPONDER_FUNCTION": "r",
        "PINECONE_HOST": server.url,
        "PINECONE_API_KEY": "pc-key",
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("PINECONE_SECRET_ARN", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL_LAMBDA"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.usefixtures("environ")
def test_event_is_answered_through_the_responder(app: Any, server: Server) -> None:
    assert app.handler(event(), Context()) == {"statusCode": 299}
    framed = server.asked[-1].data
    assert framed["data"]["request_id"] == "lambda-id"
    trace = parse_query_response(framed["data"]).trace
    assert trace is not None
    assert trace.trace_id == TRACE_ID


@pytest.mark.usefixtures("environ")
def test_service_is_made_once_a_process(app: Any) -> None:
    app.handler(event(), Context())
    first = app.service()
    app.handler(event(), Context())
    assert app.service() is first


@pytest.mark.parametrize(
    "given",
    [
        event("/prod/query", stage="prod"),
        event(body=base64.b64encode(BODY.encode()).decode(), isBase64Encoded=True),
        {"httpMethod": "POST", "path": "/query", "headers": {"Content-Type": "application/json"}, "body": BODY},
    ],
    ids=["named stage", "base64", "payload format 1.0"],
)
def test_event_of_another_shape_is_the_same_call(app: Any, given: dict[str, Any]) -> None:
    call = app.read_event(given, Context(left_ms=7_500))
    assert (call.method, call.path.strip("/"), call.body) == ("POST", "query", BODY.encode())
    assert call.headers["content-type"] == "application/json"
    assert (call.request_id, call.remaining_s) == ("lambda-id", 7.5)


def test_event_without_headers_or_body_is_a_call_too(app: Any) -> None:
    given = {"rawPath": "/health", "requestContext": {"http": {"method": "GET"}, "stage": "$default"}}
    call = app.read_event(given, Context())
    assert (call.method, call.path, call.headers, call.body) == ("GET", "/health", {}, b"")


def test_stack_without_its_settings_answers_which_and_is_tried_anew(app: Any, environ: pytest.MonkeyPatch) -> None:
    environ.delenv("GENERATOR_ENDPOINT")
    reply = app.handler(event(), Context())
    assert reply["statusCode"] == 502
    error = json.loads(reply["body"])["error"]
    assert error["kind"] == "ConfigError"
    assert "GENERATOR_ENDPOINT" in error["message"]
    environ.setenv("GENERATOR_ENDPOINT", "g")
    assert app.handler(event(), Context())["statusCode"] == 299


def test_secret_that_cannot_be_read_is_a_typed_reply(app: Any, environ: pytest.MonkeyPatch) -> None:
    environ.setenv("PINECONE_SECRET_ARN", "arn")
    with serving(Answer({"__type": "AccessDeniedException"}, 400)) as store:
        environ.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", store.url)
        reply = app.handler(event(), Context())
    assert (reply["statusCode"], json.loads(reply["body"])["error"]["kind"]) == (502, "Unavailable")


def test_responder_frames_allows_the_origin_of_its_setting_and_logs_the_ids(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORS_ORIGIN", "https://raglass.example")
    given = {"status": 429, "data": {"request_id": "r1", "error": None}, "trace_id": TRACE_ID}
    reply = responder.handler(given, Context())
    assert reply["statusCode"] == 429
    assert reply["headers"]["access-control-allow-origin"] == "https://raglass.example"
    assert reply["headers"]["x-request-id"] == "r1"
    assert json.loads(reply["body"]) == given["data"]
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["request_id"], line["trace_id"]) == ("framed", "r1", TRACE_ID)


def test_without_a_setting_no_origin_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORS_ORIGIN", raising=False)
    reply = responder.handler({"status": 200, "data": {}}, Context())
    assert "access-control-allow-origin" not in reply["headers"]


def test_credentials_are_those_of_the_environment_and_show_no_secret() -> None:
    found = find_credentials(
        {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "token"}
    )
    assert found == RoleCredentials("AKID", "hidden", "token")
    assert found.get_frozen_credentials() is found
    assert "hidden" not in repr(found)
    assert "token='token'" not in repr(found)


@pytest.mark.slow
def test_cold_start_loads_no_boto3_and_no_session_of_botocore(tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(build_lambda("orchestrator"))) as archive:
        archive.extractall(tmp_path)
    environ = {
        **dict.fromkeys(("EMBEDDER_ENDPOINT", "GENERATOR_ENDPOINT", "RESPONDER_FUNCTION", "PINECONE_INDEX"), "x"),
        **dict.fromkeys(("PINECONE_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "x"),
    }
    program = (
        "import sys, app; app.service(); "
        "print([name for name in ('boto3', 'botocore.session', 'botocore.client', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environ, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "[]"

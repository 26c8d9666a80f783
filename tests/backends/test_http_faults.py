"""What endpoints do wrong, each over a real connection: a typed error, the trace kept, nothing of the application's text in the message."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends import registry
from backends.registry import BackendConfig
from pipeline.checks import MAX_TOP_K
from pipeline.types import Event, TokenMade, Trace
from tests.backends.application import ENDPOINTS, KEY, Application, Handler, Script, events, reply_to

UPSTREAM = "Traceback: secret of the application"

Ask = Callable[..., Trace]


@pytest.fixture
def ask(application: Application, tmp_path: Path) -> Any:
    """Ask the endpoint once, with the application doing as scripted."""
    opened = []

    def ask_(script: Script | None, name: str = "http/told", text: str = ENDPOINTS, **given: Any) -> Trace:
        application.asked.clear()
        application.answers(script)
        backend = registry.open_backend(name, application.config(tmp_path, text))
        opened.append(backend)
        return backend.answer("Who?", **{"top_k": 2, "deadline_s": 10.0, **given})

    yield ask_
    application.answers(None)
    for backend in opened:
        backend.close()


def check_failed(trace: Trace, kind: str) -> str:
    """The trace is kept with its span, the error is of this kind, and says nothing that the application said. Returns the message."""
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == (kind, "network")
    assert trace.spans[0].stage == "network"
    assert trace.spans[0].error == trace.error
    assert UPSTREAM not in trace.error.message
    return trace.error.message


def status(code: int, **headers: str) -> Script:
    return lambda handler: handler.send({"trouble": UPSTREAM}, code, **headers)


@pytest.mark.parametrize(
    ("script", "kind", "says"),
    [
        (lambda h: h.send(raw=b"<html>Sign in</html>", Content_Type="text/html"), "BadResponse", "an HTML page"),
        (lambda h: h.send(raw=b"<html>Sign in</html>"), "BadResponse", "an HTML page"),
        (lambda h: h.send(raw=b"{'said': 1}"), "BadResponse", "no JSON"),
        (lambda h: h.send(raw=b""), "BadResponse", "answered nothing"),
        (lambda h: h.send(raw=b"[" * 100_000), "BadResponse", "no JSON"),
        (lambda h: h.send({"answer": "moved"}), "BadResponse", "backend try"),
        (lambda h: h.send({"said": {"text": "nested"}}), "BadResponse", "backend try"),
        (lambda h: h.send([1, 2]), "BadResponse", "backend try"),
        (lambda h: h.send(None), "BadResponse", "backend try"),
        (lambda h: h.send({"trouble": {"why": UPSTREAM}}), "StageFailed", "application_error"),
        (status(401), "BadResponse", "APPLICATION_KEY is wrong or has expired"),
        (status(403), "BadResponse", "APPLICATION_KEY"),
        (status(404), "BadResponse", "`url`"),
        (status(422), "BadResponse", "template"),
        (status(429, Retry_After="7"), "Throttled", "in 7 s"),
        (status(429, Retry_After=UPSTREAM), "Throttled", "in a moment"),
        (status(503), "Throttled", "in a moment"),
        (status(500), "StageFailed", "HTTP 500"),
        (status(302, Location="http://169.254.169.254/latest"), "BadResponse", "to 169.254.169.254, which is not followed"),
        (status(302, Location=UPSTREAM), "BadResponse", "not followed"),
        (lambda h: h.connection.shutdown(socket.SHUT_RDWR), "Unavailable", "cannot be reached"),
    ],
)  # fmt: skip
def test_reply_that_is_none_is_a_typed_error(ask: Ask, script: Script, kind: str, says: str) -> None:
    assert says in check_failed(ask(script), kind)


def test_redirect_is_followed_nowhere(ask: Ask, application: Application) -> None:
    check_failed(ask(status(307, Location=f"{application.url}/other")), "BadResponse")
    assert [each.path for each in application.asked] == ["/ask"]


def test_reply_of_50_mb_is_given_up_at_the_limit(ask: Ask) -> None:
    sent = 0

    def flood(handler: Handler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.send_header("Content-Length", str(50_000_000))
        handler.end_headers()
        for _ in range(500):
            handler.wfile.write(b'"' + b"x" * 99_999)
            sent += 100_000

    message = check_failed(ask(flood), "BadResponse")
    assert "more than 1,000,000 bytes" in message
    assert sent < 25_000_000, "what was on the way in the sockets' buffers, and no more"


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.slow
def test_body_that_stalls_ends_at_the_deadline(ask: Ask, closes: bool) -> None:
    """Also where the server said that it will close, which hides the socket from the library."""

    def stall(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close" if closes else "keep-alive")
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    begun = time.monotonic()
    trace = ask(stall, deadline_s=0.4)
    check_failed(trace, "Timeout")
    assert time.monotonic() - begun < 2


@pytest.mark.slow
def test_stream_that_stalls_keeps_what_it_said(ask: Ask) -> None:
    seen: list[Event] = []
    trace = ask(
        lambda handler: handler.stream(*events(2)[:3], then_s=2.0),
        "http/streamed",
        deadline_s=0.4,
        on_event=seen.append,
    )
    check_failed(trace, "Timeout")
    assert [chunk.chunk_id for chunk in trace.chunks] == ["d1", "d2"]
    assert trace.generation is not None
    assert (trace.generation.answer, trace.generation.finish_reason) == ("Alfred Wegener", "deadline")
    assert [event.token.text for event in seen if isinstance(event, TokenMade)] == ["Alfred", " Wegener"]


def test_stream_that_ends_too_soon_is_not_taken_for_whole(ask: Ask) -> None:
    trace = ask(lambda handler: handler.stream(*events(2)[:3]), "http/streamed")
    assert "end marker" in check_failed(trace, "Unavailable")
    assert trace.generation is not None
    assert trace.generation.finish_reason == "failed"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (lambda h: h.send(reply_to(2)), "did not stream"),
        (lambda h: h.stream(b"data: {'no': 1}\n\n"), "no JSON"),
        (lambda h: h.stream(b"data: " + b"x" * 5_000_000), "event of more than"),
    ],
)
@pytest.mark.slow
def test_stream_that_is_none_is_a_bad_response(ask: Ask, script: Script, says: str) -> None:
    text = ENDPOINTS.replace("stream = true", "stream = true\nmax_mb = 20")
    assert says in check_failed(ask(script, "http/streamed", text), "BadResponse")


def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "backends.toml"
    path.write_text(
        f'[gone]\nurl = "http://127.0.0.1:{port}/"\nrequest = {{ q = "{{question}}" }}\nreply = {{ answer = "a" }}\n'
    )
    backend = registry.open_backend("http/gone", BackendConfig(tmp_path))
    assert f"127.0.0.1:{port} cannot be reached" in check_failed(
        backend.answer("Who?", top_k=1, deadline_s=5), "Unavailable"
    )
    backend.close()


@pytest.mark.parametrize(("retries", "calls"), [(0, 1), (1, 2)])
def test_throttled_endpoint_is_asked_again_only_where_that_is_wanted(
    ask: Ask, application: Application, retries: int, calls: int
) -> None:
    text = ENDPOINTS.replace("max_mb = 1", f"retries = {retries}")
    check_failed(ask(status(429, Retry_After="0"), text=text), "Throttled")
    assert len(application.asked) == calls


def test_secret_that_a_reply_repeats_is_masked(ask: Ask) -> None:
    trace = ask(lambda handler: handler.send({"said": f"You sent {KEY}", "trouble": f"bad key {KEY}"}))
    assert KEY not in repr(trace)
    assert trace.spans[0].attributes["application_error"] == "bad key ********"


def test_chunks_may_lack_all_but_their_place(ask: Ask) -> None:
    found = [{}, "a text", 7, None, {"body": "b", "near": "0.25"}, {"key": 5, "near": float("nan")}, {"key": "5"}]
    trace = ask(lambda handler: handler.send(raw=json.dumps({"said": "It.", "found": found}).encode()))
    assert trace.error is None
    assert [chunk.score for chunk in trace.chunks] == [None, None, None, None, 0.25, None, None]
    assert [chunk.text for chunk in trace.chunks] == ["", "a text", "", "", "b", "", ""]
    assert [chunk.chunk_id for chunk in trace.chunks][-2:] == ["5", "5#2"]
    assert trace.chunks[0].chunk_id == "chunk-1"


def test_more_chunks_than_a_trace_keeps_are_counted(ask: Ask) -> None:
    found = [{"key": str(n)} for n in range(MAX_TOP_K + 5)]
    trace = ask(lambda handler: handler.send({"said": "It.", "found": found}))
    assert len(trace.chunks) == MAX_TOP_K
    assert trace.spans[0].attributes["chunks_left_out"] == 5


def test_blank_answer_is_an_abstention(ask: Ask) -> None:
    trace = ask(lambda handler: handler.send({"said": " "}))
    assert trace.error is None
    assert trace.generation is not None
    assert trace.generation.abstained

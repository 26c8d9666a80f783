"""A judge behind an endpoint, played by a server on this machine."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from evaluation.judge_endpoint import LONGEST_WAIT_S, EndpointJudge
from evaluation.judging import Judgement
from pipeline.errors import ConfigError
from tests.factories import make_chunk

KEY = "sk-very-secret"
GOOD = {"reason": "It names him.", "right": True, "faithful": True}
Answer = tuple[int, dict[str, str], bytes]


def chat(content: object) -> bytes:
    """A reply as the endpoint's protocol has it."""
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()


class Endpoint:
    """A server whose answers are scripted, the last one for good."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [(200, {}, chat(json.dumps(GOOD)))]
        self.delay_s = 0.0
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.seen.append((self.path, headers, json.loads(body)))
                time.sleep(endpoint.delay_s)
                place = min(len(endpoint.seen), len(endpoint.answers)) - 1
                status, given, reply = endpoint.answers[place]
                self.send_response(status)
                for name, value in {**given, "content-length": str(len(reply))}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):  # the other side may have given up
                    self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def judge(endpoint: Endpoint, waited: list[float]) -> Callable[..., Judgement]:
    """Judge one answer, without waiting between attempts."""

    def ask(url: str | None = None, **given: Any) -> Judgement:
        made = EndpointJudge(url or endpoint.url, "a-model", KEY, **{"timeout_s": 5.0, "sleep": waited.append, **given})
        return made.judge("Who?", ["Wegener"], "Alfred Wegener", [make_chunk()])

    return ask


def test_it_is_asked_for_json_at_temperature_nought_with_the_key_in_a_header(
    endpoint: Endpoint, judge: Callable[..., Judgement]
) -> None:
    assert judge() == Judgement(True, True, "It names him.")
    [(path, headers, body)] = endpoint.seen
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["temperature"], body["response_format"]) == ("a-model", 0, {"type": "json_object"})
    assert KEY not in json.dumps(body) + path


def test_without_a_key_no_key_is_sent(endpoint: Endpoint) -> None:
    EndpointJudge(endpoint.url, "a-model").judge("Who?", [], "Wegener", [])
    assert "authorization" not in endpoint.seen[0][1]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (chat("It is right."), "no JSON"),
        (chat(None), "no text"),
        (chat('{"right": NaN, "faithful": true}'), "true or false"),
        (chat("x" * 1_000_000), "too long"),
        (b"<html>busy</html>", "is not JSON"),
        (b"[]", "no JSON object"),
        (b'{"choices": []}', "no text"),
        (b'{"error": {"message": "secret upstream text"}}', "no text"),
        (b"", "is not JSON"),
    ],
)
def test_a_reply_that_is_no_judgement_is_missing_and_never_quoted(
    endpoint: Endpoint, judge: Callable[..., Judgement], reply: bytes, problem: str
) -> None:
    endpoint.answers = [(200, {}, reply)]
    found = judge()
    assert (found.right, found.faithful) == (None, None)
    assert problem in found.problem
    assert "secret upstream text" not in found.problem
    assert "busy" not in found.problem


@pytest.mark.slow
def test_a_judge_that_takes_too_long_is_missing_and_says_which_setting(
    endpoint: Endpoint, judge: Callable[..., Judgement]
) -> None:
    endpoint.delay_s = 1.0
    assert judge(timeout_s=0.2) == Judgement.missing("no reply within 0.2 s (RAGLASS_JUDGE_TIMEOUT_S)")


def test_a_throttled_judge_is_asked_again_as_late_as_it_wants(
    endpoint: Endpoint, judge: Callable[..., Judgement], waited: list[float]
) -> None:
    good = endpoint.answers[0]
    endpoint.answers = [(429, {"retry-after": "7"}, b""), (503, {"Retry-After": "100000"}, b""), good]
    assert judge().right is True
    assert len(endpoint.seen) == 3
    assert waited[0] >= 7
    assert waited[1] == LONGEST_WAIT_S


@pytest.mark.parametrize("status", [429, 500, 503])
def test_one_that_stays_busy_is_missing(endpoint: Endpoint, judge: Callable[..., Judgement], status: int) -> None:
    endpoint.answers = [(status, {}, b"upstream")]
    found = judge()
    assert f"answered HTTP {status}" in found.problem
    assert "upstream" not in found.problem
    assert len(endpoint.seen) == 3


def test_one_that_refuses_the_request_is_missing_at_once(endpoint: Endpoint, judge: Callable[..., Judgement]) -> None:
    endpoint.answers = [(400, {}, b"no response_format here")]
    assert "answered HTTP 400" in judge().problem
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(
    ("status", "setting"), [(401, "RAGLASS_JUDGE_KEY"), (403, "RAGLASS_JUDGE_KEY"), (404, "RAGLASS_JUDGE_MODEL")]
)
def test_one_that_could_never_judge_ends_the_work(
    endpoint: Endpoint, judge: Callable[..., Judgement], status: int, setting: str
) -> None:
    endpoint.answers = [(status, {}, b"")]
    with pytest.raises(ConfigError, match=setting):
        judge()


def test_one_that_is_not_there_is_missing(judge: Callable[..., Judgement]) -> None:
    assert "cannot be reached" in judge("http://127.0.0.1:9/v1").problem


def test_the_key_is_in_no_log_and_no_message(
    endpoint: Endpoint, judge: Callable[..., Judgement], caplog: pytest.LogCaptureFixture
) -> None:
    told = []
    with caplog.at_level(logging.DEBUG):
        for status in (200, 400, 401, 404, 429):
            endpoint.answers = [(status, {}, b"")]
            try:
                told.append(judge().problem)
            except ConfigError as error:
                told.append(str(error))
    assert KEY not in caplog.text + " ".join(told)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/v1", "https://user:pass@host/v1", "https://"])
def test_what_is_no_endpoint_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigError, match="RAGLASS_JUDGE_URL") as raised:
        EndpointJudge(url, "a-model")
    assert "pass" not in str(raised.value)


def test_a_judge_needs_a_model() -> None:
    with pytest.raises(ConfigError, match="RAGLASS_JUDGE_MODEL"):
        EndpointJudge("http://localhost/v1", "")


def test_a_rating_asks_for_each_chunk_and_misses_as_a_judgement_does(endpoint: Endpoint) -> None:
    rating = {"reason": "", "relevant": [True], "sufficient": True, "faithful": True, "answers": False}
    endpoint.answers = [(200, {}, chat(json.dumps(rating))), (400, {}, b"")]
    rater = EndpointJudge(endpoint.url, "small", KEY)
    found = rater.rate("Who?", "Wegener.", [make_chunk()])
    assert (found.relevant, found.answers, found.problem) == ((True,), False, "")
    assert rater.rate("Who?", "Wegener.", [make_chunk()]).problem == f"{rater._what} answered HTTP 400"

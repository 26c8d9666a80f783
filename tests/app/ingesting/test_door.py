"""Requests and what they are answered, without a server."""

import asyncio
import gzip
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.responses import Response

from app.ingesting import door as door_module
from app.ingesting import receiving as receiving_module
from app.ingesting.door import Door
from metrics.keys import Key
from pipeline.errors import StoreError
from tests.app.ingesting.doors import FakeStore, ask, make_door, make_request
from tests.otlp.sent import JSON, PROTOBUF, bodies, many, request, span

MADE = request(span(), span(span_id=b"another!"))
BODY = MADE.SerializeToString()
PATIENCE_S = 60.0
KEY = Key("11111111", "sender", "ingest", 0.0)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def send(door: Door, body: bytes = BODY, content_type: str = PROTOBUF, **headers: Any) -> Response:
    return ask(door, make_request(body, content_type=content_type, **headers))[0]


def message(response: Response) -> str:
    """What a failed request is told: a google.rpc.Status in the encoding of the request."""
    body = bytes(response.body)
    if response.headers["content-type"] == PROTOBUF:
        return Status.FromString(body).message
    assert response.headers["content-type"] == JSON
    told = json.loads(body)
    assert set(told) == {"code", "message"}
    return str(told["message"])


@pytest.mark.parametrize(("body", "content_type"), bodies(MADE), ids=["protobuf", "json"])
@pytest.mark.parametrize("compressed", [True, False])
def test_spans_are_stored_and_answered_in_their_own_encoding(
    store: FakeStore, body: bytes, content_type: str, compressed: bool
) -> None:
    door, receiving = make_door(store)
    headers = {"content_encoding": "gzip"} if compressed else {}
    response = send(door, gzip.compress(body) if compressed else body, content_type, **headers)
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert bytes(response.body) == (b"" if content_type == PROTOBUF else b"{}")
    assert [each.name for each in store.records] == ["retrieve", "retrieve"]
    assert (receiving.received.spans, receiving.received.last_sender) == (2, "shop at 127.0.0.9")


def test_reply_comes_after_spans_are_stored(store: FakeStore) -> None:
    door, _ = make_door(store)
    storing, release = threading.Event(), threading.Event()

    def hold() -> None:
        storing.set()
        release.wait(PATIENCE_S)

    store.before = hold
    with ThreadPoolExecutor(1) as executor:
        answer = executor.submit(send, door)
        assert storing.wait(PATIENCE_S)
        assert not answer.done()
        release.set()
        assert answer.result().status_code == 200


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
def test_what_is_rejected_is_told(store: FakeStore, content_type: str) -> None:
    door, receiving = make_door(store)
    made = request(span(), span(trace_id=b"wrong"))
    response = send(door, {kind: body for body, kind in bodies(made)}[content_type], content_type)
    assert response.status_code == 200
    expected = "1 spans were not stored: the trace id has 5 bytes instead of 16. All others were."
    if content_type == PROTOBUF:
        partial = ExportTraceServiceResponse.FromString(bytes(response.body)).partial_success
        assert (partial.rejected_spans, partial.error_message) == (1, expected)
    else:
        assert json.loads(bytes(response.body)) == {"partialSuccess": {"rejectedSpans": "1", "errorMessage": expected}}
    assert (receiving.received.spans, receiving.received.rejected) == (1, 1)


@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/logs"])
@pytest.mark.parametrize(("content_type", "reply"), [(PROTOBUF, b""), (JSON, b"{}")])
def test_metrics_and_logs_are_taken_and_dropped(store: FakeStore, path: str, content_type: str, reply: bytes) -> None:
    door, _ = make_door(store)
    response = send(door, b"anything", content_type, path=path)
    assert (response.status_code, bytes(response.body)) == (200, reply)
    assert store.records == []
    assert send(door, bytes(20_000_001), content_type, path=path).status_code == 413


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/metrics", "/v1/logs"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_405_and_open_nothing_to_pages_of_elsewhere(store: FakeStore, path: str, method: str) -> None:
    door, _ = make_door(store)
    origin = {"origin": "https://evil.example", "access_control_request_method": "POST"}
    [response] = ask(door, make_request(method=method, path=path, **origin))
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_form_of_a_page_may_not_send(store: FakeStore) -> None:
    door, _ = make_door(store)
    assert send(door, content_type="text/plain").status_code == 415
    assert store.records == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"garbage", {}, 400, "is no ExportTraceServiceRequest in protobuf"),
        (b"garbage", {"content_type": JSON}, 400, "is no ExportTraceServiceRequest in JSON"),
        (b'{"resourceSpans":[7]}', {"content_type": JSON}, 400, "is no ExportTraceServiceRequest in JSON"),
        (gzip.compress(BODY)[:-4], {"content_encoding": "gzip"}, 400, "ends in the middle of its gzip"),
        (BODY, {"content_encoding": "gzip"}, 400, "is no gzip"),
        (BODY, {"content_encoding": "zstd"}, 415, "'zstd' is not read; compress with gzip or deflate"),
        (BODY, {"content_type": "text/plain"}, 415, "'text/plain'; send application/x-protobuf or application/json"),
        (
            lambda: gzip.compress(bytes(101_000_000)),
            {"content_encoding": "gzip"},
            413,
            "more than 100 MB once it is decompressed",
        ),
        (lambda: bytes(20_000_001), {}, 413, "more than 20 MB"),
        (b"", {"content_length": "20000001"}, 413, "more than 20 MB"),
    ],
    ids=[
        "garbage",
        "no JSON",
        "another shape",
        "truncated",
        "no gzip",
        "zstd",
        "text",
        "bomb",
        "large",
        "said to be large",
    ],
)
def test_what_cannot_be_read_is_told_with_its_status(
    store: FakeStore, body: bytes | Callable[[], bytes], headers: dict[str, str], status: int, words: str
) -> None:
    door, receiving = make_door(store)
    response = send(door, body() if callable(body) else body, **headers)
    assert response.status_code == status
    assert words in message(response)
    assert store.records == []
    assert receiving.received.refused == 1
    assert send(door).status_code == 200, "the next request is not worse off"


def test_unread_compressions_are_told_which_are_read(store: FakeStore) -> None:
    door, _ = make_door(store)
    assert send(door, content_encoding="br").headers["accept-encoding"] == "gzip, deflate, identity"


def test_body_without_end_is_left_at_the_limit(store: FakeStore) -> None:
    door, _ = make_door(store, otlp_max_mb=1)
    [response] = ask(door, make_request(*[bytes(100_000)] * 11, content_type=PROTOBUF))
    assert response.status_code == 413


def test_body_that_does_not_come_is_408(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "BODY_S", 0.01)
    door, _ = make_door(store)
    slow = make_request(BODY, content_type=PROTOBUF, last={"type": "http.request", "body": b"", "more_body": True})
    assert [response.status_code for response in ask(door, slow)] == [408]


def test_half_bodies_keep_no_sender_out_and_the_oldest_gives_way(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "MAX_READING", 2)
    door, _ = make_door(store)
    rest = {"type": "http.request", "body": b"", "more_body": True}

    async def crowd() -> tuple[list[int], int]:
        halves = [make_request(BODY, content_type=PROTOBUF, last=rest) for _ in range(4)]
        waiting = [asyncio.create_task(door.answer(half)) for half in halves]
        for _ in range(20):
            await asyncio.sleep(0)  # until all that is there of them has come
        whole = await door.answer(make_request(BODY, content_type=PROTOBUF))
        given_up = [task.result().status_code for task in waiting if task.done()]
        for task in waiting:
            task.cancel()
        return given_up, whole.status_code

    with ThreadPoolExecutor(1) as executor:
        given_up, whole = executor.submit(asyncio.run, crowd()).result()
    assert (set(given_up), whole) == ({503}, 200)
    assert len(store.records) == 2


def test_sender_that_hangs_up_leaves_nothing(store: FakeStore) -> None:
    door, receiving = make_door(store)
    [response] = ask(door, make_request(BODY, content_type=PROTOBUF, last={"type": "http.disconnect"}))
    assert response.status_code == 400
    assert (store.records, receiving.waiting, door._held_bytes, len(door._coming)) == ([], 0, 0, 0)


def test_store_that_cannot_store_is_503_and_nothing_is_acknowledged(store: FakeStore) -> None:
    def fail() -> None:
        raise StoreError("The trace store cannot grow: the disk is full.")

    store.before = fail
    door, receiving = make_door(store)
    response = send(door)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert message(response) == "The trace store cannot grow: the disk is full."
    assert (receiving.received.spans, receiving.received.refused) == (0, 1)


def test_fault_that_nobody_foresaw_is_500_without_its_words(store: FakeStore, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("secret words")

    store.before = fail
    door, _ = make_door(store)
    response = send(door)
    assert response.status_code == 500
    assert "secret" not in message(response)
    assert "secret words" in caplog.text


def test_backlog_that_is_too_long_is_503(store: FakeStore) -> None:
    store.waiting = receiving_module.MAX_BACKLOG
    door, _ = make_door(store)
    response = send(door)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert store.records == []


def test_too_many_requests_at_once_are_503_and_the_others_are_stored(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving_module, "MAX_WAITING", 3)
    door, receiving = make_door(store)
    release = threading.Event()
    store.before = lambda: [release.wait(PATIENCE_S)].clear()

    async def flood() -> list[Response]:
        tasks = [asyncio.create_task(door.answer(make_request(BODY, content_type=PROTOBUF))) for _ in range(8)]
        answers: list[Response] = []
        for answer in asyncio.as_completed(tasks):
            answers.append(await answer)
            if len(answers) == 5:  # those that are stored are not answered before
                release.set()
        return answers

    with ThreadPoolExecutor(1) as executor:
        answers = executor.submit(asyncio.run, flood()).result()
    assert [answer.status_code for answer in answers] == [503] * 5 + [200] * 3
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}
    assert len(store.records) == 2 * 3
    assert receiving.waiting == 0


def test_bodies_that_come_at_once_take_bounded_memory(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "HELD", 1)
    door, _ = make_door(store, otlp_max_mb=1)
    large = [make_request(bytes(600_000), content_type=PROTOBUF) for _ in range(3)]
    assert sorted(response.status_code for response in ask(door, *large))[-1] == 503
    assert door._held_bytes == 0


def test_sender_that_is_too_fast_is_429_and_told_when_to_come_again(store: FakeStore) -> None:
    door, _ = make_door(store, otlp_spans_per_s=10)
    assert send(door, many(100)).status_code == 200
    response = send(door)
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 5
    assert len(store.records) == 100


def test_each_key_has_a_rate_of_its_own(store: FakeStore) -> None:
    store.found = {"one": KEY, "two": Key("22222222", "other", "ingest", 0.0)}
    door, _ = make_door(store, otlp_spans_per_s=10, require_keys=True)
    assert send(door, many(100), authorization="Bearer one").status_code == 200
    assert send(door, authorization="Bearer one").status_code == 429
    assert send(door, authorization="Bearer two").status_code == 200


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/metrics"])
def test_beyond_this_machine_a_good_key_is_needed(store: FakeStore, path: str) -> None:
    store.found = {"in": KEY, "out": Key("22222222", "reader", "read", 0.0)}
    door, _ = make_door(store, host="0.0.0.0")
    assert send(door, path=path, authorization="Bearer in").status_code == 200
    refused = [send(door, path=path), send(door, path=path, x_api_key="wrong"), send(door, path=path, x_api_key="out")]
    assert [response.status_code for response in refused] == [401, 401, 403]
    assert refused[0].headers["www-authenticate"] == "Bearer"
    assert "wrong" not in message(refused[1])


def test_revoked_key_is_401_from_the_next_request_on(store: FakeStore) -> None:
    store.found = {"in": KEY}
    door, _ = make_door(store, require_keys=True)
    assert send(door, authorization="Bearer in").status_code == 200
    store.found.clear()
    assert send(door, authorization="Bearer in").status_code == 401
    assert len(store.records) == 2


def test_keys_that_cannot_be_looked_up_are_503(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: FakeStore, secret: str) -> None:
        raise StoreError("The trace store cannot be reached.")

    monkeypatch.setattr(FakeStore, "find", fail)
    door, _ = make_door(store, require_keys=True)
    response = send(door, authorization="Bearer in")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


def test_dashboard_that_stops_stores_what_waits_and_refuses_the_rest(store: FakeStore) -> None:
    door, receiving = make_door(store)
    assert send(door).status_code == 200
    receiving.close()
    response = send(door)
    assert (response.status_code, receiving.waiting, len(store.records)) == (503, 0, 2)

"""Targets that read what other processes send: the wire both ways, traces, spans over OTLP, replies of applications behind HTTP."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from backends import registry
from metrics import payloads
from metrics.otlp.assembly import assemble
from metrics.otlp.decoding import JSON, PROTOBUF, decode_traces
from metrics.otlp.records import decode_records, encode_records
from metrics.store import TraceStore
from pipeline import wire
from pipeline.errors import InputError, RaglassError
from pipeline.schema import chunk_to_dict, trace_from_dict, trace_from_json, trace_to_dict
from pipeline.types import Failure, PartReadiness, Readiness
from pipeline.wire_requests import HealthRequest, parse_request, request_to_dict
from tests.backends.application import Handler, reply_to, serving_application
from tests.factories import make_chunk, make_trace
from tests.fuzz.material import json_bytes, mutated, recorded_requests, traces
from tests.fuzz.trying import Target, TryOne

Call = tuple[str, str, str, bytes]
"""Method, path, content type and body."""


def calls() -> st.SearchStrategy[Call]:
    """Calls of a stack."""
    chunk = chunk_to_dict(make_chunk())
    bodies = [
        {"question": "Who?", "top_k": 5, "deadline_s": 20.0, "rerank": False, "max_new_tokens": 40},
        {"question": "Who?", "top_k": 5, "deadline_s": 20.0},
        {"question": "Who?", "chunks": [chunk], "sets": [[0], []], "answer": "Wegener.", "deadline_s": 20.0},
    ]
    return st.tuples(
        st.sampled_from([*["POST"] * 12, "GET", "\ud800"]),
        st.sampled_from([*["/query", "/retrieve", "/score"] * 4, "/health", "//", "/\ud800"]),
        st.sampled_from([*["application/json", "Application/JSON; charset=utf-8"] * 6, "text/html", "\ud800"]),
        json_bytes(bodies),
    )


@contextmanager
def requested(_: Path) -> Iterator[TryOne]:
    """A call read; written again and read again it is the same."""

    def read(call: Call) -> None:
        request = parse_request(*call)
        if not isinstance(request, HealthRequest):
            written = json.dumps(request_to_dict(request)).encode()
            assert parse_request(*call[:3], written) == request

    yield read


def replies() -> st.SearchStrategy[bytes]:
    """A stack's replies to a question, a score, and whether it is ready."""
    failure = Failure("Timeout", "Too late.", "generate")
    ready = Readiness((PartReadiness("index", True, "1,000 chunks"),))
    told = {"schema_version": "1.0", "request_id": "r", "error": None}
    return json_bytes([
        wire.query_response("r", 1.5, make_trace(), None),
        wire.error_response("r", 1.5, failure),
        wire.health_response("r", ready),
        {**told, "tokens": ["a", "b"], "logprobs_nats": [[-0.1, -0.2], [-1, -2]]},
    ])  # fmt: skip


@contextmanager
def replied(_: Path) -> Iterator[TryOne]:
    """A reply read as each of the three; one of them may take it."""

    def read(body: bytes) -> None:
        data, taken = json.loads(body) if _is_json(body) else None, 0
        for parse in (wire.parse_query_response, wire.parse_score_response, wire.parse_health_response):
            with suppress(RaglassError):
                parse(data)
                taken += 1
        if not taken:
            raise InputError("None of them takes it.")

    yield read


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


@contextmanager
def kept(folder: Path) -> Iterator[TryOne]:
    """A trace's JSON: read, written, kept by a store, and the same each time."""
    with TraceStore.open(f"sqlite:///{folder}/traces.sqlite") as store:

        def keep(body: bytes) -> None:
            trace = trace_from_json(body.decode("utf-8", "replace"))
            assert trace_from_dict(trace_to_dict(trace)) == trace
            store.put(trace)

        yield keep


def spans_in_json() -> st.SearchStrategy[bytes]:
    """The recorded requests in OTLP's JSON, made wrong."""
    return json_bytes([MessageToDict(ExportTraceServiceRequest.FromString(each)) for each in recorded_requests()])


def _spans(media_type: str) -> Callable[[Path], Any]:
    @contextmanager
    def opened(_: Path) -> Iterator[TryOne]:
        def read(body: bytes) -> None:
            by_trace = defaultdict(list)
            for record in decode_traces(body, media_type).records:
                by_trace[record.trace_id].append(record)
            for records in by_trace.values():
                assert decode_records(encode_records(records)) == records
                payloads.encode(assemble(records))

        yield read

    return opened


Said = tuple[str, bytes]
"""Which endpoint is asked, and what it sends."""


def said() -> st.SearchStrategy[Said]:
    """Replies of applications, whole and streamed."""
    whole = json_bytes([reply_to(3)])
    told = [{"piece": "A "}, {"piece": "word."}, {"found": reply_to(3)["found"]}, {"used": {"read": 1, "written": 2}}]
    stream = (
        b"".join(f"event: message\r\ndata: {json.dumps(each)}\r\n\r\n".encode() for each in told) + b"data: [DONE]\n\n"
    )
    lines = st.lists(json_bytes(told).map(lambda data: b"data: " + data + b"\n\n"), max_size=4).map(b"".join)
    return st.one_of(
        st.tuples(st.just("http/told"), whole),
        st.tuples(st.just("http/streamed"), mutated([stream]) | lines),
    )


@contextmanager
def asked_over_http(folder: Path) -> Iterator[TryOne]:
    """A question to an application, which replies over a real connection; the trace can be stored."""
    with serving_application() as application:
        config = application.config(folder)
        opened = {name: registry.open_backend(name, config) for name in ("http/told", "http/streamed")}

        def ask(made: Said) -> None:
            name, body = made
            media = "application/json" if name == "http/told" else "text/event-stream"

            def send(handler: Handler) -> None:
                handler.send(raw=body, Content_Type=media)

            application.answers(send)
            trace = opened[name].answer("Who?", top_k=3, deadline_s=10.0)
            application.asked.clear()
            payloads.encode(trace)
            assert trace_from_dict(trace_to_dict(trace)) == trace
            if trace.error is not None:
                raise InputError(trace.error.message)

        yield ask
        for backend in opened.values():
            backend.close()


WIRE_REQUESTS = Target("wire: requests", ("pipeline/wire_requests.py",), calls, requested)
WIRE_REPLIES = Target("wire: replies", ("pipeline/wire.py", "pipeline/schema.py"), replies, replied)
TRACES = Target(
    "traces in JSON, stored", ("pipeline/schema.py", "metrics/payloads.py"), lambda: json_bytes(traces()), kept
)
OTLP_PROTOBUF = Target(
    "OTLP in protobuf, assembled", ("metrics/otlp/*.py",), lambda: mutated(recorded_requests()), _spans(PROTOBUF)
)
OTLP_JSON = Target("OTLP in JSON, assembled", ("metrics/otlp/*.py",), spans_in_json, _spans(JSON))
HTTP_REPLIES = Target("replies of applications over HTTP", ("backends/http/*.py",), said, asked_over_http)

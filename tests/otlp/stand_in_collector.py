"""A collector on loopback that keeps what it is sent, and answers as it is told."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan


@dataclass
class Reply:
    """What is answered to one request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class StandIn:
    """What a stand-in has seen, and what it will say."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    """Answers to the next requests; 200 after that."""
    refused_questions: set[str] = field(default_factory=set)
    """Texts for whose sake a whole request is answered with 400."""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    """Every request, in order, whatever was answered."""
    taken: list[ExportTraceServiceRequest] = field(default_factory=list)
    """Those answered with 200."""
    headers: list[Mapping[str, str]] = field(default_factory=list)
    """Headers of every request, names in lower case."""
    paths: list[str] = field(default_factory=list)
    """Paths of every request."""
    held: threading.Event = field(default_factory=threading.Event)
    """While it is not set, no request is answered."""
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released once for every request."""

    def spans(self) -> list[SentSpan]:
        """Spans of the requests that were taken."""
        return [
            span
            for request in self.taken
            for each in request.resource_spans
            for scope in each.scope_spans
            for span in scope.spans
        ]


def plain(values: Any) -> dict[str, Any]:
    """Attributes as Python's own values."""
    return {pair.key: _value(pair.value) for pair in values}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@contextmanager
def collecting() -> Iterator[StandIn]:
    """A stand-in that listens while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            seen.requests.append(request)
            seen.headers.append({name.lower(): value for name, value in self.headers.items()})
            seen.paths.append(self.path)
            seen.arrived.release()
            seen.held.wait(30)
            reply = seen.replies.pop(0) if seen.replies else Reply()
            if any(text in body.decode("utf-8", "replace") for text in seen.refused_questions):
                reply = Reply(400)
            if reply.status == 200:
                seen.taken.append(request)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = StandIn(f"http://127.0.0.1:{server.server_port}")
    seen.held.set()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.held.set()
        server.shutdown()
        server.server_close()
        thread.join()

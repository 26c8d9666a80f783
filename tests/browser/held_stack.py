"""Stands for the stack and for CloudWatch where a test has to say when a question is answered."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pipeline import wire
from pipeline.types import PartReadiness, Readiness
from tests.factories import make_trace


class HeldStack(ThreadingHTTPServer):
    """Answers no question before `answering` is set, and counts what CloudWatch was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.answering = threading.Event(), threading.Event()
        self.metric_calls = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def environ(self) -> dict[str, str]:
        """For a dashboard over it."""
        return {
            "RAGLASS_BACKEND": "aws",
            "RAGLASS_API_URL": self.url,
            "RAGLASS_EMIT_METRICS": "1",
            "RAGLASS_AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: HeldStack
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._reply(
            json.dumps(wire.health_response("r", Readiness((PartReadiness("embedder", True, "held"),)))).encode()
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/query":
            self.server.metric_calls += self.headers["X-Amz-Target"].endswith(".PutMetricData")
            self._reply(b"{}")
            return
        self.server.asked.set()
        self.server.answering.wait(60)
        self._reply(json.dumps(wire.query_response("r", 1.0, make_trace(), None)).encode())

    def _reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def held_stack() -> Iterator[HeldStack]:
    """Serve for as long as the block runs; what is still held back is answered at its end."""
    with HeldStack() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.answering.set()
            server.shutdown()
            thread.join(5)

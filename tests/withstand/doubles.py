"""Servers of loopback that answer as SageMaker, Pinecone, a stack's API, an application, a judge and a collector do when all is well."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pipeline import wire
from pipeline.schema import generation_to_dict
from tests.factories import make_chunk, make_generation, make_trace

DIMENSION = 384


def answer_to(path: str, asked: dict[str, Any]) -> Any:
    """What is answered to a request."""
    chunk = make_chunk()
    if path.endswith("/invocations") and "texts" in asked:
        return {
            "vectors": [[1.0] + [0.0] * (DIMENSION - 1)] * len(asked["texts"]),
            "dimension": DIMENSION,
            "model": "e5",
        }
    if path.endswith("/invocations"):
        return {"model": "t5", "generation": generation_to_dict(make_generation())}
    if path == "/query" and "topK" in asked:
        told = {"text": chunk.text, "title": chunk.title, "document_id": chunk.document_id}
        return {"matches": [{"id": f"c{number}", "score": 0.9, "metadata": told} for number in range(3)]}
    if path == "/query":
        return wire.query_response("r1", 5.0, make_trace(backend="aws"), None)
    if path.endswith("/chat/completions"):
        said = json.dumps({"reason": "It says so.", "right": True, "faithful": True})
        return {"choices": [{"message": {"content": said}}]}
    return {"said": "Alfred Wegener proposed it."}


class Handler(BaseHTTPRequestHandler):
    """Answers any POST."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = b"{}" if self.path == "/v1/traces" else json.dumps(answer_to(self.path, json.loads(body))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


class Server(ThreadingHTTPServer):
    """One that says nothing of clients that hang up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """They are what is tried."""


@contextmanager
def doubling() -> Iterator[int]:
    """The port of a server that answers for all of them."""
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

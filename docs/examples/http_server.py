"""A small application behind HTTP, for docs/examples/http_backend.toml: it finds documents, answers, and says how long that took.

    EXAMPLE_KEY=open-sesame python docs/examples/http_server.py

Then, in another shell:

    EXAMPLE_KEY=open-sesame raglass backend try docs/examples/http_backend.toml --question "How long may a refund take?"

`POST /ask` answers in one piece, `POST /stream` in server-sent events, `GET /health` with 200. Its own spans, were it instrumented,
would join the question's trace by the `traceparent` header that it is sent.
"""

import argparse
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stand_in import DOCUMENTS, answer, embed


def find(question: str, limit: int) -> list[dict]:
    """The documents that share most words with the question."""
    asked = embed(question)
    scored = [
        {"id": key, "title": title, "text": text, "score": sum(a * b for a, b in zip(asked, embed(text), strict=True))}
        for key, title, text in DOCUMENTS
    ]
    return sorted(scored, key=lambda each: -each["score"])[:limit]


def reply_to(question: str, limit: int) -> dict:
    """Answer, documents, tokens, and milliseconds of each step."""
    begun = time.perf_counter()
    documents = find(question, limit)
    found = time.perf_counter()
    prompt = "\n".join([*(each["text"] for each in documents), question if question.endswith("?") else f"{question}?"])
    said = answer(prompt)
    return {
        "result": {"answer": said, "documents": documents},
        "usage": {"prompt_tokens": len(prompt.split()), "completion_tokens": len(said.split())},
        "timings": {"retrieve_ms": (found - begun) * 1000, "generate_ms": (time.perf_counter() - found) * 1000},
        "model": "most-words-shared",
    }


class Application(BaseHTTPRequestHandler):
    """Answers `/ask`, `/stream` and `/health`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._send(200 if self.path == "/health" else 404, {"ok": self.path == "/health"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = os.environ.get("EXAMPLE_KEY")
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            self._send(401, {"error": "Who is asking?"})
            return
        try:
            given = json.loads(body)
            reply = reply_to(str(given["question"]), int(given.get("limit", 3)))
        except (ValueError, KeyError, TypeError):
            self._send(422, {"error": "Send a question and a limit."})
            return
        if self.path == "/ask":
            self._send(200, reply)
        elif self.path == "/stream":
            self._stream(reply)
        else:
            self._send(404, {"error": "There is /ask, /stream and /health."})

    def log_message(self, *_: object) -> None:
        """Nothing: one line at the start is enough."""

    def _send(self, status: int, data: dict) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, reply: dict) -> None:
        """The documents first, then the answer word by word, then what it took."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        said = reply["result"].pop("answer")
        events = [reply, *({"delta": {"text": piece}} for piece in _pieces(said))]
        for event in events:
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")


def _pieces(text: str) -> list[str]:
    """Words with the space before them."""
    return [word if number == 0 else f" {word}" for number, word in enumerate(text.split(" "))]


def make_server(port: int) -> ThreadingHTTPServer:
    """The server, listening on this machine alone."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Application)
    server.daemon_threads = True
    return server


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8600)
    listening = make_server(parser.parse_args().port)
    print(f"http://127.0.0.1:{listening.server_address[1]}/ask (Ctrl-C ends it)", flush=True)
    try:
        listening.serve_forever()
    except KeyboardInterrupt:
        listening.server_close()

"""An application behind HTTP, as somebody else would have written it: a real server on loopback whose next replies can be scripted."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from backends.registry import BackendConfig

KEY = "a-key-of-the-application"
ANSWER = "Alfred Wegener proposed it."
DOCUMENTS = [{"key": f"d{n}", "name": f"Document {n}", "body": f"Text {n}.", "near": 1 - n / 10} for n in range(1, 4)]

REPLY_TABLE = """
chunks = "found"
prompt_tokens = "used.read"
completion_tokens = "used.written"
model = "by"
error = "trouble"
chunk = { id = "key", title = "name", text = "body", score = "near", source = "file" }
"""
ENDPOINTS = f"""
[told]
url = "URL/ask"
headers = {{ Authorization = "Bearer ${{APPLICATION_KEY}}" }}
request = {{ query = "{{question}}", n = "{{top_k}}", talk = "{{session}}" }}
health = "URL/health"
max_mb = 1

[told.reply]
answer = "said"
stages_ms = {{ embed = "took.embed", retrieve = "took.retrieve", generate = "took.generate" }}
{REPLY_TABLE}

[streamed]
url = "URL/stream"
request = '{{"query": "{{question}}", "n": "{{top_k}}"}}'
stream = true
end = "[DONE]"

[streamed.reply]
token = "piece"
{REPLY_TABLE}
"""


def reply_to(top_k: int) -> dict[str, Any]:
    """What it answers to anything."""
    return {
        "said": ANSWER,
        "found": DOCUMENTS[:top_k],
        "used": {"read": 11, "written": 4},
        "took": {"embed": 0.01, "retrieve": 0.02, "generate": 0.03},
        "by": "a-model",
    }


def reply_in_python(question: str, top_k: int) -> dict[str, Any]:
    """The same application as a Python function."""
    time.sleep(0.002)
    return {
        "answer": ANSWER,
        "chunks": [
            {"id": each["key"], "title": each["name"], "text": each["body"], "score": each["near"]}
            for each in DOCUMENTS[:top_k]
        ],
        "stages_ms": {"embed": 0.1, "retrieve": 0.2, "generate": 0.3},
        "model": "a-model",
    }


Script = Callable[["Handler"], None]


@dataclass
class Asked:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    data: Any


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    script: Script | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the tests."""


@dataclass
class Application:
    """A running application."""

    server: Server
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def config(self, folder: Path, text: str = ENDPOINTS, **environ: str) -> BackendConfig:
        """What opens it as a backend."""
        path = folder / "backends.toml"
        path.write_text(text.replace("URL", self.url), "utf-8")
        return BackendConfig(folder, environ={"APPLICATION_KEY": KEY, **environ})

    def answers(self, script: Script | None) -> None:
        """Let it do this instead, from now on."""
        self.server.script = script


class Handler(BaseHTTPRequestHandler):
    server: Server
    application: Application
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.application.asked.append(Asked(self.path, dict(self.headers.items()), None))
        if self.server.script is not None:
            self.server.script(self)
        else:
            self.send({})

    def do_POST(self) -> None:
        data = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        self.application.asked.append(Asked(self.path, dict(self.headers.items()), data))
        if self.server.script is not None:
            self.server.script(self)
        elif self.path == "/stream":
            self.stream(*events(data["n"]))
        else:
            time.sleep(0.001)
            self.send(reply_to(data["n"]))

    def send(self, data: Any = None, status: int = 200, raw: bytes | None = None, **headers: str) -> None:
        body = json.dumps(data).encode() if raw is None else raw
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, *parts: bytes, then_s: float = 0.0) -> None:
        """Parts of a body of server-sent events, written one by one, and silence after them."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()
        time.sleep(then_s)


def events(top_k: int) -> list[bytes]:
    """Chunks, the answer in pieces, what it took, and the end."""
    told = reply_to(top_k)
    pieces = [{"piece": piece} for piece in ("Alfred", " Wegener", " proposed", " it.")]
    data = [json.dumps(each) for each in ({"found": told["found"]}, *pieces, {"used": told["used"], "by": told["by"]})]
    return [f"data: {each}\n\n".encode() for each in [*data, "[DONE]"]]


@contextmanager
def serving_application() -> Iterator[Application]:
    """A running application."""
    handler = type("Answering", (Handler,), {})
    running = Application(Server(("127.0.0.1", 0), handler))
    handler.application = running
    thread = Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        running.server.shutdown()
        thread.join()
        running.server.server_close()

"""A stand-in for servers of OpenAI's interface: loopback, one scripted model, and the faults that real servers have."""

import json
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.withstand.doubles import Server

MODEL = "tiny"

SUPPORTED_NATS, UNSUPPORTED_NATS = math.log(0.8), math.log(0.05)
"""What the model gives a word that the prompt holds, and one that it does not."""


@dataclass
class Plan:
    """How the server behaves."""

    answer: str = "Alfred Wegener"
    """What the model says, whatever it is asked."""
    finish_reason: str = "stop"
    """Why it ends."""
    has_logprobs: bool = True
    """Whether it gives probabilities; a server without ignores the wish."""
    refuses: tuple[str, ...] = ()
    """Parameters that it refuses by HTTP 400, naming them."""
    scores: bool = False
    """Whether it knows `prompt_logprobs` and `echo`; a server without ignores them."""
    key: str = ""
    """The key it wants; empty for none."""
    statuses: list[tuple[int, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Answers to the next requests but those for models: status, headers, the error's fields."""
    html: bool = False
    """Whether it answers with a page."""
    stall_after: int | None = None
    """Pieces after which it says nothing more and keeps the connection."""
    break_after: int | None = None
    """Pieces after which it sends an error event."""
    columns: bool = False
    """Whether completions have probabilities in columns, as OpenAI and vLLM do; else by token, as llama.cpp does."""
    encoding: str = ""
    """How it says that its streams are compressed."""
    flood: bool = False
    """Whether it never stops talking."""
    vectors: dict[str, Any] = field(default_factory=dict)
    """What the next embeddings are made with: `dimension`, `value` for every number, `drop` for one too few."""
    requests: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    """What was asked: path, body, headers in lower case."""

    def bodies(self, ending: str) -> list[dict[str, Any]]:
        """The bodies of requests to a path that ends so."""
        return [body for path, body, _ in self.requests if path.endswith(ending)]


def cut(text: str) -> list[str]:
    """The model's tokens: words with the white space before them."""
    return re.findall(r"\s*\S+|\s+$", text)


def nats_of(token: str, prompt: str) -> float:
    return SUPPORTED_NATS if token.strip() in prompt else UNSUPPORTED_NATS


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    plan: Plan
    stopped: threading.Event

    def log_message(self, *given: object) -> None:
        return

    def do_GET(self) -> None:
        self._note({})
        if self.plan.html:
            return self._page()
        if self.plan.key and not self._has_key():
            return self._error(401, {}, {"code": "invalid_api_key"})
        return self._json(
            {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "us"}]}
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._note(body)
        plan = self.plan
        if plan.html:
            return self._page()
        if plan.key and not self._has_key():
            return self._error(401, {}, {"code": "invalid_api_key", "message": "Incorrect API key: sk-wrong"})
        if plan.statuses:
            return self._error(*plan.statuses.pop(0))
        for name in plan.refuses:
            if name in body:
                return self._error(400, {}, {"param": name, "message": f"Unsupported parameter: '{name}'"})
        if body["model"] != MODEL:
            return self._error(404, {}, {"message": f"The model `{body['model']}` does not exist"})
        if self.path.endswith("/embeddings"):
            return self._json(embeddings(body, plan))
        if body.get("stream"):
            return self._stream(body)
        return self._json(whole_reply(body, plan, self.path.endswith("/chat/completions")))

    def _note(self, body: dict[str, Any]) -> None:
        self.plan.requests.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))

    def _has_key(self) -> bool:
        return self.headers.get("authorization") == f"Bearer {self.plan.key}"

    def _page(self) -> None:
        self._send(200, "text/html", b"<html><body>Welcome</body></html>", {})

    def _error(self, status: int, headers: dict[str, str], told: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps({"error": {"message": "no", **told}}).encode(), headers)

    def _json(self, data: dict[str, Any]) -> None:
        self._send(200, "application/json", json.dumps(data).encode(), {})

    def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        if self.plan.encoding:
            self.send_header("content-encoding", self.plan.encoding)
        self.end_headers()
        chat = self.path.endswith("/chat/completions")
        try:
            for number, event in enumerate(events(body, self.plan, chat)):
                if number == self.plan.stall_after:
                    self.stopped.wait(20)
                    return
                if number == self.plan.break_after:
                    self._event({"error": {"message": "CUDA out of memory", "code": 500}})
                    break
                self._event(event)
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")
        except OSError:
            self.close_connection = True

    def _event(self, data: dict[str, Any]) -> None:
        self._chunk(f"data: {json.dumps(data)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


def prompt_of(body: dict[str, Any]) -> str:
    return body["prompt"] if "prompt" in body else body["messages"][0]["content"]


def by_token(tokens: list[str], prompt: str) -> dict[str, Any]:
    """Each token, and one other that has half of what is left."""
    scored = []
    for token in tokens:
        nats = nats_of(token, prompt)
        other = {"token": "?", "logprob": math.log((1 - math.exp(nats)) / 2), "bytes": [63]}
        own = {"token": token, "logprob": nats, "bytes": list(token.encode())}
        scored.append({**own, "top_logprobs": [own, other]})
    return {"content": scored}


def in_columns(tokens: list[str], prompt: str) -> dict[str, Any]:
    found = by_token(tokens, prompt)["content"]
    return {
        "tokens": tokens,
        "token_logprobs": [each["logprob"] for each in found],
        "top_logprobs": [{other["token"]: other["logprob"] for other in each["top_logprobs"]} for each in found],
    }


def events(body: dict[str, Any], plan: Plan, chat: bool) -> Iterator[dict[str, Any]]:
    tokens = cut(plan.answer)
    while plan.flood:
        yield {"choices": [{"index": 0, "delta": {"content": "x" * 100_000}, "finish_reason": None}]}
    for token in tokens:
        said: dict[str, Any] = {"delta": {"content": token}} if chat else {"text": token}
        if plan.has_logprobs and body.get("logprobs"):
            said["logprobs"] = (in_columns if plan.columns and not chat else by_token)([token], prompt_of(body))
        yield {"choices": [{"index": 0, "finish_reason": None, **said}]}
    ending: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
    yield {"choices": [{"index": 0, "finish_reason": plan.finish_reason, **ending}]}
    if body.get("stream_options", {}).get("include_usage"):
        yield {"choices": [], "usage": {"prompt_tokens": len(cut(prompt_of(body))), "completion_tokens": len(tokens)}}


def whole_reply(body: dict[str, Any], plan: Plan, chat: bool) -> dict[str, Any]:
    prompt = prompt_of(body)
    first = cut(plan.answer)[0]
    if chat:
        reply: dict[str, Any] = {"choices": [{"index": 0, "message": {"content": first}, "finish_reason": "length"}]}
        if plan.scores and "prompt_logprobs" in body:
            answer = body["messages"][1]["content"]
            tokens = [*cut(prompt), *cut(answer)]
            reply["prompt_logprobs"] = [
                None,
                *({"7": {"logprob": nats_of(each, prompt), "rank": 1, "decoded_token": each}} for each in tokens),
            ]
        return reply
    choice: dict[str, Any] = {"index": 0, "text": first, "finish_reason": "length"}
    if plan.scores and body.get("echo"):
        # The prompt is all that stands before the answer's cue.
        tokens, context = cut(prompt), prompt.rpartition("\n\nAnswer:\n")[0]
        columns = in_columns([*tokens, first], context)
        columns["token_logprobs"][0] = None
        choice = {**choice, "text": prompt + first, "logprobs": columns}
    return {"choices": [choice]}


def embeddings(body: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """Letter counts of each text, backwards in order, as the interface allows."""
    made, size = [], plan.vectors.get("dimension", 26)
    for index, text in enumerate(body["input"]):
        counts = [float(text.lower().count(chr(97 + letter % 26))) + 0.01 for letter in range(size)]
        vector = [plan.vectors["value"]] * size if "value" in plan.vectors else counts
        made.append({"object": "embedding", "index": index, "embedding": vector})
    made = made[::-1][plan.vectors.get("drop", 0) :]
    return {"object": "list", "model": MODEL, "data": made, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


@contextmanager
def serving(plan: Plan) -> Iterator[str]:
    """The URL of a server that behaves as planned, while it runs."""
    stopped = threading.Event()
    handler = type("Planned", (Handler,), {"plan": plan, "stopped": stopped})
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""What the examples share: some documents, and a stand-in for a model's server, so that they run without an account.

The stand-in speaks as much of OpenAI's interface as they need, answers with the sentence of the prompt that shares most words with the
question, and embeds a text as the words in it. Set OPENAI_BASE_URL (and OPENAI_API_KEY, OPENAI_MODEL) to ask a real model instead.
"""

import hashlib
import json
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

QUESTION = "How long may a refund take?"

DOCUMENTS = [
    ("refunds", "Refunds", "A refund may take up to ten days. It goes to the card that was charged."),
    ("delivery", "Delivery", "Parcels leave the warehouse within two days. Abroad they take a week."),
    ("accounts", "Accounts", "An account may be closed at any time. Its orders are kept for seven years."),
    ("cards", "Cards", "A card may be charged once the parcel has left. A charge may take a day to show."),
]
"""(id, title, text) of each."""

WORDS = 256
"""Length of an embedding: each word counts at one of these places."""


def embed(text: str) -> list[float]:
    """A text as the words in it, hashed, of length 1."""
    vector = [0.0] * WORDS
    for word in re.findall(r"\w+", text.lower()):
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % WORDS] += 1.0
    length = sum(value * value for value in vector) ** 0.5 or 1.0
    return [value / length for value in vector]


def answer(prompt: str) -> str:
    """The sentence of a prompt that shares most words with the question in its last lines."""
    asked = re.findall(r"[^\n.?!:]*\?", prompt)
    words = set(re.findall(r"\w{3,}", asked[-1].lower() if asked else prompt.lower()))
    sentences = re.findall(r"[A-Z][^\n.?!\"\\«»\[\]]*\.", prompt)
    return max(
        sentences,
        key=lambda sentence: len(words & set(re.findall(r"\w{3,}", sentence.lower()))),
        default="I do not know.",
    )


class _Model(BaseHTTPRequestHandler):
    """Answers `/chat/completions` and `/embeddings`."""

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = json.dumps(_embeddings(given) if self.path.endswith("/embeddings") else _completion(given)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None:
        """Nothing: the example's own output is what matters."""


def _embeddings(given: dict) -> dict:
    texts = [given["input"]] if isinstance(given["input"], str) else given["input"]
    data = [{"object": "embedding", "index": i, "embedding": embed(text)} for i, text in enumerate(texts)]
    used = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "model": given["model"],
        "data": data,
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def _completion(given: dict) -> dict:
    parts = [message.get("content") or "" for message in given["messages"]]
    prompt = "\n".join(part if isinstance(part, str) else " ".join(p.get("text", "") for p in part) for part in parts)
    text = answer(prompt)
    if "[[ ## answer ## ]]" in prompt:  # How DSPy asks for its fields.
        text = f"[[ ## reasoning ## ]]\nThe context says so.\n\n[[ ## answer ## ]]\n{text}\n\n[[ ## completed ## ]]"
    read, written = len(prompt.split()), len(text.split())
    return {
        "id": "stand-in-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": given["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


def start_model() -> str:
    """The model to ask. Starts the stand-in where OPENAI_BASE_URL names no other, and sets it."""
    if "OPENAI_BASE_URL" not in os.environ:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Model)
        Thread(target=server.serve_forever, daemon=True).start()
        os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{server.server_port}/v1"
        os.environ["OPENAI_API_KEY"] = "none-needed"
    return os.environ.get("OPENAI_MODEL", "stand-in")

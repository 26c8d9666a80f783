"""A double of Bedrock: `python -m serving.rehearsal.bedrock`. Converse, ConverseStream, InvokeModel of Titan and Cohere, availability.

Its models answer with the first sentence of the prompt that shares most words with the question, and count words as tokens. Signatures
are not checked, and IAM is not enforced.
"""

import argparse
import binascii
import json
import re
import struct
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from serving.rehearsal.lifeline import end_with_parent
from serving.rehearsal.loopback import Call, LoopbackServer, Reply, Service

EVENT_STREAM = "application/vnd.amazon.eventstream"
"""The content type of a streamed reply."""

PATH = re.compile(r"/model/(?P<model>[^/]+)/(?P<operation>converse|converse-stream|invoke)")

AVAILABILITY = re.compile(r"/foundation-model-availability/[^/]+")
AVAILABLE = {
    "modelId": "any",
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}
"""What the control plane says of a model that may be asked."""

DIMENSION = 64
"""Numbers in a vector."""

END = "end_turn"
"""Why an answer ends that is complete."""

STRING = 7
"""The type of a header's value in an event stream."""


class BedrockDouble(Service):
    """Any model whose id does not begin with `absent.`"""

    def answer(self, call: Call) -> Reply:
        """Answer a call."""
        if AVAILABILITY.fullmatch(call.path):
            return Reply.of(200, AVAILABLE)
        found = PATH.fullmatch(call.path)
        if found is None or call.method != "POST":
            return refusal("ResourceNotFoundException", 404, "no such operation")
        if found["model"].startswith("absent."):
            return refusal("ValidationException", 400, "The provided model identifier is invalid.")
        try:
            asked = json.loads(call.body)
            if found["operation"] == "invoke":
                return Reply.of(200, _embedded(asked))
            prompt = "".join(block["text"] for block in asked["messages"][-1]["content"])
        except (ValueError, KeyError, TypeError, IndexError):
            return refusal("ValidationException", 400, "Malformed input request")
        text = answer_from(prompt)
        usage = {"inputTokens": len(prompt.split()), "outputTokens": len(text.split())}
        if found["operation"] == "converse":
            return Reply.of(200, conversation(text, END, **usage))
        return Reply(200, encode_events(streamed(text, END, **usage)), content_type=EVENT_STREAM)

    def failure(self, call: Call, status: int) -> Reply:
        """An error as Bedrock words it."""
        names = {429: "ThrottlingException", 503: "ServiceUnavailableException"}
        return refusal(names.get(status, "InternalServerException"), status, "It failed.")

    def of_wrong_dimension(self, call: Call, reply: Reply) -> Reply:
        """The same: nothing here depends on another part's vectors."""
        return reply


def answer_from(prompt: str) -> str:
    """A sentence of the prompt, or the word that it teaches for none."""
    sentences = re.findall(r"[^\n.?!]+[.?!]", prompt)
    questions = [sentence for sentence in sentences if sentence.endswith("?")]
    wanted = set(re.findall(r"\w{4,}", questions[-1].lower())) if questions else set[str]()
    stated = [each.strip() for each in sentences if each.endswith(".") and "unanswerable" not in each]
    best = max(stated, key=lambda each: len(wanted & set(re.findall(r"\w{4,}", each.lower()))), default="")
    return best or "unanswerable"


def conversation(text: str, stop_reason: str = END, **usage: int) -> dict[str, Any]:
    """A reply of Converse. usage: `inputTokens` and its like."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": stop_reason,
        "usage": {"totalTokens": sum(usage.values()), **usage},
        "metrics": {"latencyMs": 1},
    }


def streamed(text: str, stop_reason: str = END, **usage: int) -> list[tuple[str, Mapping[str, Any]]]:
    """The events of ConverseStream, a word a piece."""
    pieces = re.findall(r"\s*\S+", text)
    return [
        ("messageStart", {"role": "assistant"}),
        *(("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}) for piece in pieces),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": stop_reason}),
        ("metadata", {"usage": {"totalTokens": sum(usage.values()), **usage}, "metrics": {"latencyMs": 1}}),
    ]


def encode_events(events: Iterable[tuple[str, Mapping[str, Any]]]) -> bytes:
    """Events, by type, in AWS's binary framing. A type that ends in `Exception` is sent as an error within the stream."""
    return b"".join(_encode(kind, data) for kind, data in events)


def _encode(kind: str, data: Mapping[str, Any]) -> bytes:
    message = "exception" if kind.endswith("Exception") else "event"
    headers = {f":{message}-type": kind, ":content-type": "application/json", ":message-type": message}
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    payload = json.dumps(data).encode()
    prelude = struct.pack("!II", len(head) + len(payload) + 16, len(head))
    framed = prelude + struct.pack("!I", binascii.crc32(prelude)) + head + payload
    return framed + struct.pack("!I", binascii.crc32(framed))


def refusal(name: str, status: int, message: str, **headers: str) -> Reply:
    """An error, as AWS names it."""
    return Reply.of(status, {"message": message}, headers={"x-amzn-ErrorType": name, **headers})


def _embedded(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What Titan answers to one text, and Cohere to several."""
    if "inputText" in asked:
        return {"embedding": _vector(asked["inputText"]), "inputTextTokenCount": len(asked["inputText"].split())}
    vectors = [_vector(text) for text in asked["texts"]]
    return {"id": "1", "response_type": "embeddings_by_type", "embeddings": {"float": vectors}, "texts": asked["texts"]}


def _vector(text: str) -> list[float]:
    """Counts of a text's words, folded into so many places."""
    counts = np.full(DIMENSION, 0.01)
    for word in re.findall(r"\w+", text.lower()):
        counts[binascii.crc32(word.encode()) % DIMENSION] += 1
    return [float(value) for value in counts / np.linalg.norm(counts)]


def main() -> None:
    """Serve until the parent ends; the first line printed is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    server = LoopbackServer(BedrockDouble(), parser.parse_args().port)
    end_with_parent()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()

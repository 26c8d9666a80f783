"""Embedders on Bedrock: Titan, which takes one text a call, and Cohere, which takes many; asked by InvokeModel."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from backends.local.bedrock.client import BedrockClient
from backends.local.remote.address import BEDROCK
from backends.local.remote.served import SETTING, STAGE, ServedEmbedder, to_rows
from backends.local.vectors import FloatArray
from pipeline.deadline import Deadline
from pipeline.errors import ConfigError, StageFailed
from pipeline.types import Kind

AT_ONCE = 8
"""Requests under way at once."""

MAX_REPLY_BYTES = 32_000_000
"""A longer reply is refused: 96 vectors of 1,536 numbers as text take some 3 MB."""

PROFILE = re.compile(r"^(?:[a-z-]+\.)?(?=(?:amazon|cohere)\.)")
"""What stands before a model's id where an inference profile is named."""


@dataclass(frozen=True, slots=True)
class Family:
    """How models of one maker are asked."""

    batch: int
    """Texts in one request."""
    max_chars: int
    """Characters of a text at most, by Bedrock's documentation; fewer may be too many tokens, which Bedrock says itself."""
    write: Callable[[Sequence[str], Kind], Mapping[str, Any]]
    """The body of a request."""
    read: Callable[[Mapping[str, Any]], Sequence[Sequence[float]]]
    """The vectors of a reply."""


def _write_cohere(texts: Sequence[str], kind: Kind) -> Mapping[str, Any]:
    """What does not fit is refused rather than cut off."""
    wanted = "search_query" if kind == "query" else "search_document"
    return {"texts": list(texts), "input_type": wanted, "truncate": "NONE", "embedding_types": ["float"]}


def _read_cohere(reply: Mapping[str, Any]) -> Sequence[Sequence[float]]:
    found = reply["embeddings"]
    vectors: Sequence[Sequence[float]] = found["float"] if isinstance(found, Mapping) else found
    return vectors


TITAN = Family(1, 50_000, lambda texts, _: {"inputText": texts[0]}, lambda reply: [reply["embedding"]])
COHERE = Family(96, 2_048, _write_cohere, _read_cohere)

FAMILIES: Mapping[str, Family] = {"amazon.titan-embed-text": TITAN, "cohere.embed": COHERE}
"""Families by how their models' ids begin."""


class BedrockEmbedder(ServedEmbedder):
    """Text to vectors by a model on Bedrock."""

    def __init__(self, word: str, region: str = "") -> None:
        """Embeds one word, to learn the vectors' length. word, region: see `client.BedrockClient`.

        Raises ConfigError for a model of another family, a BackendError if Bedrock cannot be asked.
        """
        model = PROFILE.sub("", word.removeprefix(BEDROCK).strip())
        family = next((each for begins, each in FAMILIES.items() if model.startswith(begins)), None)
        if family is None:
            raise ConfigError(
                f"{SETTING} is {word!r}. Embedders on Bedrock are bedrock:amazon.titan-embed-text-… and bedrock:cohere.embed-…"
            )
        self._family = family
        self._client = BedrockClient(word, SETTING, region)
        super().__init__(self._client.model.name, self._send, {"query": "", "passage": ""})
        # A model's id holds its version, whichever region runs it.
        self.fingerprint = f"bedrock-{hashlib.sha256(f'{model} {self.dimension}'.encode()).hexdigest()[:16]}"

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _send(self, texts: Sequence[str], kind: Kind, deadline: Deadline | None) -> FloatArray:
        # Nothing is no text for either; a space is as little.
        given = [text or " " for text in texts]
        longest = max(map(len, given))
        if longest > self._family.max_chars:
            raise StageFailed(
                f"A text of {longest:,} characters does not fit {self.name}, which takes {self._family.max_chars:,}. Cut documents into "
                "smaller chunks (RAGLASS_CHUNKING), or choose another embedder.",
                stage=STAGE,
            )
        batches = [given[start : start + self._family.batch] for start in range(0, len(given), self._family.batch)]
        if len(batches) == 1:
            return to_rows(self._request(batches[0], kind, deadline), len(given))
        with ThreadPoolExecutor(AT_ONCE, "raglass-embed") as pool:
            waiting = [pool.submit(self._request, batch, kind, deadline) for batch in batches]
            try:
                found = [row for each in waiting for row in each.result()]
            finally:
                for each in waiting:
                    each.cancel()
        return to_rows(found, len(given))

    def _request(self, texts: Sequence[str], kind: Kind, deadline: Deadline | None) -> list[Sequence[float]]:
        body = json.dumps(self._family.write(texts, kind))

        def send(client: Any) -> list[Sequence[float]]:
            reply = client.invoke_model(
                modelId=self._client.model.model, body=body, contentType="application/json", accept="application/json"
            )
            read = reply["body"].read(MAX_REPLY_BYTES + 1)
            if len(read) > MAX_REPLY_BYTES:
                raise ValueError("a reply that is too long")
            return list(to_rows(self._family.read(json.loads(read)), len(texts)))

        return self._client.ask(STAGE, send, deadline)

"""An embedder that another server runs, asked by OpenAI's interface."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from backends.local.nano import safe_text
from backends.local.remote.address import Address
from backends.local.remote.client import RemoteModel
from backends.local.remote.faults import naming
from backends.local.research.embedder import E5_NAME, E5_PREFIXES
from backends.local.vectors import FloatArray, VectorMemory
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, ConfigError, DimensionMismatch
from pipeline.types import Kind

SETTING = "RAGLASS_EMBEDDER"

STAGE = "embed"

BATCH = 64
"""Texts in one request: few enough for servers on one machine, whose limits are lower than OpenAI's 2,048."""

CACHED_QUESTIONS = 256
"""Question vectors kept, so that a question asked of two settings is embedded once."""

OPEN_S = 30.0
"""Seconds that the server has for the first vector, for which it may have to load the model."""


class RemoteEmbedder:
    """Text to vectors by a model on another server. E5 models are given their prefixes; others get the text alone."""

    def __init__(self, address: Address, environ: Mapping[str, str] | None = None) -> None:
        """Embeds one word, to learn the vectors' length. environ: see `client.RemoteModel`.

        Raises ConfigError for an address of completions, a BackendError if the server cannot be asked.
        """
        if address.interface != "openai":
            raise ConfigError(f"{SETTING} is {address.name!r}; an embedder is openai:MODEL@URL.")
        self._model = RemoteModel(address, SETTING, environ)
        self.address = address
        self.name = address.name
        self.prefixes: Mapping[Kind, str] = (
            E5_PREFIXES if E5_NAME.search(address.model) else {"query": "", "passage": ""}
        )
        """What is put before a text, by kind."""
        self._questions = VectorMemory(CACHED_QUESTIONS)
        self.dimension = 0
        self.dimension = int(self._request(["dimension"], Deadline(OPEN_S)).shape[1])
        # A server does not say which weights stand behind a name: another server's may be others.
        told = "\n".join((address.url, address.model, str(self.dimension), *self.prefixes.values()))
        self.fingerprint = f"openai-{hashlib.sha256(told.encode()).hexdigest()[:16]}"

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as float32 (n, dimension), L2-normalised. The prefix is added here, once. Questions are cached.

        Raises Timeout between batches, DimensionMismatch if vectors have become longer or shorter, else a BackendError as `faults` says.
        """
        safe = [safe_text(text) for text in texts]

        def make(texts: Sequence[str]) -> FloatArray:
            batches = list(self._batches([self.prefixes[kind] + text for text in texts], deadline))
            return np.concatenate(batches) if batches else np.empty((0, self.dimension), np.float32)

        return make(safe) if kind == "passage" else self._questions.recall(safe, make)

    def knows(self, question: str) -> bool:
        """Whether this question's vector is kept."""
        return self._questions.knows(safe_text(question))

    def remember(self, vectors: Mapping[str, FloatArray]) -> None:
        """Keep vectors of questions that were embedded before."""
        self._questions.keep({safe_text(text): vector for text, vector in vectors.items()})

    def close(self) -> None:
        """Let go of the connections."""
        self._model.close()

    def _batches(self, texts: Sequence[str], deadline: Deadline | None) -> Iterator[FloatArray]:
        for start in range(0, len(texts), BATCH):
            yield self._request(texts[start : start + BATCH], deadline)

    def _request(self, texts: Sequence[str], deadline: Deadline | None) -> FloatArray:
        # Servers refuse a text of nothing; a space is as little.
        given = {"model": self.address.model, "input": [text or " " for text in texts], "encoding_format": "float"}
        reply, seconds = self._model.send(STAGE, lambda client: client.embeddings.create, given, deadline)
        with naming(STAGE, self.address, SETTING, seconds):
            rows = _in_order(reply.to_dict(warnings=False)["data"], len(texts))
        return self._checked(rows)

    def _checked(self, rows: FloatArray) -> FloatArray:
        if self.dimension and rows.shape[1] != self.dimension:
            raise DimensionMismatch(
                f"{self.name} now makes vectors of {rows.shape[1]} numbers; they had {self.dimension} before. The server has another model "
                "under this name: start Raglass again, and run `raglass index`.",
                stage=STAGE,
            )
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
            raise BadResponse(
                f"{self.name} made a vector that is zero or not a number. Choose another model ({SETTING}).",
                stage=STAGE,
            )
        return np.asarray(rows / lengths, np.float32)


def _in_order(data: Sequence[Mapping[str, Any]], texts: int) -> FloatArray:
    """The vectors in the order of the texts. Raises ValueError if there is not one for each, all of one length."""
    by_text = {int(each["index"]): each["embedding"] for each in data}
    rows = np.array([by_text[index] for index in range(texts)], np.float32)
    if rows.ndim != 2 or not rows.shape[1]:
        raise ValueError("no vectors of one length")
    return rows

"""What every embedder on another server has in common: questions kept, vectors checked and brought to length one."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from backends.local.nano import safe_text
from backends.local.vectors import FloatArray, VectorMemory
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, DimensionMismatch
from pipeline.types import Kind

SETTING = "RAGLASS_EMBEDDER"

STAGE = "embed"

CACHED_QUESTIONS = 256
"""Question vectors kept, so that a question asked of two settings is embedded once."""

OPEN_S = 30.0
"""Seconds that the server has for the first vector, for which it may have to load the model."""


class Ask(Protocol):
    """Sends texts, prefixes added, to the server."""

    def __call__(self, texts: Sequence[str], kind: Kind, deadline: Deadline | None) -> FloatArray:
        """(n, dimension) as they came, in the order of the texts."""


class ServedEmbedder:
    """Text to vectors by a model on another server. Thread-safe where `ask` is."""

    def __init__(self, name: str, ask: Ask, prefixes: Mapping[Kind, str]) -> None:
        """Embeds one word, to learn the vectors' length. prefixes: what is put before a text, by kind. Raises as `ask` does."""
        self.name = name
        """What traces call the model."""
        self.prefixes = prefixes
        """What is put before a text, by kind."""
        self._ask = ask
        self._questions = VectorMemory(CACHED_QUESTIONS)
        self.dimension = 0
        """Numbers in a vector."""
        self.dimension = int(self._checked(ask(["dimension"], "query", Deadline(OPEN_S))).shape[1])

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as float32 (n, dimension), L2-normalised. The prefix is added here, once. Questions are cached.

        Raises Timeout between batches, DimensionMismatch if vectors have become longer or shorter, BadResponse for vectors that are none,
        else what `ask` raises.
        """
        safe = [safe_text(text) for text in texts]

        def make(texts: Sequence[str]) -> FloatArray:
            if not texts:
                return np.empty((0, self.dimension), np.float32)
            return self._checked(self._ask([self.prefixes[kind] + text for text in texts], kind, deadline))

        return make(safe) if kind == "passage" else self._questions.recall(safe, make)

    def knows(self, question: str) -> bool:
        """Whether this question's vector is kept."""
        return self._questions.knows(safe_text(question))

    def remember(self, vectors: Mapping[str, FloatArray]) -> None:
        """Keep vectors of questions that were embedded before."""
        self._questions.keep({safe_text(text): vector for text, vector in vectors.items()})

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


def to_rows(vectors: Sequence[Sequence[float]], texts: int) -> FloatArray:
    """Vectors as an array. Raises ValueError if there is not one for each text, all of one length."""
    rows = np.array(vectors, np.float32)
    if rows.ndim != 2 or not rows.shape[1] or rows.shape[0] != texts:
        raise ValueError("no vectors of one length")
    return rows

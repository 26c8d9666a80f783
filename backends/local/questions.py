"""Vectors of the questions of runs, on disk: the next run over them, with another setting, need not embed them again."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from backends.local.vectors import FloatArray, LocalEmbedder, VectorCache, text_key
from pipeline.deadline import Deadline
from pipeline.errors import StoreError
from pipeline.types import Kind

log = logging.getLogger(__name__)


class QuestionEmbedder(LocalEmbedder, Protocol):
    """A local embedder that keeps the vectors of late questions in memory."""

    def knows(self, question: str) -> bool:
        """Whether a question's vector is in memory."""

    def remember(self, vectors: Mapping[str, FloatArray]) -> None:
        """Take vectors into memory."""


class StoredQuestions:
    """An embedder's questions, on disk and in its memory, where the other stages find them too. A lost file costs time, never an answer."""

    def __init__(self, embedder: QuestionEmbedder, folder: Path) -> None:
        """folder: where they are kept; one file for each embedder fingerprint."""
        self.name = embedder.name
        self._embedder = embedder
        self._cache = VectorCache(folder, embedder.fingerprint, embedder.dimension, dtype=np.float32)

    def knows_all(self, questions: Sequence[str]) -> list[bool]:
        """Which of these need not be embedded; takes from the disk what is there."""
        new = {text_key(text): text for text in questions if not self._embedder.knows(text)}
        try:
            found = self._cache.get(list(new)) if new else {}
        except StoreError as error:
            log.warning("questions are embedded anew: %s", error)
            found = {}
        self._embedder.remember({new[key]: vector for key, vector in found.items()})
        return [self._embedder.knows(text) for text in questions]

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as the embedder does; questions that are new to it are kept on disk."""
        new = [] if kind == "passage" else [text for text in texts if not self._embedder.knows(text)]
        vectors = self._embedder.embed(texts, kind, deadline=deadline)
        if new:
            rows = dict(zip(texts, vectors, strict=True))
            try:
                self._cache.put([(text_key(text), rows[text]) for text in dict.fromkeys(new)])
            except StoreError as error:
                log.warning("the questions' vectors are not kept: %s", error)
        return vectors

"""The research profile's reranker: any sentence-transformers cross-encoder that gives one score to a question and a text."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backends.local.research.loading import ModelFolder, find_model, limit_threads, opening, read_config, require
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, Unavailable
from pipeline.types import Chunk

SETTING = "RAGLASS_RERANKER"

ADVICE = f"Set {SETTING} to a model that ranks passages, for example cross-encoder/ms-marco-MiniLM-L6-v2."

BATCH = 16
"""Pairs scored between two looks at the deadline."""


class CrossEncoderReranker:
    """A second, closer look at the order of chunks: question and chunk are read together."""

    def __init__(
        self, model: str, *, threads: int | None = None, revision: str | None = None, device: str = "cpu"
    ) -> None:
        """Load a model by hub id or local path, for example `cross-encoder/ms-marco-MiniLM-L6-v2`.

        Raises Unavailable if the extra is not installed, or the model cannot be fetched or read or is no reranker.
        """
        library = require("sentence_transformers")
        found = find_model(model, SETTING, revision=revision)
        if not is_cross_encoder(found):
            raise Unavailable(
                f"The model {found.name} was not trained to score a question and a text together. {ADVICE}"
            )
        with opening(found):
            self._model = library.CrossEncoder(
                str(found.path), device=device, trust_remote_code=False, local_files_only=True
            )
        if self._model.num_labels != 1:
            raise Unavailable(
                f"The model {found.name} gives {self._model.num_labels} scores to a pair; a reranker gives one. {ADVICE}"
            )
        self.name = found.name
        self._threads = threads
        self._lock = threading.Lock()

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Chunk]:
        """Order chunks by the model's score, best first; chunks of equal score keep their order.

        The score, as the model's configuration activates it, is in `signals['rerank']`. Raises Timeout between batches.
        """
        scores: list[float] = []
        for start in range(0, len(chunks), BATCH):
            if deadline is not None:
                deadline.check("rerank")
            scores += self._score([(question, readable(chunk)) for chunk in chunks[start : start + BATCH]])
        order = sorted(range(len(chunks)), key=lambda i: -scores[i])
        return [
            replace(chunks[i], rank=rank, signals={**chunks[i].signals, "rerank": scores[i]})
            for rank, i in enumerate(order, start=1)
        ]

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        with self._lock, limit_threads(self._threads):
            made = self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False)
        scores = np.asarray(made, dtype=np.float64).reshape(len(pairs))
        if not np.isfinite(scores).all():
            raise BadResponse(
                f"The reranker {self.name} made a score that is not a number. Choose another model in {SETTING}."
            )
        return [float(score) for score in scores]


def readable(chunk: Chunk) -> str:
    """What the model reads of a chunk: its title, then its text."""
    return f"{chunk.heading}\n{chunk.text}" if chunk.heading else chunk.text


def is_cross_encoder(model: ModelFolder) -> bool:
    """Whether the model's files say so. sentence-transformers would put an untrained head on any other, and rank at random."""
    architectures = read_config(model.path).get("architectures") or []
    own = read_config(model.path, "config_sentence_transformers.json")
    return own.get("model_type") == "CrossEncoder" or any(
        name.endswith("ForSequenceClassification") for name in architectures
    )

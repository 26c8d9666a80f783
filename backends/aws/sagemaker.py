"""Two pipeline stages on SageMaker: an embedder and a generator. Vectors are handed on as lists; nothing looks inside them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from backends.aws.calls import timed_out
from backends.aws.services import SageMakerRuntime
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse
from pipeline.schema import chunk_to_dict, generation_from_dict
from pipeline.types import Chunk, GenerateOptions, Generation, Kind, Token

UNLIMITED_S = 25.0
"""Time that the endpoint is given where the caller sets none."""

SPARE_S = 0.3
"""Kept back from the time that the endpoint is given, so that the tokens made by then still arrive."""

SETS_A_CALL = 64
"""Chunk sets scored by one call: a call that is too late leaves the endpoint busy with no more than these."""


class SageMakerEmbedder:
    """E5 behind an endpoint (`serving/endpoints/embedder`), which adds the prefix and normalises."""

    def __init__(self, runtime: SageMakerRuntime, endpoint: str, headers: Mapping[str, str] | None = None) -> None:
        """headers: sent with every call, for tracing."""
        self._runtime, self._endpoint, self._headers = runtime, endpoint, headers
        self.name = f"sagemaker:{endpoint}"

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> list[list[float]]:
        """Embed texts as (n, dim), L2-normalised by the endpoint. Raises BadResponse for anything else than n vectors of one length."""
        found = self._runtime.invoke(
            "embed", self._endpoint, {"texts": list(texts), "kind": kind}, headers=self._headers, deadline=deadline
        )
        vectors = found.get("vectors")
        if not _is_matrix(vectors, len(texts)):
            raise BadResponse(
                f"The SageMaker endpoint {self._endpoint} did not answer {len(texts)} vectors of one length. "
                "Check that it serves the embedder, and its log.",
                stage="embed",
            )
        return vectors


def _is_matrix(rows: Any, count: int) -> TypeGuard[list[list[float]]]:
    if not isinstance(rows, list) or len(rows) != count or not all(isinstance(row, list) and row for row in rows):
        return False
    return len({len(row) for row in rows}) <= 1 and all(_is_number(value) for row in rows for value in row)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-probabilities of a forced answer."""

    tokens: tuple[str, ...]
    """The answer's tokens."""
    logprobs_nats: tuple[tuple[float, ...], ...]
    """(n_sets, n_tokens), nats."""


class SageMakerGenerator:
    """FLAN-T5, or another reader, behind an endpoint (`serving/endpoints/generator`)."""

    def __init__(self, runtime: SageMakerRuntime, endpoint: str, headers: Mapping[str, str] | None = None) -> None:
        """headers: sent with every call, for tracing."""
        self._runtime, self._endpoint, self._headers = runtime, endpoint, headers
        self.name = f"sagemaker:{endpoint}"

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """Yield the tokens once the endpoint has made them all, then the Generation. Raises BadResponse for anything else.

        Raises Timeout after the tokens where the endpoint ran out of time between them.
        """
        left_s = UNLIMITED_S if deadline is None else max(deadline.remaining_s(), 0.0)
        given_s = left_s - min(SPARE_S, left_s / 10)
        found = self._runtime.invoke(
            "generate",
            self._endpoint,
            {
                "operation": "generate",
                "question": question,
                "chunks": [chunk_to_dict(chunk) for chunk in chunks],
                "max_new_tokens": options.max_new_tokens,
                "deadline_s": given_s,
            },
            headers=self._headers,
            deadline=deadline,
        )
        try:
            generation = generation_from_dict(found["generation"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._unusable("an answer") from error
        yield from generation.tokens
        if generation.finish_reason == "deadline":
            raise timed_out("generate", given_s, f"The SageMaker endpoint {self._endpoint}")
        yield generation

    def score(
        self,
        question: str,
        chunks: Sequence[Chunk],
        sets: Sequence[Sequence[int]],
        answer: str,
        *,
        deadline: Deadline | None = None,
    ) -> Scores:
        """Log-probabilities of a forced answer over subsets of the chunks, given by position, SETS_A_CALL at a time."""
        found = [
            self._score(question, chunks, sets[start : start + SETS_A_CALL], answer, deadline)
            for start in range(0, len(sets), SETS_A_CALL)
        ]
        if len({scores.tokens for scores in found}) != 1:
            raise self._unusable("the same tokens for every set")
        return Scores(found[0].tokens, tuple(row for scores in found for row in scores.logprobs_nats))

    def _score(
        self,
        question: str,
        chunks: Sequence[Chunk],
        sets: Sequence[Sequence[int]],
        answer: str,
        deadline: Deadline | None,
    ) -> Scores:
        found = self._runtime.invoke(
            "generate",
            self._endpoint,
            {
                "operation": "score",
                "question": question,
                "chunks": [chunk_to_dict(chunk) for chunk in chunks],
                "sets": [list(subset) for subset in sets],
                "answer": answer,
            },
            headers=self._headers,
            deadline=deadline,
        )
        rows, tokens = found.get("logprobs_nats"), found.get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise self._unusable("scores")
        if not _is_matrix(rows, len(sets)) or any(len(row) != len(tokens) for row in rows):
            raise self._unusable("scores")
        return Scores(tuple(tokens), tuple(tuple(map(float, row)) for row in rows))

    def check(self, *, deadline: Deadline | None = None) -> None:
        """Ask the endpoint to say that it is there. Raises as `generate` does."""
        self._runtime.invoke(
            "generate", self._endpoint, {"operation": "check"}, headers=self._headers, deadline=deadline
        )

    def _unusable(self, what: str) -> BadResponse:
        return BadResponse(
            f"The SageMaker endpoint {self._endpoint} did not answer {what}. Check that it serves the generator, and its log.",
            stage="generate",
        )

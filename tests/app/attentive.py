"""A scripted backend that gives its attention: two tokens a chunk, of which only the very first matters to the answer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from backends.fake import ScriptedBackend
from pipeline.types import AttentionMap, Chunk

LAYERS, HEADS = 2, 3


class AttentiveBackend(ScriptedBackend):
    """A class of its own: what `isinstance` found of a class once, it goes on finding."""

    def map_attention(self, question: str, chunks: Sequence[Chunk], answer: str) -> AttentionMap:
        """Even attention, but for the last head of the last layer, which looks at the first token alone."""
        tokens = answer.split()
        weights = np.full((LAYERS, HEADS, len(tokens), 2 * len(chunks)), 0.25 / len(chunks))
        weights[-1, -1] = 0.0
        weights[-1, -1, :, 0] = 0.5
        return AttentionMap(
            attention_kind="cross",
            answer_tokens=tuple(tokens),
            whole_answer=len(tokens),
            context_tokens=tuple(text for chunk in chunks for text in (chunk.title, f" {chunk.text}")),
            owners=tuple(place for place in range(len(chunks)) for _ in range(2)),
            attention=weights.astype(np.float16),
            elsewhere=np.full((LAYERS, HEADS, len(tokens)), 0.5, np.float16),
            gradient_input=np.ones(2 * len(chunks), np.float32),
            logprobs_nats=np.full(len(tokens), -0.1, np.float32),
        )

    def remove_tokens(
        self, question: str, chunks: Sequence[Chunk], answer: str, places: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """−3 for each of the answer's tokens without the first token, −0.1 without any other."""
        return np.array([[-3.0 if place == 0 else -0.1] * len(answer.split()) for place in places], np.float32)

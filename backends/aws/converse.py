"""Bedrock's Converse: what a request says, what a reply means, and what becomes of it. Whoever sends it, from the stack or from a laptop.

Bedrock gives no log-probabilities: an answer has no tokens to show, no confidence, and no given answer can be scored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backends.aws.bedrock_faults import STAGE, BedrockModel
from pipeline.errors import StageFailed
from pipeline.prompts import ABSTAINS, ABSTENTION
from pipeline.types import Chunk, Generation, Token

FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""Why an answer ended, from Bedrock's words to ours; others stay as they are."""

NO_SCORES = (
    "Bedrock gives no log-probabilities, so a given answer cannot be scored there. A local backend may stand in for it."
)
"""Why there is no forced scoring."""

READY_PROMPT = "Answer with one word: ready?"
"""What is asked, for one token, to see whether a model answers."""


def make_request(prompt: str, max_new_tokens: int) -> dict[str, Any]:
    """The body of Converse and ConverseStream, at temperature 0."""
    return {
        "messages": [{"role": "user", "content": [{"text": prompt}]}],
        "inferenceConfig": {"maxTokens": max_new_tokens, "temperature": 0},
    }


def without_temperature(request: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a model that takes no temperature."""
    return {**request, "inferenceConfig": {"maxTokens": request["inferenceConfig"]["maxTokens"]}}


def abstention() -> Generation:
    """What stands for an answer where there are no chunks, so that nothing is asked."""
    return Generation(ABSTENTION, (), prompt_tokens=0, finish_reason="abstained", abstained=True)


@dataclass(slots=True)
class Reading:
    """An answer, as far as it has been read. Each method raises KeyError, TypeError, ValueError or AttributeError for another shape."""

    pieces: list[str] = field(default_factory=list)
    """Its text so far."""
    stop_reason: str = ""
    """Bedrock's word for why it ended; empty until it says."""
    input_tokens: int | None = None
    """Tokens of the prompt; None where they are not counted."""
    output_tokens: int | None = None
    """Tokens of the answer, thinking included; None where they are not counted."""

    def take(self, event: Mapping[str, Any]) -> list[Token]:
        """Read one event of a stream; the piece that it brought, if any. What a model thinks is not part of the answer."""
        if "contentBlockDelta" in event:
            text = event["contentBlockDelta"]["delta"].get("text") or ""
            return self._add(text)
        if "messageStop" in event:
            self.stop_reason = str(event["messageStop"]["stopReason"])
        elif "metadata" in event:
            self._count(event["metadata"].get("usage") or {})
        return []

    def take_reply(self, reply: Mapping[str, Any]) -> list[Token]:
        """Read a whole reply."""
        self.stop_reason = str(reply["stopReason"])
        self._count(reply.get("usage") or {})
        blocks = reply["output"]["message"]["content"]
        return self._add("".join(str(block["text"]) for block in blocks if "text" in block))

    def sum_up(self, prompt: str, chunks: Sequence[Chunk], max_new_tokens: int, model: BedrockModel) -> Generation:
        """The Generation. Raises StageFailed where the model wrote nothing though it was not free to be silent."""
        answer = "".join(self.pieces).strip()
        finish_reason = FINISH_REASONS.get(self.stop_reason, self.stop_reason or "stop")
        if not answer:
            _check_silence(finish_reason, max_new_tokens, model)
        abstained = ABSTAINS.fullmatch(answer) is not None
        return Generation(
            answer=ABSTENTION if abstained else answer,
            tokens=(),
            prompt_tokens=self.input_tokens or 0,
            finish_reason=finish_reason,
            abstained=abstained,
            used_chunk_ids=tuple(chunk.chunk_id for chunk in chunks),
            prompt=prompt,
            completion_tokens=self.output_tokens,
        )

    def _add(self, text: str) -> list[Token]:
        if not isinstance(text, str):
            raise TypeError("a piece of the answer is no text")
        if not text:
            return []
        self.pieces.append(text)
        return [Token(text, None)]

    def _count(self, usage: Mapping[str, Any]) -> None:
        """Tokens of the prompt that a cache held are counted apart from the others."""
        cached = [usage.get(name) or 0 for name in ("cacheReadInputTokens", "cacheWriteInputTokens")]
        read, written = usage.get("inputTokens"), usage.get("outputTokens")
        self.input_tokens = None if read is None else int(read) + sum(map(int, cached))
        self.output_tokens = None if written is None else int(written)


def _check_silence(finish_reason: str, max_new_tokens: int, model: BedrockModel) -> None:
    if finish_reason == "length":
        raise StageFailed(
            f"{model.name} wrote no answer within {max_new_tokens} tokens: it may think first. Raise RAGLASS_MAX_NEW_TOKENS, or choose "
            f"another model ({model.setting}).",
            stage=STAGE,
        )
    if finish_reason == "content_filter":
        raise StageFailed(
            f"Bedrock held the answer of {model.name} back (content filter or guardrail). Ask otherwise, or choose another model "
            f"({model.setting}).",
            stage=STAGE,
        )

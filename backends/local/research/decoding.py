"""Greedy decoding and forced scoring with a transformers model, and token ids back to text.

Log-probabilities are natural logarithms of the model's own softmax over its whole vocabulary, in float32, before any penalty or
forced token of its generation settings; none of those are applied. What is decoded is what is scored.
"""

import inspect
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.local.research.loading import limit_threads, require
from pipeline.errors import BadResponse

SCORED_TOGETHER = 8
"""Prompts in one forward pass of `score`; what keeps its memory bounded."""

FloatArray = npt.NDArray[np.float32]


class Decoder:
    """One model, sequence-to-sequence or causal. Safe to use from several threads: each step takes the lock by itself."""

    def __init__(self, model: Any, *, threads: int | None) -> None:
        self._torch = require("torch")
        self._model = model
        self._threads = threads
        self._lock = threading.Lock()
        self._seq2seq = bool(model.config.is_encoder_decoder)
        self._keeps_logits = "logits_to_keep" in inspect.signature(model.forward).parameters

    def decode(self, prompt: Sequence[int], steps: int) -> Iterator[tuple[int, float]]:
        """Yield up to `steps` of (token id, log-probability in nats), each the likeliest next one; the caller stops at an end token.

        The prompt is read once; every later step reads one token and the cache. Raises BadResponse if the model breaks.
        """
        fixed: dict[str, Any] = {}
        following = list(prompt)
        if self._seq2seq:
            with self._running():
                fixed["encoder_outputs"] = self._model.get_encoder()(input_ids=self._tensor([prompt]), return_dict=True)
            following = [self._start_id()]
        ids_name = "decoder_input_ids" if self._seq2seq else "input_ids"
        if self._keeps_logits:
            fixed["logits_to_keep"] = 1
        cache: Any = None
        for _ in range(steps):
            with self._running():
                out = self._model(
                    **fixed,
                    **{ids_name: self._tensor([following])},
                    past_key_values=cache,
                    use_cache=True,
                    return_dict=True,
                )
                cache = out.past_key_values
                logprobs = out.logits[0, -1].float().log_softmax(dim=-1)
                best = int(logprobs.argmax())
                logprob = float(logprobs[best])
            if not math.isfinite(logprob):
                raise BadResponse(
                    "The generator made probabilities that are not numbers. Choose another model in RAGLASS_GENERATOR."
                )
            yield best, logprob
            following = [best]

    def score(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> FloatArray:
        """Log-probabilities of a forced answer after each prompt: float32 (n_prompts, n_tokens), nats.

        Row i summed is -loss · n_tokens of the model's own teacher-forced loss on prompt i alone: padding changes nothing.
        """
        rows = [np.empty((0, len(answer)), np.float32)]
        for start in range(0, len(prompts), SCORED_TOGETHER):
            batch = prompts[start : start + SCORED_TOGETHER]
            with self._running():
                logits = self._answer_logits(batch, answer)
                wanted = self._tensor([answer] * len(batch)).unsqueeze(-1)
                logprobs = logits.float().log_softmax(dim=-1).gather(-1, wanted).squeeze(-1)
                rows.append(logprobs.cpu().numpy())
        return np.concatenate(rows)

    def _answer_logits(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> Any:
        """(n_prompts, n_tokens, vocabulary): what the model expects at each token of the answer."""
        if self._seq2seq:
            forced = [[self._start_id(), *answer[:-1]]] * len(prompts)
            return self._model(
                **self._pad(prompts), decoder_input_ids=self._tensor(forced), use_cache=False, return_dict=True
            ).logits
        rows = [[*prompt, *answer[:-1]] for prompt in prompts]
        places = self._tensor([range(len(prompt) - 1, len(prompt) - 1 + len(answer)) for prompt in prompts])
        options: dict[str, Any] = {}
        if self._keeps_logits:
            kept, places = places.unique(return_inverse=True)
            options["logits_to_keep"] = kept
        logits = self._model(**self._pad(rows), **options, use_cache=False, return_dict=True).logits
        return logits.take_along_dim(places.unsqueeze(-1), dim=1)

    def _pad(self, rows: Sequence[Sequence[int]]) -> Mapping[str, Any]:
        """Rows padded on the right, where neither positions nor attention of the real tokens see it. The padding's id is never read."""
        width = max(len(row) for row in rows)
        return {
            "input_ids": self._tensor([[*row, *[0] * (width - len(row))] for row in rows]),
            "attention_mask": self._tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
        }

    def _start_id(self) -> int:
        settings = self._model.generation_config
        for candidate in (
            settings.decoder_start_token_id,
            getattr(self._model.config, "decoder_start_token_id", None),
            settings.bos_token_id,
        ):
            if candidate is not None:
                return int(candidate)
        return 0

    def _tensor(self, rows: Sequence[Sequence[int]]) -> Any:
        return self._torch.tensor([list(row) for row in rows], dtype=self._torch.long, device=self._model.device)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Around each use of the model, never around a `yield` to a caller: torch's modes belong to the thread."""
        with self._lock, limit_threads(self._threads), self._torch.inference_mode():
            yield


class TextStream:
    """Token ids to text, piece by piece: the pieces joined are the decoded whole, white space and all.

    A piece that ends inside a character (bytes of an emoji) gives empty text; the piece that completes it gives the character.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._shown_to = 0
        """How many of `_ids` have been given as text."""
        self._context_from = 0
        """Where decoding starts, so that a piece is decoded after its neighbour and keeps its leading space."""

    def add(self, token_id: int) -> str:
        """The text that `token_id` completes; control tokens have none."""
        self._ids.append(token_id)
        before = self._decode(self._ids[self._context_from : self._shown_to])
        text = self._decode(self._ids[self._context_from :])
        if text.endswith("\N{REPLACEMENT CHARACTER}") or len(text) <= len(before):
            return ""
        self._context_from = self._shown_to
        self._shown_to = len(self._ids)
        return text[len(before) :]

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

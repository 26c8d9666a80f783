"""The white box: what a generator's attention, gradients and whole vocabulary show of a forced answer, chunk by chunk.

Owns the arithmetic; the prompt, and which of its tokens are whose, are `prompt`'s. Nothing here says why a model answered: attention is
a diagnostic and gradients are a local sensitivity. What a chunk did is measured by leaving it out (`Scorer`).

In every table, row t belongs to the answer's token t and is taken at the position that predicts it: the one before it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from backends.local.research.decoding import Decoder, FloatArray
from backends.local.research.loading import require
from backends.local.research.prompt import LocatedPrompt
from pipeline.errors import BadResponse, InputError, Unavailable
from pipeline.types import AttentionMap, Introspection

INTEGRATED_STEPS = 50
"""Steps of integrated gradients that do for most answers; captum's default too."""

SAME_WITHIN_NATS = 1e-3
"""How far a token's log-probability may depend on whether ids or their embeddings are read."""

NO_CHANGE_NATS = 1e-6
"""A smaller change of log-probability is rounding: a completeness gap is relative to at least this."""


MOST_WEIGHTS = 16_000_000
"""Attention weights that a map keeps at most: 32 MB in half precision."""

FULL_SIZE = 32
"""Layers, and heads, that a model which states none is taken to have."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one forward pass shows of a forced answer of n tokens after a prompt of k chunks."""

    attention: FloatArray
    """(n, k): see `WhiteBox.read`."""
    entropy_nats: FloatArray
    """(n,)."""
    logprobs_nats: FloatArray
    """(n,): the same that `Decoder.score` gives."""


class WhiteBox:
    """Looks inside one generator, sequence-to-sequence or causal. Safe to use beside its decoder: each pass takes the decoder's lock."""

    def __init__(self, decoder: Decoder, *, name: str, padding_id: int | None) -> None:
        """name: what errors call the model.

        padding_id: the token whose embedding stands for no text in `integrate`; None takes zeros.
        """
        self._torch = require("torch")
        self._decoder = decoder
        self._model = decoder.model
        self._name = name
        self._padding_id = padding_id
        self.attention_kind: Literal["cross", "self"] = "cross" if decoder.seq2seq else "self"
        """`cross` for a sequence-to-sequence model, `self` for a causal one."""

    def introspect(
        self, prompt: LocatedPrompt, answer: Sequence[int], tokens: Sequence[str], *, integrated_steps: int = 0
    ) -> Introspection:
        """All measures of an answer. See `pipeline.protocols.Introspector.introspect`.

        tokens: the answer's tokens as text.
        Raises InputError for a negative number of steps, Unavailable for a model that cannot be looked into, and BadResponse if it breaks.
        """
        if integrated_steps < 0:
            raise InputError(
                f"integrated_steps is {integrated_steps}. Give 0 to leave integrated gradients out, or more."
            )
        reading = self.read(prompt, answer)
        gradient_input = self.multiply_gradients(prompt, answer, reading.logprobs_nats)
        integrated, gap = self.integrate(prompt, answer, integrated_steps) if integrated_steps else (None, None)
        return Introspection(
            tokens=tuple(tokens),
            attention_kind=self.attention_kind,
            attention=tuple(map(tuple, reading.attention.tolist())),
            gradient_input=tuple(map(tuple, gradient_input.tolist())),
            entropy_nats=tuple(reading.entropy_nats.tolist()),
            integrated=None if integrated is None else tuple(integrated.tolist()),
            completeness_gap=gap,
        )

    def read(self, prompt: LocatedPrompt, answer: Sequence[int]) -> Reading:
        """Attention to each chunk, and the entropy of each token over the whole vocabulary, -Σ p ln p.

        Attention is the mean over layers and heads, summed over a chunk's tokens. A row adds up to at most 1, and is not stretched to it:
        the rest lies on what is no chunk's, such as the question and control tokens.
        Only answer positions are computed with eager attention, which keeps its weights: a whole prompt's would be its length squared.
        """
        with self._decoder.running():
            logits, weights = self._attend(prompt.ids, answer)
            self._check_given(weights)
            logprobs = logits.float().log_softmax(dim=-1)
            entropy = self._torch.special.entr(logprobs.exp()).sum(dim=-1)
            attention = _mean_attention(weights, len(prompt.ids), len(answer), self.attention_kind)
            attention = attention @ self._membership(prompt)
            own = logprobs.gather(-1, self._decoder.tensor([answer]).T).squeeze(-1)
        return Reading(self._check(attention), self._check(entropy), self._check(own))

    def map_attention(self, prompt: LocatedPrompt, answer: Sequence[int], tokens: Sequence[str]) -> AttentionMap:
        """Attention token by token, not summed up. See `pipeline.protocols.AttentionReader.map_attention`.

        tokens: the answer's tokens as text.
        """
        places = prompt.chunk_places
        kept = list(answer[: self.most_answer_tokens(len(places))])
        with self._decoder.running():
            logits, weights = self._attend(prompt.ids, kept)
            self._check_given(weights)
            width = len(prompt.ids) + (0 if self.attention_kind == "cross" else len(kept) - 1)
            layers = [_widen(layer[0], width)[..., : len(prompt.ids)].float() for layer in weights]
            own = logits.float().log_softmax(dim=-1).gather(-1, self._decoder.tensor([kept]).T).squeeze(-1)
            mine = np.array([self._check(layer[..., places]).astype(np.float16) for layer in layers])
            others = [place for place, owner in enumerate(prompt.owners) if owner < 0]
            rest = np.array([self._check(layer[..., others].sum(dim=-1)).astype(np.float16) for layer in layers])
        logprobs = self._check(own)
        return AttentionMap(
            attention_kind=self.attention_kind,
            answer_tokens=tuple(tokens[: len(kept)]),
            whole_answer=len(answer),
            context_tokens=tuple(prompt.texts[place] for place in places),
            owners=tuple(prompt.owners[place] for place in places),
            attention=mine,
            elsewhere=rest,
            gradient_input=self._multiply_whole(prompt, kept, logprobs)[places],
            logprobs_nats=logprobs,
        )

    def most_answer_tokens(self, context_tokens: int) -> int:
        """Tokens of an answer whose attention to so many context tokens makes MOST_WEIGHTS; at least 1."""
        config: Any = self._model.config.get_text_config(decoder=True)
        layers: int = getattr(config, "num_decoder_layers", 0) or getattr(config, "num_hidden_layers", FULL_SIZE)
        heads: int = getattr(config, "num_attention_heads", FULL_SIZE)
        return max(1, MOST_WEIGHTS // max(1, layers * heads * context_tokens))

    def remove_tokens(self, prompt: LocatedPrompt, answer: Sequence[int], places: Sequence[int]) -> FloatArray:
        """The answer's log-probabilities over the prompt less one token. See `pipeline.protocols.AttentionReader.remove_tokens`.

        The token is gone, not hidden: what follows moves up by one position.
        """
        mine = prompt.chunk_places
        wrong = [place for place in places if not 0 <= place < len(mine)]
        if wrong:
            raise InputError(f"There is no context token {wrong[0]}. The chunks have {len(mine)}, counted from 0.")
        gone = [mine[place] for place in places]
        without = [[*prompt.ids[:place], *prompt.ids[place + 1 :]] for place in gone]
        return self._decoder.score(without, list(answer)) if without else np.empty((0, len(answer)), np.float32)

    def _multiply_whole(self, prompt: LocatedPrompt, answer: Sequence[int], expected: FloatArray) -> FloatArray:
        """Gradient × input of the whole answer's log-probability, by token of the prompt: (prompt tokens,), nats."""
        with self._decoder.running(gradients=True):
            embeddings = self._embed(prompt.ids).requires_grad_(True)
            logprobs = self._logprobs(embeddings, answer)
            (gradient,) = self._torch.autograd.grad(logprobs.sum(), embeddings)
            found = (gradient * embeddings).sum(dim=-1)[0]
        self._check_same(self._check(logprobs), expected)
        return self._check(found)

    def multiply_gradients(
        self, prompt: LocatedPrompt, answer: Sequence[int], expected: FloatArray | None = None
    ) -> FloatArray:
        """Gradient × input of each token's log-probability, summed over a chunk's embeddings: float32 (n_tokens, k), nats, signed.

        Shrikumar et al. 2016, arXiv 1605.01713. One backward pass a token.
        expected: the log-probabilities from token ids. Raises Unavailable for a model that reads its embeddings otherwise.
        """
        members = self._membership(prompt)
        with self._decoder.running(gradients=True):
            embeddings = self._embed(prompt.ids).requires_grad_(True)
            logprobs = self._logprobs(embeddings, answer)
        if expected is not None:
            self._check_same(self._check(logprobs), expected)
        rows = [np.empty((0, prompt.n_chunks), np.float32)]
        for position in range(len(answer)):
            with self._decoder.running(gradients=True):
                (gradient,) = self._torch.autograd.grad(
                    logprobs[position], embeddings, retain_graph=position + 1 < len(answer)
                )
                rows.append(self._check((gradient * embeddings).sum(dim=-1) @ members))
        return np.concatenate(rows)

    def integrate(
        self, prompt: LocatedPrompt, answer: Sequence[int], steps: int = INTEGRATED_STEPS
    ) -> tuple[FloatArray, float]:
        """Integrated gradients of the whole answer's log-probability v, by chunk: (float32 (k,), nats and signed; completeness gap).

        Sundararajan et al. 2017, arXiv 1703.01365, eq. 1, by Gauss–Legendre quadrature, on the straight way from the prompt with every
        chunk's tokens as padding to the prompt as it is; other tokens stay. The integral would sum to v(prompt) - v(padding) (eq. 3);
        the gap is how far the sum is from that, as a share of it. Above 0.02, take more steps; where that does not help, the way leads
        through what the model has never read and the figures say little: SmolLM2 goes from -13 nats by -72 to -7, with a gap of 0.31 after
        50 steps.
        steps: at least 1; each is a forward and a backward pass.
        """
        members = self._membership(prompt)
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        with self._decoder.running(gradients=True):
            full = self._embed(prompt.ids)
            padding = self._torch.zeros_like(full) if self._padding_id is None else self._embed([self._padding_id])
            way = (full - padding) * members.sum(dim=-1)[None, :, None]
            start = full - way
            change = float((self._logprobs(full, answer) - self._logprobs(start, answer)).sum())
        total: npt.NDArray[np.float64] = np.zeros(prompt.n_chunks)
        for node, weight in zip(nodes, weights, strict=True):
            with self._decoder.running(gradients=True):
                point = (start + (node + 1) / 2 * way).requires_grad_(True)
                (gradient,) = self._torch.autograd.grad(self._logprobs(point, answer).sum(), point)
                total += weight / 2 * self._check((gradient * way).sum(dim=-1) @ members)[0]
        gap = abs(float(total.sum()) - change) / max(abs(change), NO_CHANGE_NATS)
        return total.astype(np.float32), gap

    def _attend(self, prompt: Sequence[int], answer: Sequence[int]) -> tuple[Any, list[Any]]:
        """Logits (n, vocabulary) at the answer's positions, and each layer's attention from them, (1, heads, n, positions read)."""
        tensor = self._decoder.tensor
        if self._decoder.seq2seq:
            read = self._model.get_encoder()(input_ids=tensor([prompt]), return_dict=True)
            step: dict[str, Any] = {"encoder_outputs": read, "use_cache": False}
            step["decoder_input_ids"] = tensor([[self._decoder.start_id(), *answer[:-1]]])
        else:
            keep = {"logits_to_keep": 1} if self._decoder.keeps_logits else {}
            read = self._model(input_ids=tensor([prompt[:-1]]), use_cache=True, return_dict=True, **keep)
            step = {"past_key_values": read.past_key_values, "use_cache": True}
            step["input_ids"] = tensor([[prompt[-1], *answer[:-1]]])
        with _eager_attention(self._model):
            out = self._model(**step, output_attentions=True, return_dict=True)
        given = out.cross_attentions if self._decoder.seq2seq else out.attentions
        return out.logits[0], [weights for weights in given or () if weights is not None]

    def _logprobs(self, embeddings: Any, answer: Sequence[int]) -> Any:
        """(n_tokens,) log-probabilities of the answer after a prompt given as embeddings (1, prompt tokens, dimension)."""
        tensor = self._decoder.tensor
        options: dict[str, Any] = {"use_cache": False, "return_dict": True}
        if self._decoder.seq2seq:
            options["decoder_input_ids"] = tensor([[self._decoder.start_id(), *answer[:-1]]])
        else:
            embeddings = self._torch.cat([embeddings, self._embed(answer[:-1])], dim=1)
            if self._decoder.keeps_logits:
                options["logits_to_keep"] = len(answer)
        logits = self._model(inputs_embeds=embeddings, **options).logits[0, -len(answer) :]
        return logits.float().log_softmax(dim=-1).gather(-1, tensor([answer]).T).squeeze(-1)

    def _embed(self, ids: Sequence[int]) -> Any:
        return self._model.get_input_embeddings()(self._decoder.tensor([ids])).detach()

    def _membership(self, prompt: LocatedPrompt) -> Any:
        """(prompt tokens, k): 1 where a token is a chunk's."""
        owners = self._torch.tensor(prompt.owners, device=self._model.device)
        chunks = self._torch.arange(prompt.n_chunks, device=self._model.device)
        return (owners[:, None] == chunks[None, :]).float()

    def _check_given(self, weights: Sequence[Any]) -> None:
        if not weights or len({layer.shape[1] for layer in weights}) > 1:
            raise Unavailable(
                f"The generator {self._name} does not give its attention. Set RAGLASS_GENERATOR to another model to look inside."
            )

    def _check(self, values: Any) -> FloatArray:
        array: FloatArray = values.detach().float().cpu().numpy()
        if not np.isfinite(array).all():
            raise BadResponse(
                f"Looking inside the generator {self._name} gave figures that are not numbers. Choose another model in RAGLASS_GENERATOR."
            )
        return array

    def _check_same(self, given: FloatArray, expected: FloatArray) -> None:
        apart = float(np.abs(given - expected).max())
        if apart > SAME_WITHIN_NATS:
            raise Unavailable(
                f"The generator {self._name} reads embeddings otherwise than token ids (log-probabilities {apart:.3g} nats apart), so that "
                "its gradients would be of another answer. Set RAGLASS_GENERATOR to another model to look inside."
            )


def _widen(weights: Any, width: int) -> Any:
    """One layer's (heads, n, width): a layer with a sliding window keeps only the last positions, the others get 0."""
    found = weights.new_zeros(*weights.shape[:-1], width)
    found[..., width - weights.shape[-1] :] = weights
    return found


def _mean_attention(
    weights: Sequence[Any], prompt_tokens: int, answer_tokens: int, kind: Literal["cross", "self"]
) -> Any:
    """(n, prompt tokens): the mean over layers and heads. A layer with a sliding window keeps only the last positions: the others get 0."""
    width = prompt_tokens if kind == "cross" else prompt_tokens + answer_tokens - 1
    total = weights[0].new_zeros(answer_tokens, width)
    for layer in weights:
        mean = layer[0].mean(dim=0)
        total[:, width - mean.shape[1] :] += mean / len(weights)
    return total[:, :prompt_tokens].float()


@contextmanager
def _eager_attention(model: Any) -> Iterator[None]:
    """The kernel that keeps its weights, inside; what was set before is restored."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)

"""Attention token by token, and answers without a token, held against transformers' own passes."""

from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backends.local.backend import IntrospectiveBackend, LocalBackend
from backends.local.research import ResearchGenerator, white_box
from pipeline.errors import InputError, StageFailed, Unavailable
from pipeline.protocols import AttentionReader
from pipeline.types import GenerateOptions
from tests.research.tiny_models import ANSWERABLE, FRANCE, make_chunk

CHUNKS = [FRANCE, make_chunk(2, "mars is the red planet", "mars"), make_chunk(3, "the moon", "moon")]
ANSWER = "paris 7"
HALF = 1e-3
"""Half precision keeps eleven bits."""


@pytest.fixture(scope="module", params=["t5", "gpt2"])
def generator(request: pytest.FixtureRequest) -> ResearchGenerator:
    made: ResearchGenerator = request.getfixturevalue(request.param)
    return made


def own_pass(generator: ResearchGenerator, torch: Any, prompt: list[int], answer: list[int]) -> tuple[Any, Any]:
    """One plain pass of transformers, without a cache: (layers, heads, n, prompt tokens) and log-probabilities (n,)."""
    model = deepcopy(generator._model)
    model.set_attn_implementation("eager")
    n = len(answer)
    with torch.inference_mode():
        if model.config.is_encoder_decoder:
            forced = torch.tensor([[0, *answer[:-1]]])
            out = model(input_ids=torch.tensor([prompt]), decoder_input_ids=forced, output_attentions=True)
            layers, logits = out.cross_attentions, out.logits[0]
        else:
            out = model(input_ids=torch.tensor([[*prompt, *answer]]), output_attentions=True)
            layers = [layer[:, :, -n - 1 : -1, : len(prompt)] for layer in out.attentions]
            logits = out.logits[0, -n - 1 : -1]
        logprobs = logits.log_softmax(-1)[range(n), answer]
    return np.stack([layer[0].numpy() for layer in layers]), logprobs.numpy()


def test_each_head_of_each_layer_is_transformers_own(generator: ResearchGenerator, torch: Any) -> None:
    prompt, answer = generator._prompts.locate(ANSWERABLE, CHUNKS), generator._prompts.encode_answer(ANSWER)
    weights, logprobs = own_pass(generator, torch, prompt.ids, answer)
    seen = generator.map_attention(ANSWERABLE, CHUNKS, ANSWER)
    mine = [place for place, owner in enumerate(prompt.owners) if owner >= 0]
    rest = [place for place, owner in enumerate(prompt.owners) if owner < 0]
    assert (seen.attention.dtype, seen.attention.shape) == (np.float16, (2, 4, len(answer), len(mine)))
    np.testing.assert_allclose(seen.attention, weights[..., mine], rtol=HALF, atol=1e-6)
    np.testing.assert_allclose(seen.elsewhere, weights[..., rest].sum(-1), rtol=HALF, atol=1e-6)
    np.testing.assert_allclose(seen.logprobs_nats, logprobs, atol=1e-4)


def test_the_mean_over_layers_and_heads_is_the_attention_to_each_chunk(generator: ResearchGenerator) -> None:
    seen = generator.map_attention(ANSWERABLE, CHUNKS, ANSWER)
    mean = seen.attention.astype(float).mean(axis=(0, 1))
    by_chunk = np.stack([mean[:, np.array(seen.owners) == chunk].sum(-1) for chunk in range(3)], axis=1)
    whole = generator.introspect(ANSWERABLE, CHUNKS, ANSWER)
    np.testing.assert_allclose(by_chunk, whole.attention, rtol=HALF)
    assert (seen.answer_tokens, seen.attention_kind) == (whole.tokens, whole.attention_kind)


def test_layers_with_a_sliding_window_give_0_to_what_they_do_not_see(torch: Any, sliding: ResearchGenerator) -> None:
    seen = sliding.map_attention(ANSWERABLE, CHUNKS, ANSWER)
    mean = seen.attention.astype(float).mean(axis=(0, 1))
    by_chunk = np.stack([mean[:, np.array(seen.owners) == chunk].sum(-1) for chunk in range(3)], axis=1)
    np.testing.assert_allclose(by_chunk, sliding.introspect(ANSWERABLE, CHUNKS, ANSWER).attention, rtol=HALF)
    assert (seen.attention[0, ..., 0] > 0).all()
    assert (seen.attention[1, ..., 0] == 0).all()


def test_gradient_of_the_whole_answer_is_that_of_its_chunks(generator: ResearchGenerator) -> None:
    seen = generator.map_attention(ANSWERABLE, CHUNKS, ANSWER)
    by_chunk = [seen.gradient_input[np.array(seen.owners) == chunk].sum() for chunk in range(3)]
    whole = np.sum(generator.introspect(ANSWERABLE, CHUNKS, ANSWER).gradient_input, axis=0)
    np.testing.assert_allclose(by_chunk, whole, atol=1e-4)


def test_the_tokens_spell_the_chunks(generator: ResearchGenerator) -> None:
    seen = generator.map_attention(ANSWERABLE, CHUNKS, ANSWER)
    for place, chunk in enumerate(CHUNKS):
        mine = [text for text, owner in zip(seen.context_tokens, seen.owners, strict=True) if owner == place]
        # Metaspace's token of the first word holds the space before it, which is the numbering's.
        assert "".join(mine).lstrip() == f"{chunk.title}\n{chunk.text}"


def test_an_answer_without_a_token_is_scored_over_the_rest(generator: ResearchGenerator, torch: Any) -> None:
    prompt, answer = generator._prompts.locate(ANSWERABLE, CHUNKS), generator._prompts.encode_answer(ANSWER)
    mine = [place for place, owner in enumerate(prompt.owners) if owner >= 0]
    places = [0, 5, len(mine) - 1]
    found = generator.remove_tokens(ANSWERABLE, CHUNKS, ANSWER, places)
    for row, place in zip(found, places, strict=True):
        shorter = [token for position, token in enumerate(prompt.ids) if position != mine[place]]
        np.testing.assert_allclose(row, own_pass(generator, torch, shorter, answer)[1], atol=1e-4)
    assert generator.remove_tokens(ANSWERABLE, CHUNKS, ANSWER, []).shape == (0, len(answer))


def test_of_a_long_answer_only_the_beginning_is_looked_at(
    generator: ResearchGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = generator.map_attention(ANSWERABLE, CHUNKS, ANSWER)
    assert whole.whole_answer == len(whole.answer_tokens) > 2
    monkeypatch.setattr(white_box, "MOST_WEIGHTS", 2 * 4 * 2 * len(whole.context_tokens))
    short = generator.map_attention(ANSWERABLE, CHUNKS, ANSWER)
    assert short.answer_tokens == whole.answer_tokens[:2]
    assert short.whole_answer == whole.whole_answer
    np.testing.assert_allclose(short.attention, whole.attention[:, :, :2], rtol=HALF, atol=1e-6)
    np.testing.assert_allclose(short.logprobs_nats, whole.logprobs_nats[:2], atol=1e-5)


def test_misuse_and_misfits_are_refused(generator: ResearchGenerator) -> None:
    with pytest.raises(InputError, match="blank"):
        generator.map_attention(ANSWERABLE, CHUNKS, " ")
    with pytest.raises(InputError, match="no context token -1"):
        generator.remove_tokens(ANSWERABLE, CHUNKS, ANSWER, [-1])
    with pytest.raises(StageFailed, match="Look only at chunks that the answer used"):
        generator.map_attention(ANSWERABLE, [make_chunk(n, "w" * 90) for n in range(1, 15)], ANSWER)


def test_a_model_without_attention_is_refused(t5: ResearchGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(t5._model, "set_attn_implementation", lambda _: None)
    with pytest.raises(Unavailable, match="does not give its attention"):
        t5.map_attention(ANSWERABLE, CHUNKS, ANSWER)


def test_an_answer_over_no_chunks_has_no_context_tokens(generator: ResearchGenerator) -> None:
    seen = generator.map_attention(ANSWERABLE, [], ANSWER)
    assert (seen.context_tokens, seen.attention.shape[-1], seen.gradient_input.shape) == ((), 0, (0,))


def test_the_backend_hands_both_on_and_one_that_quotes_has_neither(t5: ResearchGenerator) -> None:
    parts: Any = SimpleNamespace(index=None)
    backend = IntrospectiveBackend("local/research", parts, parts, t5, parts, GenerateOptions(), questions=parts)
    assert isinstance(backend, AttentionReader)
    seen = backend.map_attention(ANSWERABLE, CHUNKS, ANSWER)
    np.testing.assert_array_equal(seen.attention, t5.map_attention(ANSWERABLE, CHUNKS, ANSWER).attention)
    assert backend.remove_tokens(ANSWERABLE, CHUNKS, ANSWER, [1]).shape == (1, len(seen.answer_tokens))
    plain: Any = LocalBackend("local/embedded", parts, parts, parts, parts, GenerateOptions(), questions=parts)
    assert not isinstance(plain, AttentionReader)

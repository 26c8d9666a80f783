"""T5 written for ONNX Runtime: what transformers computes, drawn with torch's dice, each prompt by itself. More in `test_translator`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local.research import onnx_decoder, t5_graph
from backends.local.research.conversions import Conversion
from backends.local.research.decoding import Decoder
from backends.local.research.onnx_decoder import HIDDEN, SCORED_TOGETHER, SHORT, OnnxDecoder, make_conversion, spread
from pipeline.errors import BadResponse, Unavailable
from tests.research.tiny_models import make_t5, unigram_tokenizer

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

FLOAT32_NATS = 1e-4

INT8_NATS = 0.25
"""Between 8 bits and float32; docs/adr/0012-research-engines.md has a real shape's."""

LONG = [3 + number % 100 for number in range(300)]
PROMPTS = [LONG[:5], LONG, LONG[40:90]]
FORCED = list(range(70, 80))


def make_model(family: str = "T5", **more: Any) -> Any:
    """One whose weights are large enough for its tokens to differ, and whose positions reach beyond the last bucket."""
    import torch
    import transformers

    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4}
    config = getattr(transformers, f"{family}Config")(
        decoder_start_token_id=0, vocab_size=112, dropout_rate=0.0, **sizes | more
    )
    model = getattr(transformers, f"{family}ForConditionalGeneration")(config).eval()
    with torch.no_grad():
        for stack in (model.encoder, model.decoder):
            stack.block[0].layer[0].SelfAttention.relative_attention_bias.weight.normal_()
    return model


def convert(model: Any, folder: Path, numbers: Any = "float32") -> OnnxDecoder:
    return OnnxDecoder(
        Conversion(folder, make_conversion(model, folder, start=0, ends=[1], numbers=numbers)), threads=1
    )


@pytest.mark.parametrize("kind", ["relu", "gated-gelu"])
@pytest.mark.parametrize("scaled", [True, False], ids=["T5, whose logits are scaled", "FLAN-T5, whose logits are not"])
def test_log_probabilities_are_those_of_transformers(tmp_path: Path, kind: str, scaled: bool) -> None:
    model = make_model(feed_forward_proj=kind)
    model.config.scale_decoder_outputs = scaled
    expected = Decoder(model, threads=1).score(PROMPTS, FORCED)
    np.testing.assert_allclose(convert(model, tmp_path).score(PROMPTS, FORCED), expected, atol=FLOAT32_NATS)


@pytest.mark.parametrize(
    ("family", "sizes"),
    [("MT5", {}), ("T5", {"num_heads": 3}), ("T5", {"d_model": 48, "d_ff": 80})],
    ids=["mT5", "heads narrower than the model", "widths that are no power of two"],
)
@pytest.mark.slow
def test_other_members_of_the_family_are_written_too(tmp_path: Path, family: str, sizes: dict[str, int]) -> None:
    model = make_model(family, **sizes)
    assert t5_graph.fits(model.config)
    expected = Decoder(model, threads=1).score(PROMPTS, FORCED)
    np.testing.assert_allclose(convert(model, tmp_path).score(PROMPTS, FORCED), expected, atol=FLOAT32_NATS)
    for path in tmp_path.iterdir():
        path.unlink()
    assert float(np.abs(convert(model, tmp_path, "int8").score(PROMPTS, FORCED) - expected).mean()) < INT8_NATS


@pytest.mark.slow
def test_tokens_beyond_the_last_bucket_are_those_of_torch(tmp_path: Path) -> None:
    """150 tokens: further apart than the 128 from which on distances are not told apart."""
    model = make_model()
    expected = list(Decoder(model, threads=1).decode(LONG, 150))
    found = list(convert(model, tmp_path).decode(LONG, 150))
    assert [token for token, _ in found] == [token for token, _ in expected]
    np.testing.assert_allclose([lp for _, lp in found], [lp for _, lp in expected], atol=FLOAT32_NATS)


@pytest.mark.slow
def test_samples_are_drawn_as_torch_draws_them(tmp_path: Path) -> None:
    model = make_model()
    reference, found = Decoder(model, threads=1), convert(model, tmp_path)
    chance = {"samples": 10, "temperature": 1.5, "seed": 7}
    expected = [[token for token, _ in each] for each in reference.draw(LONG, 6, **chance)]
    drawn = [[token for token, _ in each] for each in found.draw(LONG, 6, **chance)]
    for one, other in zip(drawn, expected, strict=True):
        end = next((place + 1 for place, token in enumerate(one) if token == 1), len(one))
        assert one == other[:end]
    assert len({tuple(each) for each in drawn}) > 1


@pytest.mark.slow
def test_a_prompt_in_8_bits_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    found = convert(make_model(), tmp_path, "int8")
    together = found.score(PROMPTS, FORCED)
    np.testing.assert_array_equal(together, np.concatenate([found.score([prompt], FORCED) for prompt in PROMPTS]))
    written: dict[int, list[tuple[int, float]]] = {place: [] for place in range(3)}
    for made in found.decode_together(PROMPTS, [4, 5, 6], [1]):
        for place, token in made:
            written[place].append(token)
    for place, prompt in enumerate(PROMPTS):
        alone = list(found.decode(prompt, 4 + place))
        assert [token for token, _ in written[place]] == [token for token, _ in alone]
        np.testing.assert_allclose([lp for _, lp in written[place]], [lp for _, lp in alone], atol=1e-3)


@pytest.mark.slow
def test_scores_of_many_prompts_come_in_their_order(tmp_path: Path) -> None:
    """More than are scored together, of lengths that are not in order."""
    found = convert(make_model(), tmp_path, "int8")
    prompts = [LONG[start : start + 5 + 7 * start % 40] for start in range(SCORED_TOGETHER + 3)]
    for answer in (FORCED, FORCED * (SHORT // len(FORCED) + 1)):
        alone = np.concatenate([found.score([prompt], answer) for prompt in prompts])
        np.testing.assert_allclose(found.score(prompts, answer), alone, atol=FLOAT32_NATS)


@pytest.mark.parametrize("tokens", [6, SHORT, SHORT + 1])
def test_what_is_written_is_scored_alike(tmp_path: Path, tokens: int) -> None:
    found = convert(make_model(), tmp_path)
    written = list(found.decode(LONG, tokens))
    scored = found.score([LONG], [token for token, _ in written])[0]
    np.testing.assert_allclose(scored, [logprob for _, logprob in written], atol=FLOAT32_NATS)


def test_distances_are_spread_over_queries_and_keys() -> None:
    """Worth of a distance: itself, up to 2 either way."""
    worth = np.arange(-2, 3, dtype=np.float32)[None]
    np.testing.assert_array_equal(spread(worth, 4, 4, causal=False)[0, 0, 1], [-1, 0, 1, 2])
    np.testing.assert_array_equal(spread(worth, 4, 2, causal=True)[0, 0], [[-2, -1, 0, HIDDEN], [-2, -2, -1, 0]])


def test_a_conversion_of_other_log_probabilities_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model()
    inner = t5_graph.write

    def write(model: Any, *given: Any) -> None:
        model.config.scale_decoder_outputs = not model.config.scale_decoder_outputs
        inner(model, *given)
        model.config.scale_decoder_outputs = not model.config.scale_decoder_outputs

    monkeypatch.setattr(t5_graph, "write", write)
    monkeypatch.setattr(onnx_decoder, "PROBE_NATS", 0.1)  # the tiny model's logits are small
    with pytest.raises(Unavailable, match=r"nats from torch's.*RAGLASS_ENGINE=torch"):
        convert(model, tmp_path)


def test_weights_that_are_not_numbers_are_a_bad_response(torch: Any, tmp_path: Path) -> None:
    model = make_t5(unigram_tokenizer()).eval()
    found = convert(model, tmp_path)
    with torch.no_grad():
        model.decoder.final_layer_norm.weight.fill_(float("nan"))
    for path in tmp_path.iterdir():
        path.unlink()
    t5_graph.write(model, tmp_path, "float32")
    broken = OnnxDecoder(Conversion(tmp_path, {"start": 0, "ends": [1], "heads": 4, "size": 8, "layers": 2}), threads=1)
    assert len(list(found.decode([5, 6], 3))) == 3
    for run in (lambda: next(broken.decode([5, 6], 3)), lambda: broken.score([[5, 6]], [7, 8])):
        with pytest.raises(BadResponse, match="not numbers"):
            run()


@pytest.mark.parametrize(
    ("activation", "family"), [({"feed_forward_proj": "gated-silu"}, "t5"), ({}, "longt5"), ({}, "bart")]
)
def test_another_shape_is_left_to_other_engines(activation: dict[str, str], family: str, tmp_path: Path) -> None:
    config = make_model(**activation).config
    config.model_type = family
    assert not t5_graph.fits(config)

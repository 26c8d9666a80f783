"""The encoder computes what transformers computes, to the digits that eight bits leave."""

from typing import Any

import numpy as np
import pytest

from backends.local.encoder.session import LAYERS, WIDTH, Encoder
from pipeline.errors import Unavailable


@pytest.fixture(scope="module")
def bert(torch: Any) -> Any:
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=12, intermediate_size=4 * WIDTH
    )
    return BertModel(config, add_pooling_layer=False).eval()


def weights_of(bert: Any) -> dict[str, np.ndarray]:
    """As the span reader's are made, without what lies outside the encoder."""
    from benchmarks.export_reader import convert

    state = {f"bert.{name}": tensor.numpy() for name, tensor in bert.state_dict().items()}
    head = {"head.weight": np.zeros((2, WIDTH), np.float32), "head.bias": np.zeros(2, np.float32)}
    outside = {"head", "head.bias", "places", "types"}
    return {name: array for name, array in convert(state | head).items() if name not in outside}


@pytest.mark.slow
def test_it_computes_what_transformers_does(bert: Any, torch: Any) -> None:
    ids = torch.arange(30)[None] % 50
    with torch.no_grad():
        embeddings = bert.embeddings
        summed = embeddings.word_embeddings(ids) + embeddings.position_embeddings.weight[None, :30]
        summed = summed + embeddings.token_type_embeddings.weight[0]
        expected = bert(input_ids=ids).last_hidden_state[0].numpy()
    found = Encoder(weights_of(bert), threads=1).run(summed[0].numpy())
    # Eight bits leave about one part in a hundred; a layer wired wrongly leaves nothing of the direction.
    cosines = (found * expected).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.995


@pytest.mark.slow
def test_a_text_is_embedded_alike_alone_and_beside_others(bert: Any) -> None:
    encoder = Encoder(weights_of(bert), threads=2)
    texts = [np.random.default_rng(n).normal(size=(n + 2, WIDTH)).astype(np.float32) for n in range(6)]
    for alone, together in zip(map(encoder.run, texts), encoder.run_all(texts), strict=True):
        np.testing.assert_array_equal(alone, together)


def test_weights_that_do_not_fit_are_refused(bert: Any) -> None:
    weights = weights_of(bert)
    weights["layer.3.inner.bias"] = np.zeros(7, np.float32)
    with pytest.raises(Unavailable, match="do not fit each other"):
        Encoder(weights)

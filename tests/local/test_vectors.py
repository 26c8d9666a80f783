"""Vectors kept by text: the cache, the seed, and embedding that can be stopped."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from backends.local.vectors import EmbedProgress, Seed, VectorCache, VectorMemory, embed_all, text_key
from pipeline.errors import StoreError
from tests.local.fake_embedder import FakeEmbedder

TEXTS = [f"text number {number}" for number in range(40)]


class Stop(Exception):
    pass


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def cache(tmp_path: Path, embedder: FakeEmbedder) -> VectorCache:
    return VectorCache(tmp_path / "vectors", embedder.fingerprint, embedder.dimension)


def test_memory_makes_each_vector_once_and_forgets_the_one_unused_longest(embedder: FakeEmbedder) -> None:
    memory, make = VectorMemory(kept=2), partial(embedder.embed, kind="passage")
    np.testing.assert_array_equal(
        memory.recall(["a", "b", "a"], make), FakeEmbedder().embed(["a", "b", "a"], "passage")
    )
    memory.recall(["a"], make)
    assert embedder.embedded == ["a", "b"]
    memory.recall(["c"], make)  # b has not been used for longest
    memory.recall(["a"], make)
    assert embedder.embedded == ["a", "b", "c"]
    memory.recall(["b"], make)
    assert embedder.embedded == ["a", "b", "c", "b"]


def test_memory_gives_more_vectors_at_once_than_it_keeps(embedder: FakeEmbedder) -> None:
    found = VectorMemory(kept=2).recall(TEXTS, partial(embedder.embed, kind="passage"))
    np.testing.assert_array_equal(found, FakeEmbedder().embed(TEXTS, "passage"))


def test_memory_of_no_texts_has_the_embedders_shape(embedder: FakeEmbedder) -> None:
    found = VectorMemory(kept=2).recall([], lambda texts: np.empty((0, embedder.dimension), np.float32))
    assert found.shape == (0, embedder.dimension)


def test_memory_keeps_nothing_of_a_batch_that_failed(embedder: FakeEmbedder) -> None:
    def fail(texts: object) -> np.ndarray:
        raise Stop

    memory = VectorMemory(kept=2)
    with pytest.raises(Stop):
        memory.recall(["a"], fail)
    memory.recall(["a"], partial(embedder.embed, kind="passage"))
    assert embedder.embedded == ["a"]


@pytest.mark.slow
def test_memory_is_right_for_threads_that_push_each_others_vectors_out(embedder: FakeEmbedder) -> None:
    memory, expected = VectorMemory(kept=3), embedder.embed(TEXTS, "passage")

    def check(start: int) -> bool:
        texts = [*TEXTS[start:], *TEXTS[:start]]
        found = memory.recall(texts, partial(embedder.embed, kind="passage"))
        return np.array_equal(found, np.roll(expected, -start, axis=0))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, list(range(len(TEXTS))) * 2))


def test_vectors_are_the_embedders_rounded_to_float16(cache: VectorCache, embedder: FakeEmbedder) -> None:
    vectors = embed_all(TEXTS, embedder, cache)
    assert vectors.dtype == np.float16
    np.testing.assert_array_equal(vectors, FakeEmbedder().embed(TEXTS, "passage").astype(np.float16))


def test_rounding_to_float16_moves_a_cosine_by_less_than_a_thousandth() -> None:
    vectors = FakeEmbedder(dimension=384).embed(TEXTS, "passage")
    rounded = vectors.astype(np.float16).astype(np.float32)
    assert np.abs(rounded @ vectors.T - vectors @ vectors.T).max() < 0.001


def test_second_call_embeds_nothing(cache: VectorCache, embedder: FakeEmbedder) -> None:
    first = embed_all(TEXTS, embedder, cache)
    embedder.embedded.clear()
    np.testing.assert_array_equal(embed_all(TEXTS, embedder, cache), first)
    assert embedder.embedded == []


def test_same_text_is_embedded_once_and_keeps_its_places(cache: VectorCache, embedder: FakeEmbedder) -> None:
    vectors = embed_all(["a", "b", "a"], embedder, cache)
    assert sorted(embedder.embedded) == ["a", "b"]
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_no_texts_give_no_rows(cache: VectorCache, embedder: FakeEmbedder) -> None:
    assert embed_all([], embedder, cache).shape == (0, embedder.dimension)


def test_stopped_embedding_goes_on_with_the_rest(cache: VectorCache, embedder: FakeEmbedder) -> None:
    def stop_after_two_batches(progress: EmbedProgress) -> None:
        if progress.done >= 20:
            raise Stop

    with pytest.raises(Stop):
        embed_all(TEXTS, embedder, cache, batch=10, on_progress=stop_after_two_batches)
    assert embedder.embedded == TEXTS[:20]
    embed_all(TEXTS, embedder, cache, batch=10)
    assert embedder.embedded == TEXTS


def test_progress_counts_up_to_the_total_and_estimates_what_is_left(cache: VectorCache, embedder: FakeEmbedder) -> None:
    embed_all(TEXTS[:10], embedder, cache)
    seen: list[EmbedProgress] = []
    embed_all(TEXTS, embedder, cache, batch=10, on_progress=seen.append)
    assert [(progress.done, progress.total) for progress in seen] == [(10, 40), (20, 40), (30, 40), (40, 40)]
    assert seen[0].remaining_s is None
    assert all(progress.remaining_s is not None and progress.remaining_s >= 0 for progress in seen[1:])
    assert seen[-1].remaining_s == 0


def test_cache_is_found_again_by_another_process(tmp_path: Path, embedder: FakeEmbedder) -> None:
    embed_all(TEXTS, embedder, VectorCache(tmp_path, embedder.fingerprint, embedder.dimension))
    again = VectorCache(tmp_path, embedder.fingerprint, embedder.dimension)
    assert len(again.get([text_key(text) for text in TEXTS])) == len(TEXTS)


def test_another_embedder_has_another_cache(tmp_path: Path, embedder: FakeEmbedder) -> None:
    embed_all(TEXTS, embedder, VectorCache(tmp_path, embedder.fingerprint, embedder.dimension))
    assert VectorCache(tmp_path, "org/other", embedder.dimension).get([text_key(TEXTS[0])]) == {}


def test_vector_of_another_length_counts_as_unknown(cache: VectorCache) -> None:
    key = text_key("short")
    cache.put([(key, np.ones(3, np.float16))])
    assert cache.get([key]) == {}


def test_many_keys_are_looked_up_in_one_call(cache: VectorCache, embedder: FakeEmbedder) -> None:
    keys = [text_key(str(number)) for number in range(1_201)]
    cache.put([(key, np.zeros(embedder.dimension, np.float16)) for key in keys])
    assert set(cache.get(keys)) == set(keys)


def test_damaged_cache_says_that_it_can_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "f.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match=r"f\.sqlite.*can simply be deleted"):
        VectorCache(tmp_path, "f", 4).get([])


def test_cache_damaged_later_is_a_store_error_too(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, "f", 4)
    for file in tmp_path.glob("f.sqlite*"):
        file.unlink()
    (tmp_path / "f.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match="vector cache"):
        cache.get([text_key("x")])
    with pytest.raises(StoreError, match="vector cache"):
        cache.put([(text_key("x"), np.zeros(4, np.float16))])


def test_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="RAGLASS_DATA_DIR"):
        VectorCache(tmp_path / "file" / "vectors", "f", 4).get([])


def test_full_disk_is_a_store_error_and_loses_nothing(
    tmp_path: Path, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = VectorCache(tmp_path, embedder.fingerprint, embedder.dimension)
    embed_all(TEXTS[:10], embedder, cache)
    real = sqlite3.connect

    def connect_to_a_full_disk(*arguments: object, **given: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(*arguments, **given)  # type: ignore[call-overload]
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect_to_a_full_disk)
        with pytest.raises(StoreError, match="has space"):
            embed_all([f"new {number}" for number in range(400)], embedder, cache)
    assert len(cache.get([text_key(text) for text in TEXTS[:10]])) == 10


def make_seed(fingerprint: str, texts: list[str], dimension: int) -> Seed:
    keys = np.frombuffer(b"".join(text_key(text) for text in texts), np.uint8).reshape(-1, 16)
    return Seed(fingerprint, keys, np.full((len(texts), dimension), 0.5, np.float16))


def test_seed_spares_embedding(tmp_path: Path, embedder: FakeEmbedder) -> None:
    seed = make_seed(embedder.fingerprint, TEXTS[:30], embedder.dimension)
    cache = VectorCache(tmp_path, embedder.fingerprint, embedder.dimension, seed)
    vectors = embed_all(TEXTS, embedder, cache)
    assert embedder.embedded == TEXTS[30:]
    assert (vectors[:30] == 0.5).all()


def test_seed_of_another_embedder_is_not_used(tmp_path: Path, embedder: FakeEmbedder) -> None:
    seed = make_seed("another", TEXTS, embedder.dimension)
    embed_all(TEXTS, embedder, VectorCache(tmp_path, embedder.fingerprint, embedder.dimension, seed))
    assert embedder.embedded == TEXTS


def test_saved_seed_comes_back_and_its_bytes_do_not_depend_on_the_order(tmp_path: Path) -> None:
    keys = [text_key(text) for text in TEXTS]
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(keys), 4)).astype(np.float16)
    orders = [np.arange(len(keys)), rng.permutation(len(keys))]
    for number, order in enumerate(orders):
        shuffled = np.frombuffer(b"".join(keys[place] for place in order), np.uint8).reshape(-1, 16)
        Seed("f", shuffled, vectors[order]).save(tmp_path / f"{number}.npz")
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "1.npz").read_bytes()
    loaded = Seed.load(tmp_path / "0.npz")
    assert loaded is not None
    assert loaded.fingerprint == "f"
    for place, key in enumerate(keys):
        np.testing.assert_array_equal(loaded.get(key), vectors[place])
    assert loaded.get(text_key("unknown")) is None


def test_missing_seed_is_no_seed(tmp_path: Path) -> None:
    assert Seed.load(tmp_path / "vectors.npz") is None


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 broken off"])
def test_damaged_seed_is_no_seed_and_the_log_says_so(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "vectors.npz").write_bytes(content)
    assert Seed.load(tmp_path / "vectors.npz") is None
    assert "damaged" in caplog.text

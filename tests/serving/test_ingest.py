"""Ingestion: the index holds exactly the corpus, nothing is done twice, and a stop loses nothing."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backends.aws import pinecone_space as module
from backends.aws.pinecone_space import open_space
from backends.local.build import ChunkRow
from pipeline.errors import ConfigError, InputError, StoreError, Unavailable
from serving.ingest import IngestProgress, ingest, vector_id


def make_rows(count: int, text: str = "text") -> list[ChunkRow]:
    return [
        ChunkRow(f"c{n}", f"d{n // 3}", "Title", f"{text} {n}", 0, [], ("Use",), f"page {n}", f"/docs/d{n // 3}.pdf")
        for n in range(count)
    ]


class Space:
    """An index in memory, written to by several threads."""

    def __init__(self, *, fail_after: int | None = None) -> None:
        self.vectors: dict[str, dict[str, Any]] = {}
        self.upserts: list[int] = []
        self.deletes: list[int] = []
        self._fail_after = fail_after
        self._lock = threading.Lock()
        self.hidden = 0

    def ids(self) -> Iterator[str]:
        yield from list(self.vectors)

    def upsert(self, vectors: list[dict[str, Any]]) -> None:
        with self._lock:
            if self._fail_after is not None and len(self.upserts) >= self._fail_after:
                raise Unavailable("Pinecone went away.")
            self.upserts.append(len(vectors))
            self.vectors |= {vector["id"]: vector for vector in vectors}

    def delete(self, ids: list[str]) -> None:
        self.deletes.append(len(ids))
        for key in ids:
            del self.vectors[key]

    def count(self) -> int:
        self.hidden -= 1
        return len(self.vectors) - max(self.hidden, 0)


class Embedder:
    """Counts what it embeds."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, texts: list[str]) -> Any:
        self.seen += texts
        return np.array([[len(text), 1.0] for text in texts])


def fill(rows: list[ChunkRow], space: Space, embed: Embedder, **given: Any) -> Any:
    return ingest(rows, embed, space, embedder="e5", sleep=lambda seconds: None, **given)


def test_every_chunk_is_there_with_text_title_and_ids_in_its_metadata() -> None:
    space, rows = Space(), make_rows(7)
    done = fill(rows, space, Embedder())
    assert (done.upserted, done.unchanged, done.deleted, done.total) == (7, 0, 0, 7)
    assert space.vectors[vector_id(rows[4], "e5")]["metadata"] == {
        "text": "text 4",
        "title": "Title",
        "document_id": "d1",
        "chunk_id": "c4",
        "section": ["Use"],
        "place": "page 4",
        "source": "d1.pdf",
    }
    assert space.vectors[vector_id(rows[4], "e5")]["values"] == [len("Title › Use\ntext 4"), 1.0]


def test_second_run_embeds_and_sends_nothing() -> None:
    space, embed = Space(), Embedder()
    fill(make_rows(250), space, embed)
    sent = len(space.upserts)
    done = fill(make_rows(250), space, embed)
    assert (done.upserted, done.unchanged) == (0, 250)
    assert len(space.upserts) == sent
    assert len(embed.seen) == 250


def test_what_left_the_corpus_is_taken_out_and_what_changed_is_replaced() -> None:
    space, rows = Space(), make_rows(6)
    fill(rows, space, Embedder())
    changed = [replace(rows[0], title="New title"), *rows[1:4]]
    done = fill(changed, space, Embedder())
    assert (done.upserted, done.unchanged, done.deleted, done.total) == (1, 3, 3, 4)
    assert space.vectors[vector_id(changed[0], "e5")]["metadata"]["title"] == "New title"


def test_another_embedder_makes_all_vectors_anew() -> None:
    space, rows = Space(), make_rows(3)
    fill(rows, space, Embedder())
    done = ingest(rows, Embedder(), space, embedder="other", sleep=lambda seconds: None)
    assert (done.upserted, done.deleted, done.total) == (3, 3, 3)


def test_batches_keep_below_the_count_and_the_bytes_of_a_request() -> None:
    space = Space()
    fill(make_rows(500), space, Embedder())
    assert max(space.upserts) <= module.BATCH_VECTORS
    space = Space()
    fill(make_rows(40, "ä" * 100_000), space, Embedder())
    assert max(space.upserts) * 400_000 <= module.BATCH_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [384, 1024, 4096])
def test_no_request_is_over_two_megabytes_whatever_the_dimension(dimension: int) -> None:
    sizes: list[int] = []

    class Weighed(Space):
        def upsert(self, vectors: list[dict[str, Any]]) -> None:
            sizes.append(len(json.dumps({"vectors": vectors, "namespace": "n" * 40}).encode()))
            super().upsert(vectors)

    numbers = np.random.default_rng(0)
    space = Weighed()
    ingest(
        make_rows(200, "word " * 200),
        lambda texts: numbers.normal(size=(len(texts), dimension)).astype(np.float32),
        space,
        embedder="e5",
    )
    assert len(space.vectors) == 200
    assert max(sizes) < 2_000_000


def test_index_of_something_else_is_left_as_it_is() -> None:
    space = Space()
    space.vectors = {"product-17": {}, "product-18": {}}
    with pytest.raises(InputError, match=r"2 vectors that Raglass did not put there.*'product-17'.*--index"):
        fill(make_rows(3), space, Embedder())
    assert list(space.vectors) == ["product-17", "product-18"]


def test_failure_is_raised_and_the_next_run_goes_on() -> None:
    space, embed = Space(fail_after=2), Embedder()
    with pytest.raises(Unavailable):
        fill(make_rows(1_000), space, embed, workers=2)
    kept = len(space.vectors)
    assert 0 < kept < 1_000
    space._fail_after = None
    done = fill(make_rows(1_000), space, Embedder())
    assert (done.upserted, done.unchanged, done.total) == (1_000 - kept, kept, 1_000)


def test_stop_keeps_what_is_in_the_index() -> None:
    space = Space()

    def stop(progress: IngestProgress) -> None:
        if progress.step == "upsert" and progress.done >= 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(make_rows(1_000), space, Embedder(), on_progress=stop)
    kept = len(space.vectors)
    assert kept < 1_000
    assert fill(make_rows(1_000), space, Embedder()).unchanged == kept


def test_progress_estimates_what_is_left() -> None:
    seen: list[IngestProgress] = []
    fill(make_rows(300), Space(), Embedder(), on_progress=seen.append)
    upserts = [progress for progress in seen if progress.step == "upsert"]
    assert upserts[0].remaining_s is None
    assert upserts[1].remaining_s is not None
    assert upserts[-1].done == upserts[-1].total == 300


def test_count_that_is_late_is_waited_for_and_one_that_stays_wrong_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Space()
    late.hidden = 5
    assert fill(make_rows(10), late, Embedder()).total == 10
    monkeypatch.setattr(module, "COUNT_TRIES", 2)
    wrong = Space()
    wrong.hidden = 50
    with pytest.raises(StoreError, match="repeats nothing"):
        fill(make_rows(100), wrong, Embedder())


def test_key_comes_from_the_environment_alone() -> None:
    with pytest.raises(ConfigError, match="PINECONE_API_KEY"), open_space("rag", "", 2, environ={}):
        pass

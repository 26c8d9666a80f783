"""The use case about another index: how far an index, or an embedder, is from another.

Owns which indexes and chunks are held against each other. Refuses to format anything, and to know streamlit.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.stability.drift import USUAL_EMBEDDER, CorpusOf
from app.stability.steps import OnProgress, Steps, embed_in_batches, finish
from evaluation.drift import MOST_CHUNKS, IndexDrift, measure_index_drift
from pipeline.errors import InputError

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus

CHUNKS = 500
"""Chunks that two embedders are compared over by default."""


@dataclass(frozen=True, slots=True)
class IndexSide:
    """One of two sides."""

    name: str
    """The backend, or the data folder."""
    embedder: str
    """What made its vectors."""
    chunks: int
    """Chunks in its index."""


@dataclass(frozen=True, slots=True)
class MeasuredIndexes:
    """Two indexes, or two embedders, held against each other."""

    first: IndexSide
    """What is there."""
    second: IndexSide
    """The other one."""
    embedded: bool
    """Whether both embedded the same chunks for this; else the vectors are those of the two indexes."""
    compared: int
    """Chunks whose vectors were compared."""
    drift: IndexDrift
    """How far the second is from the first."""


def compare_folders(corpus_of: CorpusOf, backend: str, other: Path, *, seed: int = 0) -> MeasuredIndexes:
    """All steps of `folder_steps`, at once."""
    return finish(folder_steps(corpus_of, backend, other, seed=seed))


def folder_steps(corpus_of: CorpusOf, backend: str, other: Path, *, seed: int = 0) -> Steps[MeasuredIndexes]:
    """Hold the index of another data folder against a backend's own, over the chunks that both have, whichever embedder made them.

    Raises InputError for a backend without an index here, a folder without one, or fewer than 3 chunks in common.
    """
    from backends.local.index import open_kept

    here = _local_corpus(corpus_of, backend).index.opened()
    there = open_kept(other, here.manifest.embedder_fingerprint)
    places, others = ({chunk_id: row for row, chunk_id in enumerate(each.chunk_ids())} for each in (here, there))
    shared = [chunk_id for chunk_id in places if chunk_id in others]
    drawn = np.random.default_rng(seed).permutation(len(shared))[:MOST_CHUNKS].tolist()
    ids = [shared[place] for place in drawn]
    rows = (np.array([known[each] for each in ids], np.int64) for known in (places, others))
    vectors = []
    for place, (index, each) in enumerate(zip((here, there), rows, strict=True), start=1):
        vectors.append(index.vectors.reconstruct(each))
        yield place * len(ids), 2 * len(ids)
    drift = measure_index_drift(ids, vectors[0], ids, vectors[1], seed=seed)
    return MeasuredIndexes(
        IndexSide(backend, here.manifest.embedder, len(places)),
        IndexSide(str(other), there.manifest.embedder, len(others)),
        embedded=False,
        compared=len(ids),
        drift=replace(drift, shared=len(shared), added=len(others) - len(shared), removed=len(places) - len(shared)),
    )


def compare_embedders(
    corpus_of: CorpusOf,
    backend: str,
    other: str,
    *,
    chunks: int = CHUNKS,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> MeasuredIndexes:
    """All steps of `embedder_steps`, at once."""
    return finish(embedder_steps(corpus_of, backend, other, chunks=chunks, seed=seed), on_progress)


def embedder_steps(
    corpus_of: CorpusOf, backend: str, other: str, *, chunks: int = CHUNKS, seed: int = 0
) -> Steps[MeasuredIndexes]:
    """Hold another backend's embedder against a backend's own, over chunks drawn from the first one's index.

    Raises InputError for backends without an embedder here, for one against itself, or fewer than 3 chunks.
    """
    from backends.local.texts import chunk_text

    if backend == other:
        raise InputError(f"The embedder of {backend} cannot be held against itself. Name another backend.")
    first, second = _local_corpus(corpus_of, backend), _local_corpus(corpus_of, other)
    drawn = first.index.random_chunks(chunks, seed)
    ids, texts = [chunk.chunk_id for chunk in drawn], [chunk_text(chunk.heading, chunk.text) for chunk in drawn]
    sides = []
    for place, corpus in enumerate((first, second)):
        embedded = embed_in_batches(texts, corpus.embed, before=place * len(texts), whole=2 * len(texts))
        sides.append((yield from embedded))
    names = [
        IndexSide(name, corpus.embedder, corpus.index.manifest.chunks)
        for name, corpus in ((backend, first), (other, second))
    ]
    drift = measure_index_drift(ids, sides[0], ids, sides[1], seed=seed)
    return MeasuredIndexes(names[0], names[1], embedded=True, compared=len(ids), drift=drift)


def _local_corpus(corpus_of: CorpusOf, backend: str) -> "LocalCorpus":
    corpus = corpus_of(backend)
    if corpus is None:
        raise InputError(f"{backend} keeps its vectors elsewhere. Name a local backend, such as {USUAL_EMBEDDER}.")
    return corpus

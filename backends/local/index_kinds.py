"""`KindIndex`: an index on disk searched by a kind that somebody chose, whatever its size would choose. The kind is built in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import faiss
import numpy as np

from backends.local.faiss_index import BUILDERS, FaissIndex, tune
from backends.local.index import FloatArray, LocalIndex, OpenIndex
from backends.local.tuning import Tuning, draw_sample, overlap
from backends.local.vectors import LocalEmbedder
from pipeline.errors import InputError

Kind = Literal["exact", "hnsw", "ivf", "rabitq"]
"""Kinds of search that can be chosen."""

EFFORT = {"hnsw": "efSearch", "ivf": "nprobe", "rabitq": "the refinement's k_factor"}
"""What the number behind a kind means."""

MOST_EFFORT = 4_096


@dataclass(frozen=True, slots=True)
class IndexKind:
    """A kind of search and how much of the index it looks at."""

    kind: Kind
    """Which."""
    effort: int | None = None
    """See EFFORT; None for the least that finds 99 % of the ten nearest, and for IVF for an eighth of its lists."""

    @classmethod
    def parse(cls, words: str) -> Self:
        """Of `kind[:effort]`, such as `hnsw:64`. Raises InputError, with what is allowed."""
        kind, _, effort = words.strip().casefold().partition(":")
        sound = kind in get_args(Kind) and (not effort or (kind != "exact" and effort.isdecimal()))
        if not sound or (effort and not 1 <= int(effort) <= MOST_EFFORT):
            raise InputError(
                f"The index {words!r} is none. Write {', '.join(get_args(Kind))}; after a colon how much is looked at, from 1 to "
                f"{MOST_EFFORT:,} ({', '.join(f'{name}: {what}' for name, what in EFFORT.items())}), as in hnsw:64."
            )
        return cls(kind, int(effort) if effort else None)  # type: ignore[arg-type]

    def __str__(self) -> str:
        """As `parse` reads it."""
        return self.kind if self.effort is None else f"{self.kind}:{self.effort}"


class KindIndex(LocalIndex):
    """The index under a root folder, searched by a kind that is built over its vectors when it is opened."""

    def __init__(self, root: Path, embedder: LocalEmbedder, kind: IndexKind) -> None:
        super().__init__(root, embedder)
        self.kind = kind
        self._built: OpenIndex | None = None

    def opened(self) -> OpenIndex:
        """As `LocalIndex.opened`; the folder is not written to."""
        opened = super().opened()
        if opened is not self._built:
            opened.vectors = build_kind(opened.vectors.reconstruct(np.arange(opened.vectors.size)), self.kind)
            self._built = opened
        return opened

    def close(self) -> None:
        """As `LocalIndex.close`."""
        super().close()
        self._built = None


def build_kind(vectors: FloatArray, kind: IndexKind) -> FaissIndex:
    """Index vectors, float32 (n, dim), L2-normalised, by a kind, however few they are. IVF has about √n lists."""
    vectors = np.ascontiguousarray(vectors, np.float32)
    if kind.kind == "exact":
        return FaissIndex(_flat(vectors), None)
    if kind.kind == "ivf":
        return _build_ivf(vectors, kind.effort)
    index = BUILDERS[kind.kind](vectors, lambda done: None)
    questions, exact_ids = draw_sample(vectors)
    if kind.effort is None:
        return FaissIndex(index, tune(index, kind.kind, questions, exact_ids))
    searched = FaissIndex(index, Tuning(kind.kind, kind.effort, 0.0, 0))
    recall = overlap(searched.search(questions, exact_ids.shape[1])[1], exact_ids)
    return FaissIndex(index, Tuning(kind.kind, kind.effort, recall, len(questions)))


def _build_ivf(vectors: FloatArray, nprobe: int | None) -> FaissIndex:
    lists = max(1, round(float(np.sqrt(len(vectors)))))
    quantiser = faiss.IndexFlatIP(vectors.shape[1])
    index = faiss.IndexIVFFlat(quantiser, vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid = 1
    index.train(vectors)
    index.add(vectors)
    index.make_direct_map()
    index.nprobe = min(lists, nprobe or max(1, lists // 8))
    return FaissIndex(index, None)


def _flat(vectors: FloatArray) -> Any:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index

"""The FAISS index: exact below 10,000 vectors; above, the first approximate kind whose measured recall reaches its target.

HNSW is tried first, then RaBitQ codes with refinement, which vectors that are hard for a graph need; docs/adr/0005 says why. What a person
chose instead is built at once; docs/adr/0016.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import numpy.typing as npt

from backends.local.faiss_variants import (
    EF_CONSTRUCTION,
    Kind,
    building,
    kind_of,
    search_exactly,
    searched,
    set_effort,
    whole,
)
from backends.local.holding import OnHeld, VectorIndex, Vectors
from backends.local.index_choice import IndexChoice
from backends.local.tuning import RECALL_K, Tuning, draw_sample, is_enough, least_effort, recalls
from backends.local.vectors import check_dimension
from pipeline.deadline import Deadline
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from backends.local.manifest import Manifest

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

log = logging.getLogger(__name__)

VECTORS = "vectors.faiss"
"""Its file, in an index folder."""

EXACT_BELOW = 10_000
"""Below this an exact search takes under a millisecond, so there is nothing to trade recall for."""

HNSW_M = 32
HNSW_EF_CONSTRUCTION = EF_CONSTRUCTION
EF_SEARCH_CHOICES = (32, 64, 96, 128, 192, 256, 384, 512, 768)
K_FACTOR_CHOICES = (10, 20, 40, 80, 160)
ADD_BATCH = 2_000

TRIED_AT = 100_000
"""Vectors in a graph that is to be twice as large at least: one that misses its target with these is given up, since it would with more."""


class FaissIndex:
    """Inner-product search over L2-normalised vectors, so that scores are cosines. A `VectorIndex` in this process's memory."""

    place = ""

    def __init__(self, index: Any, tuning: Tuning | None) -> None:
        self._index = index
        self.tuning = tuning
        if tuning is not None:
            set_effort(index, tuning.kind, tuning.effort)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def size(self) -> int:
        """Vectors held."""
        return int(self._index.ntotal)

    @property
    def kind(self) -> str:
        """`exact`, or an approximate kind."""
        return "exact" if self.tuning is None else self.tuning.kind

    def search(
        self, vectors: FloatArray, top_k: int, *, exact: bool = False, deadline: Deadline | None = None
    ) -> tuple[FloatArray, IntArray]:
        """As `VectorIndex.search`; no deadline is looked at, since none could pass."""
        check_dimension(vectors, self.dimension)
        asked = np.ascontiguousarray(vectors, np.float32)
        if exact and self.tuning is not None:
            return search_exactly(self._index, self.tuning.kind, asked, top_k)
        scores, ids = self._index.search(asked, top_k)
        return scores, ids

    def reconstruct(self, ids: IntArray) -> FloatArray:
        """The vectors at given ids: float32 (len(ids), dim)."""
        held = self._index if self.tuning is None else whole(self._index, self.tuning.kind)
        return np.asarray(held.reconstruct_batch(np.ascontiguousarray(ids, np.int64)), dtype=np.float32)

    def is_whole(self) -> bool:
        """As `VectorIndex.is_whole`: what could be read is in memory."""
        return True

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, tuning: Tuning | None) -> "FaissIndex":
        """Read an index. Raises Unavailable if the file is missing or damaged."""
        try:
            return cls(faiss.read_index(str(path)), tuning)
        except (RuntimeError, OSError) as error:
            raise Unavailable(
                f"The index file {path.name} is missing or damaged. Run `raglass index --rebuild`; no document is lost by it.",
                stage="retrieve",
            ) from error


class FaissHolder:
    """A `Holder`: vectors in the index folder, loaded into this process's memory."""

    name = "faiss"
    follows_choices = True

    def build(
        self, folder: Path, vectors: Vectors, keys: Sequence[str], *, choice: IndexChoice | None, on_held: OnHeld
    ) -> VectorIndex:
        """See `Holder.build`."""
        index = build_faiss(vectors.astype(np.float32), on_added=lambda done: on_held("index", done), choice=choice)
        index.save(folder / VECTORS)
        return index

    def open(self, folder: Path, manifest: "Manifest") -> VectorIndex:
        """See `Holder.open`."""
        return FaissIndex.load(folder / VECTORS, manifest.tuning)

    def sweep(self, root: Path, current: Path) -> None:
        """See `Holder.sweep`: it goes with the folders."""

    def clear(self, root: Path) -> None:
        """See `Holder.clear`: it goes with the folders."""

    def close(self) -> None:
        """See `Holder.close`: there are none."""


def build_faiss(
    vectors: FloatArray,
    *,
    exact_below: int = EXACT_BELOW,
    on_added: Callable[[int], None] | None = None,
    choice: IndexChoice | None = None,
) -> FaissIndex:
    """Index vectors, float32 (n, dim), L2-normalised: exactly where there are few, else by the first kind that is good enough.

    choice: what a person chose instead; that it can be built over these vectors is the caller's to see.
    on_added: told how many vectors are in after each batch; what it raises stops the build.
    """
    if choice is not None and choice.factory != "Flat":
        return _build_chosen(vectors, choice, on_added or (lambda done: None))
    if len(vectors) < exact_below or choice is not None:
        return FaissIndex(_exact(vectors), None)
    questions, exact_ids = draw_sample(vectors)
    for kind, build in BUILDERS.items():
        index = build(vectors, on_added or (lambda done: None))
        if index is not None and (tuning := _measure(index, kind, questions, exact_ids)).reached:
            return FaissIndex(index, tuning)
        del index
    log.warning("no approximate index reaches its target for these vectors, so the search is exact, and slower")
    return FaissIndex(_exact(vectors), None)


def _build_chosen(vectors: FloatArray, choice: IndexChoice, on_added: Callable[[int], None]) -> FaissIndex:
    """What a person chose, with the recall that it has at the depth at which it was measured."""
    steps = building(choice.factory, vectors)
    while True:
        try:
            on_added(next(steps))
        except StopIteration as end:
            index = end.value
            break
    kind = kind_of(choice.factory)
    questions, exact_ids = draw_sample(vectors)
    asked = min(RECALL_K, len(vectors))
    _, ids = searched(index, kind, choice.effort).search(questions, max(asked, min(choice.depth, len(vectors))))
    found = recalls(ids[:, :asked], exact_ids[:, :asked])
    reached = is_enough(found)
    if not reached:
        log.warning("%s, which was chosen, finds %.1f %% of the nearest chunks", choice.name, found.mean() * 100)
    return FaissIndex(
        index, Tuning(kind, choice.effort, float(found.mean()), len(questions), reached, built=choice.factory)
    )


def _build_hnsw(vectors: FloatArray, on_added: Callable[[int], None]) -> Any | None:
    """The graph, or None where it misses its target early."""
    index = faiss.IndexHNSWFlat(vectors.shape[1], HNSW_M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
    for start in range(0, len(vectors), ADD_BATCH):
        index.add(vectors[start : start + ADD_BATCH])
        on_added(index.ntotal)
        if index.ntotal == TRIED_AT <= len(vectors) // 2 and not _finds_enough(index, vectors[:TRIED_AT]):
            return None
    return index


def _build_rabitq(vectors: FloatArray, on_added: Callable[[int], None]) -> Any:
    """One-bit codes that are scanned, the best of them compared again with the vectors themselves; built in seconds."""
    index = faiss.index_factory(vectors.shape[1], "RaBitQfs,RFlat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    on_added(index.ntotal)
    return index


BUILDERS: dict[Kind, Callable[[FloatArray, Callable[[int], None]], Any]] = {
    "hnsw": _build_hnsw,
    "rabitq": _build_rabitq,
}
"""In the order in which they are tried; None comes of one that is given up before its end."""

CHOICES: dict[Kind, tuple[int, ...]] = {"hnsw": EF_SEARCH_CHOICES, "rabitq": K_FACTOR_CHOICES}
"""Efforts of each kind, from the least."""


def _finds_enough(index: Any, vectors: FloatArray) -> bool:
    """Whether a graph of these vectors reaches its target."""
    return _measure(index, "hnsw", *draw_sample(vectors)).reached


def _measure(index: Any, kind: Kind, questions: FloatArray, exact_ids: IntArray) -> Tuning:
    """What `tune` finds; that it is too little is logged."""
    tuning = tune(index, kind, questions, exact_ids)
    if not tuning.reached:
        log.info("%s finds %.1f %% of the nearest chunks, less than the target", kind, tuning.recall * 100)
    return tuning


def tune(index: Any, kind: Kind, questions: FloatArray, exact_ids: IntArray) -> Tuning:
    """Choose the effort: the smallest that finds RECALL_TARGET of the exact neighbours of a sample of questions, beyond chance."""

    def search(effort: int) -> IntArray:
        set_effort(index, kind, effort)
        return np.asarray(index.search(questions, RECALL_K)[1], np.int64)

    return least_effort(search, kind, CHOICES[kind], exact_ids)


def _exact(vectors: FloatArray) -> Any:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, np.float32))
    return index

"""Indexes, built and searched over the same vectors: what each setting finds, and how long it takes."""

import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from app.lab.index_material import FloatArray, Material
from backends.local.faiss_variants import Kind, Variant, building, is_usable, named, searched
from backends.local.tuning import recalls
from evaluation.lab.index_fronts import Figure, first_places, recall_figure, share_figure

IntArray = npt.NDArray[np.int64]
Row = dict[str, Any]
"""A setting, measured; JSON-ready."""

PASSES = 3
"""How often every question is searched for its time, after once to warm up."""

PASS_S = 10.0
"""Seconds that the passes after the first may take together; slower settings are timed on fewer passes, at least one."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Searches, one question at a time on one thread."""

    ids: IntArray
    """(q, depth)."""
    ms: npt.NDArray[np.float64]
    """(q,): each question's median over the passes."""


def search_timed(index: Any, questions: FloatArray, depth: int) -> Timed:
    """Search every question by itself on one thread, first to warm up, then for the time."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        begun = time.perf_counter()
        _, ids = _pass(index, questions, depth)
        passes = int(min(PASSES, max(1, PASS_S // max(time.perf_counter() - begun, 1e-9))))
        taken = [_pass(index, questions, depth)[0] for _ in range(passes)]
    finally:
        faiss.omp_set_num_threads(threads)
    return Timed(ids, np.median(taken, axis=0))


def _pass(index: Any, questions: FloatArray, depth: int) -> tuple[npt.NDArray[np.float64], IntArray]:
    spent = np.empty(len(questions))
    ids = np.empty((len(questions), depth), np.int64)
    for place in range(len(questions)):
        asked = questions[place : place + 1]
        begun = time.perf_counter()
        _, found = index.search(asked, depth)
        spent[place] = time.perf_counter() - begun
        ids[place] = found[0]
    return spent * 1000, ids


def measure_variant(
    variant: Variant, material: Material, ks: Sequence[int], depth: int, exact_ids: IntArray
) -> Generator[str | Row, None, None]:
    """Build an index and search it with every effort; yields what is being done, in words, and each setting as it is measured.

    depth: chunks that are asked for at once, at least the largest of `ks`. exact_ids: (q, depth), of an exact search.
    Raises RuntimeError where FAISS refuses to build it.
    """
    kind, size = variant.kind, len(material.vectors)
    begun, steps = time.perf_counter(), building(variant.factory, material.vectors)
    paused = 0.0
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            index = end.value
            break
        told = time.perf_counter()
        yield f"Building {variant.factory}: {done:,} of {size:,} vectors" if done else f"Training {variant.factory}"
        paused += time.perf_counter() - told
    build_s = time.perf_counter() - begun - paused
    for effort in variant.efforts:
        yield f"Searching {size:,} vectors with {named(variant.factory, effort)}"
        part = searched(index, kind, effort)
        timed = search_timed(part, material.questions, depth)
        yield {
            "factory": variant.factory,
            "effort": effort,
            "name": named(variant.factory, effort),
            "kind": kind,
            "usable": is_usable(variant.factory, effort),
            "build_s": build_s,
            "bytes": int(faiss.serialize_index(part).nbytes),
            **found_figures(kind, timed, material, ks, exact_ids),
        }


def found_figures(kind: Kind, timed: Timed, material: Material, ks: Sequence[int], exact_ids: IntArray) -> Row:
    """What a setting finds, of an exact search's chunks and of gold ones, and its times."""
    counted = [place for place, gold in enumerate(material.gold) if gold]
    clusters = [material.clusters[place] for place in counted]
    firsts = first_places(timed.ids[counted], [material.gold[place] for place in counted])
    inside = (firsts > 0) & (firsts <= max(ks))
    reciprocal = np.divide(1.0, firsts, out=np.zeros(len(firsts)), where=inside)
    recall = {}
    for k in ks:
        found = recalls(timed.ids[:, :k], exact_ids[:, :k])
        # An exact search finds what an exact search finds: there is nothing to be unsure of.
        sure = kind == "exact"
        recall[str(k)] = _row(Figure(1.0, 1.0, 1.0) if sure else recall_figure(material.clusters, found, k))
    return {
        "recall": recall,
        "gold": {str(k): _row(share_figure(clusters, ((firsts > 0) & (firsts <= k)).astype(float))) for k in ks},
        "mrr": _row(share_figure(clusters, reciprocal)),
        "p50_ms": float(np.percentile(timed.ms, 50)),
        "p95_ms": float(np.percentile(timed.ms, 95)),
    }


def _row(figure: Figure | None) -> dict[str, float | None] | None:
    return None if figure is None else asdict(figure)

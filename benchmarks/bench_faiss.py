"""FAISS: recall@10, time a query on one thread, time to build and size, for exact search and for the index that Raglass chooses.

`python -m benchmarks.bench_faiss [--size 100000] [--dims 384 1024] [--json]`

The vectors are made, not embedded: unit vectors about a few thousand centres, which themselves share one direction. Shares and spread
were set so that they look like multilingual-e5-small's vectors of the built-in corpus, at its size (measured on those: nearest
neighbour's cosine 0.92, any two 0.77, participation ratio of the covariance's spectrum 95 of 384). Queries are new points of the same
kind. Times are medians of the same run, and their ratio is what counts on another machine.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import faiss
import numpy as np
import numpy.typing as npt

from backends.local.faiss_index import FaissIndex, build_faiss
from backends.local.tuning import RECALL_K, overlap

FloatArray = npt.NDArray[np.float32]

QUERIES = 500
BUILD_THREADS = 2

COMMON, CENTRE, OWN = 0.76, 0.12, 0.12
"""Shares of a vector's squared length: what all texts share, what texts on one subject share, what is the text's own.
Two texts then have cosine 0.76, or 0.88 on one subject, on average."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One index, measured."""

    kind: str
    """`exact`, `hnsw` or `rabitq`."""
    dimension: int
    size: int
    recall: float
    """recall@10 against exact search, over queries that the tuning has not seen."""
    query_ms: float
    """Median time of one query, alone, on one thread."""
    build_wall_s: float
    build_cpu_s: float
    file_mb: float
    effort: int | None
    """efSearch or k_factor, as chosen by the build."""


def make_vectors(count: int, dimension: int, rng: np.random.Generator, centres: FloatArray) -> FloatArray:
    """float32 (count, dimension), L2-normalised."""
    common = np.zeros(dimension, np.float32)
    common[0] = 1
    subjects = centres[rng.integers(0, len(centres), count)]
    own = directions(count, dimension, rng)
    return unit(np.sqrt(COMMON) * common + np.sqrt(CENTRE) * subjects + np.sqrt(OWN) * own)


def directions(count: int, dimension: int, rng: np.random.Generator) -> FloatArray:
    """Random unit vectors, with more variance along the first axes, as embeddings have.

    Texts are as varied however long their vectors are, so the decay is set for a participation ratio of about 100 at any dimension.
    """
    decay = 0.3 + 0.1 * np.log(dimension / 384) / np.log(1024 / 384)
    spread = (np.arange(1, dimension + 1) ** -decay).astype(np.float32)[None, :]
    return unit(rng.standard_normal((count, dimension), dtype=np.float32) * spread)


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors, L2-normalised."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def measure(vectors: FloatArray, queries: FloatArray, exact_ids: npt.NDArray[np.int64], exact_below: int) -> Measured:
    """Build an index and search it."""
    faiss.omp_set_num_threads(min(BUILD_THREADS, os.cpu_count() or 1))
    wall, cpu = time.perf_counter(), time.process_time()

    def tell(done: int) -> None:
        if done % 10_000 == 0:
            say(f"  {done:,} of {len(vectors):,} added after {time.perf_counter() - wall:.0f} s")

    index = build_faiss(vectors, exact_below=exact_below, on_added=tell)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    faiss.omp_set_num_threads(1)
    ids, spent = [], []
    for query in queries:
        begun = time.perf_counter()
        _, found = index.search(query[None, :], RECALL_K)
        spent.append(time.perf_counter() - begun)
        ids.append(found[0])
    return Measured(
        kind=index.kind,
        dimension=vectors.shape[1],
        size=len(vectors),
        recall=overlap(np.array(ids), exact_ids),
        query_ms=float(np.median(spent)) * 1000,
        build_wall_s=wall,
        build_cpu_s=cpu,
        file_mb=file_mb(index),
        effort=index.tuning.effort if index.tuning else None,
    )


def file_mb(index: FaissIndex) -> float:
    """Size of the index on disk."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index.save(path)
        return path.stat().st_size / 1e6


def compare(size: int, dimension: int) -> list[Measured]:
    """Exact search and the index that Raglass chooses over the same vectors."""
    rng = np.random.default_rng(0)
    centres = directions(max(10, size // 40), dimension, rng)
    vectors = make_vectors(size, dimension, rng, centres)
    queries = make_vectors(QUERIES, dimension, rng, centres)
    exact = faiss.IndexFlatIP(dimension)
    exact.add(vectors)
    _, exact_ids = exact.search(queries, RECALL_K)
    del exact
    measured = []
    for kind, exact_below in (("exact", size + 1), ("chosen", 0)):
        say(f"{size:,} x {dimension}, {kind}")
        measured.append(measure(vectors, queries, exact_ids, exact_below))
    return measured


def table(measured: list[Measured]) -> str:
    """The figures for people."""
    lines = [
        f"{'vectors':>18} {'index':>6} {'recall@10':>10} {'ms a query':>11} {'build s':>8} {'CPU s':>8} {'MB':>7} {'effort':>9}"
    ]
    for found in measured:
        lines.append(
            f"{f'{found.size:,} x {found.dimension:,}':>18} {found.kind:>6} {found.recall:>10.4f} {found.query_ms:>11.3f} "
            f"{found.build_wall_s:>8.1f} {found.build_cpu_s:>8.1f} {found.file_mb:>7.1f} {found.effort or '':>9}"
        )
    for exact, chosen in zip(measured[::2], measured[1::2], strict=True):
        lines.append(
            f"{exact.size:,} x {exact.dimension:,}: an exact query takes {exact.query_ms / chosen.query_ms:.1f} times as long "
            f"as one of {chosen.kind}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", type=int, default=100_000, help="vectors")
    parser.add_argument("--dims", type=int, nargs="+", default=[384, 1024], help="dimensions")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    measured = [found for dimension in given.dims for found in compare(given.size, dimension)]
    print(json.dumps([asdict(found) for found in measured], indent=2) if given.json else table(measured))


if __name__ == "__main__":
    main()

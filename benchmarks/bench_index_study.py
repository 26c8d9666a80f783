"""The index study at size: recall, time, build time and memory of every index over made vectors, as `raglass lab index` measures them.

`python -m benchmarks.bench_index_study [--size 100000] [--dim 384] [--queries 300] [--depth 10] [--only hnsw rabitq] [--minutes 15]`

Vectors and queries are made as those of `bench_faiss` are. A query's cluster is its own, so that intervals are over queries.
"""

import argparse
import json
import resource
import threading
from typing import Any

import numpy as np

from app.lab import index_study
from app.lab.index_material import Material, distinct
from app.lab.index_tables import index_tables
from app.lab.tables import to_plain
from backends.local.faiss_variants import PATTERNS, Variant, plan_variants
from benchmarks.bench_faiss import directions, make_vectors, say

KS = (5, 10)


def make_material(size: int, dimension: int, queries: int) -> Material:
    """Vectors and queries; gold is not known."""
    random = np.random.default_rng(0)
    centres = directions(max(10, size // 40), dimension, random)
    vectors, _ = distinct(make_vectors(size, dimension, random, centres))
    asked = make_vectors(queries, dimension, random, centres)
    clusters = tuple(str(number) for number in range(queries))
    return Material(vectors, asked, clusters, tuple(frozenset() for _ in clusters), size - len(vectors))


def measure(material: Material, depth: int, only: list[str], stop: threading.Event) -> Any:
    """The study's result as far as it came before `stop`; of the kinds in `only`, if any are named, and exact search."""
    import faiss

    def planned(count: int, dimension: int, depth: int) -> Any:
        variants, left = plan_variants(count, dimension, depth)
        return [each for each in variants if not only or each.kind in ("exact", *only)], left

    about = {
        "ks": list(KS),
        "dimension": material.vectors.shape[1],
        "questions": len(material.questions),
        "in_use": [Variant("Flat").factory, 0],
        "threads": faiss.omp_get_max_threads(),
    }
    plan, before = {"ks": list(KS), "depth": depth}, index_study.plan_variants
    index_study.plan_variants = planned
    try:
        for step in index_study.measure_all(material, plan, about, None, stop):
            say(f"{step.done} of {step.total}: {step.doing}")
            result = step.result
    finally:
        index_study.plan_variants = before
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", type=int, default=100_000, help="vectors")
    parser.add_argument("--dim", type=int, default=384, help="dimension")
    parser.add_argument("--queries", type=int, default=300, help="queries")
    parser.add_argument("--depth", type=int, default=10, help="chunks that are asked for at once, at least 10")
    parser.add_argument("--only", nargs="+", default=[], choices=list(PATTERNS), help="kinds of index")
    parser.add_argument(
        "--minutes", type=float, default=60, help="stop after so long, and print what is measured by then"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    stop, material = threading.Event(), make_material(given.size, given.dim, given.queries)
    limit = threading.Timer(given.minutes * 60, stop.set)
    limit.daemon = True
    limit.start()
    result = measure(material, given.depth, given.only, stop)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    if given.json:
        print(json.dumps({**result, "peak_mb": peak_mb}, indent=1))
        return
    for table in index_tables(result):
        print(f"\n{to_plain(table)}")
    print(f"\nPeak memory {peak_mb:,.0f} MB")


if __name__ == "__main__":
    main()

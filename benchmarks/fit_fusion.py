"""Recall and MRR on SQuAD's fit articles over a grid of fusion weights: where backends/local/fusion.py's constants come from.

python -m benchmarks.fit_fusion --squad PATH [--cache DIR]
"""

import argparse
import math
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from backends.local.fusion import FusionWeights
from benchmarks.bench_quality import DEPTH, gold_rank
from benchmarks.labelled import read_squad, sample
from benchmarks.searched import SearchedCorpus
from benchmarks.vector_cache import CachedEmbedder

GRID = [(1.0, 0.0, bm25) for bm25 in (0.0, 0.3, 0.5, 0.7, 1.0)] + [
    (chunk, 1.0, bm25) for chunk in (0.0, 0.5, 1.0) for bm25 in (0.5, 0.8, 1.0, 1.4)
]
"""Weights of chunk cosine, sentence cosine and BM25."""


def main() -> None:
    """Print a line for each point of the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="a SQuAD v2 file in its official JSON form")
    parser.add_argument("--cache", type=Path, default=user_cache_path("raglass") / "benchmarks", help="for vectors")
    options = parser.parse_args()
    embedder = CachedEmbedder(options.cache)
    dataset = read_squad(options.squad)
    corpus = SearchedCorpus(dataset, embedder)
    questions = sample(dataset.of_split("fit"), 400, 0, seed=0)
    vectors = embedder.embed([q.text for q in questions], "query")
    print("chunk  sentence  BM25   recall@1  recall@5  MRR@10")
    for point in GRID:
        weights = FusionWeights(*point)
        searches = zip(questions, vectors, strict=True)
        found = [gold_rank(corpus.search(q.text, v, 2 * DEPTH, weights=weights), q) for q, v in searches]
        ranks = np.array(found)
        reciprocal = float(np.mean([0 if math.isinf(rank) else 1 / rank for rank in found]))
        print(
            f"{point[0]:5.1f}  {point[1]:8.1f}  {point[2]:4.1f}   "
            f"{np.mean(ranks <= 1):8.3f}  {np.mean(ranks <= 5):8.3f}  {reciprocal:6.3f}"
        )


if __name__ == "__main__":
    main()

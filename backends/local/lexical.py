"""Word matching over chunks: BM25 (Robertson and Zaragoza, 2009; Lucene's variant) through `bm25s`, on English stems.

`bm25s` works out what every word is worth in every chunk when an index is built; a question's scores are sums of these, which needs
NumPy alone.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from backends.local.words import content_stems
from pipeline.errors import Unavailable

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]

K1 = 1.2
B = 0.75
"""BM25's customary constants (Robertson and Zaragoza, 2009, section 3.5)."""


class LexicalIndex:
    """BM25 scores of a question against every chunk. Ids are positions in the texts that it was built from."""

    def __init__(self, vocabulary: Mapping[str, int], columns: Mapping[str, Any], size: int) -> None:
        """vocabulary: each word's column. columns: a sparse matrix (CSC) of chunks by words: `data`, `indices` and `indptr`."""
        self._vocabulary = vocabulary
        self._columns = columns
        self.size = size

    @classmethod
    def build(cls, texts: Sequence[str]) -> Self:
        """Index texts; text i gets id i. An empty corpus is allowed and matches nothing."""
        tokens = [content_stems(text) for text in texts]
        if not any(tokens):
            return cls({}, {}, len(texts))
        engine = _engine()
        engine.index(tokens, show_progress=False)
        return cls(engine.vocab_dict, engine.scores, len(texts))

    def save(self, directory: Path) -> None:
        """Write the index into `directory`, made if it is missing. Not atomic: that is the index builder's part."""
        directory.mkdir(parents=True, exist_ok=True)
        np.save(directory / "size.npy", np.int64(self.size))
        if self._vocabulary:
            engine = _engine()
            engine.vocab_dict, engine.scores = self._vocabulary, {**self._columns, "num_docs": self.size}
            engine.nonoccurrence_array = None  # which this variant of BM25 has none of
            engine.save(directory, show_progress=False)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read an index that `save` wrote. Raises Unavailable if it is missing or damaged."""
        try:
            size = int(np.load(directory / "size.npy"))
            if not (directory / "params.index.json").exists():
                return cls({}, {}, size)
            columns = {name: np.load(directory / f"{name}.csc.index.npy") for name in ("data", "indices", "indptr")}
            return cls(json.loads((directory / "vocab.index.json").read_text("utf-8")), columns, size)
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise Unavailable(
                f"The word index in {directory.name} cannot be read ({type(error).__name__}). Rebuild it: raglass index --rebuild."
            ) from error

    def scores(self, question: str, ids: IdArray | None = None) -> FloatArray:
        """BM25 of the question against every chunk, float32 (size,), or against `ids` only, (len(ids),). 0 means no word in common."""
        all_scores = self._all_scores(question)
        return all_scores if ids is None else all_scores[ids]

    def top(self, question: str, k: int) -> tuple[FloatArray, IdArray]:
        """The k best chunks that share a word with the question, best first (ties: lowest id first); fewer where fewer do."""
        scores = self._all_scores(question)
        k = min(k, self.size)
        if k <= 0:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        cut = np.partition(scores, self.size - k)[self.size - k]
        ids = np.flatnonzero(scores >= max(cut, np.finfo(np.float32).tiny))
        ids = ids[np.argsort(-scores[ids], kind="stable")][:k]
        return scores[ids], ids.astype(np.int64)

    def _all_scores(self, question: str) -> FloatArray:
        scores = np.zeros(self.size, np.float32)
        for stem in content_stems(question):
            if stem in self._vocabulary:
                column = self._vocabulary[stem]
                start, end = self._columns["indptr"][column : column + 2]
                scores[self._columns["indices"][start:end]] += self._columns["data"][start:end]
        return scores


def _engine() -> Any:
    import bm25s  # Takes 0.3 s where SciPy and Numba are installed, and only building an index needs it.

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # which sets itself to DEBUG when it is imported
    return bm25s.BM25(k1=K1, b=B, method="lucene")

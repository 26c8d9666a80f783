"""Word matching over chunks: BM25 (Robertson and Zaragoza, 2009; Lucene's variant) through `bm25s`, on English stems."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import bm25s
import numpy as np
import numpy.typing as npt

from backends.local.words import content_stems
from pipeline.errors import Unavailable

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]

logging.getLogger("bm25s").setLevel(logging.WARNING)  # which sets itself to DEBUG when it is imported

K1 = 1.2
B = 0.75
"""BM25's customary constants (Robertson and Zaragoza, 2009, section 3.5)."""


class LexicalIndex:
    """BM25 scores of a question against every chunk. Ids are positions in the texts that it was built from."""

    def __init__(self, engine: bm25s.BM25, size: int) -> None:
        self._engine = engine
        self.size = size

    @classmethod
    def build(cls, texts: Sequence[str]) -> Self:
        """Index texts; text i gets id i. An empty corpus is allowed and matches nothing."""
        engine = bm25s.BM25(k1=K1, b=B, method="lucene")
        tokens = [content_stems(text) for text in texts]
        if any(tokens):
            engine.index(tokens, show_progress=False)
        return cls(engine, len(texts))

    def save(self, directory: Path) -> None:
        """Write the index into `directory`, made if it is missing. Not atomic: that is the index builder's part."""
        directory.mkdir(parents=True, exist_ok=True)
        np.save(directory / "size.npy", np.int64(self.size))
        if self._has_words:
            self._engine.save(directory, show_progress=False)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read an index that `save` wrote. Raises Unavailable if it is missing or damaged."""
        try:
            size = int(np.load(directory / "size.npy"))
            if not (directory / "params.index.json").exists():
                return cls(bm25s.BM25(k1=K1, b=B, method="lucene"), size)
            return cls(bm25s.BM25.load(directory, show_progress=False), size)
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

    @property
    def _has_words(self) -> bool:
        return hasattr(self._engine, "vocab_dict")

    def _all_scores(self, question: str) -> FloatArray:
        if not self._has_words:
            return np.zeros(self.size, np.float32)
        known = [stem for stem in content_stems(question) if stem in self._engine.vocab_dict]
        if not known:
            return np.zeros(self.size, np.float32)
        return np.asarray(self._engine.get_scores(known), np.float32)

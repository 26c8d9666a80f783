"""The package of ContextCite's authors, which Raglass's own is measured beside. `make oracles` installs it."""

import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from backends.local.research.generator import ResearchGenerator
from pipeline.prompts import INSTRUCTION, write_context
from pipeline.types import Chunk


def open_context_cite() -> ModuleType:
    """The package, without the list of sentence ends that it would fetch from the network while it is imported; nothing here uses that.

    Raises ImportError where it is not installed.
    """
    import nltk

    with mock.patch.object(nltk, "download"):
        import context_cite
    context_cite.utils.tqdm = iter  # No progress bars.
    return context_cite


class Citer:
    """The package at work on one answer: its sources are whole chunks, its prompt is Raglass's, token for token."""

    def __init__(self, generator: ResearchGenerator, question: str, chunks: Sequence[Chunk], answer: str) -> None:
        self.package = open_context_cite()
        partitioner = _divide(self.package, chunks)
        self._citer = self.package.ContextCiter(
            generator._model,
            generator._tokenizer,
            partitioner.get_context(),
            question,
            prompt_template=f"{INSTRUCTION}{{context}}\n\n{{query}}",
            partitioner=partitioner,
        )
        ids, prompt = self._citer._get_prompt_ids(return_prompt=True)
        if ids != generator._prompts.encode(question, chunks):
            raise ValueError("The package reads another prompt than Raglass.")
        # Kept where the package keeps the answer that it would generate itself.
        self._citer._cache["output"] = prompt + answer

    def weigh(self) -> npt.NDArray[np.float64]:
        """(k,): its weights from its own 64 ablations, each a forward pass. The first call makes them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # It asks for mixed precision on a GPU by a name that torch has given up.
            return np.asarray(self._citer.get_attributions(verbose=False), np.float64)

    def weigh_first(self, ablations: int) -> npt.NDArray[np.float64]:
        """(k,): what its solver makes of the first so many alone."""
        outputs = self.package.context_citer.aggregate_logit_probs(self._citer._logit_probs[:ablations])
        weights, _ = self._citer.solver.fit(self.masks[:ablations], outputs, self._citer._logit_probs.shape[1])
        return np.asarray(weights, np.float64)

    @property
    def masks(self) -> npt.NDArray[np.bool_]:
        """(64, k): which chunks each ablation kept."""
        return np.asarray(self._citer._masks, np.bool_)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """(64,): the answer's log-probability under each, nats."""
        return np.asarray(
            self.package.context_citer.aggregate_logit_probs(self._citer._logit_probs, "log_prob"), np.float64
        )


def _divide(package: ModuleType, chunks: Sequence[Chunk]) -> Any:
    """The package's view of a context: one source a chunk, written as Raglass writes it."""

    class Chunks(package.context_partitioner.BaseContextPartitioner):  # type: ignore[misc, name-defined]
        num_sources = len(chunks)

        def split_context(self) -> None:
            pass

        def get_source(self, index: int) -> str:
            return chunks[index].text

        def get_context(self, mask: Any = None) -> str:
            kept = [chunk for place, chunk in enumerate(chunks) if mask is None or mask[place]]
            return f"\n\n{write_context(kept)}" if kept else ""

    partitioner = Chunks("")
    partitioner.context = partitioner.get_context()
    return partitioner

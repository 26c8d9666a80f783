"""One answer over at most five chunks, explained exactly: every subset of them is scored.

Everything shown is a property of the scores; only `explain_trace` asks a backend, for those that are missing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from explain import attribution, faithfulness
from explain.explained import TOPS, Explained, FloatArray, name_others, read_chunks, scored_answer
from explain.lattice import MOST_CHUNKS, Lattice, fill_lattice, subset_mask
from explain.sources import Source, split_sources
from pipeline.errors import BackendError, InputError
from pipeline.protocols import AnswerScorer
from pipeline.types import AnswerScores, Chunk, Trace

MOSTLY = 0.5
"""Share of what two chunks did from which on they are said to do the same work, or to need each other."""

UNDONE = 0.05
"""Share of what all did from which on others are said to have taken some of it away."""


@dataclass(frozen=True)
class Explanation(Explained):
    """A trace's answer and the lattice of its chunks, which are its sources."""

    lattice: Lattice
    """Scores of the answer over their subsets; perhaps not of all yet."""

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The chunks, whole."""
        return split_sources(self.chunks, "chunks")

    @property
    def tokens(self) -> tuple[str, ...]:
        """Texts of the answer's T tokens."""
        return self.lattice.tokens

    @property
    def scored(self) -> tuple[int, int]:
        """How many of the 2^k subsets were scored."""
        return int(self.lattice.scored.sum()), len(self.lattice.scored)

    @property
    def extremes_nats(self) -> tuple[FloatArray, FloatArray]:
        """(T,) twice: without any chunk, and with all of them."""
        return self.lattice.logprobs_nats[0], self.lattice.logprobs_nats[-1]

    @cached_property
    def leave_one_out_nats(self) -> FloatArray:
        """(k,): what the answer loses without each chunk; NaN where that was not scored."""
        return attribution.leave_one_out(self.lattice.values)

    @cached_property
    def token_leave_one_out_nats(self) -> FloatArray:
        """(k, T): the same for each token."""
        return attribution.leave_one_out(self.lattice.logprobs_nats)

    @cached_property
    def shapley_nats(self) -> FloatArray:
        """(k,): exact Shapley values; NaN until the lattice is complete."""
        return attribution.shapley(self.lattice.values)

    @property
    def source_nats(self) -> FloatArray:
        """(k,): the Shapley values."""
        return self.shapley_nats

    @cached_property
    def token_shapley_nats(self) -> FloatArray:
        """(k, T): Shapley values of each token, which add up to those of the answer."""
        return attribution.shapley(self.lattice.logprobs_nats)

    @property
    def source_token_nats(self) -> FloatArray:
        """(k, T): the same."""
        return self.token_shapley_nats

    @cached_property
    def interactions_nats(self) -> FloatArray:
        """(k, k): pairwise Shapley interactions."""
        return attribution.interactions(self.lattice.values)

    @property
    def waterfall_nats(self) -> tuple[tuple[str, float], ...]:
        """From no chunk to all of them: v(∅), each chunk's Shapley value in `order`, v(N)."""
        values = self.lattice.values
        steps = [(self.chunks[i].chunk_id, float(self.shapley_nats[i])) for i in self.order]
        return (("none", float(values[0])), *steps, ("all", float(values[-1])))

    @property
    def datamodeling_score(self) -> float | None:
        """LDS of the Shapley values over all subsets; None where nothing changes, or not all were scored."""
        if not self.complete:
            return None
        return faithfulness.datamodeling_score(self.shapley_nats, subset_mask(len(self.chunks)), self.lattice.values)

    @property
    def drops_nats(self) -> tuple[tuple[int, float, float], ...]:
        """For each of TOPS: what is lost without that many of the first chunks in `order`, and without as many at random."""
        if not self.complete:
            return ()
        values = self.lattice.values
        sizes = [top for top in TOPS if top < len(self.chunks)] or [len(self.chunks)]
        return tuple(
            (top, faithfulness.top_drop(self.moved_nats, values, top), faithfulness.random_drop(values, top))
            for top in sizes
        )

    @cached_property
    def dependence(self) -> FloatArray:
        """(k, k): each interaction as a share of what its two chunks did; see `attribution.dependence`."""
        return attribution.dependence(self.lattice.values)

    def _sources_sentence(self) -> str:
        """Which chunks an answer stands on, once that is known: the best, and all that did at least half as much."""
        values = self.shapley_nats
        best, *others = (i for i in self.order if values[i] >= values[self.order[0]] / 2)
        named = f"The answer stands on {self.source_name(best)}"
        if not others:
            part = float(values[best]) / self.reliance_nats
            if part > 1 + UNDONE:
                return f"{named}. Other chunks made it less probable."
            return f"{named}: {min(part, 1.0) * 100:.0f} % of what the chunks did for it."
        return f"{named}, and on {name_others(self.chunks, others)}; {self._how_together(best, others)}."

    def _how_together(self, best: int, others: Sequence[int]) -> str:
        shares = [float(self.dependence[best, other]) for other in others]
        if max(shares) <= -MOSTLY:
            return "any one of them would do"
        if min(shares) >= MOSTLY:
            return "it needs them together"
        return "each adds its own part"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: the scores, and all that is worked out from them."""
        ready = self.complete
        return super().to_dict() | {
            "method": "shapley",
            "chunks": [
                {
                    "chunk_id": chunk.chunk_id,
                    "title": chunk.title,
                    "rank": chunk.rank,
                    "shapley_nats": float(self.shapley_nats[i]) if ready else None,
                    "leave_one_out_nats": float(self.leave_one_out_nats[i]) if ready else None,
                    "token_shapley_nats": self.token_shapley_nats[i].tolist() if ready else None,
                }
                for i, chunk in enumerate(self.chunks)
            ],
            "interactions_nats": self.interactions_nats.tolist() if ready else None,
            "lattice": self.lattice.to_dict(),
        }


def explain_trace(trace: Trace, scorer: AnswerScorer, known: Lattice | None = None) -> Iterator[Explanation]:
    """Score what `known` lacks, and yield what is known after each call of the scorer; the last one is complete, unless it failed.

    Whoever stops taking keeps what was scored. A scorer that fails midway ends it with an explanation that says why in `problem`.
    Raises InputError for a trace without answer or chunks, or with more than MOST_CHUNKS, and what the scorer raises on its first call.
    """
    answer, chunks = scored_answer(trace), read_chunks(trace)
    if len(chunks) > MOST_CHUNKS:
        raise InputError(f"The answer read {len(chunks)} chunks; all subsets are scored for {MOST_CHUNKS} at most.")
    lattice = known

    def score(sets: Sequence[Sequence[Chunk]]) -> AnswerScores:
        return scorer.score_answer(trace.question, sets, answer)

    try:
        for lattice in fill_lattice(score, chunks, at_once=scorer.sets_at_once, known=known):
            yield Explanation(trace, answer, chunks, lattice)
    except BackendError as error:
        if lattice is None:
            raise
        yield Explanation(trace, answer, chunks, lattice, problem=str(error))

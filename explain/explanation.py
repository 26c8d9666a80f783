"""One answer, explained: what it stood on, how much of it came from the chunks at all, and whether that explanation holds.

Everything shown is a property of the scores; only `explain_trace` asks a backend, for those that are missing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from explain import attribution, faithfulness
from explain.lattice import MOST_CHUNKS, FloatArray, Lattice, fill_lattice, subset_mask
from pipeline.errors import BackendError, InputError
from pipeline.protocols import AnswerScorer
from pipeline.types import AnswerScores, Chunk, Trace

NOT_ATTRIBUTABLE_NATS = 0.1
"""Where all chunks together move the answer by less than this, a ranking among them ranks noise."""

MOSTLY = 0.5
"""Share of what two chunks did from which on they are said to do the same work, or to need each other."""

LITTLE = 0.005
"""A share that is rounded away."""

TOPS = (1, 3)
"""How many of the best chunks are taken away to check a ranking."""

SCHEMA = "1.0"


@dataclass(frozen=True)
class Explanation:
    """A trace's answer and the lattice of its chunks; k chunks, T tokens."""

    trace: Trace
    """The trace that is explained."""
    answer: str
    """The answer as it was scored."""
    chunks: tuple[Chunk, ...]
    """The k chunks that the generator read."""
    lattice: Lattice
    """Scores of the answer over their subsets; perhaps not of all yet."""
    problem: str = ""
    """Why scoring ended before all subsets were scored; empty if it did not."""

    @property
    def complete(self) -> bool:
        """Whether every subset was scored."""
        return self.lattice.complete

    @cached_property
    def reliance_nats(self) -> float:
        """v(N) − v(∅): what the chunks together did for the answer."""
        return float(attribution.reliance(self.lattice.values))

    @cached_property
    def token_reliance_nats(self) -> FloatArray:
        """(T,): the same for each token."""
        return attribution.reliance(self.lattice.logprobs_nats)

    @property
    def attributable(self) -> bool:
        """Whether the chunks did enough for a ranking among them to mean something."""
        return abs(self.reliance_nats) >= NOT_ATTRIBUTABLE_NATS

    @cached_property
    def leave_one_out_nats(self) -> FloatArray:
        """(k,): what the answer loses without each chunk; NaN where that was not scored."""
        return attribution.leave_one_out(self.lattice.values)

    @cached_property
    def shapley_nats(self) -> FloatArray:
        """(k,): exact Shapley values; NaN until the lattice is complete."""
        return attribution.shapley(self.lattice.values)

    @cached_property
    def token_shapley_nats(self) -> FloatArray:
        """(k, T): Shapley values of each token, which add up to those of the answer."""
        return attribution.shapley(self.lattice.logprobs_nats)

    @cached_property
    def interactions_nats(self) -> FloatArray:
        """(k, k): pairwise Shapley interactions."""
        return attribution.interactions(self.lattice.values)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Positions of the chunks, those first that moved the answer most to where all together moved it.

        As they were read until the lattice is complete.
        """
        if not self.complete:
            return tuple(range(len(self.chunks)))
        return tuple(sorted(range(len(self.chunks)), key=lambda i: -self._moved_nats[i]))

    @property
    def _moved_nats(self) -> FloatArray:
        """(k,): Shapley values, the other way round where the chunks made the answer less probable."""
        return -self.shapley_nats if self.reliance_nats < 0 else self.shapley_nats

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
            (top, faithfulness.top_drop(self._moved_nats, values, top), faithfulness.random_drop(values, top))
            for top in sizes
        )

    @cached_property
    def dependence(self) -> FloatArray:
        """(k, k): each interaction as a share of what its two chunks did; see `attribution.dependence`."""
        return attribution.dependence(self.lattice.values)

    @property
    def abstained(self) -> bool:
        """Whether the answer is an abstention."""
        return self.trace.generation is not None and self.trace.generation.abstained

    @property
    def sentence(self) -> str:
        """What the answer stands on, in a sentence. Chunks are named by their rank, as everywhere."""
        if not self.attributable:
            return (
                "Not attributable: the answer is as probable without any chunk, so it came from the generator itself, "
                "not from what was retrieved."
            )
        if self.abstained:
            return self._abstention_sentence()
        if self.reliance_nats < 0:
            return "The chunks speak against this answer: it is less probable with them than without any."
        if not self.complete:
            return "The answer stands on its chunks; on which of them is known once all subsets are scored."
        return self._sources_sentence()

    def _abstention_sentence(self) -> str:
        if self.reliance_nats > 0:
            return (
                "The generator abstained because of the chunks: abstaining is more probable with them than without any."
            )
        said = "The generator abstained in spite of the chunks: they made an answer more probable, yet not probable enough."
        if not self.complete:
            return said
        closest = self.chunks[self.order[0]]
        return f"{said} Chunk {closest.rank}, “{closest.title}”, came closest to one."

    def _sources_sentence(self) -> str:
        """Which chunks an answer stands on, once that is known: the best, and all that did at least half as much."""
        values = self.shapley_nats
        best, *others = (i for i in self.order if values[i] >= values[self.order[0]] / 2)
        named = f"The answer stands on chunk {self.chunks[best].rank}, “{self.chunks[best].title}”"
        if not others:
            part = float(values[best]) / self.reliance_nats
            if part > 1 + LITTLE:
                return f"{named}: it did more for it than all chunks together, for others took some of that away."
            return f"{named}: {part * 100:.0f} % of what the chunks did for it."
        ranks = ", ".join(str(self.chunks[i].rank) for i in others)
        return f"{named}, and on {ranks}; {self._how_together(best, others)}."

    def _how_together(self, best: int, others: Sequence[int]) -> str:
        shares = [float(self.dependence[best, other]) for other in others]
        if max(shares) <= -MOSTLY:
            return "any one of them would do"
        if min(shares) >= MOSTLY:
            return "it needs them together"
        return "each adds its own part"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: the scores, and all that is worked out from them."""
        drops = [{"top": top, "drop_nats": drop, "random_nats": chance} for top, drop, chance in self.drops_nats]
        ready = self.complete
        return {
            "schema": SCHEMA,
            "trace_id": self.trace.trace_id,
            "question": self.trace.question,
            "answer": self.answer,
            "sentence": self.sentence,
            "complete": ready,
            "problem": self.problem,
            "attributable": self.attributable,
            "reliance_nats": self.reliance_nats,
            "token_reliance_nats": self.token_reliance_nats.tolist(),
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
            "faithfulness": {"datamodeling_score": self.datamodeling_score, "drops": drops},
            "lattice": self.lattice.to_dict(),
        }


def scored_answer(trace: Trace) -> str:
    """The answer whose probability is asked: the generated tokens, or what an abstention says. Raises InputError if there is none."""
    generation = trace.generation
    text = "" if generation is None else "".join(token.text for token in generation.tokens).strip() or generation.answer
    if not text.strip():
        raise InputError("This trace has no answer to explain. Ask the question again, then explain the new trace.")
    return text


def read_chunks(trace: Trace) -> tuple[Chunk, ...]:
    """The chunks that the generator read; all of them in a trace that does not say. Raises InputError if there are none, or too many."""
    used = () if trace.generation is None else trace.generation.used_chunk_ids
    found = tuple(chunk for chunk in trace.chunks if not used or chunk.chunk_id in used)
    if not found:
        raise InputError("This trace has no chunks: there is nothing that the answer could be attributed to.")
    if len(found) > MOST_CHUNKS:
        raise InputError(
            f"The answer read {len(found)} chunks; all subsets are scored for {MOST_CHUNKS} at most. "
            f"Ask again with top_k {MOST_CHUNKS} or less."
        )
    return found


def explain_trace(trace: Trace, scorer: AnswerScorer, known: Lattice | None = None) -> Iterator[Explanation]:
    """Score what `known` lacks, and yield what is known after each call of the scorer; the last one is complete, unless it failed.

    Whoever stops taking keeps what was scored. A scorer that fails midway ends it with an explanation that says why in `problem`.
    Raises InputError for a trace without answer or chunks, and what the scorer raises on its first call.
    """
    answer, chunks = scored_answer(trace), read_chunks(trace)
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
